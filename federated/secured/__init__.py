"""Rounds of training whose updates nobody sees: what server and sites say to each other so that only sums are known."""
