"""Krippendorff's alpha: do annotators agree beyond what the labels' frequencies alone would give?

alpha = 1 - D_o / D_e, the disagreement of pairs within utterances over that of pairs taken from anywhere. 1 is full
agreement, 0 is chance, below 0 is worse than chance. Everything is a function of coincidences [K, K], which add over
utterances: o_ck counts pairs of annotators of one utterance, one of whom said c and the other k, each utterance
weighing as much as it has annotators.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from affidavit.statistics.types import FloatArray

Distance = Callable[[FloatArray], FloatArray]
"""From how often each label was given [..., K] to squared distances of labels [..., K, K]."""


def coincidences(counts: FloatArray) -> FloatArray:
    """Return the coincidences [N, K, K] of each utterance from how many annotators gave each label [N, K].

    o_ck = n_c (n_k - [c = k]) / (n - 1), n the annotators of the utterance; one with fewer than two annotators makes no
    pair and is all zero. Shares times a number of annotators need not be whole.

    Source: Krippendorff 2011, section C, step 2.
    """
    n = counts.sum(axis=-1)[..., None, None]
    pairs = counts[..., :, None] * counts[..., None, :] - counts[..., :, None] * np.eye(counts.shape[-1])
    return np.asarray(np.where(n >= 2, pairs / np.where(n >= 2, n - 1, 1.0), 0.0))


def krippendorff_alpha(observed: FloatArray, distance: Distance) -> FloatArray:
    """1 - (N - 1) sum_ck o_ck d_ck / sum_ck n_c n_k d_ck from summed coincidences [..., K, K]; N = sum_ck o_ck.

    Range (-1, 1]. NaN where D_e is zero: only one label was ever given, and agreement beyond chance has no meaning.

    Source: Krippendorff 2011, section E; Krippendorff 2018, chapter 12.
    """
    values = observed.sum(axis=-1)
    squared = distance(values)
    found = (observed * squared).sum(axis=(-2, -1))
    pairs = (values[..., :, None] * values[..., None, :] * squared).sum(axis=(-2, -1))
    total = values.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs > 1e-12 * total**2, 1 - (total - 1) * found / pairs, np.nan))


def nominal_alpha(agreeing: FloatArray, values: FloatArray) -> FloatArray:
    """Return alpha of labels without order: `agreeing` [...] = sum_c o_cc, `values` [..., K] = n_c.

    `krippendorff_alpha(..., nominal)` from K + 1 sums instead of K^2. NaN as there.

    Source: Krippendorff 2011, section B: alpha = 1 - (N - 1) (N - sum o_cc) / (N^2 - sum n_c^2).
    """
    total = values.sum(axis=-1)
    pairs = total**2 - (values**2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs > 1e-12 * total**2, 1 - (total - 1) * (total - agreeing) / pairs, np.nan))


def nominal(values: FloatArray) -> FloatArray:
    """Labels are the same or not: d_ck = [c != k]."""
    n_labels = values.shape[-1]
    return np.broadcast_to(1.0 - np.eye(n_labels), (*values.shape[:-1], n_labels, n_labels))


def ordinal(values: FloatArray) -> FloatArray:
    """Labels in order, the squared number of answers between them: d_ck = (sum_{g=c..k} n_g - (n_c + n_k) / 2)^2."""
    upto = np.cumsum(values, axis=-1) - values / 2
    return np.asarray((upto[..., :, None] - upto[..., None, :]) ** 2)


def interval(numbers: FloatArray) -> Distance:
    """Labels that are numbers [K]: d_ck = (x_c - x_k)^2."""
    squared = (numbers[:, None] - numbers[None, :]) ** 2

    def distance(values: FloatArray) -> FloatArray:
        return np.broadcast_to(squared, (*values.shape[:-1], *squared.shape))

    return distance
