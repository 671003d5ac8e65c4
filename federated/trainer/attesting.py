"""What the trainer attests in each site's ledger, since it has every patient at hand: that nobody is at two sites.

Without that, whoever reads the ledgers has to add the sites' losses. It is attested of one corpus: a ledger that counts
a training on another one, in which somebody may be at another site, is not attested in, and none that is attested in
goes on with another corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from affidavit.errors import PlanError
from federated.trainer.houses import House
from federated.trainer.parts import Parts
from privacy.ledger.book import Book, read_book
from privacy.ledger.notes import attest_disjoint

BY: Final = "the trainer `federated`, which had the patients of every site at hand"


def attest(house: House, parts: Parts) -> None:
    """Note in every site's ledger that nobody is at two sites, once, and only where it is so.

    Raises:
        AffidavitError: a ledger does not hold, or is another process's at this moment.
    """
    sites = tuple(part.site for part in parts.sites)
    if parts.shared or len(sites) < 2:
        return
    books = dict(_ledgers(house, parts))
    if any(_others(book, house.corpus) for book in books.values()):
        return
    for path, book in books.items():
        if not _attested(book):
            attest_disjoint(path, sites=sites, by=BY, because=f"nobody of the corpus {_short(house.corpus)} is at two")


def require_attested_of(house: House, parts: Parts) -> None:
    """Refuse to train into ledgers that were attested in for another corpus.

    Raises:
        PlanError: one was.
        VerificationError: a ledger does not hold.
    """
    for path, book in _ledgers(house, parts):
        if _attested(book) and _others(book, house.corpus):
            raise PlanError(
                "the ledgers beside this training say of another corpus that nobody in it is at two sites",
                slug="plan-impossible",
                where=path.name,
                found=f"corpus {house.corpus}",
                allowed=", ".join(sorted({str(run.opened.corpus) for run in book.runs.values()})),
                remedy="name another folder for this training (out); keep the ledgers: what they count stays spent",
            )


def _ledgers(house: House, parts: Parts) -> Iterator[tuple[Path, Book]]:
    for part in parts.sites:
        path = house.ledger(part.site)
        if path.is_file():
            yield path, read_book(path)


def _attested(book: Book) -> bool:
    return any(event.by == BY for event in book.attested)


def _others(book: Book, corpus: str) -> bool:
    return any(run.opened.corpus != corpus for run in book.runs.values())


def _short(digest: str) -> str:
    """Return the first of a digest's digits: the whole of it stands in the ledger where each training begins."""
    kind, _, digits = digest.rpartition(":")
    return f"{kind}:{digits[:12]}" if kind else digits[:12]
