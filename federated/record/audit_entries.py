"""What a server writes down of a federated audit: who was asked for what, who answered, what came of it.

Law: names of sites, nodes, digests and sizes. No sum, no count of patients and no value of a vocabulary is in a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from affidavit.records import Record

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
What = Literal["vocabulary", "invitation", "counts"]
"""Which values a site has, whether it takes part, its sums."""


class AuditOpened(Record):
    """Server: which audit is about to be asked for, by which code."""

    kind: Literal["audit-opened"] = "audit-opened"
    run: str
    app: Digest | None = None
    """Of the bundle's bytes; absent where it runs without one."""
    plan: Digest
    """Of the plan's file, as officers approve it."""
    affidavit: str | None = None
    """Its version."""
    told: str
    """What the server sees: plain, secure or noised."""
    sites: Mapping[str, str] = Field(default_factory=dict)
    """Who may take part, with the key that each signs with under secure sums."""


class AuditAsked(Record):
    """Server: sites were asked."""

    kind: Literal["audit-asked"] = "audit-asked"
    what: What
    attempt: int = Field(ge=1)
    plan: str
    """Digest of the plan, or of the draft, that goes with the question."""
    sites: tuple[str, ...]
    """By name; by node where nobody said yet who is there."""


class AuditAnswered(Record):
    """Server: a site's answer was taken."""

    kind: Literal["audit-answered"] = "audit-answered"
    what: What
    attempt: int = Field(ge=1)
    site: str
    node: str
    """Its number at Flower, in decimals: beyond what a number in JSON can hold."""
    bytes: int = Field(ge=0)
    digest: Digest
    """Of what came, as the site's own record says it of what it sent."""


class AuditRefused(Record):
    """Server: a site declined, or its answer cannot be used."""

    kind: Literal["audit-refused"] = "audit-refused"
    what: What
    attempt: int = Field(ge=1)
    site: str
    because: str


class AuditSummed(Record):
    """Server: a secure sum of counts was opened; of its parts nothing was seen."""

    kind: Literal["audit-summed"] = "audit-summed"
    attempt: int = Field(ge=1)
    terms: str
    """Digest of what server and sites agreed on."""
    contributors: tuple[str, ...]
    dropped: dict[str, str]
    """Sites that were invited and did not go all the way, with the stage that they did not answer."""


class AuditAborted(Record):
    """Server: a secure sum did not come about, and nothing of any site was seen."""

    kind: Literal["audit-aborted"] = "audit-aborted"
    attempt: int = Field(ge=1)
    stage: str
    """Which of the five stages was the last one."""
    because: str
    missing: tuple[str, ...] = ()


class AuditEnded(Record):
    """Server: the sums are whole, and the report of this digest is about to be written."""

    kind: Literal["audit-ended"] = "audit-ended"
    run: str
    plan: str
    """Digest of the plan that was counted by."""
    sites: tuple[str, ...]
    """Whose sums are in it."""
    report: Digest


class AuditFailed(Record):
    """Server: there is no report."""

    kind: Literal["audit-failed"] = "audit-failed"
    run: str
    because: str


AuditEntry = (
    AuditOpened | AuditAsked | AuditAnswered | AuditRefused | AuditSummed | AuditAborted | AuditEnded | AuditFailed
)
NoteAudit = Callable[[AuditEntry], object]
"""Writes an entry down before anything is done that rests on it."""
