"""How a site's epsilon grew: what was spent after each entry of its ledger that costs something.

An entry is whatever was written down before it was done: a round of a federated training, steps of one at a single
place, a noisy count, a hyper-parameter search. Each is told with all that was written at the site before it, composed
by the same accountants as the whole. Of a ledger with many entries so many are told as `MOST_TOLD` says, evenly spread,
the first and the last among them: to compose takes about a second each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from affidavit.hash_chain import Chain
from privacy.ledger.book import Book, Run
from privacy.ledger.events import Event, Intended, Searched, read_event
from privacy.ledger.spending import Spent, spent_at

MOST_TOLD: Final = 16
"""Entries of one site that are told at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentAfter:
    """What had been spent at a site after one entry."""

    entry: int
    """From 1, of those at this site that cost something, in whichever ledger."""
    n_entries: int
    """How many there are at this site."""
    training: str
    """The run of the ledger that the entry is of."""
    searching: bool
    """Whether it is a hyper-parameter search, and not steps."""
    site: str
    budget: float | None
    """The smallest epsilon that was said for the site at this delta; None where there is none at this delta."""
    spent: Spent


@dataclass(slots=True)
class _Following:
    """Ledgers, followed line by line."""

    book: Book = field(default_factory=Book)
    """Every line up to here, runs named with their ledgers."""
    entries: Counter[str] = field(default_factory=Counter)
    """Of each site, up to here."""

    def follow(self, chains: Mapping[str, Chain]) -> Iterator[tuple[Run, bool]]:
        """Yield the run and kind of each entry that costs something, right after it was entered."""
        for name, chain in chains.items():
            own = Book()
            for link in chain.links:
                event = read_event(link.content, where=f"{name}, line {link.number + 1}")
                own.take(link.number, event, where=name)
                self.book.runs |= {f"{name}: {run}": kept for run, kept in own.runs.items()}
                if (run := _costs(own, event)) is not None:
                    self.entries[run.opened.site] += 1
                    yield run, isinstance(event, Searched)


def timeline(chains: Mapping[str, Chain], *, delta: float) -> tuple[SpentAfter, ...]:
    """Return what was spent at each site after each entry that is told, ledger by ledger in their order.

    Args:
        chains: ledgers that hold, by name; of several that name one site the earlier ones count as written before.
        delta: at which delta.

    Raises:
        PlanError: `delta` is not between 0 and 1.
        VerificationError: a line holds no event of a ledger.
    """
    counting = _Following()
    for _ in counting.follow(chains):
        pass
    told = {site: _spread(n) for site, n in counting.entries.items()}
    following, found = _Following(), []
    for run, searching in following.follow(chains):
        site, unit = run.opened.site, run.opened.unit
        entry = following.entries[site]
        if entry not in told[site]:
            continue
        found.append(
            SpentAfter(
                entry=entry,
                n_entries=counting.entries[site],
                training=run.opened.run,
                searching=searching,
                site=site,
                budget=_budget(following.book.at(site), delta),
                spent=spent_at(following.book, site=site, unit=unit, delta=delta),
            )
        )
    return tuple(found)


def _costs(book: Book, event: Event) -> Run | None:
    return book.runs[event.run] if isinstance(event, Intended | Searched) else None


def _spread(n: int) -> frozenset[int]:
    """Return which of n entries are told.

    >>> sorted(_spread(3)), len(_spread(1000)), max(_spread(1000))
    ([1, 2, 3], 16, 1000)
    """
    if n <= MOST_TOLD:
        return frozenset(range(1, n + 1))
    return frozenset(1 + round(i * (n - 1) / (MOST_TOLD - 1)) for i in range(MOST_TOLD))


def _budget(runs: Sequence[Run], delta: float) -> float | None:
    """Return the smallest epsilon of the budgets at this delta; one at another delta is no line in the same picture."""
    budgets = [run.budget for run in runs if run.budget is not None]
    return min((budget.epsilon for budget in budgets if budget.delta == delta), default=None)
