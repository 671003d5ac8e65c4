"""What of a corpus may be heard, seen and read at the desk, and what is held against it.

Law: nothing of a person leaves before it is written down who opened it, and nothing that they opted out of leaves.
"""
