"""Statistics on arrays: intervals, tests and nulls whose independent observation is the unit, never the row.

Laws of this layer: numpy and scipy only; an undefined value is NaN and never leaves the house (callers convert it);
randomness is an argument; cost grows with units, not rows, because each unit is reduced once to sufficient statistics.
"""
