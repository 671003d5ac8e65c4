"""The federated audit: sums over patients leave a hospital, and give what an audit of all patients in one place gives.

Laws: a site sends sums over its patients and nothing of one of them; points and linearised intervals are those of the
same formulas on all patients in one place; what a site withholds widens the answer and is never guessed; what the sums
cannot tell (permutations need patients) is not pretended. Every number says over how many sites and patients it is.
"""
