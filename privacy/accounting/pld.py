"""The second accountant: privacy loss distributions by dp-accounting (Koskela et al. 2020, Doroshenko et al. 2022)."""

from __future__ import annotations

import math
from typing import Any, Final

from affidavit.provenance import package_version
from privacy.accounting.answers import Account
from privacy.accounting.mechanisms import Mechanism, Neighbours, Search, SubsampledGaussian
from privacy.extra import require_extra

NAME: Final = "dp-accounting PLD"
COARSEST: Final = 1e-4
"""The interval of the discretisation; it is rounded up, so that epsilon is an upper bound."""
FINEST: Final = 2e-5
SHARE_OF_EPSILON: Final = 1e-3


def pld_epsilon(steps: tuple[SubsampledGaussian, ...], *, neighbours: Neighbours, delta: float, rdp: float) -> Account:
    """Return dp-accounting's upper bound of epsilon; `rdp` is a coarser one, by which the interval is chosen."""
    require_extra()
    from dp_accounting.pld import PLDAccountant

    version = package_version("dp-accounting") or "unknown"
    interval = min(COARSEST, max(FINEST, SHARE_OF_EPSILON * rdp))
    accountant = PLDAccountant(relation(neighbours), value_discretization_interval=interval)
    try:
        for step in steps:
            accountant.compose(event_of(step.alike), step.n_times)
        epsilon = float(accountant.get_epsilon(delta))
    except (ValueError, OverflowError, MemoryError) as error:
        return Account(accountant=NAME, version=version, epsilon=None, why_none=str(error))
    if not math.isfinite(epsilon):
        return Account(accountant=NAME, version=version, epsilon=None, why_none="its numbers overflow")
    return Account(accountant=NAME, version=version, epsilon=epsilon)


def relation(neighbours: Neighbours) -> Any:  # noqa: ANN401 - loaded when asked for
    """Return dp-accounting's name of a neighbouring relation."""
    require_extra()
    from dp_accounting.privacy_accountant import NeighboringRelation

    names = {"add-remove": NeighboringRelation.ADD_OR_REMOVE_ONE, "replace": NeighboringRelation.REPLACE_ONE}
    return names[neighbours]


def event_of(mechanism: Mechanism) -> Any:  # noqa: ANN401 - loaded when asked for
    """Return a mechanism as dp-accounting's event."""
    require_extra()
    from dp_accounting import dp_event as dp

    if isinstance(mechanism, Search):
        trial = dp.ComposedDpEvent([event_of(step) for step in mechanism.steps])
        shape = math.inf if mechanism.shape == "poisson" else mechanism.shape
        return dp.RepeatAndSelectDpEvent(trial, mechanism.mean, shape)
    noisy = dp.GaussianDpEvent(mechanism.noise_multiplier)
    once = dp.PoissonSampledDpEvent(mechanism.sample_rate, noisy) if mechanism.sampler == "poisson" else noisy
    return once if mechanism.n_times == 1 else dp.SelfComposedDpEvent(once, mechanism.n_times)
