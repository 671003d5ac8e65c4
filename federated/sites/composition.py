"""The most that a patient can have lost at all sites together, from the sites' own ledgers or from what they told.

Two sites share nobody where *both* attest it, each in its own ledger; anything less, and their losses are added. What
one site or the coordinator says of another's patients is no attestation of that other one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from affidavit.errors import PlanError
from privacy.accounting.composition import cliques
from privacy.ledger.book import Book, read_book, together
from privacy.ledger.events import DisjointAttested
from privacy.ledger.spending import Spent, spent_overall


def lost_overall(ledgers: Mapping[str, Path], *, delta: float) -> Spent:
    """Return the most that a patient can have lost at these sites, each with its ledger, at one delta for all of it.

    Raises:
        TableError: a ledger is not there.
        VerificationError: a ledger does not hold, or two of them have one run of a site.
        PlanError: a ledger speaks of another site than its own, or `delta` is not between 0 and 1.
    """
    books = {site: read_book(path) for site, path in ledgers.items()}
    for site, book in books.items():
        _require_own(site, book)
    whole = together(books) if len(books) > 1 else _copied(books)
    whole.attested = list(mutual(books))
    return spent_overall(whole, unit="patient", delta=delta)


def mutual(books: Mapping[str, Book]) -> Iterable[DisjointAttested]:
    """Yield the pairs of sites of which each attests that it shares no patient with the other."""
    for one, other in combinations(sorted(books), 2):
        said = [_of(books[site], one, other) for site in (one, other)]
        if said[0] is not None and said[1] is not None:
            by, because = (
                " and ".join(dict.fromkeys(words)) for words in zip(*(_words(e) for e in said if e), strict=True)
            )
            yield DisjointAttested(sites=(one, other), by=by, because=because)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLoss:
    """What can be said where sites tell an epsilon each and keep their ledgers."""

    epsilon: float | None
    """None where a site that may share patients told none, or nobody told anything."""
    delta: float
    """Deltas add up too."""
    sites: tuple[str, ...]
    """At which a patient would lose that much."""
    because: str


def lost_as_told(
    epsilons: Mapping[str, float | None], *, delta: float, disjoint: frozenset[frozenset[str]] = frozenset()
) -> ToldLoss:
    """Return the most that a patient can have lost, each site having told epsilon at `delta`.

    `disjoint` are the pairs of sites that both attested. Basic composition: coarser than one account of all steps, and
    all there is where only the sums are told.
    """
    shared = frozenset(frozenset(pair) for pair in combinations(epsilons, 2)) - disjoint
    groups = list(cliques(tuple(sorted(epsilons)), shared))
    silent = sorted(site for site, epsilon in epsilons.items() if epsilon is None)
    if silent or not groups:
        words = f"no epsilon was told by {', '.join(silent)}" if silent else "no site told anything"
        return ToldLoss(epsilon=None, delta=delta, sites=tuple(silent), because=words)
    sums = {group: sum(epsilons[site] or 0.0 for site in group) for group in groups}
    worst = max(sorted(groups), key=lambda group: sums[group])
    most = max(map(len, groups))
    words = (
        "the largest of the sites' losses: every two attested that they share no patient"
        if most == 1
        else "losses and deltas are added over sites of which not every two attested that they share no patient"
    )
    return ToldLoss(epsilon=sums[worst], delta=most * delta, sites=worst, because=words)


def _of(book: Book, one: str, other: str) -> DisjointAttested | None:
    return next((event for event in book.attested if {one, other} <= set(event.sites)), None)


def _words(event: DisjointAttested) -> tuple[str, str]:
    return event.by, event.because


def _copied(books: Mapping[str, Book]) -> Book:
    return Book(runs={name: run for book in books.values() for name, run in book.runs.items()})


def _require_own(site: str, book: Book) -> None:
    strange = sorted(set(book.sites) - {site})
    if strange:
        raise PlanError(
            "a site's ledger speaks of another site",
            slug="plan-impossible",
            where=f"the ledger of {site}",
            found=", ".join(strange),
            allowed=site,
            remedy="give each site's own ledger under its own name",
        )
