"""Secure aggregation: the server learns the sum of what sites hold, and of no site's own more than that sum tells.

SecAgg+ (Bell et al. 2020) with the consistency round of Bonawitz et al. 2017: five stages, keys that are signed under a
roster that every site approved, masks from AES-256 in counter mode, integers modulo a power of two. The same stages sum
clipped updates (`FixedPoint`) and exact counts (`Counts`). Nothing here knows models, and only `messages` knows Flower.
"""
