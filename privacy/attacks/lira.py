"""The likelihood ratio attack: is the model as sure of this example as models that saw it, or as ones that did not?

Online, with N(m_in, s_in) of confidences phi of shadow models that were trained on the example and N(m_out, s_out) of
those that were not, the score is the log likelihood ratio ln N(phi; in) - ln N(phi; out). Offline, without any that
were, it is (phi - m_out) / s_out, which orders as P[N(m_out, s_out) < phi] does and does not round to one.

Under `OWN_SPREAD` shadows the two variances are shared by all examples (the mean over them of the variance of each):
a variance from a handful of models is noise. The `ODD` share of examples with the largest has no part in it: one loss
that ran out of digits would outweigh all others, and hide what the attack finds.

| case | score |
|---|---|
| no shadow without the example | NaN: nothing to compare with |
| online, no shadow with the example | NaN |
| all shadows equally sure | variance `LEAST_VARIANCE`, not zero |

Source: Carlini et al. 2022, algorithms 1 and 2, section VI.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.statistics.types import BoolArray, FloatArray, IntArray

OWN_SPREAD: Final = 64
LEAST_VARIANCE: Final = 1e-12
ODD: Final = 0.01


def online_lira(confidence: FloatArray, shadows: FloatArray, trained_on: BoolArray) -> FloatArray:
    """Return log likelihood ratios [N] of confidences [N], given those of shadows [N, K] and who was trained on what.

    A shadow's confidence may be NaN where it is not known.
    """
    known = np.isfinite(shadows)
    inside, outside = _normal(shadows, known & trained_on), _normal(shadows, known & ~trained_on)
    return np.asarray(_log_density(confidence, *inside) - _log_density(confidence, *outside))


def offline_lira(confidence: FloatArray, shadows: FloatArray, trained_on: BoolArray | None = None) -> FloatArray:
    """Return how many standard deviations [N] the confidence lies above that of shadows not trained on the example.

    >>> shadows = np.array([[0.0, 2.0], [1.0, 3.0]])
    >>> offline_lira(np.array([1.0, 4.0]), shadows).round(6).tolist()
    [0.0, 1.414214]
    """
    known = np.isfinite(shadows)
    mean, variance = _normal(shadows, known if trained_on is None else known & ~trained_on)
    return np.asarray((confidence - mean) / np.sqrt(variance))


def _normal(shadows: FloatArray, taken: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean and the variance of each row over the shadows that are taken, NaN where none is."""
    n = taken.sum(axis=1)
    some = np.where(n > 0, n, np.nan)
    mean = np.where(taken, shadows, 0.0).sum(axis=1) / some
    squares = (np.where(taken, shadows - mean[:, None], 0.0) ** 2).sum(axis=1)
    if shadows.shape[1] < OWN_SPREAD:
        return mean, np.full(len(mean), max(_shared(squares, n), LEAST_VARIANCE))
    return mean, np.maximum(squares / np.where(n > 1, n - 1, np.nan), LEAST_VARIANCE)


def _shared(squares: FloatArray, n: IntArray) -> float:
    """Return the variance of all examples but the oddest, from sums of squares over n shadows each; NaN without any."""
    some = n > 1
    squares, degrees = squares[some], n[some] - 1
    if not len(squares):
        return np.nan
    kept = np.argsort(squares / degrees, kind="stable")[: len(squares) - int(ODD * len(squares))]
    return float(squares[kept].sum() / degrees[kept].sum())


def _log_density(value: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    return np.asarray(-((value - mean) ** 2) / (2 * variance) - np.log(variance) / 2)
