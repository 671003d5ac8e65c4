"""Clues that people notice in an utterance, in EMER's four aspects: face and body, voice, words, and the scene.

An aspect in which there is nothing to notice is another answer than one that could not be looked at: nothing is not
unknown. Who has clues to note are the reviewers of a study, of the utterances on their cards.

Source: Lian et al. 2023 (EMER), annotation of clues.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import Field, model_validator

from affidavit.errors import PlanError
from affidavit.records import Estimate, Record
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Entry, Kind, Moment, Subject
from dashboards.reviewing.agreement import Rated, agreement
from dashboards.reviewing.studies import Study

NOTED: Final = "noted clues"
HANDED_IN: Final = "handed in"
_APART: Final = " / "


class Aspect(StrEnum):
    """Where clues are looked for."""

    FACE = "face and body"
    VOICE = "voice"
    WORDS = "words"
    SCENE = "scene"


_FIELDS: Final[Mapping[Aspect, tuple[str, str]]] = {
    Aspect.FACE: ("visual_clue", "In the video"),
    Aspect.SCENE: ("video_clue", "In the video"),
    Aspect.VOICE: ("audio_clue", "In the audio"),
    Aspect.WORDS: ("text_clue", "In the text"),
}
"""Field of EMER's JSON and the words with which its passages begin."""


class Look(StrEnum):
    """What came of looking."""

    NOTICED = "noticed"
    NOTHING = "nothing to notice"
    UNKNOWN = "could not tell"


class Clue(Record):
    """What was noticed in one aspect."""

    look: Look
    text: str = Field(default="", max_length=4_000)

    @model_validator(mode="after")
    def _told(self) -> Clue:
        if (self.look is Look.NOTICED) != bool(self.text.strip()):
            raise ValueError("a clue that was noticed is told, and no other")
        return self


class Clues(Record):
    """What one annotator noticed in one utterance."""

    aspects: Mapping[Aspect, Clue]
    emotions: str = Field(default="", max_length=500)
    """The emotions that the clues speak for, in the annotator's words."""
    after_cards: bool = False
    """Whether a rationale of this utterance was scored before: then the clues may be the rationale's."""

    @model_validator(mode="after")
    def _whole(self) -> Clues:
        if set(self.aspects) != set(Aspect):
            raise ValueError("each aspect is looked at once")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ClueHand:
    """One annotator's utterances, and how far they are."""

    study: str
    annotator: str
    utterances: tuple[str, ...]
    noted: Mapping[str, Entry]
    handed_in: Entry | None

    @property
    def upcoming(self) -> str | None:
        """The next utterance; None where each was looked at."""
        return next((name for name in self.utterances if name not in self.noted), None)

    def subject(self, utterance: str) -> Subject:
        """Return what the clues of an utterance are kept under."""
        return Subject(kind=Kind.ANNOTATION, about=self.study, name=f"{utterance}{_APART}{self.annotator}")


def clue_hand(study: Study, annotator: str, book: RecordBook) -> ClueHand:
    """Return the utterances of somebody to whom the plan gives cards, each once, in the order of their cards."""
    utterances = tuple(dict.fromkeys(card.utterance_id for card in study.plan.cards(annotator)))
    noted = {
        utterance: entry
        for entry in book.current(Kind.ANNOTATION, study.name)
        for utterance, _, who in [entry.subject.name.rpartition(_APART)]
        if who == annotator and utterance in utterances
    }
    latest = book.latest(_handed(study.name, annotator))
    return ClueHand(study=study.name, annotator=annotator, utterances=utterances, noted=noted, handed_in=latest)


def note_clues(hand: ClueHand, utterance: str, clues: Clues, *, book: RecordBook, at: Moment, seen: int) -> Entry:
    """Keep what an annotator noticed in an utterance of theirs.

    Raises:
        PlanError: it is not theirs, or they have handed in. EditConflictError: they noted something else meanwhile.
    """
    if utterance not in hand.utterances or hand.handed_in is not None:
        raise _rule("an utterance that is not yours, or clues that are handed in")
    content = clues.model_dump(mode="json")
    change = Change(subject=hand.subject(utterance), act=NOTED, person=hand.annotator, at=at, content=content)
    return book.append(change, seen=seen)


def hand_in_clues(hand: ClueHand, *, book: RecordBook, at: Moment) -> Entry:
    """Close an annotator's clues.

    Raises:
        PlanError: an utterance was not looked at. EditConflictError: they were handed in meanwhile.
    """
    if hand.upcoming is not None:
        raise _rule("utterances that were not looked at")
    subject = _handed(hand.study, hand.annotator)
    return book.append(Change(subject=subject, act=HANDED_IN, person=hand.annotator, at=at), seen=0)


def clues_of(study: Study, book: RecordBook) -> dict[str, dict[str, Clues]]:
    """Return utterance to annotator to clues."""
    found: dict[str, dict[str, Clues]] = {}
    for entry in book.current(Kind.ANNOTATION, study.name):
        utterance = entry.subject.name.rpartition(_APART)[0]
        found.setdefault(utterance, {})[entry.person] = Clues.model_validate(entry.content)
    return found


def clue_agreement(study: Study, noted: Mapping[str, Mapping[str, Clues]], aspect: Aspect) -> Estimate:
    """Return nominal alpha of whether an aspect had something to notice; who could not tell does not count."""
    units = {item.utterance_id: item.unit or item.utterance_id for item in study.plan.items}
    rated = [
        Rated(unit=units.get(utterance, utterance), given=tuple(_classes(by_annotator.values(), aspect)))
        for utterance, by_annotator in noted.items()
    ]
    return agreement(rated, n_classes=2)


def _classes(clues: Iterable[Clues], aspect: Aspect) -> list[int]:
    looks = [one.aspects[aspect].look for one in clues]
    return [int(look is Look.NOTICED) for look in looks if look is not Look.UNKNOWN]


def emer_json(noted: Mapping[str, Mapping[str, Clues]]) -> bytes:
    """Return clues as the JSON that the corpus `emer` reads: an entry an utterance, everybody's passages joined."""
    entries = [_entry(name, [by[who] for who in sorted(by)]) for name, by in sorted(noted.items())]
    told = [entry for entry in entries if "reason" in entry]
    return json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8")


def _entry(utterance: str, clues: Sequence[Clues]) -> dict[str, str]:
    entry, reasons = {"name": utterance}, []
    for aspect, (field, begins) in _FIELDS.items():
        texts = dict.fromkeys(one.aspects[aspect].text.strip() for one in clues)
        passage = "; ".join(text for text in texts if text)
        if passage:
            entry[field] = passage
            reasons.append(f"{begins}, {passage}.")
    emotions = ", ".join(dict.fromkeys(one.emotions.strip() for one in clues if one.emotions.strip()))
    return entry | ({"reason": " ".join(reasons)} if reasons else {}) | ({"openset": emotions} if emotions else {})


def _handed(study: str, annotator: str) -> Subject:
    return Subject(kind=Kind.HAND, about=study, name=f"clues{_APART}{annotator}")


def _rule(found: str) -> PlanError:
    return PlanError(
        "these clues cannot be kept",
        slug="records-rule",
        where="clues",
        found=found,
        allowed="utterances of your own cards, each looked at, before they are handed in",
        remedy="look at the ones that are left, or ask whoever keeps the desk; nothing was written",
    )
