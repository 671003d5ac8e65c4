from __future__ import annotations

from affidavit.unit_keys import was_trained_on
from affidavit.utterances import Utterance
from reasoners.units import units_card


def _turn(name: str, *, speaker: str, unit: str) -> Utterance:
    return Utterance(utterance_id=name, speaker_id=speaker, unit_id=unit, dialogue_id=unit)


def test_who_speaks_in_a_patients_dialogue_can_be_recognised_in_the_card() -> None:
    groups = {
        "p1": [_turn("1", speaker="p1", unit="p1"), _turn("2", speaker="clinician", unit="p1")],
        "p2": [_turn("3", speaker="p2", unit="p2"), _turn("4", speaker="other", unit="p2")],
    }
    parts = {"train": ["p1"], "held_out": ["p2"]}
    card = {**units_card(parts, groups, "unit", "sha256:1"), "training_digest": "sha256:1"}
    met = {name: was_trained_on(card, name) for name in ("p1", "clinician", "p2", "other")}
    assert met == {"p1": True, "clinician": True, "p2": False, "other": False}


def test_patients_who_speak_for_themselves_have_no_voices() -> None:
    groups = {"p1": [_turn("1", speaker="p1", unit="p1")]}
    assert "voices" not in units_card({"train": ["p1"]}, groups, "unit", "sha256:1")
