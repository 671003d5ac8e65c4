"""What a card says: whom its model met, at any remove, and what is unknown."""

import pytest

from affidavit.unit_keys import unit_keys
from privacy.price.cards import read_card

DIGEST = "sha256:1"


def keys(part: str, *names: str) -> dict[str, list[str]]:
    return unit_keys({part: list(names)}, DIGEST)


def test_a_card_knows_patients_voices_and_whom_its_start_met_but_not_who_was_held_out() -> None:
    start = {"training_digest": DIGEST, "units": keys("train", "first"), "started_from": {}}
    card = read_card(
        {
            "training_digest": DIGEST,
            "units": keys("train", "patient") | keys("held_out", "other"),
            "voices": keys("train", "clinician"),
            "started_from": {"training_digest": DIGEST, "units": keys("train", "second"), "started_from": start},
        }
    )
    assert all(card.knows(name) for name in ("patient", "clinician", "first", "second"))
    assert card.knows("other") is False


def test_what_no_card_says_is_unknown_and_not_nobody() -> None:
    assert read_card({"seed": 1}).knows("patient") is None
    known = {"training_digest": DIGEST, "units": keys("train", "patient")}
    assert read_card(known | {"started_from": {"digest": "sha256:a"}}).knows("other") is None
    assert read_card(known | {"started_from": {"digest": "sha256:a"}}).knows("patient") is True


@pytest.mark.parametrize(
    ("told", "private"),
    [
        ({"options": {"max_turns": 16}}, False),
        ({"privacy": None, "options": {"clip_norm": 1.0}}, False),
        ({"privacy": {}, "options": {"epsilon": 4}}, True),
        ({"options": {"noise_multiplier": 1.0}}, True),
        ({"privacy": "differential privacy"}, True),
    ],
)
def test_a_card_that_speaks_of_privacy_anywhere_is_not_of_a_twin(told: dict[str, object], private: bool) -> None:
    assert read_card(told).private is private


def test_a_step_of_utterances_takes_one_turn() -> None:
    told = {"options": {"max_turns_per_patient": 16}, "privacy": {"unit": "utterance", "max_turns": 1}}
    assert read_card(told).max_turns == 1
    assert read_card(told | {"privacy": {"unit": "patient", "max_turns": 0}}).max_turns == 16
