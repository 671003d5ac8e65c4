"""Group relative policy optimisation: a reasoner that writes is rewarded for form, answer and explanation (ERV)."""
