"""The laws of a federated audit's record: nobody counts who was not asked, once each, and a report is over who counted.

Followed entry by entry beside those of rounds (`federated.record.laws`); entries of other kinds change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from affidavit.records import Record
from federated.record.audit_entries import (
    AuditAborted,
    AuditAnswered,
    AuditAsked,
    AuditEnded,
    AuditFailed,
    AuditOpened,
    AuditSummed,
)

OPENING = "unmask"
"""The stage at which sites give what opens a sum: after it, no other sum of the plan is asked for."""


@dataclass(slots=True)
class Audits:
    """One audit as it goes on."""

    run: str | None = None
    """None before one is opened, and after its end."""
    asked: set[str] = field(default_factory=set)
    counted: list[str] = field(default_factory=list)
    over: bool = False
    """Whether a sum was opened, or asked to be: then no site is asked to count again."""

    def follow(self, entry: Record) -> Iterator[str]:
        """Yield what an entry breaks, in words."""
        match entry:
            case AuditOpened():
                self.run, self.asked, self.counted, self.over = entry.run, set(), [], False
            case AuditAsked() | AuditAnswered() | AuditSummed() | AuditAborted() | AuditEnded() | AuditFailed():
                if self.run is None:
                    yield "it is of an audit, and none was opened"
                yield from self._within(entry)

    def _within(self, entry: Record) -> Iterator[str]:
        match entry:
            case AuditAsked(what="counts"):
                if self.over:
                    yield "sites were asked to count after their sum was opened"
                self.asked |= set(entry.sites)
            case AuditAnswered(what="counts"):
                yield from self._count([entry.site])
            case AuditSummed():
                self.over = True
                yield from self._count(entry.contributors)
            case AuditAborted():
                self.over = self.over or entry.stage == OPENING
            case AuditEnded():
                yield from self._end(entry)
            case AuditFailed():
                self.run = None

    def _count(self, sites: Sequence[str]) -> Iterator[str]:
        for site in sites:
            if site in self.counted:
                yield f"{site} was counted twice"
            if site not in self.asked:
                yield f"{site} was counted and was not asked"
        self.counted += sites

    def _end(self, entry: AuditEnded) -> Iterator[str]:
        if self.run is not None and entry.run != self.run:
            yield "it ends another audit than the one that was opened"
        if sorted(entry.sites) != sorted(self.counted):
            told, counted = (", ".join(sorted(names)) or "nobody" for names in (entry.sites, self.counted))
            yield f"its report is over {told}, and {counted} counted"
        self.run = None
