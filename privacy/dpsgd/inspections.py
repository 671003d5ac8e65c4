"""Instruments that hold a private training against what it claims of itself: its noise, its clipping, its sampling.

They look from inside: at updates of which somebody knows who was in them, and at who was in which step. What each one
cannot see stands in `blind_to`. All are one-sided but the sampler's: more noise than claimed, or smaller contributions,
break no promise.

| broken | caught by | not by |
|---|---|---|
| the noise is smaller than claimed | `inspect_noise` | the two others |
| a patient's clips are clipped each for itself | `inspect_contribution` | `inspect_noise`, `inspect_sampler` |
| shuffled or fixed-size batches, called Poisson | `inspect_sampler` | `inspect_noise`, `inspect_contribution` |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from privacy.extra import require_extra

Floats = NDArray[np.float64]
_LITTLE_NOISE: Final = 1e-4
"""Noise in all coordinates over the contribution, both squared, below which normal bounds are as good as exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What an instrument measured, and whether the claim can be true."""

    instrument: str
    claimed: float
    measured: float
    low: float
    """Confidence bounds of what was measured."""
    high: float
    level: float
    n: int
    """Observations behind it."""
    holds: bool
    """False where the claim is outside the bounds, on the side that breaks the promise."""
    blind_to: str


def inspect_noise(noise: Floats, *, clip_norm: float, claimed: float, level: float = 0.99) -> Inspection:
    """Return the noise multiplier of observed noise `[R, D]` (released sums less their true ones), with its bounds.

    The bounds are those of a standard deviation of independent normal variables with mean 0 (chi-square with R D
    degrees of freedom). The claim fails where it is above the upper one.

    Raises:
        ValueError: there is no observation, or one that is no number; no clipping bound, or no level.
    """
    _require_bounds(clip_norm, level)
    values = np.asarray(noise, dtype=np.float64).ravel()
    if not values.size or not np.isfinite(values).all():
        raise ValueError("noise is observed as one finite number or more")
    n, total = values.size, float((values / clip_norm) @ (values / clip_norm))
    tail = (1 - level) / 2
    low, high = (float(np.sqrt(total / stats.chi2.ppf(q, n))) for q in (1 - tail, tail))
    return Inspection(
        instrument="noise scale",
        claimed=claimed,
        measured=float(np.sqrt(total / n)),
        low=low,
        high=high,
        level=level,
        n=n,
        holds=claimed <= high,
        blind_to="who is in a step, how large a contribution is, and noise that is not normal or can be foretold",
    )


def inspect_contribution(
    with_unit: Floats, without_unit: Floats, *, clip_norm: float, level: float = 0.99
) -> Inspection:
    """Return the norm of what a unit adds to a noised sum, from `[R, D]` sums with it and without it.

    The squared norm of the mean difference is estimated without bias, by the mean product of two differences (a
    U-statistic; noise alone gives 0 on average). Its bounds take the noise as normal and alike in all coordinates: the
    squared norm of the mean over the noise's variance then follows a noncentral F distribution with D and D (R - 1)
    degrees of freedom, of which the noncentrality is looked for. With one coordinate or two they are wider than needed.
    The claim, `clip_norm`, fails where it is below the lower bound.

    Raises:
        ValueError: the two are not alike in shape, there are fewer than two rows, or one is no number; no clipping
            bound, or no level.
    """
    _require_bounds(clip_norm, level)
    with_unit, without_unit = np.asarray(with_unit, dtype=np.float64), np.asarray(without_unit, dtype=np.float64)
    if with_unit.shape != without_unit.shape or with_unit.ndim != 2 or len(with_unit) < 2:
        raise ValueError("sums with and without the unit are two tables [R, D] of one shape, R of 2 or more")
    if not with_unit.size or not (np.isfinite(with_unit).all() and np.isfinite(without_unit).all()):
        raise ValueError("sums with and without the unit are finite numbers")
    apart = with_unit - without_unit
    n, width = apart.shape
    mean, variance = apart.mean(0), float(apart.var(axis=0, ddof=1).mean())
    square = float(mean @ mean) - width * variance / n
    low, value, high = (
        float(np.sqrt(max(0.0, bound)))
        for bound in (
            _square_bound(square, variance, n, width, quantile=(1 + level) / 2),
            square,
            _square_bound(square, variance, n, width, quantile=(1 - level) / 2),
        )
    )
    return Inspection(
        instrument="contribution norm",
        claimed=clip_norm,
        measured=value,
        low=low,
        high=high,
        level=level,
        n=n,
        holds=low <= clip_norm * (1 + 1e-6),
        blind_to="every other unit, every other state of the model, the noise and who is in a step",
    )


def _require_bounds(clip_norm: float, level: float) -> None:
    if not (0 < clip_norm < float("inf") and 0 < level < 1):
        raise ValueError("a clipping bound is a finite number above 0, and a level between 0 and 1")


def _square_bound(square: float, variance: float, n: int, width: int, *, quantile: float) -> float:
    """Return the squared norm at which an estimate as large as `square` is that quantile of what is observed."""
    unit = variance / n  # what one coordinate of the mean varies by
    if unit * width <= _LITTLE_NOISE * square:  # the distribution's own series ends before so large a noncentrality
        error = np.sqrt(2 * width * unit**2 + 4 * unit * square)
        return square - float(stats.norm.ppf(quantile)) * float(error)
    observed, freedom = square / (width * unit) + 1, (width, width * (n - 1))

    def above(norm: float) -> float:
        if norm == 0:
            return float(stats.f.cdf(observed, *freedom)) - quantile
        return float(stats.ncf.cdf(observed, *freedom, norm / unit)) - quantile

    if above(0.0) <= 0:
        return 0.0
    most = max(square, unit)
    while above(most) > 0:
        most *= 2
    return float(brentq(above, 0.0, most, rtol=1e-6))


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerInspection:
    """Four counts that independent draws would seldom give, each with its two-sided p-value."""

    sizes_p: float
    """Dispersion of the steps' sizes: binomial under Poisson sampling, none where batches have a fixed size."""
    turns_p: float
    """Dispersion of how often each unit was drawn: binomial, and next to none where a shuffle is dealt out."""
    overlaps_p: float
    """Units that two steps in a row share: none within an epoch that is dealt from a shuffle."""
    rate_p: float
    """How many were drawn in all."""
    size_dispersion: float
    """Variance of the sizes over that of the binomial distribution: about 1 under Poisson sampling."""
    n_steps: int
    level: float
    holds: bool
    """False where any p-value is below (1 - level) / 4."""
    blind_to: str = "noise and clipping; draws that depend on the data but are as dispersed as independent ones"


