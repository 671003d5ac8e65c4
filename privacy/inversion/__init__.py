"""What one update of a model gives away of the turns that it was computed from: gradient inversion.

Laws: the attacker is told more than a server would be (the model, the number of turns, the other modalities), and what
is found is held against the same pipeline without any attack; a failed attack is no evidence of privacy; noise that is
drawn from a seed is called simulated and carries no epsilon. Needs torch, imported where it is used.
"""
