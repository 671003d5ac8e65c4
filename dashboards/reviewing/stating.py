"""What people state about a report, by its digest: that they asked for it, read it, approve or refuse it.

Laws, those of a bundle's signatures (`reports.trust.signatures`) before anybody signs: one person asked; an approver is
neither who asked nor a reviewer of it; all statements of a report stand behind each other, so that whoever approves has
seen what others stated before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from affidavit.errors import PlanError
from dashboards.access.people import Person, Right
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Entry, Kind, Subject
from dashboards.reviewing.doing import Doing
from reports.trust.parties import Role as Signer
from reports.trust.parties import plain_name


class Statement(StrEnum):
    """What somebody states."""

    REQUESTED = "asked for it"
    READ = "read it"
    APPROVED = "approves it"
    REFUSED = "refuses it"
    TAKEN_BACK = "takes back what they stated"


SIGNS_AS: Final[Mapping[Statement, Signer]] = {
    Statement.REQUESTED: Signer.REQUESTER,
    Statement.READ: Signer.REVIEWER,
    Statement.APPROVED: Signer.APPROVER,
}
"""Statements that a signature can be put to, and as what; whoever refuses signs nothing."""
_DECIDES: Final = frozenset({Statement.APPROVED, Statement.REFUSED})


def subject_of(report: str) -> Subject:
    """Return what statements of a report are kept under, by its digest."""
    return Subject(kind=Kind.SIGN_OFF, about=report, name=report)


def standing(history: Iterable[Entry]) -> dict[str, Entry]:
    """Return person to the last statement of theirs, of those who took none back."""
    last: dict[str, Entry] = {}
    for entry in history:
        last[plain_name(entry.person)] = entry
    return {who: entry for who, entry in last.items() if entry.act != Statement.TAKEN_BACK}


def requester_of(history: Iterable[Entry]) -> str | None:
    """Return who asked for the audit, as far as they said so."""
    return next((entry.person for entry in standing(history).values() if entry.act == Statement.REQUESTED), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was stated of a report as somebody saw it, and who else has a part in it."""

    history: tuple[Entry, ...]
    others: tuple[tuple[str, Signer], ...] = ()
    """Name and role of whoever signed the bundle, whom its signatures name, and who reviewed its rationales."""


def state(report: str, statement: Statement, doing: Doing, *, part: Standing, book: RecordBook) -> Entry:
    """Keep a statement; a decision has a reason.

    Args:
        report: the digest of the report.
        statement: what is stated.
        doing: who states it, and why.
        part: what they saw of others' statements.
        book: the records.

    Raises:
        PlanError: it would break a rule. EditConflictError: somebody stated something meanwhile.
    """
    broken = why_not(statement, by=doing.by, part=part)
    if broken is None and statement in _DECIDES and doing.reason is None:
        broken = "no reason, and a decision has one"
    if broken is not None:
        raise PlanError(
            "this cannot be stated by you like that",
            slug="records-rule",
            where="sign-off",
            found=broken,
            allowed="one who asked; an approver who neither asked nor reviewed, with a reason",
            remedy="give the reason, or let another person state it; nothing was written",
        )
    change = Change(
        subject=subject_of(report), act=statement.value, person=doing.by.name, at=doing.at, reason=doing.reason
    )
    return book.append(change, seen=len(part.history))


def why_not(statement: Statement, *, by: Person, part: Standing) -> str | None:
    """Return why somebody may not state something; None where they may."""
    own, stands = plain_name(by.name), standing(part.history)
    if statement is Statement.TAKEN_BACK:
        return None if own in stands else "you stated nothing that stands"
    if own in stands and stands[own].act == statement:
        return "you stated that already"
    if statement in _DECIDES:
        return _not_apart(own, part) if by.may(Right.APPROVE) else f"{by.name} is {by.role}"
    if own in stands and stands[own].act in _DECIDES:
        return "you decided on it: take that back first"
    asked = requester_of(part.history)
    if statement is Statement.REQUESTED and asked is not None and plain_name(asked) != own:
        return f"{asked} asked for it"
    return None


def _not_apart(own: str, part: Standing) -> str | None:
    """Return which part somebody has in a report that keeps them from deciding on it; taking back does not undo it."""
    acts = {entry.act for entry in part.history if plain_name(entry.person) == own}
    roles = {role for name, role in part.others if plain_name(name) == own}
    if Statement.REQUESTED in acts or Signer.REQUESTER in roles:
        return "you asked for this audit: another person decides on it"
    if Statement.READ in acts or Signer.REVIEWER in roles:
        return "you are a reviewer of it: another person decides on it"
    return None
