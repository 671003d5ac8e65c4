"""What travels in a round: the trained parameters as one flat vector, and what a site makes of it."""
