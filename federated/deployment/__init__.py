"""A hospital's own machine: its folder, its keys, what its officer approved, its node, and its way out."""
