"""Noise under secure sums: each site adds a share, so that nobody sees even the total without it.

The total has to move no further than with one site's noise (`federated.pooled.noise`): of standard deviation
sigma_i for number i, also where only `least_sites` are in the sum and `colluding` of them tell the server their shares.
So each site adds normal noise of

    sigma_i / sqrt(least_sites - colluding)

rounded to a grid on which a share is 16 steps or more, where rounding is worth nothing to an attacker: a sum of rounded
normal variables has the law of a rounded normal one, but for less than 1e-500 (`federated.central.shares` says why).
With n in the sum the total's noise has n shares, and its variance is what the server's intervals hold. Fewer than
`least_sites` open no sum. What a site writes into its ledger is the noise multiplier that holds in every such case.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import PlanError
from federated.pooled.counts_plan import CountsPlan, NoiseTerms
from federated.pooled.noise import PARTS, noise_multiplier, patient_bounds
from federated.secure.fixed_point import FixedPoint
from privacy.dpsgd.randomness import Source

FloatArray = NDArray[np.float64]
FINE: Final = 16
"""A share's standard deviation in steps of the grid, at the least."""
_END: Final = 9
"""Standard deviations within which all of a share lies: the generator ends at 8.6."""
BITS: Final = 64


def deviations(plan: CountsPlan) -> FloatArray:
    """Return the standard deviation of one site's share in each number, before rounding, `[size]`."""
    terms = _terms(plan)
    scale = noise_multiplier(plan) * math.sqrt(PARTS * len(plan.blocks))
    return np.asarray(patient_bounds(plan) * scale / math.sqrt(terms.least_sites - terms.colluding))


def grid(plan: CountsPlan) -> FixedPoint:
    """Return the grid on which noised counts are summed: whole numbers or finer, without clipping.

    That no sum overflows is held by the terms of the sum.
    """
    shares = deviations(plan)
    step = min(1.0, 2.0 ** math.floor(math.log2(float(shares.min()) / FINE)))
    most = float(plan.most_units * plan.most_rows**2)
    room = math.ceil(_END * float(shares.max()) / step) + 1
    norm = most * math.sqrt(plan.size) * (1 + 1e-6)
    return FixedPoint(max_norm=norm, max_value=most, step=step, bits=BITS, noise_room=room)


def share(plan: CountsPlan, *, source: Source) -> Callable[[int], NDArray[np.int64]]:
    """Return what a site gives its `SecureClient` as noise, in steps of the grid."""
    steps = deviations(plan) / grid(plan).step

    def drawn(size: int) -> NDArray[np.int64]:
        return np.rint(source.normal(size) * steps).astype(np.int64)

    return drawn


def total_variances(plan: CountsPlan, n_contributors: int) -> NDArray[Any]:
    """Return the variance of the noise in each number of a sum over so many sites, rounding included, `[size]`."""
    return np.asarray(n_contributors * (deviations(plan) ** 2 + grid(plan).step ** 2 / 12))


def _terms(plan: CountsPlan) -> NoiseTerms:
    if plan.noise is None or plan.told != "secure":
        raise PlanError(
            "the plan asks for no noise under secure sums",
            slug="plan-impossible",
            where="federated audit",
            found=f"told: {plan.told}",
            remedy="say told: secure, and noise with epsilon, delta and least_sites",
        )
    return plan.noise
