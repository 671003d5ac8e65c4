"""The mean of a metric over seeds, with an interval over units and seeds at once.

S models, one a seed, judge the same items. With F_s the metric of one of them over all units, and F_s(-u) without the
rows of unit u,

    value      mean over s of F_s
    v_units    square of the jackknife's standard error of the mean over s of F_s(-u): what other people would change
    v_seeds    var_s(F_s) / S: what other seeds would change                       (0, and said so, where S is 1)
    interval   value -+ t_df sqrt(v_units + v_seeds), of a rate on the logit scale

    df = (v_units + v_seeds)^2 / (v_units^2 / df_units + v_seeds^2 / (S - 1))

df_units is one less than the effective number of units. With three seeds the spread between them has two degrees of
freedom: where it is what makes the interval, the interval is wide, as it should be. A bootstrap of three seeds would
show two thirds of their variance. What a seed changes for some people and not for others enters both parts, so the
interval errs to the wide side.

Simulated coverage at level 0.95, 30 units, the variance from seeds 0 / 0.3 / 1 / 3 times that from units: three seeds
0.95 / 0.95 / 0.94 / 0.93, two seeds 0.95 / 0.95 / 0.93 / 0.90, five seeds 0.95 throughout
(`tests/audit/seeds/test_seed_tables.py`, `-k cover`, holds the third of the first).

A difference between two rows has the units in common (each is left out of both) and the seeds apart: its v_seeds is the
sum of both.

Source: Tukey 1958 (jackknife); Satterthwaite 1946 (degrees of freedom); the two parts as in Bouthillier et al. 2021,
"Accounting for variance in machine learning benchmarks".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affidavit.records import Interval
from affidavit.statistics.jackknife import effective_units, jackknife_standard_error
from affidavit.statistics.small_samples import logit_t_bounds, t_bounds
from affidavit.statistics.types import FloatArray

NO_UNITS = "no unit but one weighs anything, so nothing says what other people would change"
NO_SPREAD = "neither units nor seeds differ, and no spread is no evidence of certainty"
UNDEFINED = "it is undefined without some unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """One row of a table: the metric of each seed's model, whole and without each unit."""

    values: FloatArray
    """[S]"""
    left_out: FloatArray
    """[S, U]"""
    sizes: FloatArray
    """[U] rows of each unit"""

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @property
    def spread(self) -> float | None:
        """The standard deviation over seeds; None of one seed."""
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A value with what makes it uncertain."""

    value: float
    variance_units: float
    variance_seeds: tuple[float, ...]
    """One part a row that takes part, each over its seeds."""
    df_units: float
    df_seeds: tuple[int, ...]
    rate: bool
    """Whether it lies in 0 to 1, so that its interval must."""

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's, of the sum of the parts."""
        total = self.variance_units + sum(self.variance_seeds)
        parts = self.variance_units**2 / max(self.df_units, 1.0)
        parts += sum(v**2 / df for v, df in zip(self.variance_seeds, self.df_seeds, strict=True) if df)
        return total**2 / parts if parts > 0 else float("nan")

    def interval(self, level: float) -> Interval | str:
        """Return the interval, or why there is none."""
        if np.isnan(self.value) or np.isnan(self.variance_units):
            return UNDEFINED
        if not self.df_units > 0:
            return NO_UNITS
        error = float(np.sqrt(self.variance_units + sum(self.variance_seeds)))
        if error == 0:
            return NO_SPREAD
        inside = self.rate and 0 < self.value < 1
        bounds = (logit_t_bounds if inside else t_bounds)(
            self.value, error, degrees_of_freedom=self.degrees_of_freedom, level=level
        )
        return Interval(low=float(bounds.low), high=float(bounds.high), level=level, method=self._method(inside))

    def _method(self, logit: bool) -> str:  # noqa: FBT001 - a fact, named by every caller
        seeds = " and ".join(str(df + 1) for df in self.df_seeds)
        over = f"units and seeds ({seeds})" if all(self.df_seeds) else "units; one seed says nothing of others"
        return f"t over {over}{', logit scale' if logit else ''}"


def spread_of(trials: Trials, *, rate: bool = True) -> Spread:
    """Return the mean over seeds with its parts of uncertainty."""
    return Spread(
        value=trials.value,
        variance_units=_variance(trials.left_out.mean(0)),
        variance_seeds=(_between(trials.values),),
        df_units=effective_units(trials.sizes) - 1,
        df_seeds=(len(trials.values) - 1,),
        rate=rate,
    )


def difference_of(trials: Trials, reference: Trials) -> Spread:
    """Return one row less another one, over the same units."""
    return Spread(
        value=trials.value - reference.value,
        variance_units=_variance(trials.left_out.mean(0) - reference.left_out.mean(0)),
        variance_seeds=(_between(trials.values), _between(reference.values)),
        df_units=effective_units(trials.sizes) - 1,
        df_seeds=(len(trials.values) - 1, len(reference.values) - 1),
        rate=False,
    )


def _variance(left_out: FloatArray) -> float:
    return float(jackknife_standard_error(left_out) ** 2)


def _between(values: FloatArray) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0
