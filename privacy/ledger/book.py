"""What a ledger's lines amount to: its runs, what each has taken or was about to take, and what was attested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Final, get_args

from affidavit.errors import TableError, VerificationError
from affidavit.hash_chain import Chain, Link, read_chain
from privacy.accounting.mechanisms import Mechanism
from privacy.ledger.events import (
    Budget,
    Confirmed,
    DisjointAttested,
    Event,
    Intended,
    LineTorn,
    RunOpened,
    RunResumed,
    Searched,
    StepEvent,
    Unit,
    WithdrawalNoted,
    read_event,
)

ROUNDS: Final = ".rounds.jsonl"
"""How a file ends that is no ledger, and lies beside the ledgers of sites: what became of a federation's rounds."""


@dataclass(kw_only=True)
class Run:
    """One run: everything that it was about to take, which is what it has spent."""

    opened: RunOpened
    steps: dict[StepEvent, int] = field(default_factory=dict)
    """Steps that are alike, and how many."""
    searches: list[Searched] = field(default_factory=list)
    unconfirmed: set[int] = field(default_factory=set)
    """Numbers of the lines with intents that nobody confirmed; they count."""
    resumed: int = 0

    def intend(self, number: int, step: StepEvent) -> None:
        """Count steps that were about to be taken."""
        alike = replace(step, n_times=1)
        self.steps[alike] = self.steps.get(alike, 0) + step.n_times
        self.unconfirmed.add(number)

    @property
    def n_steps(self) -> int:
        """Steps taken or intended, those of searches apart."""
        return sum(self.steps.values())

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """What the accountants see of it."""
        steps = tuple(one.mechanism.times(n) for one, n in self.steps.items())
        return (*steps, *(one.event().mechanism for one in self.searches))

    @property
    def budget(self) -> Budget | None:
        """What the site was said to spend at most when this run was opened."""
        return self.opened.budget


@dataclass(kw_only=True)
class Book:
    """The account of one ledger, or of several put together."""

    runs: dict[str, Run] = field(default_factory=dict)
    attested: list[DisjointAttested] = field(default_factory=list)
    withdrawals: dict[str, int] = field(default_factory=dict)
    """How many units were withdrawn, by site."""
    torn: int = 0
    """Lines that a crash cut off."""
    _intents: dict[int, str] = field(default_factory=dict)

    def take(self, number: int, event: Event, *, where: str) -> None:
        """Enter one line.

        Raises:
            VerificationError: it speaks of a run or of an intent that is not there.
        """
        match event:
            case RunOpened():
                if event.run in self.runs:
                    raise _strange(f"line {number + 1} opens the run {event.run!r} a second time", where)
                self.runs[event.run] = Run(opened=event)
            case RunResumed():
                self._run(event.run, number, where).resumed += 1
            case Intended():
                self._run(event.run, number, where).intend(number, event.steps.event())
                self._intents[number] = event.run
            case Confirmed():
                self._intending(event, number, where).unconfirmed.discard(event.intent)
            case Searched():
                self._run(event.run, number, where).searches.append(event)
            case WithdrawalNoted():
                self.withdrawals[event.site] = self.withdrawals.get(event.site, 0) + 1
            case DisjointAttested():
                self.attested.append(event)
            case LineTorn():
                self.torn += 1

    def _run(self, name: str, number: int, where: str) -> Run:
        if name not in self.runs:
            raise _strange(f"line {number + 1} speaks of the run {name!r}, which was not opened", where)
        return self.runs[name]

    def _intending(self, event: Confirmed, number: int, where: str) -> Run:
        if event.intent not in self._intents:
            raise _strange(f"line {number + 1} confirms line {event.intent + 1}, which intends nothing", where)
        return self.runs[self._intents[event.intent]]

    @property
    def sites(self) -> tuple[str, ...]:
        """Every site of a run, in order of the first."""
        return tuple(dict.fromkeys(run.opened.site for run in self.runs.values()))

    def units(self, site: str) -> tuple[Unit, ...]:
        """Return the units on which runs at a site were accounted for."""
        return tuple(dict.fromkeys(run.opened.unit for run in self.at(site)))

    @property
    def every_unit(self) -> tuple[Unit, ...]:
        """The units on which anything was accounted for, the patient first."""
        found = {run.opened.unit for run in self.runs.values()}
        return tuple(unit for unit in get_args(Unit) if unit in found)

    def declared(self, unit: Unit, *, sites: tuple[str, ...] | None = None) -> int | None:
        """Return a number that there are no more units than, at some sites or all; None where one of them told none.

        At a site the largest that any run declared; of several sites their sum, as if they shared nobody.
        """
        every = self.sites if sites is None else sites
        told = [max((run.opened.n_units or 0 for run in self.at(site, unit)), default=0) for site in every]
        return sum(told) if told and all(told) else None

    @property
    def stated_delta(self) -> float | None:
        """The smallest delta of any budget; None where there is no budget."""
        return min((run.budget.delta for run in self.runs.values() if run.budget is not None), default=None)

    def at(self, site: str, unit: Unit | None = None) -> tuple[Run, ...]:
        """Return the runs at a site, of one unit or of any."""
        return tuple(run for run in self.runs.values() if run.opened.site == site and unit in (None, run.opened.unit))

    def disjoint(self, one: str, other: str) -> bool:
        """Say whether it was attested that no patient is at both sites."""
        return any({one, other} <= set(event.sites) for event in self.attested)


