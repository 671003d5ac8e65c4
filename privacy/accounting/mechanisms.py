"""What is accounted for: noisy sums of clipped gradients over Poisson samples, and searches among such trainings.

A `SubsampledGaussian` adds noise of standard deviation `noise_multiplier` times the clip norm C to a sum in which each
unit stands with probability `sample_rate` and weighs at most C. Adding or removing a unit moves the sum by at most C,
replacing one by at most 2 C.

Shuffled or fixed-size batches are no Poisson sample: Chua et al. 2024 show that accounting them as one understates
epsilon. They may be accounted for without amplification, as `full` with a rate of 1, and under `replace` alone: where
the size is fixed, a unit that is added pushes another one out, and moves each sum by up to 2 C, not C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from affidavit.errors import PlanError

Sampler = Literal["poisson", "full"]
Neighbours = Literal["add-remove", "replace"]
SENSITIVITY: Final[dict[Neighbours, float]] = {"add-remove": 1.0, "replace": 2.0}
"""How far one unit moves the sum, in clip norms."""
MOST_TIMES: Final = 10**12
"""Steps beyond which nobody trains; a ledger's lines hold whole numbers up to 2^53."""
FIXED_SIZE: Final = (
    "draw each unit with its own coin (Poisson); a fixed-size or shuffled batch is accounted for without "
    "amplification, as full with sample_rate 1 and neighbours replace (who is added pushes another out of a batch)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsampledGaussian:
    """`n_times` noisy sums that are alike."""

    noise_multiplier: float
    """Standard deviation of the noise over the clip norm; 0 is no noise, and bounds nothing."""
    sample_rate: float
    sampler: Sampler
    neighbours: Neighbours
    n_times: int = 1

    def __post_init__(self) -> None:
        """Refuse a sampler whose amplification nobody can vouch for, and numbers that are none."""
        if self.sampler not in get_args(Sampler):
            raise _refused(
                f"sampler {self.sampler!r}",
                "poisson, or full (every unit in every step)",
                FIXED_SIZE,
            )
        if self.neighbours not in SENSITIVITY:
            raise _refused(f"neighbours {self.neighbours!r}", "add-remove or replace", "say what a neighbour is")
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier >= 0):
            raise _refused(f"noise_multiplier {self.noise_multiplier}", "a finite number, 0 or more", "correct it")
        if not 0 < self.sample_rate <= 1:
            raise _refused(f"sample_rate {self.sample_rate}", "above 0, at most 1", "correct it")
        if self.sampler == "full" and self.sample_rate != 1:
            raise _refused(
                f"sampler full with sample_rate {self.sample_rate}",
                "a rate below 1 with the sampler poisson alone",
                FIXED_SIZE,
            )
        if not isinstance(self.n_times, int) or not 1 <= self.n_times <= MOST_TIMES:
            raise _refused(f"n_times {self.n_times}", f"a whole number, 1 to {MOST_TIMES:,}", "record steps as taken")

    def times(self, n_times: int) -> SubsampledGaussian:
        """Return as many of them."""
        return replace(self, n_times=n_times)

    @property
    def alike(self) -> SubsampledGaussian:
        """One of them: what two of the same kind have in common."""
        return replace(self, n_times=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search: the same training (`steps`) repeated K times with other hyper-parameters, the best one released.

    K must have been drawn at random, before the first trial, from a truncated negative binomial distribution with
    `shape` (0 logarithmic, 1 geometric) or from a Poisson distribution (`poisson`) with the given mean, and the choice
    be all that is released of the others (Papernot and Steinke 2022). A number of trials that somebody chose is not
    covered: those trainings are steps like any other.
    """

    steps: tuple[SubsampledGaussian, ...]
    mean: float
    """E[K], above 1; for poisson at least 1."""
    shape: float | Literal["poisson"]
    beside: SubsampledGaussian | None = None
    """What a trial does to units that none of its steps sees, such as a score on patients set apart; each unit loses by
    the steps or by this, never by both."""

    @property
    def every(self) -> tuple[SubsampledGaussian, ...]:
        """All that a trial does, to whomever."""
        return self.steps if self.beside is None else (*self.steps, self.beside)

    def __post_init__(self) -> None:
        """Refuse a distribution that is none."""
        poisson = self.shape == "poisson"
        if not self.steps:
            raise _refused("a search without steps", "the steps of one trial", "say what one trial takes")
        if not math.isfinite(self.mean) or self.mean < 1 or (self.mean == 1 and not poisson):
            raise _refused(f"mean {self.mean}", "above 1 (poisson: at least 1)", "give the mean of the drawn number")
        if not poisson and not (isinstance(self.shape, int | float) and 0 <= self.shape < math.inf):
            raise _refused(f"shape {self.shape!r}", "0 (logarithmic), 1 (geometric), a number above 0, or poisson",
                           "say from what the number of trials was drawn")  # fmt: skip


Mechanism = SubsampledGaussian | Search


def neighbours_of(mechanisms: tuple[Mechanism, ...]) -> Neighbours:
    """Return the relation under which all of them can be accounted for: `replace` where any is."""
    every = [step for one in mechanisms for step in (one.every if isinstance(one, Search) else (one,))]
    return "replace" if any(step.neighbours == "replace" for step in every) else "add-remove"


def pooled(steps: tuple[SubsampledGaussian, ...]) -> tuple[SubsampledGaussian, ...]:
    """Return steps with those of a kind counted together, in the order of their first."""
    counts: dict[SubsampledGaussian, int] = {}
    for step in steps:
        counts[step.alike] = counts.get(step.alike, 0) + step.n_times
    return tuple(kind.times(n) for kind, n in counts.items())


def _refused(found: str, allowed: str, remedy: str) -> PlanError:
    return PlanError(
        "no accountant answers for this", slug="plan-impossible", found=found, allowed=allowed, remedy=remedy
    )
