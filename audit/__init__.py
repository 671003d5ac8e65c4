"""Fairness: what a model does to whom, with the uncertainty that people who come in small numbers deserve."""
