"""What rationales look like, for whom, and at equal accuracy."""
