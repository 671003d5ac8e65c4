"""How much do sites truly differ? Random effects over sites' own estimates, numpy and scipy only.

y_i = mu + u_i + e_i, u_i of variance tau^2 between sites, e_i of the site's own squared standard error v_i.

| number | how |
|---|---|
| tau^2 | Paule, Mandel 1982: Q(tau^2) = k - 1 with Q = sum (y_i - mu)^2 / (v_i + tau^2); 0 where Q(0) is less |
| interval of tau^2 | Q profile (Viechtbauer 2007): where Q meets the chi-square quantiles of k - 1 degrees of freedom |
| mu and its interval | Hartung, Knapp 2001: t of k - 1; the error is at least the normal one (Knapp, Hartung 2003) |
| I^2 | tau^2 / (tau^2 + s^2), s^2 the typical v_i (Higgins, Thompson 2002, eq. 9); its interval from that of tau^2 |

With two or three sites all of these are wide, and say so. I^2 is a share of the variance of these estimates, not a
size: with ever more patients a site it goes to 1 for any tau above 0.

Source: Paule, Mandel 1982; DerSimonian, Kacker 2007; IntHout, Ioannidis, Borm 2014; Veroniki et al. 2016 (review).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2

from affidavit.statistics.levels import t_critical

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomEffects:
    """What sites have in common, and how far they differ."""

    mean: float
    standard_error: float
    low: float
    high: float
    tau: float
    tau_low: float
    tau_high: float
    i_squared: float
    i_squared_low: float
    i_squared_high: float
    n_sites: int


def random_effects(values: FloatArray, errors: FloatArray, *, level: float) -> RandomEffects:
    """Return the random-effects summary of values `[k]` with standard errors `[k]`, of two sites at least.

    Raises:
        ValueError: fewer than two values, or an error that is not above 0.
    """
    y, v = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64) ** 2
    k = len(y)
    if k < 2 or not np.all(v > 0) or not np.isfinite(y).all():
        raise ValueError("two sites at least, each with a value and a standard error above 0")
    tau2 = _meeting(y, v, k - 1.0)
    alpha = 1 - level
    tau2_low = _meeting(y, v, float(chi2.isf(alpha / 2, k - 1)))
    tau2_high = _meeting(y, v, float(chi2.ppf(alpha / 2, k - 1)))
    w = 1 / (v + tau2)
    mean = float(w @ y / w.sum())
    spread = float(w @ (y - mean) ** 2 / (k - 1))
    error = float(np.sqrt(max(spread, 1.0) / w.sum()))
    reach = float(t_critical(alpha, k - 1)) * error
    typical = _typical(v)
    shares = [t / (t + typical) for t in (tau2, tau2_low, tau2_high)]
    return RandomEffects(
        mean=mean,
        standard_error=error,
        low=mean - reach,
        high=mean + reach,
        tau=float(np.sqrt(tau2)),
        tau_low=float(np.sqrt(tau2_low)),
        tau_high=float(np.sqrt(tau2_high)),
        i_squared=shares[0],
        i_squared_low=shares[1],
        i_squared_high=shares[2],
        n_sites=k,
    )


def generalised_q(tau2: float, y: FloatArray, v: FloatArray) -> float:
    """Return Q(tau^2) = sum (y_i - mu)^2 / (v_i + tau^2), which falls with tau^2."""
    w = 1 / (v + tau2)
    return float(w @ (y - w @ y / w.sum()) ** 2)


def _meeting(y: FloatArray, v: FloatArray, target: float) -> float:
    """Return the tau^2 >= 0 at which Q meets the target; 0 where it is below from the start."""
    if generalised_q(0.0, y, v) <= target:
        return 0.0
    high = max(float(np.ptp(y)) ** 2, 1e-12)
    while generalised_q(high, y, v) > target:
        high *= 4
    return float(brentq(lambda t: generalised_q(t, y, v) - target, 0.0, high, xtol=1e-15, rtol=1e-12))


def _typical(v: FloatArray) -> float:
    w = 1 / v
    return float((len(v) - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum()))


def leave_one_out(values: FloatArray, errors: FloatArray, *, level: float) -> tuple[RandomEffects, ...]:
    """Return the summary without each site in turn; of two sites nothing is left to be summarised."""
    if len(values) < 3:
        return ()
    keep = [np.arange(len(values)) != i for i in range(len(values))]
    return tuple(random_effects(values[rest], errors[rest], level=level) for rest in keep)