def inspect_sampler(drawn: NDArray[np.bool_], *, sample_rate: float, level: float = 0.99) -> SamplerInspection:
    """Hold `drawn`, `bool[T, N]` (was unit n in step t?), against independent draws at a rate.

    The total is binomial. Dispersions are held against the gamma distribution, and overlaps against the negative
    binomial one, of the mean and variance that independent draws give them: chi-square and the normal distribution
    would call every third honest sampler broken where a unit is drawn a few times or less.

    Raises:
        ValueError: fewer than five steps or units, a rate that is not between 0 and 1, or no level.
    """
    _require_bounds(1.0, level)
    drawn = np.asarray(drawn, dtype=bool)
    if drawn.ndim != 2 or min(drawn.shape) < 5 or not 0 < sample_rate < 1:
        raise ValueError("draws are a table [T, N] of 5 steps and 5 units or more, at a rate between 0 and 1")
    n_steps, n_units = drawn.shape
    q = sample_rate
    sizes, turns = drawn.sum(1), drawn.sum(0)
    overlaps = int((drawn[1:] & drawn[:-1]).sum())
    found = {
        "sizes": _dispersion_p(sizes, n_units, q),
        "turns": _dispersion_p(turns, n_steps, q),
        "overlaps": _overlaps_p(overlaps, n_steps, n_units, q),
        "rate": _counted_p(stats.binom, int(drawn.sum()), n_steps * n_units, q),
    }
    return SamplerInspection(
        sizes_p=found["sizes"],
        turns_p=found["turns"],
        overlaps_p=found["overlaps"],
        rate_p=found["rate"],
        size_dispersion=float(((sizes - n_units * q) ** 2).mean() / (n_units * q * (1 - q))),
        n_steps=n_steps,
        level=level,
        holds=min(found.values()) >= (1 - level) / len(found),
    )


def _dispersion_p(counts: NDArray[np.int64], n: int, q: float) -> float:
    """Return the two-sided p-value of the spread of binomial counts around their known mean.

    A squared standardised binomial has mean 1 and variance 2 + (1 - 6 q (1 - q)) / (n q (1 - q)).
    """
    own = n * q * (1 - q)
    statistic, variance = float(((counts - n * q) ** 2).sum() / own), 2 + (1 - 6 * q * (1 - q)) / own
    shape = len(counts) / variance
    below, above = (law(statistic, shape, scale=variance) for law in (stats.gamma.cdf, stats.gamma.sf))
    return min(1.0, 2 * float(min(below, above)))


def _overlaps_p(overlaps: int, n_steps: int, n_units: int, q: float) -> float:
    """Return the two-sided p-value of how many units steps in a row share; the middle steps stand in two pairs."""
    mean = (n_steps - 1) * n_units * q**2
    variance = n_units * ((n_steps - 1) * q**2 * (1 - q**2) + 2 * (n_steps - 2) * q**3 * (1 - q))
    if variance <= mean:  # at rates above about two thirds, where counts are large
        away = max(0.0, abs(overlaps - mean) - 0.5)
        return float(2 * stats.norm.sf(away / np.sqrt(variance)))
    return _counted_p(stats.nbinom, overlaps, mean**2 / (variance - mean), mean / variance)


def _counted_p(law: Any, count: int, *parameters: float) -> float:  # noqa: ANN401 - a distribution of scipy's
    return min(1.0, 2 * float(min(law.cdf(count, *parameters), law.sf(count - 1, *parameters))))


SamplerKind = Literal["poisson", "shuffled", "sequential", "unknown"]
_SHUFFLES: Final = ("RandomSampler", "DistributedSampler", "SubsetRandomSampler", "WeightedRandomSampler")


def declared_sampler(loader: Any) -> SamplerKind:  # noqa: ANN401 - a DataLoader of any kind
    """Return how a torch `DataLoader` draws its batches, read off the sampler that it holds.

    `poisson` is Opacus' own sampler alone; `shuffled` is every other one that draws, and must not be accounted as
    Poisson (Chua et al. 2024), though Opacus' `make_private(poisson_sampling=False)` does so; `unknown` is none of
    them. It believes the sampler's class; `inspect_sampler` looks at what was drawn.
    """
    require_extra()
    from opacus.utils.uniform_sampler import (
        DistributedUniformWithReplacementSampler,
        UniformWithReplacementSampler,
    )

    outer, inner = getattr(loader, "batch_sampler", None), getattr(loader, "sampler", None)
    if any(
        isinstance(one, UniformWithReplacementSampler | DistributedUniformWithReplacementSampler)
        for one in (outer, inner)
    ):
        return "poisson"
    within = getattr(outer, "sampler", inner)
    if type(within).__name__ in _SHUFFLES:
        return "shuffled"
    return "sequential" if type(within).__name__ == "SequentialSampler" else "unknown"
