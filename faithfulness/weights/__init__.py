"""Do the weights that a reasoner gives to modalities depend on the input, and on what the answer hangs?"""
