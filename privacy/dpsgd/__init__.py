"""Training with differential privacy: patients drawn at random, each one's gradient clipped as a whole, then noise."""
