"""What does a run's ledger promise? Epsilon at a delta, per site and composed, with everything it is true of.

`accounted_epsilon` is an upper bound that follows from noise, clipping, sampling and the number of steps; it is no
estimate, and has no interval. It is told only from a ledger whose every line holds: a run without one is refused, and
nothing of it may be called differential privacy. A criterion decides on the number itself, but not where delta is not
below one over the number of units, where nobody declared that number, or where the accountants differ: there it stays
informative.

How each site's epsilon grew, entry by entry of its ledger, is the exhibit `privacy-spending`, and is drawn.

Which ledger is a run's, the plan says; where it names none for a model that it trained, those are read that the model's
card names, one for each site of a federation.

What it cannot see: whether the training did what it wrote down (privacy.dpsgd.inspections, and attacks, ask that),
whatever was released beside the model, lines that were cut off the end of a ledger whose head nobody kept.

Source: Abadi et al. 2016; Gopi et al. 2021 and Koskela et al. 2020 (accountants); Papernot and Steinke 2022 (searches).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import Field

from affidavit.case import Case
from affidavit.claims import exactly
from affidavit.errors import PlanError, VerificationError
from affidavit.examinations import Claim, FunctionExamination, Testimony, finding_id
from affidavit.hash_chain import Chain
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Estimate, Finding, Interval, Record, Refusal, Verdict
from privacy.accounting.answers import Bounded, Unbounded
from privacy.canaries.instruments import instruments_exhibit
from privacy.ledger.beside import ledgers_beside
from privacy.ledger.book import Book, book_of, read_chains, together
from privacy.ledger.exhibits import (
    Row,
    account_rows,
    accounts_table,
    ledger_rows,
    ledgers_table,
    spending_row,
    spending_table,
)
from privacy.ledger.spending import Spent, spent_at, spent_overall
from privacy.ledger.timeline import timeline
from privacy.ledger.words import promise

NAME: Final = "privacy-ledger"
VERSION: Final = "1"
METRIC: Final = "accounted_epsilon"
SOURCE: Final = "Abadi et al. 2016; Gopi et al. 2021; Doroshenko et al. 2022; Papernot, Steinke 2022"
NO_INTERVAL: Final = "an upper bound that follows from noise and steps, not an estimate from a sample"
BESIDE: Final = (
    "what attacks find is not in this number: read it beside an empirical lower bound and that bound's ceiling"
)


class LedgerOptions(Record):
    """The options of this examination in a plan."""

    ledger: str | dict[str, str] | None = None
    """The run's ledger, or a folder of ledgers, one a site; where there are several runs, by run. Where none is named,
    those of the model that the plan trained."""
    delta: float | None = Field(default=None, gt=0, lt=1)
    """At which delta; the smallest of the ledger's budgets where absent."""
    at_most_units: int | None = Field(default=None, ge=1)
    """A public number that there are no more units than, for a ledger that declares none: delta is held against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The ledgers of one run: every line, and what they amount to."""

    chains: Mapping[str, Chain]
    book: Book


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without a ledger, one whose ledger does not hold, and one at which nobody has said which delta."""
    options = read_options(LedgerOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs
    read = _read(case, options, run)
    if isinstance(read, Refusal):
        return read
    if _delta(options, read.book) is None:
        return Refusal(
            examination=NAME,
            because="no delta is given, and no run of the ledger has a budget that says one",
            remedy="give the option delta, below one over the number of units, such as 1e-5",
        )
    return None


def examine(case: Case) -> Testimony:
    """Tell of every run what its ledger promises."""
    options = read_options(LedgerOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    accounts: list[tuple[str, Spent]] = []
    books: dict[str, Book] = {}
    grown: list[Row] = []
    for done, run in enumerate(case.runs, start=1):
        kept = _read(case, options, run)
        delta = None if isinstance(kept, Refusal) else _delta(options, kept.book)
        if isinstance(kept, Refusal) or delta is None:
            raise TypeError("a run that was refused is examined")
        books[run] = kept.book
        for site, spent in _every(kept.book, delta, options.at_most_units):
            accounts.append((run, spent))
            claims.append(_claim(case.runs[run], site, spent))
        grown += [spending_row(run, after) for after in timeline(kept.chains, delta=delta)]
        case.progress("accounting", done, len(case.runs))
    rows = [row for run, book in books.items() for row in ledger_rows(run, book)]
    told = [row for run, spent in accounts for row in account_rows(run, spent)]
    exhibits = (ledgers_table(rows), accounts_table(told), spending_table(grown), instruments_exhibit())
    return Testimony(claims=tuple(claims), exhibits=exhibits)


def _read(case: Case, options: LedgerOptions, run: str) -> _Kept | Refusal:
    """Return a run's ledgers.

    Raises:
        PlanError: one ledger is named for several runs.
        TableError: there is nothing where it is named.
    """
    named = options.ledger.get(run) if isinstance(options.ledger, dict) else options.ledger
    if isinstance(options.ledger, str) and len(case.book.runs) > 1:
        raise PlanError(
            "one ledger is named for several runs",
            slug="plan-impossible",
            where=f"examination {NAME}, option ledger",
            found=", ".join(case.book.runs),
            allowed="a ledger by run",
            remedy=f"write ledger: {{{run}: {named}}}, and leave out the runs that have none",
        )
    places = ledgers_beside(case.trained_on.get(run)) if named is None else (case.folder / Path(named),)
    lost = [place.name for place in places if named is None and not place.is_file()]
    if lost or not places:
        because = f"the model's card names {', '.join(lost)}, not found beside it" if lost else "there is no ledger"
        return Refusal(
            examination=NAME,
            because=f"{because}: nothing of this run may be called differential privacy",
            remedy="ask whoever trained the model for the ledger that was written with each step (option ledger)",
        )
    try:
        chains = {name: chain for place in places for name, chain in read_chains(place).items()}
        book = together({name: book_of(chain.links, where=name) for name, chain in chains.items()})
    except VerificationError as error:
        return Refusal(
            examination=NAME,
            because=f"the ledger does not hold: {error.what}",
            remedy="ask whoever keeps it for an untouched copy; without one, nothing of this run may be called "
            "differential privacy",
        )
    if not any(one.mechanisms for one in book.runs.values()):
        return Refusal(
            examination=NAME,
            because="the ledger has no step in it",
            remedy="ask for the ledger of the training that made the model",
        )
    return _Kept(chains=chains, book=book)


def _delta(options: LedgerOptions, book: Book) -> float | None:
    return options.delta if options.delta is not None else book.stated_delta


def _every(book: Book, delta: float, at_most: int | None) -> list[tuple[str | None, Spent]]:
    """Return what was spent at each site, and over all of them; the site is None for the latter."""
    told: list[tuple[str | None, Spent]] = [
        (None, spent_overall(book, unit=unit, delta=delta, at_most=at_most)) for unit in book.every_unit
    ]
    if len(book.sites) > 1:
        told += [
            (site, spent_at(book, site=site, unit=unit, delta=delta, at_most=at_most))
            for site in book.sites
            for unit in book.units(site)
        ]
    return told


def _claim(run: Predictions, site: str | None, spent: Spent) -> Claim:
    answer = spent.answer
    why = answer.because if isinstance(answer, Unbounded) else NO_INTERVAL
    estimate = Estimate(value=spent.epsilon, why_no_interval=why, n=0, n_clusters=spent.n_units)
    groups = {} if site is None else {"site": site}
    unbounded = isinstance(answer, Unbounded)
    finding = Finding(
        id=finding_id(run.run, run.conditions[0], NAME, METRIC, spent.unit, groups=groups),
        examination=NAME,
        method_version=VERSION,
        metric=METRIC,
        higher_is_better=False,
        run=run.run,
        condition=run.conditions[0],
        groups=groups,
        estimate=estimate,
        verdict=Verdict.INCONCLUSIVE if unbounded else Verdict.INFORMATIVE,
        because=why if unbounded else None,
        source=SOURCE,
        caveats=(*promise(spent), BESIDE),
    )
    return Claim(finding=finding, interval_at=partial(_exact, answer), barred=_barred(spent))


def _exact(answer: Bounded | Unbounded, level: float) -> Interval | str:
    """Return the number as the interval that a criterion decides by: it is computed, and holds at any level."""
    if isinstance(answer, Unbounded):
        return answer.because
    return exactly(answer.epsilon, method="computed, not estimated")(level)


def _barred(spent: Spent) -> str | None:
    """Say why no criterion may decide on the number."""
    if spent.delta_fits is None:
        return (
            f"nobody declared how many {spent.unit}s there are at most, so that delta {spent.delta:g} may promise "
            "nothing: give the option at_most_units"
        )
    if not spent.delta_fits:
        return f"delta {spent.delta:g} is not below one over the declared number of {spent.unit}s"
    return spent.answer.disagreement if isinstance(spent.answer, Bounded) else None


EXAMINATION = FunctionExamination(
    name=NAME,
    title="What the privacy ledger promises",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset({METRIC}),
    tasks=frozenset(Task),
    function=examine,
    refusal=refuses,
    on_request=True,
)
