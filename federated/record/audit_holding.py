"""Do a server and its sites tell the same story of an audit? What the one took is what the other says it sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from federated.record.audit_entries import AuditAnswered, AuditOpened, AuditSummed, What
from federated.record.entries import Sent
from federated.record.log import Log

TYPES: Final[Mapping[What, str]] = {
    "vocabulary": "evaluate.vocabulary",
    "invitation": "query.audit",
    "counts": "evaluate.counts",
}
"""The message whose reply an entry is of. Written out, so that a log is read without Flower."""
MASKED: Final = "evaluate.counts_masked"
"""The stage of a secure sum in which a site's numbers leave, masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditsHeld:
    """What came of holding the audits of logs against each other."""

    agreeing: int
    """Answers that server and site name by the same digest."""
    contradictions: tuple[str, ...]
    missing: frozenset[str]
    """Sites whose answers were taken, and whose log is not there."""


def audits_held(server: Log, sites: Mapping[str, Log]) -> AuditsHeld:
    """Hold what a server says of its audits against the logs of sites, by name."""
    run, agreeing = "", 0
    against: list[str] = []
    named: set[str] = set()
    for line in server.lines:
        entry = line.entry
        run = entry.run if isinstance(entry, AuditOpened) else run
        if isinstance(entry, AuditAnswered):
            named.add(entry.site)
            if entry.site in sites:
                said = _sent(sites[entry.site], run, TYPES[entry.what])
                agreeing += entry.digest in said
                against += [] if entry.digest in said else [_differs(entry, said)]
        elif isinstance(entry, AuditSummed):
            named |= set(entry.contributors)
            against += [
                f"audit: {site} is in the server's sum, and its log says that it sent no masked counts"
                for site in entry.contributors
                if site in sites and not _sent(sites[site], run, MASKED)
            ]
    return AuditsHeld(agreeing=agreeing, contradictions=tuple(against), missing=frozenset(named - set(sites)))


def _sent(log: Log, run: str, what: str) -> list[str]:
    return [one.digest for one in log.of(Sent) if (one.run, one.what) == (run, what)]


def _differs(entry: AuditAnswered, said: list[str]) -> str:
    told = f"says {', '.join(map(_short, said))}" if said else "says it sent none"
    return f"audit, {entry.what}: the server took {_short(entry.digest)} of {entry.site}, whose log {told}"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
