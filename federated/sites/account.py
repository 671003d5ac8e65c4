"""A site's own ledger, as its private training uses it: a whole round is written down before its first step.

A round of which not all steps fit is not begun. A shorter one would mean another update than the plan's, and would
leave nothing to answer the next round with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from affidavit.errors import PlanError
from affidavit.hash_chain import read_chain
from federated.sites.private_options import PrivateSiteOptions
from privacy.accounting.accountants import account_by, within
from privacy.accounting.calibration import MOST, TOLERANCE, noise_for
from privacy.accounting.mechanisms import SubsampledGaussian
from privacy.dpsgd.accounts import sampler_of
from privacy.ledger.book import Book, book_of
from privacy.ledger.events import Budget, RunFacts, RunOpened, StepEvent
from privacy.ledger.ledger import Ledger
from privacy.ledger.room import fits
from privacy.ledger.spending import Spent, spent_at

_ASKED: Final = "what is left"
"""A run that is in no ledger: under its name is asked how much room there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAccount:
    """One site's ledger, and the budget that its runs are opened with; both are the patients' of that site alone."""

    path: Path
    site: str
    budget: Budget | None
    delta: float

    def opened(self, run: str, facts: RunFacts) -> Ledger:
        """Open the ledger for a run; to be closed after use.

        Raises:
            AffidavitError: it is another process's at this moment, or does not hold, or the run had another budget.
        """
        ledger = Ledger.opened(self.path, site=self.site, unit="patient", run=run, budget=self.budget, facts=facts)
        return ledger.looking_no_further()

    @contextmanager
    def counted(self, run: str, facts: RunFacts, event: StepEvent) -> Iterator[Callable[[], Spent]]:
        """Write down what is about to be done, let it be done, and confirm it; yields what tells what is spent.

        Raises:
            BudgetSpentError: there is no room for all of it; nothing was written of it.
        """
        with self.opened(run, facts) as ledger:
            number = ledger.intend(event)
            yield lambda: ledger.spent(delta=self.delta)
            ledger.confirm(number)

    def read(self) -> Book:
        """Return the account as it is on disk; an empty one where there is none yet.

        Raises:
            VerificationError: a line does not hold.
        """
        return book_of(read_chain(self.path).links, where=str(self.path)) if self.path.exists() else Book()

    def noise_of(self, run: str) -> float | None:
        """Return the noise multiplier of the steps that a run has taken already; None before its first one.

        To choose it again takes seconds, and each message may find the site opened anew.
        """
        found = self.read().runs.get(run)
        return None if found is None else next((step.noise_multiplier for step in found.steps), None)

    def spent(self) -> Spent:
        """Return what every run at this site has spent on a patient up to here."""
        return spent_at(self.read(), site=self.site, unit="patient", delta=self.delta)

    def rounds_left(self, a_round: StepEvent, *, most: int) -> int:
        """Return how many more rounds of that kind fit into every budget of the site, `most` where it is that many."""
        book = self.read()
        asked = RunOpened(
            site=self.site,
            unit="patient",
            run=_ASKED,
            epsilon=None if self.budget is None else self.budget.epsilon,
            delta=None if self.budget is None else self.budget.delta,
        )
        book.take(-1, asked, where=str(self.path))
        step, low, high = a_round.mechanism, 0, most + 1
        while high - low > 1:
            middle = (low + high) // 2
            enough = fits(book, asked, step.times(middle * step.n_times))
            low, high = (middle, high) if enough else (low, middle)
        return low


def round_event(options: PrivateSiteOptions, *, noise_multiplier: float, clip_norm: float) -> StepEvent:
    """Return what a ledger says of a round."""
    return StepEvent(
        noise_multiplier=noise_multiplier,
        sample_rate=options.sample_rate,
        clip_norm=clip_norm,
        sampler=sampler_of(options.training_options("site")),
        neighbours="add-remove",
        n_times=options.steps,
    )


def count_event(options: PrivateSiteOptions) -> StepEvent:
    """Return what a ledger says of the noised number of patients: each of them moves it by one."""
    return StepEvent(
        noise_multiplier=options.count_noise, sample_rate=1.0, clip_norm=1.0, sampler="full", neighbours="add-remove"
    )


@lru_cache(maxsize=64)
def chosen_noise(options: PrivateSiteOptions, epsilon: float | None) -> float:
    """Return the noise multiplier that the options state, or about the least that keeps all rounds within epsilon.

    The noised count is in it where there is one.

    Raises:
        PlanError: no noise keeps so many steps, and the count, within so small a budget.
    """
    if options.noise_multiplier is not None:
        return options.noise_multiplier
    if epsilon is None or options.delta is None:
        raise TypeError("the options were not validated")
    steps = round_event(options, noise_multiplier=1.0, clip_norm=options.clip_norm).mechanism.times(options.all_steps)
    if options.counted == "public":
        return noise_for(steps, epsilon=epsilon, delta=options.delta)
    return _noise_beside(steps, count_event(options).mechanism, Budget(epsilon=epsilon, delta=options.delta))


def _noise_beside(steps: SubsampledGaussian, count: SubsampledGaussian, budget: Budget) -> float:
    def both(noise: float) -> tuple[SubsampledGaussian, ...]:
        return replace(steps, noise_multiplier=noise), count

    def enough(noise: float) -> bool:
        found = account_by("prv", both(noise), delta=budget.delta).epsilon  # the faster of the two
        return found is not None and found <= budget.epsilon

    if not within((count,), epsilon=budget.epsilon, delta=budget.delta):
        raise _no_room(count, budget)
    low = high = noise_for(steps, epsilon=budget.epsilon, delta=budget.delta)
    while not enough(high):
        low, high = high, high * 1.1
        if high > MOST:
            raise _no_room(count, budget)
    while high - low > TOLERANCE * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    while not within(both(high), epsilon=budget.epsilon, delta=budget.delta):
        high *= 1 + TOLERANCE / 2
    return high


def _no_room(count: SubsampledGaussian, budget: Budget) -> PlanError:
    return PlanError(
        "no noise keeps so many steps, and the noised number of patients, within so small a budget",
        slug="plan-impossible",
        where="private training at a site",
        found=f"epsilon {budget.epsilon:g} at delta {budget.delta:g}, count_noise {count.noise_multiplier:g}",
        remedy="take fewer rounds or steps, a larger count_noise or epsilon, or counted: public",
    )
