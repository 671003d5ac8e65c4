"""Waivers that are asked for at the desk and approved by a second person; a file of them is for `affidavit gate`.

WORKSPACE/waivers/<digest of the report>.yaml

Laws: whoever asked does not approve; an approval is of what was asked and of nothing that changed meanwhile; a waiver
has a last day. The file is always what the records say, and is written anew from them.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import yaml
from pydantic import Field

from affidavit.errors import PlanError
from affidavit.files import replacing
from affidavit.records import Record
from dashboards.access.people import Person, Right
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Entry, Kind, Moment, Subject
from dashboards.reviewing.doing import Doing
from reports.gate.waivers import Waiver
from reports.trust.parties import plain_name

FOLDER: Final = "waivers"
ASKED: Final = "asked for it"
APPROVED: Final = "approved it"
REFUSED: Final = "refused it"
WITHDRAWN: Final = "withdrew it"
LEAST_REASON: Final = 10
"""Characters, as `affidavit gate` demands."""


class Asked(Record):
    """What a waiver is asked for."""

    criterion: str = Field(min_length=1)
    finding: str | None = None
    """All that the criterion binds where absent."""
    last_day: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverCase:
    """One waiver and what became of it."""

    subject: Subject
    history: tuple[Entry, ...]

    @classmethod
    def of(cls, subject: Subject, book: RecordBook) -> Self:
        """Return a waiver as it stands."""
        return cls(subject=subject, history=book.history(subject))

    def as_of(self, version: int) -> WaiverCase:
        """Return it as it was at a version."""
        return WaiverCase(subject=self.subject, history=self.history[:version])

    @property
    def first(self) -> Entry:
        """Who asked, when and why."""
        return self.history[0]

    @property
    def latest(self) -> Entry:
        """What stands there now."""
        return self.history[-1]

    @property
    def asked(self) -> Asked:
        """What was asked for."""
        return Asked.model_validate(self.first.content)

    @property
    def waiver(self) -> Waiver | None:
        """The waiver for the gate; None unless it is approved now."""
        if self.latest.act != APPROVED:
            return None
        return Waiver(
            criterion=self.asked.criterion,
            finding=self.asked.finding,
            owner=self.first.person,
            reason=self.first.reason or "",
            granted=self.latest.at.date(),
            expires=self.asked.last_day + datetime.timedelta(days=1),
            approved_by=self.latest.person,
        )

    def told(self) -> str:
        """Return what is asked for, in words."""
        bound = f"finding {self.asked.finding}" if self.asked.finding else "all that it binds"
        return f"{self.asked.criterion}, {bound}, until the end of {self.asked.last_day}"


def waivers_of(report: str, book: RecordBook) -> tuple[WaiverCase, ...]:
    """Return every waiver that was ever asked for of a report, by its digest."""
    return tuple(WaiverCase.of(entry.subject, book) for entry in book.current(Kind.WAIVER, report))


def ask(report: str, asked: Asked, doing: Doing, *, name: str, book: RecordBook) -> Entry:
    """Ask for a waiver.

    Args:
        report: the digest of the report.
        asked: of what, until when.
        doing: who answers for it, and why: at least ten characters, as the gate demands.
        name: of the new waiver; a random one.
        book: the records.

    Raises:
        PlanError: the person may not ask, the reason says too little, or the last day is over.
    """
    by = doing.by
    if not by.may(Right.ASK_WAIVER):
        raise _rule(f"{by.name} is {by.role}", "whoever may ask for a waiver")
    if len(" ".join(doing.why.split())) < LEAST_REASON:
        raise _rule("a reason that says too little", f"a reason of at least {LEAST_REASON} characters")
    if asked.last_day < doing.at.date():
        raise _rule(f"the last day {asked.last_day}, which is over", f"a day from {doing.at.date()} on")
    content = asked.model_dump(mode="json")
    subject = Subject(kind=Kind.WAIVER, about=report, name=name)
    change = Change(subject=subject, act=ASKED, person=by.name, at=doing.at, reason=doing.reason, content=content)
    return book.append(change, seen=0)


def decide(case: WaiverCase, act: str, doing: Doing, *, book: RecordBook) -> Entry:
    """Approve, refuse or withdraw a waiver as it was seen, as who may.

    Raises:
        PlanError: the person may not. EditConflictError: it changed since it was looked at.
    """
    broken = why_not(case, act, by=doing.by, at=doing.at)
    if broken is not None:
        raise _rule(broken, "approved or refused by another person who may approve; withdrawn by who asked or approves")
    change = Change(subject=case.subject, act=act, person=doing.by.name, at=doing.at, reason=doing.reason)
    return book.append(change, seen=case.latest.version)


def why_not(case: WaiverCase, act: str, *, by: Person, at: Moment) -> str | None:
    """Return why somebody may not do something to a waiver as it stands; None where they may."""
    own = plain_name(by.name) == plain_name(case.first.person)
    now = case.latest.act
    if act == WITHDRAWN:
        if now not in (ASKED, APPROVED):
            return f"{case.latest.person} {now} already"
        return None if own or by.may(Right.APPROVE) else f"it is {case.first.person}'s"
    if now != ASKED:
        return f"{case.latest.person} {now} already"
    if not by.may(Right.APPROVE):
        return f"{by.name} is {by.role}"
    if own:
        return "you asked for it: a second person decides"
    return (
        f"its last day, {case.asked.last_day}, is over" if act == APPROVED and case.asked.last_day < at.date() else None
    )


def waivers_file(workspace: Path, report: str, book: RecordBook) -> Path:
    """Write the waivers that are approved now where `affidavit gate` and `affidavit file` read them; return where."""
    path = workspace / FOLDER / f"{report.rpartition(':')[2][:16]}.yaml"
    written = path.read_text(encoding="utf-8") if path.is_file() else None
    while (text := _text(waivers_of(report, book))) != written:  # somebody may approve another one meanwhile
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        written = text
    return path


def _text(cases: Sequence[WaiverCase]) -> str:
    held = [case.waiver for case in cases]
    told = [waiver.model_dump(exclude_none=True) for waiver in held if waiver is not None]
    return yaml.safe_dump({"version": 1, "waivers": told}, sort_keys=False, allow_unicode=True)


def _rule(found: str, allowed: str) -> PlanError:
    return PlanError(
        "this waiver cannot be given like that",
        slug="records-rule",
        where="waiver",
        found=found,
        allowed=allowed,
        remedy="correct what is named, or ask somebody who may; nothing was written",
    )
