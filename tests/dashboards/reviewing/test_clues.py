"""Clues are noted in EMER's four aspects, nothing is not unknown, and the corpus `emer` reads what is exported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from affidavit.errors import PlanError
from affidavit.registry import Door, load
from dashboards.records.book import RecordBook
from dashboards.reviewing.clues import (
    Aspect,
    Clue,
    Clues,
    Look,
    clue_agreement,
    clue_hand,
    clues_of,
    emer_json,
    hand_in_clues,
    note_clues,
)
from dashboards.reviewing.studies import Study
from tests.dashboards.reviewing.conftest import REVIEWERS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def clues(voice: Look = Look.NOTICED, text: str = "the voice trembles", **told: object) -> Clues:
    aspects = {aspect: Clue(look=Look.NOTHING) for aspect in Aspect}
    aspects[Aspect.VOICE] = Clue(look=voice, text=text if voice is Look.NOTICED else "")
    return Clues.model_validate({"aspects": aspects, **told})


def noted(study: Study, who: str, book: RecordBook, what: Clues) -> str:
    hand = clue_hand(study, who, book)
    assert hand.upcoming is not None
    note_clues(hand, hand.upcoming, what, book=book, at=NOON, seen=0)
    return hand.upcoming


def test_each_utterance_comes_once_and_then_clues_are_handed_in(study: Study, book: RecordBook) -> None:
    expected = {card.utterance_id for card in study.plan.cards("Ada Osei")}
    with pytest.raises(PlanError, match="not looked at"):
        hand_in_clues(clue_hand(study, "Ada Osei", book), book=book, at=NOON)
    assert {noted(study, "Ada Osei", book, clues()) for _ in expected} == expected
    hand = clue_hand(study, "Ada Osei", book)
    assert (hand.upcoming, len(hand.utterances)) == (None, len(expected))
    hand_in_clues(hand, book=book, at=NOON)
    closed = clue_hand(study, "Ada Osei", book)
    with pytest.raises(PlanError, match="handed in"):
        note_clues(closed, closed.utterances[0], clues(), book=book, at=NOON, seen=1)
    with pytest.raises(PlanError, match="not yours"):
        note_clues(clue_hand(study, "Ben Ito", book), "somebody else's", clues(), book=book, at=NOON, seen=0)


def test_a_clue_is_told_where_it_was_noticed_and_nowhere_else() -> None:
    with pytest.raises(ValidationError):
        Clue(look=Look.NOTICED, text="  ")
    with pytest.raises(ValidationError):
        Clue(look=Look.NOTHING, text="a smile")
    with pytest.raises(ValidationError, match="each aspect"):
        Clues(aspects={Aspect.FACE: Clue(look=Look.NOTHING)})


def test_who_could_not_tell_neither_agrees_nor_disagrees(study: Study, book: RecordBook) -> None:
    looks = {"Ada Osei": Look.NOTICED, "Ben Ito": Look.NOTHING, "Cho Min": Look.UNKNOWN}
    for who, look in looks.items():
        for _ in clue_hand(study, who, book).utterances:
            noted(study, who, book, clues(look))
    found = clues_of(study, book)
    everybody = {card.utterance_id for who in REVIEWERS for card in study.plan.cards(who)}
    assert set(found) == everybody
    voice = clue_agreement(study, found, Aspect.VOICE)
    assert voice.n == len(everybody)
    assert voice.value is not None
    assert voice.value < 0, "one always notices what the other never does: worse than chance"
    assert clue_agreement(study, found, Aspect.FACE).value is None, "everybody gave the same"


def test_the_corpus_reads_what_is_exported(study: Study, book: RecordBook, tmp_path: Path) -> None:
    name = noted(study, "Ada Osei", book, clues(emotions="Worried; sad"))
    hand = clue_hand(study, "Ben Ito", book)
    note_clues(hand, name, clues(text='a "sigh", and silence'), book=book, at=NOON, seen=0)
    (tmp_path / "emer.json").write_bytes(emer_json(clues_of(study, book)))
    corpus = load(Door.CORPORA, "emer").load({"path": "."}, folder=tmp_path, progress=lambda *_: None)
    (utterance,) = corpus.utterances
    assert utterance.utterance_id == name
    assert [(cue.modality, cue.quote) for cue in utterance.cues] == [
        ("audio", 'the voice trembles; a "sigh", and silence')
    ]
    assert set(utterance.soft_label) == {"worried", "sad"}
    assert utterance.rationales["explain"].startswith("In the audio, the voice trembles")
