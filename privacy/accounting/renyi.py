"""Renyi accounting: a coarse bound that is cheap, and the one way to account for a search (Papernot and Steinke 2022).

A search repeats a training of Renyi loss eps(a) at order a, K times, and releases the best. For K truncated negative
binomial with shape h, parameter g and mean m, its loss at order a is at most

    eps(a) + (1 + h) min_b [(1 - 1/b) eps(b) + ln(1/g) / b] + ln(m) / (a - 1)            (theorem 2)

and for K Poisson with mean m, d being the delta of one training at epsilon ln(1 + 1/(a - 1)),

    eps(a) + m d + ln(m) / (a - 1)                                                        (theorem 6).

Replacing a unit in a search is accounted for as adding one at twice the sensitivity, which bounds it from above: with
P' = (1-b) P0 + b P1' the hockey-stick divergence of P1 from P' is at most the larger of those from P0 and from P1'
(convexity), and both are at most that of Gaussians two clip norms apart. Steps alone are integrated.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from affidavit.provenance import package_version
from privacy.accounting.answers import Account
from privacy.accounting.mechanisms import SENSITIVITY, Mechanism, Neighbours, Search, SubsampledGaussian
from privacy.accounting.pld import event_of, relation
from privacy.accounting.renyi_replace import replacement_losses
from privacy.extra import require_extra

FloatArray = NDArray[np.float64]
ORDERS: Final = (*(2 + x / 10 for x in range(90)), *range(11, 64), 128, 256, 512)
"""Those below 2 help only where epsilon is far above any that protects, and do not always converge."""
REPLACE_ORDERS: Final = (*(1 + x / 10 for x in range(1, 100)), *range(11, 64))
OPACUS: Final = "Opacus RDP"
DP_ACCOUNTING: Final = "dp-accounting RDP"


def renyi_bound(mechanisms: tuple[Mechanism, ...], *, neighbours: Neighbours, delta: float) -> float | None:
    """Return an upper bound of epsilon by Renyi losses; None where nothing bounds the loss.

    Adding and removing, and searches, are dp-accounting's; replacing is integrated here.
    """
    if neighbours == "replace" and (losses := _replacements(mechanisms)) is not None:
        integrated = float(_epsilons(losses, np.asarray(REPLACE_ORDERS), delta).min())
        if math.isfinite(integrated):  # else the noise is too small for a grid, and the coarser way does
            return max(integrated, 0.0)
    require_extra()
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(list(ORDERS), relation("add-remove"))
    for mechanism in mechanisms:
        accountant.compose(event_of(_dominating(mechanism, neighbours)))
    with np.errstate(all="ignore"):
        epsilon = float(accountant.get_epsilon(delta))
    return epsilon if math.isfinite(epsilon) else None


def _replacements(mechanisms: tuple[Mechanism, ...]) -> FloatArray | None:
    """Return the losses of steps under replacing; None where there is a search among them, or no noise."""
    total = np.zeros(len(REPLACE_ORDERS))
    for step in mechanisms:
        if isinstance(step, Search) or step.noise_multiplier == 0:
            return None
        losses = replacement_losses(sample_rate=step.sample_rate, scale=step.noise_multiplier, orders=REPLACE_ORDERS)
        total = total + step.n_times * losses
    return total


def renyi_account(mechanisms: tuple[Mechanism, ...], *, neighbours: Neighbours, delta: float) -> Account:
    """Return the same bound as an account."""
    epsilon = renyi_bound(mechanisms, neighbours=neighbours, delta=delta)
    version = package_version("dp-accounting") or "unknown"
    why = None if epsilon is not None else "nothing bounds the loss"
    return Account(accountant=DP_ACCOUNTING, version=version, epsilon=epsilon, why_none=why)


def own_account(mechanisms: tuple[Mechanism, ...], *, neighbours: Neighbours, delta: float) -> Account:
    """Return epsilon from Opacus' Renyi losses of steps and the formulas above."""
    orders = np.asarray(ORDERS)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses = sum((_losses(_dominating(one, neighbours), orders) for one in mechanisms), np.zeros(len(orders)))
        epsilon = float(np.nanmin(_epsilons(losses, orders, delta)))
    version = package_version("opacus") or "unknown"
    if not math.isfinite(epsilon):
        return Account(accountant=OPACUS, version=version, epsilon=None, why_none="nothing bounds the loss")
    return Account(accountant=OPACUS, version=version, epsilon=max(epsilon, 0.0))


