"""What is noted in a ledger beside steps: that a unit was withdrawn, and that sites share no patient."""

from __future__ import annotations

from pathlib import Path

from affidavit.hash_chain import ChainWriter
from privacy.ledger.book import book_of
from privacy.ledger.events import DisjointAttested, Event, WithdrawalNoted, as_told
from privacy.ledger.ledger import enter


def note_withdrawal(path: Path, *, site: str) -> int:
    """Note that one unit of a site was withdrawn, not which; what it lent to earlier steps stays spent.

    Raises:
        InputError: another process writes to the ledger, or the place cannot be written.
        VerificationError: a line does not hold.
        PlanError: the site has no name.
    """
    with as_told("such a withdrawal"):
        noted = WithdrawalNoted(site=site)
    return _note(path, noted)


def attest_disjoint(path: Path, *, sites: tuple[str, ...], by: str, because: str) -> int:
    """Note who attests, and from what, that no patient is at two of these sites.

    Raises:
        InputError: another process writes to the ledger, or the place cannot be written.
        VerificationError: a line does not hold.
        PlanError: there are not two different sites, or nobody is said to attest it.
    """
    with as_told("such an attestation"):
        attested = DisjointAttested(sites=sites, by=by, because=because)
    return _note(path, attested)


def _note(path: Path, event: Event) -> int:
    with ChainWriter(path) as writer:
        return enter(writer, book_of(writer.links, where=str(path)), event)