def book_of(links: Iterable[Link], *, where: str) -> Book:
    """Return the account of a chain.

    Raises:
        VerificationError: a line holds no event, or one that does not follow from those before.
    """
    book = Book()
    for link in links:
        book.take(link.number, read_event(link.content, where=f"{where}, line {link.number + 1}"), where=where)
    return book


def read_chains(path: Path) -> dict[str, Chain]:
    """Read and verify a ledger file, or every `.jsonl` of a folder but records of rounds; by the name of the file.

    Raises:
        TableError: there is nothing to read.
        VerificationError: a line does not hold.
    """
    files = (
        [file for file in sorted(path.glob("*.jsonl")) if not file.name.endswith(ROUNDS)] if path.is_dir() else [path]
    )
    if not files:
        raise TableError(
            "there is no ledger in the folder",
            slug="file-not-found",
            where=str(path),
            allowed="a ledger, or a folder of ledgers named *.jsonl",
            remedy="check the path",
        )
    return {file.name: read_chain(file) for file in files}


def read_book(path: Path) -> Book:
    """Read ledgers as one account.

    Raises:
        TableError: there is nothing to read.
        VerificationError: a line does not hold, or two ledgers have a run of the same name.
    """
    return together(read_books(path))


def read_books(path: Path) -> dict[str, Book]:
    """Read each ledger by itself; by the name of its file.

    Raises:
        TableError: there is nothing to read.
        VerificationError: a line does not hold.
    """
    return {name: book_of(chain.links, where=name) for name, chain in read_chains(path).items()}


def together(books: Mapping[str, Book]) -> Book:
    """Return several accounts as one, in which runs are named with their sites: two sites may name theirs alike.

    That two sites share nobody counts where each attests it, in a ledger of its own; what one site says of another's
    patients is its word alone.

    Raises:
        VerificationError: two of them have a run of the same name at a site, so that one may be a copy of the other.
    """
    if len(books) == 1:
        return next(iter(books.values()))
    whole = Book()
    for where, book in books.items():
        runs = {f"{run.opened.site}: {run.opened.run}": run for run in book.runs.values()}
        if common := sorted(set(whole.runs) & set(runs)):
            raise VerificationError(
                f"the run {common[0]!r} is in another ledger too",
                slug="digest-mismatch",
                where=where,
                allowed="each run of a site in one ledger",
                remedy="take the copy out of the folder; if it is none, give each run of a site a name of its own",
            )
        whole.runs |= runs
        whole.torn += book.torn
        for site, n in book.withdrawals.items():
            whole.withdrawals[site] = whole.withdrawals.get(site, 0) + n
    whole.attested = list(_attested_by_both(tuple(books.values())))
    return whole


def _attested_by_both(books: tuple[Book, ...]) -> Iterator[DisjointAttested]:
    """Yield the pairs of sites that share nobody by the word of each: a ledger speaks for sites whose runs it has."""
    sites = sorted({site for book in books for site in book.sites})
    for pair in combinations(sites, 2):
        said = [_word_of(site, pair, books) for site in pair]
        if all(said):
            by, because = (" and ".join(dict.fromkeys(words)) for words in zip(*filter(None, said), strict=True))
            yield DisjointAttested(sites=pair, by=by, because=because)


def _word_of(site: str, pair: tuple[str, str], books: tuple[Book, ...]) -> tuple[str, str] | None:
    """Return who attests it in a ledger of the site, and from what; None where nobody does."""
    own = (event for book in books if site in book.sites for event in book.attested)
    return next(((event.by, event.because) for event in own if set(pair) <= set(event.sites)), None)


def not_disjoint(book: Book) -> tuple[tuple[str, str], ...]:
    """Return the pairs of sites that may share patients, for all that was attested."""
    return tuple((one, other) for one, other in combinations(book.sites, 2) if not book.disjoint(one, other))


def _strange(what: str, where: str) -> VerificationError:
    return VerificationError(
        what,
        slug="digest-mismatch",
        where=where,
        remedy="trust the lines before it, and ask whoever keeps the ledger how it came about",
    )
