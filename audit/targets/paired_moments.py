"""How references and predictions on one scale agree, as functions of sums over rows.

A row adds, weighted: 1, t, p, t^2, p^2, t p, |t - p|, (t - p)^2, t and p as they are. The first t and p are counted
from a centre that all groups share, so that squares of large numbers do not swallow small differences; (t - p)^2 is
counted by itself, for t^2 + p^2 - 2 t p would be swallowed. Moments are those of the population, divided by n as in
Lin 1989.

| case | concordance |
|---|---|
| predictions constant, references not | 0 |
| references constant | undefined: 0 or 1 would say nothing of the model |
| no rows | undefined |
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.evidence import Evidence

COLUMNS: Final = (
    "rows",
    "t",
    "p",
    "t_squared",
    "p_squared",
    "product",
    "distance",
    "squared",
    "reference",
    "prediction",
)
FLAT: Final = 1e-12
"""A variance below this share of the mean square is what rounding leaves of none."""


def pair_sums(truth: FloatArray, predicted: FloatArray, weight: FloatArray, *, centre: float) -> FloatArray:
    """Return what each row adds, [N, 10]; a row without either value adds nothing."""
    known = ~(np.isnan(truth) | np.isnan(predicted))
    t, p = np.where(known, truth, centre) - centre, np.where(known, predicted, centre) - centre
    raw = (np.where(known, truth, 0.0), np.where(known, predicted, 0.0))
    columns = np.stack([np.ones(len(t)), t, p, t * t, p * p, t * p, np.abs(t - p), (t - p) ** 2, *raw], axis=1)
    return np.asarray(columns * np.where(known, weight, 0.0)[:, None])


def pick(column: str) -> FloatArray:
    """Return the weights [10] that pick one sum."""
    return np.asarray(np.eye(len(COLUMNS))[COLUMNS.index(column)])


def _variances(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return variance of references, of predictions, covariance and squared shift; NaN without rows."""
    n = sums[..., 0]
    t, p, tt, pp, tp = (divide(sums[..., i], n) for i in range(1, 6))
    return _spread(tt, t), _spread(pp, p), tp - t * p, (t - p) ** 2


def _spread(mean_square: FloatArray, mean: FloatArray) -> FloatArray:
    variance = mean_square - mean**2
    return np.where(variance > FLAT * mean_square, variance, np.where(np.isnan(variance), np.nan, 0.0))


def concordance(name: str, *, source: str) -> Statistic:
    """Return 2 cov / (var t + var p + (mean t - mean p)^2), from -1 to 1 (Lin 1989)."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        var_t, var_p, covariance, shift = _variances(sums)
        covariance = np.where(var_p > 0, covariance, 0.0)
        return np.where(var_t > 0, divide(2 * covariance, var_t + var_p + shift), np.nan)

    return Statistic(name=name, value=value, low=-1.0, high=1.0, source=source)


def root_mean_squared_error(name: str) -> Statistic:
    """Return the root of the mean of (p - t)^2, in units of the scale."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(divide(sums @ pick("squared"), sums[..., 0])))

    return Statistic(name=name, value=value, high=None, higher_is_better=False, source="root mean squared error")


def mean_absolute_error(name: str) -> Statistic:
    """Return the mean of |p - t|, in units of the scale."""
    source = "mean absolute error: Willmott, Matsuura 2005"
    return ratio_statistic(name, pick("distance"), pick("rows"), source=source, higher_is_better=False, high=None)


def bias(name: str) -> Statistic:
    """Return the mean of p - t, in units of the scale: above zero the model says too much."""
    source = "mean of prediction less reference"
    made = ratio_statistic(name, pick("p") - pick("t"), pick("rows"), source=source, higher_is_better=None, high=None)
    return replace(made, low=-np.inf)


def mean_of(name: str, column: str) -> Statistic:
    """Return the mean reference or the mean prediction, in units of the scale."""
    source = f"mean {column} of the group"
    made = ratio_statistic(name, pick(column), pick("rows"), source=source, higher_is_better=None, high=None)
    return replace(made, low=-np.inf)


def unit_mean(evidence: Evidence, statistic: Statistic) -> tuple[Evidence, Statistic]:
    """Return the mean over units of a statistic, where it is defined in the unit, and what it is measured on."""
    value, defined = np.eye(2)
    mean = ratio_statistic(
        f"{statistic.name}_per_unit",
        value,
        defined,
        source=f"mean over units; {statistic.source}",
        higher_is_better=statistic.higher_is_better,
        high=statistic.high,
    )
    return evidence.per_unit([statistic]), replace(mean, counts_rows=False, low=statistic.low)
