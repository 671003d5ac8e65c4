"""Opens sound, pictures and words of an utterance for somebody who may, and writes down who did before anything leaves.

Laws: whoever has no right to media gets none; what a speaker opted out of stays closed; a file outside of what the desk
may open stays closed; the row of the records is there before a byte is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.admission import declined_modalities
from affidavit.errors import AffidavitError
from affidavit.provenance import now
from affidavit.utterances import MediaSpan, Utterance
from dashboards.access.people import Person, Right, least_role
from dashboards.media.run_corpus import RunCorpus, media_places
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Entry, Kind, Subject
from dashboards.workspace.places import inside

ACTS: Final = {"audio": "heard", "video": "saw", "text": "read"}
"""Modality to what somebody did who opened it."""
_LONGEST: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTurn:
    """An utterance whose media were opened, as far as they may be."""

    turn: Utterance
    audio: MediaSpan | None
    video: MediaSpan | None
    text: str | None
    closed: Mapping[str, str]
    """Modality to why it stays closed."""
    unasked: tuple[str, ...]
    """Modalities that are open and about which nobody was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Who opens what of which report."""

    person: Person
    report_digest: str
    run: str
    behind: RunCorpus
    places: Sequence[Path]


def subject_of(opening: Opening, utterance_id: str) -> Subject:
    """Return under what openings of an utterance are kept: its corpus, and its name or, of a long one, a digest."""
    name = utterance_id
    if len(name) > _LONGEST or not name:
        name = f"{name[:_LONGEST]} sha256:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"
    return Subject(kind=Kind.MEDIA, about=opening.behind.corpus.digest, name=name)


def open_turn(opening: Opening, turn: Utterance, book: RecordBook) -> OpenedTurn:
    """Return an utterance's media for somebody, each noted in the records first.

    Raises:
        PlanError: the records cannot be reached; nothing was opened.
    """
    closed = {modality: why for modality in ACTS if (why := why_closed(opening, turn, modality)) is not None}
    there = [modality for modality in ACTS if modality not in closed]
    for modality in there:
        _note(opening, turn, modality, book)
    return OpenedTurn(
        turn=turn,
        audio=turn.audio if "audio" in there else None,
        video=turn.video if "video" in there else None,
        text=turn.text if "text" in there else None,
        closed=closed,
        unasked=tuple(modality for modality in there if modality not in turn.consent),
    )


def why_closed(opening: Opening, turn: Utterance, modality: str) -> str | None:
    """Return why a modality of an utterance stays closed to somebody; None where it may be opened."""
    if not opening.person.may(Right.OPEN_MEDIA):
        return f"only those who may {Right.OPEN_MEDIA} open it: from {least_role(Right.OPEN_MEDIA)} on"
    if modality in declined_modalities(turn):
        return "the speaker opted out of it"
    what = getattr(turn, modality)
    if what is None:
        return "the corpus has none of this utterance"
    if isinstance(what, MediaSpan):
        try:
            inside(what.path, media_places(opening.places))
        except AffidavitError as error:
            return " ".join(str(error).split())
    return None


def _note(opening: Opening, turn: Utterance, modality: str, book: RecordBook) -> Entry:
    change = Change(
        subject=subject_of(opening, turn.utterance_id),
        act=ACTS[modality],
        person=opening.person.name,
        at=now(),
        content={"modality": modality, "run": opening.run[:_LONGEST], "report": opening.report_digest},
    )
    return book.note(change)
