"""Do explanations point at the words that people marked as evidence? Plausibility, and not faithfulness."""
