"""Which ledgers of a folder are added up, and why: those of one site, whose patients may be in any of its corpora.

A ledger names no patient, so nothing in it shows that two trainings at a site met different people. What is said of a
site's patients in several ledgers is therefore their sum, and whoever knows better says so: by asking each ledger by
itself, or by a site for each group of patients and an attestation that these share nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from privacy.ledger.book import Book


def added_up(books: Mapping[str, Book]) -> Iterator[str]:
    """Yield one sentence for each site that several ledgers name, by the names of their files."""
    for site in dict.fromkeys(site for book in books.values() for site in book.sites):
        names = [name for name, book in books.items() if book.at(site)]
        if len(names) > 1:
            yield f"site {site}: {len(names)} ledgers are added up ({_few(names)}): {_why(books, site)}"


def _why(books: Mapping[str, Book], site: str) -> str:
    corpora = {run.opened.corpus for book in books.values() for run in book.at(site)}
    if corpora == {None}:
        return f"they name one site, and none says on which corpus it was. {_otherwise()}"
    if len(corpora) == 1:
        return "their trainings were on one corpus, so that every patient in it has lost by all of them"
    unsaid = ", some of them unnamed" if None in corpora else ""
    return (
        f"they name one site, and a patient may be in several of its {len(corpora)} corpora{unsaid} (two versions of "
        f"one corpus count as two). {_otherwise()}"
    )


def _otherwise() -> str:
    return (
        "If no patient is in two of them, ask each ledger by itself; give later trainings a site for each corpus "
        "(option site), and attest in the ledger of each that these share nobody (affidavit ledger attest)"
    )


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
