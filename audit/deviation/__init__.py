"""How far does each group lie from everybody: published speech thresholds, and thresholds from random models."""
