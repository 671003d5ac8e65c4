"""How far a model's distribution over labels is from what annotators said, utterance by utterance.

Distributions are the last axis, [..., K], not negative; each is divided by its sum first. Logarithms are of base 2.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from affidavit.statistics.types import FloatArray


def entropy(shares: FloatArray) -> FloatArray:
    """-sum_k s_k log2 s_k in bits, range [0, log2 K]: 0 where everybody agrees.

    Of the shares of a few annotators it is biased downwards, by about (K - 1) / (2 n ln 2).

    Source: Shannon 1948; the bias Miller 1955.
    """
    return np.asarray(entr(distribution(shares)).sum(axis=-1) / np.log(2))


def jensen_shannon_divergence(first: FloatArray, second: FloatArray) -> FloatArray:
    """H((p + q) / 2) - (H(p) + H(q)) / 2 in bits, range [0, 1], symmetric: 0 where equal, 1 where nothing is shared.

    Source: Lin 1991, eq. 4.1.

    >>> jensen_shannon_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])).item()
    1.0
    """
    p, q = distribution(first), distribution(second)
    between = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
    return np.asarray(np.clip(between, 0.0, 1.0))  # rounding alone leaves the range


def cross_entropy(shares: FloatArray, probabilities: FloatArray, *, floor: float) -> FloatArray:
    """-sum_k s_k log2 max(q_k, floor) in bits: what the annotators' answers cost the model; at least H(s) but for it.

    Without a floor one label that an annotator gave and the model excludes makes it infinite; with it such a label
    costs -log2 floor bits. Range [0, -log2 floor].

    Source: Shannon 1948; against soft labels Peterson et al. 2019.
    """
    return np.asarray(-(distribution(shares) * np.log2(np.maximum(distribution(probabilities), floor))).sum(axis=-1))


def expected_agreement(shares: FloatArray, *, annotators: int | None) -> FloatArray:
    """The chance that one annotator gives the label of another of the same utterance.

    Of n annotators (n sum_k s_k^2 - 1) / (n - 1), the share of their pairs that agree: unbiased, range [0, 1] where the
    shares are of n votes. Without n the plug-in sum_k s_k^2, which lets an annotator agree with themselves: too high by
    (1 - agreement) / n, an upper bound.

    Source: Fleiss 1971, eq. 2 (P_i); Simpson 1949.

    >>> expected_agreement(np.array([0.5, 0.5]), annotators=2).item()
    0.0
    """
    together = np.asarray((distribution(shares) ** 2).sum(axis=-1))
    return together if annotators is None else (annotators * together - 1) / (annotators - 1)


def distribution(shares: FloatArray) -> FloatArray:
    """Return shares divided by their sum: a table printed with two decimals sums to one within rounding only."""
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))
