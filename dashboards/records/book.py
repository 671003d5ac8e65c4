"""The book of records: rows are added and read, and never changed; whoever adds says which version they had seen.

Law: of two changes of one version one is taken. The other is kept beside it (`Kind.SET_ASIDE`), and whoever made it is
told who was first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from affidavit.errors import PlanError
from dashboards.records.conflicts import EditConflictError
from dashboards.records.entries import Change, Entry, Kind, Subject
from dashboards.records.tables import ENTRIES

_AT_MOST: Final = 1_000
"""Tries to add a row behind whatever is there: each failed one means that somebody else's was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows are looked for; None restricts nothing."""

    kind: Kind | None = None
    about: str | None = None
    person: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    at_most: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBook:
    """The records in one database."""

    reading: sa.Engine
    writing: sa.Engine
    """The same database, in transactions that write: on SQLite they begin by taking the one right to write."""

    def append(self, change: Change, *, seen: int) -> Entry:
        """Add a change of the version that somebody had before them, and return its row.

        Args:
            change: what is done.
            seen: the version that was looked at; 0 of a subject that nobody had spoken of.

        Raises:
            EditConflictError: another change came first; this one is kept, set aside.
            PlanError: the database does not answer.
        """
        entry = self._added(change, seen=seen)
        if entry is not None:
            return entry
        kept = self.note(_set_aside(change, seen))
        theirs = self.latest(change.subject)
        if theirs is None:  # somebody saw a version that there never was
            raise ValueError(f"version {seen} of {change.subject.name} was never there")
        raise EditConflictError(mine=change, theirs=theirs, kept=kept)

    def note(self, change: Change) -> Entry:
        """Add a row behind whatever there is: for what is not a decision about what stands there.

        Raises:
            PlanError: the database does not answer.
        """
        for _ in range(_AT_MOST):
            last = self.latest(change.subject)
            entry = self._added(change, seen=0 if last is None else last.version)
            if entry is not None:
                return entry
        raise _unusable("too many write to it at once", self.writing)

    def history(self, subject: Subject) -> tuple[Entry, ...]:
        """Return every row of a subject, the oldest first."""
        return self._rows(_of(subject).order_by(ENTRIES.c.version))

    def latest(self, subject: Subject) -> Entry | None:
        """Return what stands there now; None where nobody has spoken."""
        rows = self._rows(_of(subject).order_by(ENTRIES.c.version.desc()).limit(1))
        return rows[0] if rows else None

    def current(self, kind: Kind, about: str) -> tuple[Entry, ...]:
        """Return what stands now of every subject of a kind that belongs to something, in order of first mention."""
        rows = self._rows(
            sa.select(ENTRIES).where(ENTRIES.c.kind == kind, ENTRIES.c.about == about).order_by(ENTRIES.c.number)
        )
        last: dict[str, Entry] = {}
        for row in rows:
            last[row.subject.name] = row
        return tuple(last.values())

    def found(self, wanted: Wanted) -> tuple[Entry, ...]:
        """Return rows, the latest first."""
        columns = ENTRIES.c
        held = [
            *([columns.kind == wanted.kind] if wanted.kind is not None else []),
            *([columns.about == wanted.about] if wanted.about is not None else []),
            *([columns.person == wanted.person] if wanted.person is not None else []),
            *([columns.at >= wanted.since] if wanted.since is not None else []),
            *([columns.at < wanted.before] if wanted.before is not None else []),
        ]
        return self._rows(sa.select(ENTRIES).where(*held).order_by(columns.number.desc()).limit(wanted.at_most))

    def people(self) -> tuple[str, ...]:
        """Return everybody who did something, by name."""
        with self._told(), self.reading.connect() as connection:
            return tuple(connection.scalars(sa.select(ENTRIES.c.person).distinct().order_by(ENTRIES.c.person)))

    def _added(self, change: Change, *, seen: int) -> Entry | None:
        """Return the row that was added, None where the version is another one by now."""
        try:
            with self._told(), self.writing.begin() as connection:
                last = connection.execute(_of(change.subject).order_by(ENTRIES.c.version.desc()).limit(1)).first()
                if (0 if last is None else last.version) != seen:
                    return None
                follows = None if last is None else last.number
                told = sa.insert(ENTRIES).values(**_cells(change), version=seen + 1, follows=follows)
                number = connection.execute(told.returning(ENTRIES.c.number)).scalar_one()
        except IntegrityError:  # another came between looking and writing
            return None
        return Entry(**dict(change), number=number, version=seen + 1, follows=follows)

    def _rows(self, query: sa.Select[Any]) -> tuple[Entry, ...]:
        with self._told(), self.reading.connect() as connection:
            return tuple(_entry(row) for row in connection.execute(query))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise _unusable(str(error.orig), self.writing) from None


def _of(subject: Subject) -> sa.Select[Any]:
    columns = ENTRIES.c
    return sa.select(ENTRIES).where(
        columns.kind == subject.kind, columns.about == subject.about, columns.name == subject.name
    )


def _cells(change: Change) -> dict[str, Any]:
    subject = change.subject
    return {
        "kind": subject.kind.value,
        "about": subject.about,
        "name": subject.name,
        "act": change.act,
        "person": change.person,
        "at": change.at,
        "reason": change.reason,
        "content": dict(change.content),
    }


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        subject=Subject(kind=Kind(row.kind), about=row.about, name=row.name),
        act=row.act,
        person=row.person,
        at=row.at,
        reason=row.reason,
        content=row.content,
        number=row.number,
        version=row.version,
        follows=row.follows,
    )


def _set_aside(change: Change, seen: int) -> Change:
    subject = Subject(kind=Kind.SET_ASIDE, about=change.subject.about, name=change.subject.name)
    content = {"kind": change.subject.kind.value, "act": change.act, "seen": seen, "content": dict(change.content)}
    return change.model_copy(update={"subject": subject, "act": "set aside", "content": content})


def _unusable(found: str, engine: sa.Engine) -> PlanError:
    return PlanError(
        "the records cannot be reached",
        slug="records-unusable",
        where=engine.url.render_as_string(hide_password=True),
        found=" ".join(found.split())[:300],
        remedy="nothing was written; try again, and tell whoever keeps the desk if it stays so",
    )
