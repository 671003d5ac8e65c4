"""How much does performance rest on each modality, under every way of removing one that a table has?"""
