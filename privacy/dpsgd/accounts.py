"""How much noise a budget asks for, and the ledger that every step is written into before it is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from affidavit.errors import PlanError
from privacy.accounting.calibration import noise_for
from privacy.accounting.mechanisms import Sampler, SubsampledGaussian
from privacy.dpsgd.options import PrivateOptions
from privacy.ledger.events import Budget, RunFacts, StepEvent
from privacy.ledger.ledger import Ledger


class StepAccount(Protocol):
    """What counts steps, and says what they cost."""

    def intend(self) -> int:
        """Write the next step down before it is taken, and return its number.

        Raises:
            BudgetSpentError: the budget has no room for it.
        """

    def confirm(self, number: int) -> None:
        """Write down that it was taken."""

    def told(self) -> Mapping[str, Any]:
        """Return what a checkpoint's card says of the cost."""


class Simulated:
    """Counts nothing: a simulated step protects nobody."""

    def intend(self) -> int:
        """Return a number."""
        return 0

    def confirm(self, number: int) -> None:
        """Do nothing."""

    def told(self) -> Mapping[str, Any]:
        """Return that there is no epsilon, and why."""
        return {"simulated": True, "epsilon": None, "why_no_epsilon": "the noise was drawn from a seed that is known"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgered:
    """Writes steps into a ledger."""

    ledger: Ledger
    event: StepEvent
    options: PrivateOptions
    path: Path

    def intend(self) -> int:
        """Write the next step down before it is taken, and return its number.

        Raises:
            BudgetSpentError: the budget has no room for it.
        """
        return self.ledger.intend(self.event)

    def confirm(self, number: int) -> None:
        """Write down that it was taken."""
        self.ledger.confirm(number)

    def told(self) -> Mapping[str, Any]:
        """Return epsilon at the stated delta, for all that the site's ledger has counted, and what it rests on.

        `steps_counted` are this run's; `epsilon_covers` says of how many the number is.
        """
        return told_by(self.ledger, self.options, self.path)


def told_by(ledger: Ledger, options: PrivateOptions, path: Path) -> dict[str, Any]:
    """Return what a card says of the cost, by the site's ledger at this moment."""
    if options.delta is None:
        raise TypeError("the options were not validated")
    spent = ledger.spent(delta=options.delta)
    return {
        "simulated": False,
        "site": options.site,
        "ledger": path.name,
        "ledger_head": ledger.head,
        "steps_counted": ledger.n_steps,
        "epsilon": spent.epsilon,
        "epsilon_covers": {"steps": spent.n_steps, "searches": spent.n_searches, "sites": list(spent.sites)},
        "delta": spent.delta,
        "accountant": ", ".join(spent.accountants) or "none",
        "caveats": list(spent.caveats),
    }


@contextmanager
def opened_account(
    options: PrivateOptions, *, noise_multiplier: float, run: str, facts: RunFacts, folder: Path
) -> Iterator[StepAccount]:
    """Yield what counts the steps of a training: its ledger, or nothing where the noise is simulated.

    Raises:
        AffidavitError: the ledger is another process's at this moment, or does not hold.
    """
    if options.simulated:
        yield Simulated()
        return
    event = StepEvent(
        noise_multiplier=noise_multiplier,
        sample_rate=options.sample_rate,
        clip_norm=options.clip_norm,
        sampler=sampler_of(options),
        neighbours="add-remove",
    )
    with opened_ledger(options, run=run, facts=facts, folder=folder) as ledger:
        yield Ledgered(ledger=ledger, event=event, options=options, path=ledger_path(options, folder))


def opened_ledger(options: PrivateOptions, *, run: str, facts: RunFacts, folder: Path) -> Ledger:
    """Open the ledger of a training; to be closed after use.

    Raises:
        AffidavitError: it is another process's at this moment, or does not hold.
    """
    budget = None
    if options.epsilon is not None and options.delta is not None:
        budget = Budget(epsilon=options.epsilon, delta=options.delta)
    path = ledger_path(options, folder)
    return Ledger.opened(path, site=options.site, unit=options.unit, run=run, budget=budget, facts=facts)


def chosen_noise(options: PrivateOptions) -> float:
    """Return the noise multiplier that the options state, or the least that keeps all steps within the budget.

    Raises:
        PlanError: no noise keeps so many steps within so small a budget.
    """
    if options.noise_multiplier is not None:
        return options.noise_multiplier
    if options.epsilon is None or options.delta is None:
        raise TypeError("the options were not validated")
    steps = SubsampledGaussian(
        noise_multiplier=1.0,  # not looked at
        sample_rate=options.sample_rate,
        sampler=sampler_of(options),
        neighbours="add-remove",
        n_times=options.n_steps,
    )
    return noise_for(steps, epsilon=options.epsilon, delta=options.delta)


def sampler_of(options: PrivateOptions) -> Sampler:
    """Return how units come into a step: each by a coin of its own, or all in every step."""
    return "full" if options.sample_rate == 1 else "poisson"


def ledger_path(options: PrivateOptions, folder: Path) -> Path:
    """Return where the ledger is: outside the checkpoint's folder, which training replaces as a whole."""
    if options.ledger is None:
        return folder.parent / f"{folder.name}.ledger.jsonl"
    return folder.parent / options.ledger


def require_delta(options: PrivateOptions, *, n_units: int) -> None:
    """Refuse a delta that is no promise: by publishing one unit whole, chosen at random, a delta of 1/N is kept.

    Raises:
        PlanError: delta is not below 1 over the number of units.
    """
    if options.delta is not None and options.delta >= 1 / n_units:
        raise PlanError(
            "delta is not below 1 over the number of units",
            slug="plan-impossible",
            where="trainer dp-sgd, delta",
            found=f"{options.delta:g}",
            allowed="well below 1 over the number of units that are trained on, or scored on in a search",
            remedy="choose a smaller delta, such as 1e-5",
        )
