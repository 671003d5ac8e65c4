"""What was spent: epsilon at a delta, per site and unit and over all sites, with everything it is true of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from privacy.accounting.accountants import account
from privacy.accounting.answers import Answer, Bounded, Unbounded
from privacy.accounting.composition import across
from privacy.accounting.mechanisms import Mechanism, Neighbours, Sampler, neighbours_of
from privacy.ledger.book import Book, Run, not_disjoint
from privacy.ledger.events import SearchEvent, StepEvent, Unit

WITHIN_A_SITE: Final = (
    "replaced by somebody at the same sites: one replaced by somebody at another site changes the data of both, which "
    "the largest loss does not bound"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent, and what the number is true of."""

    answer: Answer
    delta: float
    unit: Unit
    neighbours: Neighbours = "add-remove"
    samplers: tuple[Sampler, ...] = ()
    """Of the steps, in order of the first; those of searches apart."""
    n_steps: int = 0
    """Steps taken or intended, those of searches apart."""
    searched: tuple[SearchEvent, ...] = ()
    """Hyper-parameter searches begun, whether or not they came to an end."""
    unconfirmed: int = 0
    """Intents that nobody confirmed; they are counted as spent."""
    sites: tuple[str, ...] = ()
    """The sites whose losses are in the number."""
    n_units: int | None = None
    """A number that there are no more units than, declared to be public; None where nobody knows one."""
    caveats: tuple[str, ...] = ()

    @property
    def n_searches(self) -> int:
        """Hyper-parameter searches begun."""
        return len(self.searched)

    @property
    def delta_fits(self) -> bool | None:
        """Whether delta is below one over the number of units, so that it promises something; None: nobody can tell."""
        return None if self.n_units is None else self.delta * self.n_units < 1

    @property
    def epsilon(self) -> float | None:
        """Epsilon, or None where nothing bounds the loss (`answer.because` says why)."""
        return self.answer.epsilon if isinstance(self.answer, Bounded) else None

    @property
    def accountants(self) -> tuple[str, ...]:
        """Who computed it, with versions."""
        return tuple(one.name for one in self.answer.accounts) if isinstance(self.answer, Bounded) else ()


def spent_at(book: Book, *, site: str, unit: Unit, delta: float, at_most: int | None = None) -> Spent:
    """Return what all runs at a site have spent on a unit; `at_most` units are there if the ledger declares no number.

    Raises:
        PlanError: `delta` is not between 0 and 1.
    """
    runs = book.at(site)
    mechanisms = tuple(one for run in runs for one in run.mechanisms)
    other = _other_units(runs, unit)
    answer = Unbounded(because=other) if other else account(mechanisms, delta=delta)
    declared = book.declared(unit, sites=(site,))
    spent = Spent(answer=answer, delta=delta, unit=unit, n_units=at_most if declared is None else declared)
    return _told(book, spent, sites=(site,))


def spent_overall(book: Book, *, unit: Unit, delta: float, at_most: int | None = None) -> Spent:
    """Return the most that a patient can have lost at all sites together; `at_most` as for `spent_at`, of all sites.

    Raises:
        PlanError: `delta` is not between 0 and 1.
    """
    declared = book.declared(unit)
    n_units = at_most if declared is None else declared
    every = tuple(book.runs.values())
    shared = not_disjoint(book)
    if other := _other_units(every, unit):
        unknown = Spent(answer=Unbounded(because=other), delta=delta, unit=unit, n_units=n_units)
        return _told(book, unknown, sites=book.sites)
    mechanisms = {site: _of(book, site) for site in book.sites}
    answer, sites = across(mechanisms, shared=frozenset(map(frozenset, shared)), delta=delta)
    spent = Spent(answer=answer, delta=delta, unit=unit, n_units=n_units, caveats=_how_composed(book, shared))
    return _told(book, spent, sites=sites)


def _of(book: Book, site: str) -> tuple[Mechanism, ...]:
    return tuple(one for run in book.at(site) for one in run.mechanisms)


def _how_composed(book: Book, shared: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    if len(book.sites) < 2:
        return ()
    said = (f"{', '.join(event.sites)}: {event.by}, {event.because}" for event in book.attested)
    attested = "; ".join(dict.fromkeys(said))
    if not shared:
        return (f"the largest of the sites' losses, for no patient is at two of them (attested: {attested})",)
    first = ", ".join(f"{one} and {other}" for one, other in shared[:3])
    rest = f" and {len(shared) - 3} more pairs" if len(shared) > 3 else ""
    return (f"losses are added where sites may share patients, and nobody attested that these do not: {first}{rest}",)


def _told(book: Book, spent: Spent, *, sites: tuple[str, ...]) -> Spent:
    """Put everything beside the number; `sites` are those whose losses are in it."""
    runs = tuple(run for site in sites for run in book.at(site))
    searched = tuple(one.event() for run in runs for one in run.searches)
    every = [*(step for run in runs for step in run.steps), *(step for one in searched for step in one.every)]
    neighbours = neighbours_of(tuple(step.mechanism for step in every))
    disagreement = spent.answer.disagreement if isinstance(spent.answer, Bounded) else None
    return replace(
        spent,
        neighbours=neighbours,
        samplers=tuple(dict.fromkeys(step.sampler for run in runs for step in run.steps)),
        n_steps=sum(run.n_steps for run in runs),
        searched=searched,
        unconfirmed=sum(len(run.unconfirmed) for run in runs),
        sites=sites,
        caveats=(
            *spent.caveats,
            *([disagreement] if disagreement else []),
            *_of_delta(spent),
            *_of_relation(every),
            *([WITHIN_A_SITE] if neighbours == "replace" and len(sites) < len(book.sites) else []),
        ),
    )


def _of_delta(spent: Spent) -> tuple[str, ...]:
    """Say where delta is too large for the declared number of units, or cannot be held against one."""
    unit, delta, n = spent.unit, spent.delta, spent.n_units
    if n is None:
        return (f"the number of {unit}s is not declared, so nobody can hold delta {delta:g} against it",)
    if spent.delta_fits:
        return ()
    return (f"delta {delta:g} is not below one over {n:,} {unit}s: it allows one of them to be published whole",)


def _of_relation(steps: list[StepEvent]) -> tuple[str, ...]:
    relations = {step.neighbours for step in steps}
    return ("steps of both neighbouring relations, all accounted for as replace",) if len(relations) > 1 else ()


def _other_units(runs: tuple[Run, ...], unit: Unit) -> str | None:
    """Say which runs were accounted for on another unit, so that nothing is known of this one."""
    others = [run.opened for run in runs if run.opened.unit != unit and run.mechanisms]
    if not others:
        return None
    named = ", ".join(f"{opened.run} ({opened.unit})" for opened in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"runs on the same people were accounted for on another unit: {named}{more}"
