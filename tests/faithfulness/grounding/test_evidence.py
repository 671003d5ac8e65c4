"""What rows of evidence tell: lists and records, dimensions of the voice, faces at rest, words and turns before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from affidavit.measured_cues import MeasuredCue, measurement_table
from faithfulness.grounding.evidence import Evidence, Spoken, evidence_of
from faithfulness.grounding.rows import EvidenceRow, open_evidence, rows_of_measurements, rows_of_table
from faithfulness.grounding.vocabulary import MOST_OWN, vocabulary


def row(who: str, aspect: str, cue: str, direction: int = 1) -> EvidenceRow:
    return EvidenceRow(utterance_id=who, aspect=aspect, cue=cue, direction=direction)


def evidence(rows: Sequence[EvidenceRow], spoken: Spoken | None = None, names: Sequence[str] = ("a", "b")) -> Evidence:
    return evidence_of(names, rows, spoken or Spoken())


def state(found: Evidence, who: str, cue: str) -> str:
    at, place = found.place[who], found.vocabulary.place[cue]
    if found.unshown[at, place]:
        return "unshown"
    if not found.known[at, place]:
        return "unknown"
    return "there" if found.present[at, place] else "not there"


def test_a_list_says_what_was_not_seen_and_a_record_what_was_looked_for() -> None:
    listed = evidence([row("a", "face", "AU1")])
    assert state(listed, "a", "AU1") == "there"
    assert state(listed, "a", "AU15") == "not there"
    assert state(listed, "b", "AU1") == "unknown", "nobody looked at the other utterance"
    recorded = evidence([row("a", "face", "AU1"), row("a", "face", "AU4", 0), row("b", "face", "AU4")])
    assert state(recorded, "a", "AU4") == "not there"
    assert state(recorded, "a", "AU15") == "unknown"
    assert state(recorded, "b", "AU1") == "unknown"


def test_looking_and_seeing_nothing_is_not_the_same_as_not_looking() -> None:
    found = evidence([row("a", "face", "none")])
    assert state(found, "a", "AU1") == "not there"
    assert state(found, "a", "relaxed face") == "there"
    assert state(found, "b", "relaxed face") == "unknown"


def test_a_face_that_shows_an_action_unit_is_not_relaxed() -> None:
    found = evidence([row("a", "face", "AU1"), row("b", "face", "AU1", 0)])
    assert state(found, "a", "relaxed face") == "not there"
    assert state(found, "b", "relaxed face") == "unknown", "nobody looked at brows and mouth"
    assert found.contradicted[0, found.vocabulary.place["relaxed face"]]
    rest = evidence([row("a", "face", unit, 0) for unit in ("AU4", "AU12")])
    assert state(rest, "a", "relaxed face") == "there"


def test_talking_and_blinking_are_no_expression() -> None:
    units = {"AU4": 0, "AU12": 0, "AU25": 1, "AU26": 1, "AU45": 1}
    found = evidence([row("a", "face", unit, there) for unit, there in units.items()])
    assert state(found, "a", "relaxed face") == "there"
    assert state(found, "a", "AU25") == "there"


def test_a_list_of_action_units_says_nothing_of_gaze_and_tears() -> None:
    coded = evidence([row("a", "face", "AU12")])
    assert coded.lists == ("face",)
    told = {cue: state(coded, "a", cue) for cue in ("AU15", "frown", "gaze down", "tears", "slumped posture")}
    unknown = dict.fromkeys(("gaze down", "tears", "slumped posture"), "unknown")
    assert told == {"AU15": "not there", "frown": "not there", **unknown}
    written = evidence([row("a", "face", "AU12"), row("a", "face", "gaze down")])
    assert state(written, "a", "tears") == "not there"


def test_a_transcript_says_nothing_of_the_turns_before() -> None:
    found = evidence([row("a", "content", "I am fine today, thank you"), row("b", "content", "no earlier turns")])
    place = found.vocabulary.place["earlier anger"]
    assert found.unshown[:, place].tolist() == [name == "b" for name in found.place]
    assert state(found, "a", "earlier anger") == "unknown"
    assert found.place["b"] not in found.said, "the row is no words"


def test_a_turn_before_whose_label_is_missing_may_have_been_anything() -> None:
    spoken = Spoken(felt_before={"a": frozenset({"earlier joy"})}, felt_incomplete=frozenset({"a"}))
    found = evidence([row("a", "content", "I am fine today, thank you")], spoken)
    assert state(found, "a", "earlier joy") == "there"
    assert state(found, "a", "earlier anger") == "unknown"


def test_one_name_in_two_aspects_is_two_cues() -> None:
    found = evidence([row("a", "scene", "tears"), row("a", "scene", "AU1 poster"), row("b", "face", "tears")])
    assert state(found, "a", "tears (scene)") == "there"
    assert found.vocabulary.aspect[found.vocabulary.place["tears"]] == 0
    assert state(found, "b", "tears") == "there"


def test_cues_beyond_the_most_are_counted() -> None:
    found = evidence([row("a", "scene", f"thing number {i:03}") for i in range(MOST_OWN + 7)])
    assert found.n_not_held == 7


def test_cues_akin_stand_for_each_other() -> None:
    found = evidence([row("a", "face", "AU1"), row("b", "face", "tightened lips")])
    assert state(found, "a", "raised brows") == "there"
    assert state(found, "b", "AU23") == "there"
    assert state(found, "b", "AU24") == "there"
    assert found.salient.sum() == 2, "what was told once is salient once"


def test_a_vague_cue_is_known_to_be_absent_only_if_all_that_it_covers_is() -> None:
    rows = [row("a", "face", "AU1", 0), row("a", "face", "AU2", 0), row("b", "face", "AU1", 0)]
    found = evidence(rows)
    assert state(found, "a", "raised brows") == "not there"
    assert state(found, "b", "raised brows") == "unknown"


def test_dimensions_of_the_voice_have_two_sides() -> None:
    rows = [row("a", "tone", "pitch", -1), row("a", "tone", "rate", 0), row("a", "tone", "tremor", 1)]
    found = evidence(rows)
    assert state(found, "a", "lowered pitch") == "there"
    assert state(found, "a", "raised pitch") == "not there"
    assert state(found, "a", "fast speech") == "not there"
    assert state(found, "a", "trembling voice") == "there"
    assert state(found, "a", "loud voice") == "unknown"
    assert state(found, "a", "even voice") == "not there"
    assert found.contradicted[0, found.vocabulary.place["raised pitch"]]


def test_a_voice_is_even_only_if_it_was_measured_enough() -> None:
    quiet = [row("a", "tone", name, 0) for name in ("pitch", "rate", "level")]
    found = evidence([*quiet, row("b", "tone", "pitch", 0)])
    assert state(found, "a", "even voice") == "there"
    assert state(found, "b", "even voice") == "unknown"
    assert not found.salient.any(), "rest is no salient cue"


def test_what_no_list_knows_is_read_in_its_own_words() -> None:
    found = evidence([row("a", "scene", "Wind chimes"), row("b", "face", "ear wiggle")])
    assert state(found, "a", "wind chimes") == "there"
    assert state(found, "b", "ear wiggle") == "there"
    assert found.vocabulary.entries[found.vocabulary.place["wind chimes"]].aspect == "scene"


def test_every_cue_of_the_list_is_read_under_its_own_name() -> None:
    plain = vocabulary()
    for entry in plain.entries:
        if entry.aspect != "content":
            found = evidence([row("a", entry.aspect, entry.cue)])
            assert state(found, "a", entry.cue) == "there", entry.cue
            assert len(found.vocabulary.entries) == len(plain.entries), entry.cue


def test_a_denied_cue_in_a_cell_is_turned_round() -> None:
    found = evidence([row("a", "face", "no smile"), row("b", "face", "no smile", 0)])
    assert state(found, "a", "AU12") == "not there"
    assert state(found, "b", "AU12") == "there"


def test_words_are_what_was_said_and_not_cues() -> None:
    found = evidence([row("a", "content", "I am so angry about my smile")])
    assert found.said == {0: (("i", "am", "so", "angry", "about", "my", "smile"),)}
    assert not found.known[:, found.vocabulary.of("face")].any()


@pytest.mark.parametrize(
    ("felt", "expected"),
    [
        ({"a": frozenset({"earlier anger"})}, {"earlier anger": "there", "earlier joy": "not there"}),
        ({"a": frozenset[str]()}, {"earlier anger": "unshown"}),
        ({}, {"earlier anger": "unknown"}),
    ],
)
def test_the_past_is_there_not_there_unshown_or_unknown(
    felt: Mapping[str, frozenset[str]], expected: Mapping[str, str]
) -> None:
    found = evidence([], Spoken(felt_before=felt))
    assert {cue: state(found, "a", cue) for cue in expected} == expected


def test_rows_of_other_utterances_are_left_out() -> None:
    found = evidence([row("elsewhere", "face", "ear wiggle")])
    assert not found.looked_at("face")
    assert "ear wiggle" not in found.vocabulary.place


@pytest.mark.parametrize(
    ("cells", "directions"),
    [
        ({"present": ["1", "no", "", "TRUE"]}, [1, 0, None, 1]),
        ({"value": [0.6, 0.4, None, 1.0]}, [1, 0, None, 1]),
        ({"value": [0.3, 0.2, 0.25, 0.0], "unit": ["strength"] * 4}, [1, 0, 1, 0]),
        ({"value": [-2.0, 1.0, 1.5, 0.0], "cue": ["pitch"] * 4, "unit": ["st"] * 4}, [-1, 0, 1, 0]),
        ({}, [1, 1, 1, 1]),
    ],
)
def test_tables_say_whether_a_cue_was_there_in_several_ways(
    cells: dict[str, list[Any]], directions: list[int | None], tmp_path: Path
) -> None:
    frame = pd.DataFrame({"utterance_id": list("abcd"), "aspect": "voice", "cue": "AU1"}).assign(**cells)
    frame.to_csv(tmp_path / "e.csv", index=False)
    rows = {each.utterance_id: each.direction for each in rows_of_table(open_evidence(tmp_path / "e.csv"))}
    assert [rows.get(who) for who in "abcd"] == directions
    assert {each.aspect for each in rows_of_table(open_evidence(tmp_path / "e.csv"))} == {"tone"}


def test_measurements_of_a_corpus_are_rows() -> None:
    cue = MeasuredCue(utterance_id="a", aspect="tone", cue="rate", value=-0.4, unit="ln")
    assert rows_of_measurements(measurement_table([cue])) == [row("a", "tone", "rate", -1)]
