"""How sure is a mean over trained models of what they do to a group? Patients vary, and so do seeds.

A contrast is a sum over arms (models alike in all but their seed) of coefficient times the arm's mean. Its variance is
the sum of two parts, each counting what patients and seeds do together, so that it errs upwards (Owen 2007 for two-way
crossed data; Cameron, Gelbach, Miller 2011 without the third term, which three seeds cannot estimate):

- units: the delete-one-unit jackknife of the contrast, seeds as they are;
- seeds: the spread over seeds of the contrast in one seed's models where every arm has the same seeds (paired), else
  the sum over arms of each arm's spread over its seeds. An arm of one seed adds nothing: the contrast is then against
  that very model. Several models of one seed count as one, their mean: a copy is no second seed.

Degrees of freedom are Satterthwaite's (1946) of the two parts, drawn towards those of the seeds by the seeds' share of
the variance: three seeds that happen to agree look like none, and Satterthwaite's alone covered 0.92 of the time in
place of 0.95 where both parts weigh alike. Simulated coverage at level 0.95, three seeds, 8 to 200 patients a group,
seeds from nothing to most of the variance: 0.94 to 0.99 (`tests/privacy/price/test_crossed.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.special import stdtr

from affidavit.confusion import FloatArray, Statistic
from affidavit.estimates import estimate_of
from affidavit.evidence import Evidence
from affidavit.grouped_sums import IntArray
from affidavit.intervals import Measured, Reason, measure
from affidavit.records import Estimate, Interval
from affidavit.statistics.jackknife import coded_covariance
from affidavit.statistics.levels import t_critical
from affidavit.statistics.simultaneous import PairwiseBounds
from affidavit.statistics.small_samples import degenerate_standard_error

METHOD: Final = "t over units and seeds"
_MANY: Final = 1e9
"""Degrees of freedom of a part that adds no variance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Models that differ in nothing but their seed: places of their runs among the runs, and the seeds."""

    places: tuple[int, ...]
    seeds: tuple[int, ...]

    @property
    def distinct(self) -> tuple[int, ...]:
        """Its seeds, ascending, each once."""
        return tuple(sorted(set(self.seeds)))

    def weights(self) -> FloatArray:
        """Return the weight of each place in the arm's mean: seeds weigh alike, and so do models of one seed."""
        own = np.array([self.seeds.count(seed) for seed in self.seeds])
        return np.asarray(1.0 / (own * len(self.distinct)))

    def by_seed(self, values: FloatArray) -> FloatArray:
        """Return the mean over models of each distinct seed, [M, S], of `values` [M, R]."""
        places, seeds = np.array(self.places), np.array(self.seeds)
        return np.stack([values[:, places[seeds == seed]].mean(axis=1) for seed in self.distinct], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A weighted sum of the means over arms."""

    arms: tuple[Arm, ...]
    coefficients: tuple[float, ...]

    def weights(self, n_runs: int) -> FloatArray:
        """Return the weight of each run, [R]."""
        weights = np.zeros(n_runs)
        for arm, coefficient in zip(self.arms, self.coefficients, strict=True):
            weights[list(arm.places)] = coefficient * arm.weights()
        return weights

    @property
    def paired(self) -> bool:
        """Whether every arm has the same seeds, two or more."""
        first = self.arms[0].distinct
        return len(first) > 1 and all(arm.distinct == first for arm in self.arms)

    def _parts(self, values: FloatArray) -> list[FloatArray]:
        """Return independent parts of the contrast of `values` [M, R], seed by seed: [M, S_k], already weighted."""
        parts = [c * arm.by_seed(values) for arm, c in zip(self.arms, self.coefficients, strict=True)]
        if self.paired:
            return [np.sum(parts, axis=0)]
        return [part for part in parts if part.shape[1] > 1]

    def ends(self, low: float, high: float | None) -> tuple[float, float | None]:
        """Return the range of the contrast of a statistic within [low, high]; an end that is not there is infinite."""
        above = sum(c for c in self.coefficients if c > 0)
        below = sum(c for c in self.coefficients if c < 0)
        if high is not None:
            return above * low + below * high, above * high + below * low
        return (-np.inf, None) if below else (above * low, None)

    def seed_draws(self, values: FloatArray, n_draws: int, rng: np.random.Generator) -> FloatArray:
        """Return normal draws [n_draws, M] around 0, spread as seeds spread the contrast of `values` [M, R]."""
        drawn = np.zeros((n_draws, len(values)))
        for part in self._parts(values):
            n = part.shape[1]
            around = (part - part.mean(axis=1, keepdims=True)) / np.sqrt(n * (n - 1))
            drawn += rng.standard_normal((n_draws, n)) @ around.T
        return drawn

    def seed_variance(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return variance and degrees of freedom [M] that seeds give the contrast of `values` [M, R]."""
        parts = self._parts(values)
        if not parts:
            return np.zeros(len(values)), np.full(len(values), _MANY)
        variances = [np.var(part, axis=1, ddof=1) / part.shape[1] for part in parts]
        return _together(variances, [np.full(len(values), part.shape[1] - 1.0) for part in parts])


def _together(variances: list[FloatArray], dfs: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the sum of independent variances and its degrees of freedom (Satterthwaite 1946)."""
    total = np.sum(variances, axis=0)
    spent = np.sum([v**2 / df for v, df in zip(variances, dfs, strict=True)], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total, np.where(spent > 0, total**2 / spent, _MANY)


def _both(
    units: FloatArray, unit_df: FloatArray, seeds: FloatArray, seed_df: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the variance of both parts and its degrees of freedom."""
    total, df = _together([units, seeds], [unit_df, seed_df])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total > 0, units / total, 1.0)
    return total, np.minimum(df, share * df + (1 - share) * seed_df)


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossed:
    """A contrast of runs in every group [G] of a family."""

    contrast: Contrast
    measured: Measured
    """Of the contrast: its value, and the jackknife over units."""
    by_run: FloatArray
    """The statistic of each run in each group, [G, R]."""
    low: float
    high: float | None
    """The range; None where there is no upper end."""

    @property
    def value(self) -> FloatArray:
        """The contrast, [G]; NaN where it is undefined."""
        return self.measured.value

    @cached_property
    def _unit_errors(self) -> FloatArray:
        """Standard errors over units [G]; units that all agree are not taken for certainty."""
        error = self.measured.standard_error
        if self.high is None:
            return error
        floor = degenerate_standard_error(np.zeros(len(error)), n_units=np.maximum(self.measured.n_units, 1))
        return np.where(error == 0, floor, error)

    def _parts(self) -> tuple[FloatArray, FloatArray]:
        """Return variance and degrees of freedom of each group, [G]."""
        seeds, seed_df = self.contrast.seed_variance(self.by_run)
        return _both(self._unit_errors**2, self.measured.degrees_of_freedom, seeds, seed_df)

    def interval(self, group: int, level: float) -> Interval | Reason:
        """Return the interval of one group, or why there is none."""
        value = float(self.value[group])
        if np.isnan(value):
            return "undefined: no rows that the metric could be computed on"
        if self.measured.n_units[group] < 2:
            return "one unit alone says nothing of how units differ"
        variance, df = (float(part[group]) for part in self._parts())
        if np.isnan(variance):
            return "without one of its units the value is undefined: too few units per class"
        if not variance > 0:
            return "the units do not differ at all: no spread to build an interval from"
        half = float(t_critical(1 - level, df)) * variance**0.5
        top = np.inf if self.high is None else self.high
        return Interval(low=max(value - half, self.low), high=min(value + half, top), level=level, method=METHOD)

    def estimate(self, group: int, level: float, *, has_units: bool) -> Estimate:
        """Return the estimate of one group; n counts each item once, however many runs judged it."""
        n_units = int(self.measured.n_units[group]) if has_units else None
        n = int(self.measured.n_rows[group])
        return estimate_of(float(self.value[group]), self.interval(group, level), n=n, n_units=n_units)

    @cached_property
    def compared(self) -> IntArray:
        """The groups that enter differences: those with enough units and a standard error."""
        known = ~np.isnan(self.value) & ~np.isnan(self._unit_errors)
        enough = self.measured.n_units >= self.measured.evidence.options.compared_units
        return np.flatnonzero(known & enough)

    @property
    def independent(self) -> bool:
        """Whether no unit is in two groups."""
        return self.measured.evidence.grouped.nested

    @cached_property
    def pairs(self) -> PairwiseBounds:
        """Differences between compared groups [P]: errors and degrees of freedom, without bounds yet (NaN)."""
        groups = self.compared
        i, j = np.triu_indices(len(groups), k=1)
        values, own_df = self.value[groups], self.measured.degrees_of_freedom[groups]
        covariance = self.unit_covariance()
        own = np.diag(covariance)
        units = np.maximum(own[i] + own[j] - 2 * covariance[i, j], 0.0)
        welch = _together([own[i], own[j]], [own_df[i], own_df[j]])[1]
        unit_df = welch if self.independent else np.minimum(own_df[i], own_df[j])
        seeds, seed_df = self.contrast.seed_variance(self.by_run[groups][i] - self.by_run[groups][j])
        variance, df = _both(units, unit_df, seeds, seed_df)
        nothing = np.full(len(i), np.nan)
        return PairwiseBounds(i, j, values[i] - values[j], nothing, nothing, np.sqrt(variance), df)

    def pairwise(self, alpha: float) -> PairwiseBounds:
        """Return bounds of every difference, each at level 1 - alpha."""
        pairs = self.pairs
        half = t_critical(alpha, pairs.degrees_of_freedom) * np.where(
            pairs.standard_error > 0, pairs.standard_error, np.nan
        )
        return pairs._replace(low=pairs.difference - half, high=pairs.difference + half)

    def p_value(self) -> float:
        """Return the p-value of "no two compared groups differ": the least of the pairs', times their number.

        Source: Dunn 1961.
        """
        pairs = self.pairs
        with np.errstate(invalid="ignore", divide="ignore"):
            tails = 2 * stdtr(pairs.degrees_of_freedom, -np.abs(pairs.difference) / pairs.standard_error)
        known = tails[~np.isnan(tails)]
        return float(min(1.0, known.min() * len(pairs.i))) if len(known) else 1.0

    def unit_covariance(self) -> FloatArray:
        """Return the covariance over units of the compared groups' values, [C, C]."""
        groups, measured = self.compared, self.measured
        if self.independent:
            return np.diag(self._unit_errors[groups] ** 2)
        grouped, rows = measured.evidence.grouped, measured.taking_part
        covariance = coded_covariance(
            measured.leave_one_out[rows],
            unit=grouped.unit[rows],
            group=grouped.group[rows],
            value=measured.value,
            n_units=grouped.n_units,
            among=groups,
        )
        diagonal = np.diag(covariance).copy()
        covariance[np.diag_indices_from(covariance)] = np.where(diagonal > 0, diagonal, self._unit_errors[groups] ** 2)
        return covariance


def crossed(evidence: Evidence, contrast: Contrast, statistic: Statistic, n_runs: int) -> Crossed:
    """Measure a contrast of runs; sums [.., R * S] hold those of each run one after the other.

    The reference, which fixes the classes that averages run over, is the sum over runs: the same for each.
    """
    weights = contrast.weights(n_runs)

    def by_run(sums: FloatArray, reference: FloatArray) -> FloatArray:
        apart = sums.reshape(*sums.shape[:-1], n_runs, -1)
        shared = reference.reshape(*reference.shape[:-1], n_runs, -1).sum(axis=-2, keepdims=True)
        return statistic.value(apart, np.broadcast_to(shared, np.broadcast_shapes(shared.shape, apart.shape)))

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        values = by_run(sums, reference)
        return np.asarray(values[..., weights != 0] @ weights[weights != 0])

    low, high = contrast.ends(statistic.low, statistic.high)
    whole = Statistic(
        name=statistic.name,
        value=value,
        low=low,
        high=high,
        ratio=_ratio(statistic, weights),
        source=statistic.source,
    )
    measured = measure(evidence, whole)
    return Crossed(
        contrast=contrast,
        measured=measured,
        by_run=by_run(evidence.totals, evidence.totals),
        low=low,
        high=high,
    )


def _ratio(statistic: Statistic, weights: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Return numerator and denominator where the statistic is a ratio with one denominator for all runs."""
    if statistic.ratio is None:
        return None
    above, below = statistic.ratio
    first = np.zeros(len(weights))
    first[0] = 1.0
    return np.asarray(np.kron(weights, above)), np.asarray(np.kron(first, below))
