"""Accounting: the epsilon that noise, clipping and sampling promise, by two accountants that share no code.

Laws: the unit's neighbouring relation is said; amplification is granted to Poisson sampling alone; where nothing bounds
the loss the answer is `Unbounded` with its reason, and never an infinite number; two accountants that differ by more
than 1 % are said to differ.
"""