def _dominating(mechanism: Mechanism, neighbours: Neighbours) -> Mechanism:
    """Return the add-remove mechanism that loses at least as much."""
    if isinstance(mechanism, Search):
        steps = tuple(_scaled(step, neighbours) for step in mechanism.steps)
        beside = () if mechanism.beside is None else (_scaled(mechanism.beside, neighbours),)
        if beside and dominated(beside[0], steps):
            beside = ()  # whoever is beside loses no more than whom the steps see, at any order
        return Search(steps=(*steps, *beside), mean=mechanism.mean, shape=mechanism.shape)
    return _scaled(mechanism, neighbours)


@lru_cache(maxsize=256)
def dominated(one: SubsampledGaussian, steps: tuple[SubsampledGaussian, ...]) -> bool:
    """Say whether `one` loses no more than `steps` together, at every order that is looked at."""
    orders = np.asarray(ORDERS)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        total = sum((_losses(step, orders) for step in steps), np.zeros(len(orders)))
        return bool(np.all(_losses(one, orders) <= total))


def noise_beside(steps: tuple[SubsampledGaussian, ...]) -> float:
    """Return the least noise multiplier at which a sum over everybody loses no more than `steps`, at every order.

    A Gaussian loses a / (2 noise^2) at order a. A hundredth of a percent is added for rounding.

    >>> full = SubsampledGaussian(noise_multiplier=2.0, sample_rate=1.0, sampler="full", neighbours="add-remove")
    >>> round(noise_beside((full.times(4),)), 3)  # four of them lose as much as one of half the noise
    1.0
    """
    orders = np.asarray(ORDERS)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        total = sum((_losses(step, orders) for step in steps), np.zeros(len(orders)))
        return float(np.nanmax(np.sqrt(orders / (2 * total)))) * (1 + 1e-4)


def _scaled(step: SubsampledGaussian, neighbours: Neighbours) -> SubsampledGaussian:
    return SubsampledGaussian(
        noise_multiplier=step.noise_multiplier / SENSITIVITY[neighbours],
        sample_rate=step.sample_rate,
        sampler=step.sampler,
        neighbours="add-remove",
        n_times=step.n_times,
    )


def _losses(mechanism: Mechanism, orders: FloatArray) -> FloatArray:
    """Return the Renyi loss at each order."""
    require_extra()
    from opacus.accountants.analysis.rdp import compute_rdp

    if isinstance(mechanism, Search):
        trial = sum((_losses(step, orders) for step in mechanism.steps), np.zeros(len(orders)))
        return _searched(trial, orders, mean=mechanism.mean, shape=mechanism.shape)
    losses = compute_rdp(
        q=mechanism.sample_rate,
        noise_multiplier=mechanism.noise_multiplier,
        steps=mechanism.n_times,
        orders=[int(order) if float(order).is_integer() else float(order) for order in orders],
    )
    return np.asarray(losses, dtype=np.float64)


def _searched(trial: FloatArray, orders: FloatArray, *, mean: float, shape: float | Literal["poisson"]) -> FloatArray:
    """Return the Renyi loss of a search among trainings with these losses."""
    drawn = np.log(mean) / (orders - 1)
    if shape == "poisson":
        return np.asarray(trial + mean * _deltas(trial, orders, np.log1p(1 / (orders - 1))) + drawn)
    gamma = truncated_gamma(shape, mean)
    return np.asarray(trial + (1 + shape) * np.min((1 - 1 / orders) * trial - math.log(gamma) / orders) + drawn)


def truncated_gamma(shape: float, mean: float) -> float:
    """Return the parameter at which a truncated negative binomial of this shape has this mean.

    The mean is h (1 - g) / (g (1 - g^h)), for h = 0 its limit (1/g - 1) / ln(1/g); for h = 1 it is 1/g.

    >>> truncated_gamma(1.0, 10.0)
    0.1
    """
    if shape == 1:
        return 1 / mean

    def excess(log_gamma: float) -> float:
        gamma = math.exp(log_gamma)
        if shape == 0:
            return (1 / gamma - 1) / -log_gamma - mean
        return shape * (1 - gamma) / (gamma * -math.expm1(shape * log_gamma)) - mean

    return math.exp(float(brentq(excess, -200.0, -1e-12, xtol=1e-14)))


def _epsilons(losses: FloatArray, orders: FloatArray, delta: float) -> FloatArray:
    """Return the epsilon that each order gives (Canonne, Kamath and Steinke 2020, proposition 12)."""
    return np.asarray(losses + np.log1p(-1 / orders) - (math.log(delta) + np.log(orders)) / (orders - 1))


def _deltas(losses: FloatArray, orders: FloatArray, epsilons: FloatArray) -> FloatArray:
    """Return the least delta that any order gives at each epsilon, the same proposition solved for delta."""
    exponents = (orders[None] - 1) * (losses[None] - epsilons[:, None] + np.log1p(-1 / orders[None]))
    return np.asarray(np.minimum(np.exp(exponents - np.log(orders[None])).min(axis=1), 1.0))
