"""The ledger that a training writes to: each step's intent is on disk before the step is taken.

Laws: what was intended is spent, whether or not it was confirmed; a run that is resumed counts what it counted before;
no step is intended that would exceed a budget that was ever said for its site and unit; nothing is ever taken out.
A step is intended, taken, confirmed; a crash in between leaves an intent that counts, and never a step that does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from affidavit.errors import BudgetSpentError, PlanError
from affidavit.hash_chain import ChainWriter
from privacy.accounting.mechanisms import Mechanism, SubsampledGaussian
from privacy.ledger.book import Book, Run, book_of
from privacy.ledger.events import (
    Budget,
    Confirmed,
    Event,
    Intended,
    RunFacts,
    RunOpened,
    RunResumed,
    Searched,
    SearchEvent,
    StepEvent,
    StepRecord,
    Unit,
    as_told,
)
from privacy.ledger.room import fits, most
from privacy.ledger.spending import Spent, spent_at

NO_FACTS: Final = RunFacts()
STRIDE: Final = 64
"""Steps for which room is looked for at first; twice as many each time that they were used up."""


class Ledger:
    """One run's hand in a ledger; open it with `Ledger.opened`, and close it to let another process write."""

    def __init__(self, writer: ChainWriter, book: Book, run: Run) -> None:
        """Use `Ledger.opened`."""
        self._writer, self._book, self._run = writer, book, run
        self._room: tuple[SubsampledGaussian | None, int] = (None, 0)
        """A kind of step, and how many more of it are known to stay within every budget if no other comes between."""
        self._stride = STRIDE

    @classmethod
    def opened(
        cls, path: Path, *, site: str, unit: Unit, run: str, budget: Budget | None, facts: RunFacts = NO_FACTS
    ) -> Self:
        """Open a ledger for a run, or go on with the run of that name.

        Raises:
            InputError: another process writes to it, or the place cannot be written.
            VerificationError: a line does not hold.
            PlanError: the run was opened at another site, for another unit, or with another budget; or it has no
                name, or no site.
        """
        writer = ChainWriter(path)
        try:
            book = book_of(writer.links, where=str(path))
            with as_told("such a run"):
                wanted = RunOpened(
                    site=site,
                    unit=unit,
                    run=run,
                    epsilon=None if budget is None else budget.epsilon,
                    delta=None if budget is None else budget.delta,
                    model=facts.model,
                    corpus=facts.corpus,
                    n_units=facts.n_units,
                )
            if run in book.runs:
                _require_same(book.runs[run].opened, wanted, path)
                event: Event = RunResumed(run=run, unconfirmed=len(book.runs[run].unconfirmed))
            else:
                event = wanted
            enter(writer, book, event)
        except BaseException:
            writer.close()
            raise
        return cls(writer, book, book.runs[run])

    def looking_no_further(self) -> Self:
        """Look for room for what is asked alone, and return the ledger: for who closes it after the next steps.

        It changes speed only: to look further takes seconds, and pays where many steps of a kind follow.
        """
        self._stride = 1
        return self

    def intend(self, step: StepEvent) -> int:
        """Write down, on disk, that steps are about to be taken; return the number to confirm them by.

        Raises:
            BudgetSpentError: they would exceed a budget; nothing was written.
        """
        self._require_room(step.mechanism)
        return self._enter(Intended(run=self._run.opened.run, steps=_written(step)))

    def confirm(self, number: int) -> None:
        """Write down that the steps were taken.

        Raises:
            VerificationError: no line of that number intends steps; nothing was written.
        """
        self._enter(Confirmed(intent=number))

    def search(self, search: SearchEvent) -> int:
        """Write down, on disk, that a hyper-parameter search is about to begin; its trials keep no ledger of their own.

        Raises:
            BudgetSpentError: it would exceed a budget; nothing was written.
        """
        if not self._fits(search.mechanism):
            raise self._spent_up(f"a search of {search.mean:g} trials on average")
        self._room = (None, 0)
        return self._enter(
            Searched(
                run=self._run.opened.run,
                steps=tuple(_written(step) for step in search.steps),
                mean=search.mean,
                shape=search.shape,
                score=None if search.score is None else _written(search.score),
            )
        )

    def spent(self, *, delta: float) -> Spent:
        """Return what all runs at this run's site have spent on its unit.

        Raises:
            PlanError: `delta` is not between 0 and 1.
        """
        return spent_at(self._book, site=self._run.opened.site, unit=self._run.opened.unit, delta=delta)

    @property
    def n_steps(self) -> int:
        """Steps that this run has intended, whether or not they were confirmed; those of searches apart."""
        return self._run.n_steps

    @property
    def n_searches(self) -> int:
        """Searches that this run has begun, whether or not any came to an end."""
        return len(self._run.searches)

    @property
    def head(self) -> str:
        """The digest of the last line: whoever keeps it elsewhere can tell whether lines were cut off the end."""
        return self._writer.head

    def close(self) -> None:
        """Let another process write."""
        self._writer.close()

    def __enter__(self) -> Self:
        """Return the ledger itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close it."""
        self.close()

    def _enter(self, event: Event) -> int:
        return enter(self._writer, self._book, event)

    def _require_room(self, step: SubsampledGaussian) -> None:
        """Find out whether steps stay within every budget, and keep for how many more that holds."""
        kind, room = self._room
        if kind != step.alike or room < step.n_times:
            room = self._found(step)
        self._room = (step.alike, room - step.n_times)

    def _found(self, step: SubsampledGaussian) -> int:
        """Return how many steps of this kind have room: all there is, or a stride of them."""
        wanted = max(step.n_times, self._stride)
        if self._fits(step.times(wanted)):
            self._stride *= 2
            return wanted
        if not self._fits(step):
            raise self._spent_up(f"{step.n_times:,} steps" if step.n_times > 1 else "the next step")
        return most(lambda n: self._fits(step.times(n)), fits=step.n_times, exceeds=wanted)

    def _fits(self, more: Mechanism) -> bool:
        return fits(self._book, self._run.opened, more)

    def _spent_up(self, what: str) -> BudgetSpentError:
        opened = self._run.opened
        said = "; ".join(
            f"{run.opened.run}: epsilon {run.budget.epsilon:g} at delta {run.budget.delta:g} on each {run.opened.unit}"
            for run in self._book.at(opened.site)
            if run.budget is not None
        )
        return BudgetSpentError(
            f"{what} would exceed the privacy budget",
            slug="budget-spent",
            where=f"{self._writer.path}, site {opened.site}, run {opened.run}",
            found=f"{self._run.n_steps:,} steps of this run, accounted for on each {opened.unit}",
            allowed=said,
            remedy="keep the model as it is; a new budget needs new data, for what was spent stays spent",
        )


