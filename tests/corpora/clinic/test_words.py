"""The grammar is rich enough, fits the questions, and marks the words that carry the emotion."""

from __future__ import annotations

import re

import numpy as np
import pytest

from affidavit.corpus import Corpus
from corpora.clinic.phrases.clinicians import QUESTIONS
from corpora.clinic.phrases.neutral import ELLIPTICAL, LEADS, PLAIN, POLITE
from corpora.clinic.script import MOVED
from corpora.clinic.slots import Line, filled, filling, joined


@pytest.mark.parametrize("label", MOVED)
def test_each_emotion_has_words_for_each_topic_and_strength(label: str) -> None:
    phrases = [phrase for strengths in MOVED[label].values() for phrases in strengths for phrase in phrases]
    assert len(set(phrases)) == len(phrases) >= 25
    assert set(MOVED[label]) == set(QUESTIONS) == set(PLAIN)
    assert all(len(strengths) == 3 for strengths in MOVED[label].values())
    assert all(re.search(r"\[[^\[\]]+\]", phrase) for phrase in phrases)


def test_no_two_emotions_share_their_words() -> None:
    spans = [
        (label, re.findall(r"\[([^\]]+)\]", phrase)[0])
        for label, topics in MOVED.items()
        for strengths in topics.values()
        for phrases in strengths
        for phrase in phrases
    ]
    by_words: dict[str, set[str]] = {}
    for label, span in spans:
        by_words.setdefault(span, set()).add(label)
    assert all(len(labels) == 1 for labels in by_words.values())


def test_every_phrase_fills_and_starts_with_a_capital() -> None:
    slots = filling(np.random.default_rng(0))
    phrases = [p for topics in MOVED.values() for strengths in topics.values() for some in strengths for p in some]
    for phrase in [*phrases, *(p for some in PLAIN.values() for p in some), *POLITE, *ELLIPTICAL, *LEADS]:
        text = filled(phrase, slots).text
        assert re.fullmatch(r"[A-Z][^\[\]{}]*[.!?]", text), text
        assert "  " not in text


def test_spans_move_with_what_is_put_in_front() -> None:
    line = joined("Well, doctor.", filled("My {part} oozes, [it is vile].", {"part": "heel"}))
    assert line == Line(text="Well, doctor. My heel oozes, it is vile.", spans=((29, 39),))
    assert line.quotes() == ("it is vile",)


def test_words_without_evidence_hold_no_phrase_of_emotion(words: Corpus) -> None:
    loaded = {
        span
        for topics in MOVED.values()
        for strengths in topics.values()
        for phrases in strengths
        for phrase in phrases
        for span in re.findall(r"\[([^\]{}]+)\]", phrase)
    }
    seen = 0
    for utterance in words.utterances:
        holds = any(span in (utterance.text or "") for span in loaded)
        carries = utterance.evidence is not None and "text" in utterance.evidence and utterance.label != "neutral"
        assert holds == carries, utterance.text
        seen += holds
    assert seen > 200
