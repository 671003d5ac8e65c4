from __future__ import annotations

import pyarrow as pa
import pytest

from affidavit.citations import can_be_read, citations, cited_letters, cues_of, evidence_citations

CASES = {
    'The words ("I can\'t face it, he raised his voice") are sad': "T",
    "The words ('I can't face it, he raised his voice') are sad": "T",
    "The words \u201cmy face\u201d and \u2018his voice\u2019 are sad": "T",
    "The words \u00abla voix, the face\u00bb are sad": "T",
    'The words "my voice is': "T",
    '"A" says the face, "B" says the voice': "TAV",
    "The dogs' faces and the cats' voices": "AV",
    "the transcript is short": "T",
    "her tone is low": "A",
    "a rise in pitch and slow speech": "A",
    "her expression": "V",
    "she frowns, then smiled": "V",
    "a lowered brow, an averted gaze": "V",
    "AU12 is active": "V",
    "the speech content": "T",
    "the body language": "V",
    "the vocal expression is flat": "A",
    "in other words, nothing": "",
    "in the face of it all": "",
    "non-verbal signs": "",
    "an interface of surfaces, invoiced atonement": "",
    "她的语气低沉，眉头紧锁": "AV",
    "台词是「他的声音」，没有别的": "T",
    "从画面中看，他在微笑": "V",
    "她很难过": "",
    "": "",
}


@pytest.mark.parametrize(("text", "letters"), CASES.items())
def test_what_a_text_cites(text: str, letters: str) -> None:
    assert cited_letters(text) == frozenset(letters)


def test_columns_are_read_as_single_texts_are() -> None:
    texts = [*CASES, *(text.upper() for text in CASES)]
    found = {letter: column.to_pylist() for letter, column in citations(pa.array([*texts, None])).items()}
    for i, text in enumerate(texts):
        assert {letter for letter, column in found.items() if column[i]} == cited_letters(text), text
    assert all(column[-1] is None for column in found.values())


def test_cues_are_clauses_with_their_quotations() -> None:
    cues = cues_of('Fear. The words ("no; never. My voice.") are few; the tone drops: she frowns')
    assert [(cue.modality, cue.quote) for cue in cues] == [
        ("text", 'The words ("no; never. My voice.") are few'),
        ("audio", "the tone drops"),
        ("video", "she frowns"),
    ]
    assert cues_of("Fear. Nothing stands out.") == ()


def test_what_can_be_read_is_english_or_chinese() -> None:
    texts = [
        "the voice is low",
        "她的语气低沉",
        "她的 voice 很低",
        "der Ton ist tief und das Gesicht ist starr",
        "...",
        None,
    ]
    assert can_be_read(pa.array(texts)).to_pylist() == [True, True, True, False, False, None]


def test_an_opening_mark_reaches_no_further_than_the_next_one() -> None:
    assert cited_letters("\u2018 the voice rises, and \u2018his face\u2019 is not cited") == {"A"}
    assert cited_letters("\u2018" * 200_000 + " the voice rises") == {"A"}, "marks are read once"


def test_a_modality_that_tells_nothing_is_mentioned_and_no_evidence() -> None:
    text = 'Anger. The words are the strongest evidence: "I am done". The voice and face stay neutral.'
    assert cited_letters(text) == {"T", "A", "V"}
    evidence = evidence_citations(pa.array([text, None]))
    assert [letter for letter, there in evidence.items() if there[0].as_py()] == ["T"]
    assert all(there[1].as_py() is None for there in evidence.values())
    assert [cue.modality for cue in cues_of(text)] == ["text"]
