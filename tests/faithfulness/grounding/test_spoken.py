"""The words of a corpus: of a turn, of the turns before it, and never of those after."""

from __future__ import annotations

from collections.abc import Sequence

from affidavit.corpus import Corpus
from affidavit.utterances import Utterance
from faithfulness.grounding.spoken import spoken_in


def corpus(utterances: Sequence[Utterance]) -> Corpus:
    return Corpus(name="c", utterances=utterances, digest="sha256:0", licence="none")


def turn(number: int, text: str | None, label: str | None = None, dialogue: str = "d") -> Utterance:
    return Utterance(
        utterance_id=f"{dialogue}{number}", dialogue_id=dialogue, turn=number, text=text, label=label, speaker_id="p"
    )


def test_a_turn_has_its_own_words_and_those_before_it() -> None:
    told = spoken_in(
        corpus([turn(2, "third", "joy"), turn(0, "first", "angry"), turn(1, "second"), turn(0, "x", dialogue="e")])
    )
    assert told.said == {
        "d0": ("first",),
        "d1": ("second", "first"),
        "d2": ("third", "first", "second"),
        "e0": ("x",),
    }
    assert told.felt_before == {
        "d0": frozenset(),
        "d1": frozenset({"earlier anger"}),
        "d2": frozenset({"earlier anger"}),
        "e0": frozenset(),
    }


def test_turns_without_known_labels_leave_the_past_unknown() -> None:
    told = spoken_in(corpus([turn(0, "first"), turn(1, None, "wistful"), turn(2, "third")]))
    assert told.said["d1"] == ("first",)
    assert set(told.felt_before) == {"d0"}


def test_outside_a_dialogue_nobody_knows_what_came_before() -> None:
    told = spoken_in(corpus([Utterance(utterance_id="u", text="alone", label="joy"), Utterance(utterance_id="mute")]))
    assert told.said == {"u": ("alone",)}
    assert told.felt_before == {}


def test_a_turn_without_a_label_of_somebody_who_has_labels_leaves_the_past_open() -> None:
    told = spoken_in(corpus([turn(0, "first", "joy"), turn(1, "second"), turn(2, "third", "joy")]))
    assert told.felt_incomplete == {"d2"}
    doctor = Utterance(utterance_id="d1", dialogue_id="d", turn=1, text="second", speaker_id="doctor")
    asked = spoken_in(corpus([turn(0, "first", "joy"), doctor, turn(2, "third", "joy")]))
    assert asked.felt_incomplete == frozenset(), "of a doctor nobody says what was felt, ever"
    strange = spoken_in(corpus([turn(0, "first", "wistful"), turn(1, "second", "joy"), turn(2, "third")]))
    assert strange.felt_incomplete == {"d1", "d2"}
