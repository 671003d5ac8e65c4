"""One utterance read cue by cue: the same evidence and rules as the whole, and each cue where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.examinations import Testimony
from affidavit.live import Live
from affidavit.measured_cues import ASPECTS
from affidavit.protocols import silent
from affidavit.testing import case_of
from affidavit.utterances import Utterance
from corpora.clinic.loader import LOADER
from faithfulness.grounding.judged import read_judged, told_by
from faithfulness.grounding.matching import matched, scales_of
from faithfulness.grounding.one_utterance import NAME, UNKNOWN
from faithfulness.grounding.places import place_of_words, places_of
from faithfulness.grounding.sources import GroundingOptions, Supply, sourced
from faithfulness.grounding.vocabulary import vocabulary

Testify = Callable[[Case], Testimony]
SAID = 'He frowns (AU4) and smiles, no tears; he says "I am fine" in a low voice.'
EVIDENCE = [
    ("u0", "face", "AU4", 1),
    ("u0", "face", "AU12", 0),
    ("u0", "face", "tears", 1),
    ("u0", "tone", "lowered voice", 0),
    ("u0", "tone", "raised voice", 1),
    ("u0", "content", "I am furious", 1),
]


def rows_of(testimony: Testimony) -> list[dict[str, Any]]:
    assert not testimony.claims
    (exhibit,) = testimony.exhibits
    assert exhibit.id == NAME
    assert not exhibit.releasable
    found: list[dict[str, Any]] = exhibit.table().to_pylist()
    return found


def test_each_cue_has_its_place_and_its_verdict(frame_of: Any, judge: Any, testify: Testify) -> None:
    rows = rows_of(testify(judge(frame_of([SAID, "A smile."]), EVIDENCE, utterance="u0")))
    told = {row["cue"]: (row["verdict"], row["denied"]) for row in rows}
    assert told["AU4"] == ("supported", 0)
    assert told["AU12"] == ("unsupported", 0)
    assert told["tears"] == ("contradicted", 1)
    assert told["lowered voice"] == ("contradicted", 0)
    assert told["i am fine"] == ("unsupported", 0)
    for row in rows:
        words = SAID[row["start_char"] : row["end_char"]].casefold()
        assert words in {"au4", "frowns", "smiles", "tears", "i am fine", "low voice"}, words


def test_what_a_condition_hides_is_unsupported_and_what_nobody_measured_is_unknown(
    frame_of: Any, judge: Any, testify: Testify
) -> None:
    frame = frame_of([SAID])
    both = pd.concat([frame, frame.assign(condition="A")], ignore_index=True)
    rows = rows_of(testify(judge(both, EVIDENCE, utterance="u0")))
    hidden = {row["verdict"] for row in rows if row["condition"] == "A" and row["aspect"] == "face"}
    assert hidden == {"unsupported"}
    unmeasured = rows_of(testify(judge(frame, [("u9", "face", "AU4", 1)], utterance="u0")))
    assert {row["verdict"] for row in unmeasured} == {UNKNOWN}


def test_an_utterance_that_is_not_there_has_no_cues(frame_of: Any, judge: Any, testify: Testify) -> None:
    assert rows_of(testify(judge(frame_of([SAID]), EVIDENCE, utterance="<script>"))) == []


def test_listed_cues_are_held_against_the_same_evidence(frame_of: Any, judge: Any, testify: Testify) -> None:
    case = judge(frame_of(["Nothing is said of it."]), EVIDENCE, utterance="u0")
    listed = [("video", "AU4"), ("video", "smile"), ("audio", "low voice"), ("text", "I am furious"), ("video", "mole")]
    cues = pa.table(
        {
            "utterance_id": ["u0"] * len(listed),
            "condition": ["TAV"] * len(listed),
            "instruction": pa.array([None] * len(listed), pa.string()),
            "modality": [modality for modality, _ in listed],
            "quote": [quote for _, quote in listed],
        }
    )
    case = replace(case, runs={name: replace(run, side_tables={"cues": cues}) for name, run in case.runs.items()})
    rows = [row for row in rows_of(testify(case)) if row["source"] == "listed cue"]
    assert [(row["cue"], row["verdict"]) for row in rows] == [
        ("AU4", "supported"),
        ("smile", "unsupported"),
        ("low voice", "contradicted"),
        ("I am furious", "supported"),
        ("mole", "unknown"),
    ]
    assert [row["number"] for row in rows] == [0, 1, 2, 3, 4]


def test_cue_by_cue_gives_the_sums_of_the_whole(testify: Testify) -> None:
    """The slow twin: counts by aspect of every utterance, as the matching of all judgements at once has them."""
    corpus = LOADER.load(
        {"n_utterances": 60, "media": "none", "faults": {"wrong_citation_share": 0.5}}, folder=Path(), progress=silent
    )
    case = _clinic_case(corpus)
    (run,) = case.runs.values()
    judged = read_judged(run, (), "TAV")
    evidence = sourced(judged, Supply(), corpus, GroundingOptions(), silent).evidence
    told = told_by(judged.texts, evidence.vocabulary, run.labels)
    whole = matched(scales_of(evidence, judged, told, "TAV"), judged.text)
    for place, at in enumerate(judged.utterance[:12]):
        name = judged.utterances[at]
        rows = rows_of(testify(replace(case, options={"utterance": name})))
        each = {(r["aspect"], r["cue"], r["denied"]): r["verdict"] for r in rows}
        counts = Counter((aspect, verdict) for (aspect, _, _), verdict in each.items())
        for a, aspect in enumerate(ASPECTS):
            assert counts[aspect, "supported"] == whole.supported[place, a], (name, aspect)
            assert counts[aspect, "contradicted"] == whole.contradicted[place, a], (name, aspect)
            n_checked = sum(n for (of, verdict), n in counts.items() if of == aspect and verdict != UNKNOWN)
            assert n_checked == whole.checked[place, a], (name, aspect)
    assert np.any(whole.supported < whole.checked), "a fault was planted"


def _clinic_case(corpus: Corpus) -> Case:
    patients = [one for one in corpus.utterances if one.label]
    frame = pd.DataFrame(
        {
            "utterance_id": [one.utterance_id for one in patients],
            "unit_id": [one.unit for one in patients],
            "condition": "TAV",
            "y_pred": [one.label for one in patients],
            "rationale": [one.rationales["evidence"] for one in patients],
        }
    )
    return replace(case_of(frame, ()), live={"run": Live(corpus=corpus, reasoner=lambda: None)})


def test_the_turns_before_count_as_said(testify: Testify) -> None:
    turns = [
        Utterance(utterance_id="a", dialogue_id="d", turn=0, speaker_id="p", text="I lost my dog last week."),
        Utterance(utterance_id="b", dialogue_id="d", turn=1, speaker_id="p", text="It is what it is."),
        Utterance(utterance_id="c", dialogue_id="e", turn=0, speaker_id="q", text="I won a prize yesterday."),
    ]
    corpus = Corpus(name="three", utterances=turns, digest="sha256:0", licence="made by a test")
    said = 'She says "I lost my dog" and then "I won a prize yesterday".'
    frame = pd.DataFrame(
        {"utterance_id": ["b"], "speaker_id": ["p"], "condition": "TAV", "y_pred": ["sadness"], "rationale": [said]}
    )
    case = replace(
        case_of(frame, (), options={"utterance": "b"}), live={"run": Live(corpus=corpus, reasoner=lambda: None)}
    )
    told = {row["cue"]: row["verdict"] for row in rows_of(testify(case))}
    assert told == {"i lost my dog": "supported", "i won a prize yesterday": "unsupported"}


@pytest.mark.parametrize(
    ("words", "text", "place"),
    [
        (("im", "fine"), "I\u2019m  fine.", (0, 9)),
        (("真", "的"), "他说真的。", (2, 4)),
        (("fine",), "finer", None),
        ((), "anything", None),
        (("ﬁne",), "a ﬁne day", None),  # words are compared as written out
        (("fine",), "a ﬁne day", (2, 5)),
    ],
)
def test_words_are_found_as_they_were_written(words: tuple[str, ...], text: str, place: object) -> None:
    assert place_of_words(words, text) == place


def test_action_units_by_number_have_a_place() -> None:
    entries = vocabulary()
    unit = entries.entries[entries.place["AU15"]]
    text = "AUs 1, 4 and 15; then AU15."
    assert [text[start:end] for start, end in places_of(unit, text)] == [" and 15", "AU15"]
