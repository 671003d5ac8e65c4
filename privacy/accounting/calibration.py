"""How much noise does a budget ask for? The least at which both accountants stay within it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from affidavit.errors import PlanError
from privacy.accounting.accountants import account_by, check_delta, within
from privacy.accounting.mechanisms import Search, SubsampledGaussian
from privacy.accounting.renyi import renyi_bound

TOLERANCE: Final = 1e-3
"""The noise is at most about this share above the least."""
LEAST: Final = 0.01
"""An epsilon below which the accountants' own errors would choose the noise."""
WIDE: Final = 32.0
"""Noise from which on the finer accountants are asked too: Renyi bounds of so small a loss end at their last order."""
SMALLEST: Final = 1e-3
"""A noise multiplier below which there is hardly any."""
MOST: Final = 1e6
"""A noise multiplier above which nothing is learned of anybody."""


def noise_for(steps: SubsampledGaussian, *, epsilon: float, delta: float) -> float:
    """Return the least noise multiplier at which `steps` stay within (epsilon, delta), by both accountants.

    The noise multiplier that `steps` has is not looked at.

    Raises:
        PlanError: epsilon or delta is no budget, or no noise below a million clip norms is enough.
    """
    _require_budget(epsilon, delta)

    def coarse(noise: float) -> bool:
        tried = replace(steps, noise_multiplier=noise)
        return _kept(renyi_bound((tried,), neighbours=steps.neighbours, delta=delta), epsilon)

    def fine(noise: float) -> bool:
        return _kept(account_by("prv", (replace(steps, noise_multiplier=noise),), delta=delta).epsilon, epsilon)

    low, high = _bracketed(coarse, fine)
    while not fine(high):  # the finer accountants may lie above the coarse bound by their errors
        low, high = high, high * 1.02
        if high > MOST:
            raise _too_little(steps, epsilon, delta)
    low, stride = min(low, high / 1.05), 1.15  # Renyi bounds are not tight
    while fine(low := low / stride):
        high, stride = low, stride**2
    enough = _bisected(fine, low, high, tolerance=TOLERANCE)[1]
    while not within((replace(steps, noise_multiplier=enough),), epsilon=epsilon, delta=delta):
        enough *= 1 + TOLERANCE / 2
        if enough > MOST:
            raise _too_little(steps, epsilon, delta)
    return enough


def search_noise_for(search: Search, *, epsilon: float, delta: float) -> float:
    """Return the least noise multiplier of a trial's first steps at which the whole search stays within a budget.

    The noise multiplier that those steps have is not looked at; that of the other steps stays as it is.

    Raises:
        PlanError: epsilon or delta is no budget, or no noise below a million clip norms is enough.
    """
    _require_budget(epsilon, delta)
    first, *others = search.steps

    def enough(noise: float) -> bool:
        steps = (replace(first, noise_multiplier=noise), *others)
        return within((replace(search, steps=steps),), epsilon=epsilon, delta=delta)

    high = 1.0
    while not enough(high):
        high *= 2
        if high > MOST:
            raise PlanError(
                "no noise keeps such a search within so small a budget",
                slug="plan-impossible",
                found=f"epsilon {epsilon:g} at delta {delta:g}, {search.mean:g} trials on average of "
                f"{first.n_times:,} steps at sample_rate {first.sample_rate:g}"
                + (f", and a score with noise {others[0].noise_multiplier:g}" if others else ""),
                remedy="search among fewer trials, take fewer steps, put more noise into the score, or spend more",
            )
    low = high / 2
    while low > SMALLEST and enough(low):
        low, high = low / 2, low
    return _bisected(enough, low, high, tolerance=TOLERANCE)[1]


def _require_budget(epsilon: float, delta: float) -> None:
    check_delta(delta)
    if not LEAST <= epsilon < float("inf"):
        raise PlanError(
            "no noise is chosen for this epsilon",
            slug="plan-impossible",
            found=f"epsilon {epsilon}",
            allowed=f"a finite number, {LEAST:g} or more: below it the accountants' own errors would choose the noise",
            remedy="give such as 8, or a noise multiplier instead",
        )


def _bracketed(coarse: Callable[[float], bool], fine: Callable[[float], bool]) -> tuple[float, float]:
    """Return a noise that may be too small, and one that is sufficient or the most there is."""
    high = 1.0
    while high < MOST:
        if coarse(high):
            return _bisected(coarse, high / 2 if high > 1 else 1e-3, high, tolerance=0.02)
        if high >= WIDE and fine(high):
            return high / 2, high
        high *= 2
    return high, high


def _bisected(enough: Callable[[float], bool], low: float, high: float, *, tolerance: float) -> tuple[float, float]:
    """Return a too small and a sufficient noise, no further apart than a share of the latter."""
    while high - low > tolerance * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return low, high


def _kept(found: float | None, epsilon: float) -> bool:
    return found is not None and found <= epsilon


def _too_little(steps: SubsampledGaussian, epsilon: float, delta: float) -> PlanError:
    return PlanError(
        "no noise keeps so many steps within so small a budget",
        slug="plan-impossible",
        found=f"epsilon {epsilon:g} at delta {delta:g}, {steps.n_times:,} steps at sample_rate {steps.sample_rate:g}",
        remedy="take fewer steps, a smaller sample_rate or a larger epsilon",
    )