def enter(writer: ChainWriter, book: Book, event: Event) -> int:
    """Enter an event into the account and write it; return the number of its line.

    The account comes first: a line that does not follow from those before would spoil the ledger for good, and where
    the writing fails the account in memory counts too much, never too little.

    Raises:
        VerificationError: it does not follow from the lines before; nothing was written.
    """
    book.take(writer.n_links, event, where=str(writer.path))
    return writer.append(event.model_dump(mode="json")).number


def _written(step: StepEvent) -> StepRecord:
    return StepRecord(
        noise_multiplier=step.noise_multiplier,
        sample_rate=step.sample_rate,
        clip_norm=step.clip_norm,
        sampler=step.sampler,
        neighbours=step.neighbours,
        n_times=step.n_times,
    )


def _require_same(opened: RunOpened, wanted: RunOpened, path: Path) -> None:
    """Refuse to go on with a run as what it was not opened as; what is left out now may have been said then."""
    for name in ("site", "unit", "epsilon", "delta", "model", "corpus", "n_units"):
        then, now = getattr(opened, name), getattr(wanted, name)
        if then != now and (now is not None or name in ("epsilon", "delta")):
            raise PlanError(
                f"the run {opened.run!r} was opened with another {name}",
                slug="plan-impossible",
                where=str(path),
                found=str(now),
                allowed=str(then),
                remedy="go on with what it was opened with, or open a run of another name",
            )
