"""What a row of the records says: who did what to which subject, when and why; what was before is the row it follows.

A subject is whatever people speak about one after the other: one reviewer's score of one card, one waiver, the sign-off
of one report. Its versions count from 1 without a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StringConstraints

from affidavit.digests import canonical_json
from affidavit.records import Record

LONGEST_REASON: Final = 4_000
LARGEST_CONTENT: Final = 64 * 2**10
"""Bytes of JSON in one row."""


class Kind(StrEnum):
    """What a subject is."""

    STUDY = "study"
    """A plan of cards that was brought to the desk."""
    REVIEW = "review"
    """What one reviewer said of one card."""
    HAND = "hand"
    """Whether a reviewer has handed in all their cards."""
    ANNOTATION = "annotation"
    """The clues that one annotator noticed in one utterance."""
    WAIVER = "waiver"
    SIGN_OFF = "sign-off"
    """What people state about one report."""
    MEDIA = "media"
    """Who heard or saw whom."""
    SET_ASIDE = "set aside"
    """What somebody wrote while another changed the same subject: kept, and not in force."""


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time names its zone, as in 2026-03-01T10:00:00+00:00")
    return moment.astimezone(UTC)


def _storable(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return texts that every database takes: no NUL, which PostgreSQL refuses, and no half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
    if isinstance(value, Mapping):
        return {_storable(key): _storable(part) for key, part in value.items()}
    return [_storable(part) for part in value] if isinstance(value, list | tuple) else value


def _small(content: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    if len(canonical_json(content)) > LARGEST_CONTENT:
        raise ValueError(f"more than {LARGEST_CONTENT // 2**10} KiB in one row")
    return content


Text = Annotated[str, BeforeValidator(_storable), StringConstraints(min_length=1, max_length=500)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
Content = Annotated[Mapping[str, JsonValue], BeforeValidator(_storable), AfterValidator(_small)]


class Subject(Record):
    """What is spoken about."""

    kind: Kind
    about: Text
    """What it belongs to: a study, the digest of a report."""
    name: Text


class Change(Record):
    """Something that somebody does now."""

    subject: Subject
    act: Text
    person: Text
    at: Moment
    reason: Annotated[str, BeforeValidator(_storable), Field(max_length=LONGEST_REASON)] | None = None
    content: Content = Field(default_factory=dict)


class Entry(Change):
    """A row."""

    number: int = Field(ge=1)
    """Of the whole book, rising."""
    version: int = Field(ge=1)
    follows: int | None
    """The number of the row that it follows; None of a first one."""
