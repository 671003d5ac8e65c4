"""Is an attribution worth reading? How well it foretells, how steady it is, and whether it knows the model at all."""
