"""The server's own ledger: each round is in it, on disk, before its sum is released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from federated.central.options import CentralOptions
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.accounting.calibration import noise_for
from privacy.accounting.mechanisms import SubsampledGaussian
from privacy.ledger.book import read_book
from privacy.ledger.events import Budget, RunFacts, StepEvent
from privacy.ledger.ledger import Ledger

SERVER: Final = "federation"
"""The name under which the ledger counts what leaves the server: losses at all sites at once."""


class CentralAccount:
    """A ledger that is this process's until it is closed."""

    def __init__(self, options: CentralOptions, *, path: Path, run: str) -> None:
        """Open it for a run, or go on with the run of that name.

        Raises:
            AffidavitError: it is another process's at this moment, or does not hold, or the run had another budget.
        """
        self._options, self._path = options, path
        budget = None if options.epsilon is None else Budget(epsilon=options.epsilon, delta=options.delta)
        facts = RunFacts(n_units=options.n_units)
        self._ledger = Ledger.opened(path, site=SERVER, unit="patient", run=run, budget=budget, facts=facts)

    def intend(self, *, noise_multiplier: float, clip_norm: float) -> int:
        """Write down that a round is about to be released; return the number to confirm it by.

        Raises:
            BudgetSpentError: the budget has no room for it; nothing was written.
        """
        return self._ledger.intend(
            StepEvent(
                noise_multiplier=noise_multiplier,
                sample_rate=1.0,
                clip_norm=clip_norm,
                sampler="full",
                neighbours=self._options.neighbours,
            )
        )

    def confirm(self, number: int) -> None:
        """Write down that it was released."""
        self._ledger.confirm(number)

    def told(self) -> Mapping[str, Any]:
        """Return what was spent up to here, for those who are protected and for a site that was there or was not."""
        spent = self._ledger.spent(delta=self._options.delta)
        return {
            "ledger": self._path.name,
            "ledger_head": self._ledger.head,
            "releases_counted": self._ledger.n_steps,
            "epsilon": spent.epsilon,
            "epsilon_for_a_site_that_is_there_or_not": self._of_a_site(),
            "delta": spent.delta,
            "accountant": ", ".join(spent.accountants) or "none",
            "caveats": list(spent.caveats),
        }

    def close(self) -> None:
        """Let another process write."""
        self._ledger.close()

    def _of_a_site(self) -> float | None:
        """Return what a whole site has lost whose updates were there or were zeros: one bound, and not two."""
        book = read_book(self._path)
        steps = tuple(
            replace(step.mechanism, neighbours="add-remove", n_times=n)
            for run in book.runs.values()
            for step, n in run.steps.items()
        )
        answer = account(steps, delta=self._options.delta)
        return answer.epsilon if isinstance(answer, Bounded) else None


@lru_cache(maxsize=64)
def chosen_noise(options: CentralOptions) -> float:
    """Return the noise multiplier that the options state, or about the least that keeps all rounds within epsilon.

    Raises:
        PlanError: no noise keeps so many rounds within so small a budget.
    """
    if options.noise_multiplier is not None:
        return options.noise_multiplier
    if options.epsilon is None:
        raise TypeError("the options were not validated")
    rounds = SubsampledGaussian(
        noise_multiplier=1.0,  # not looked at
        sample_rate=1.0,
        sampler="full",
        neighbours=options.neighbours,
        n_times=options.rounds,
    )
    return noise_for(rounds, epsilon=options.epsilon, delta=options.delta)
