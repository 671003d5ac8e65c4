"""Whom a model met, by its card: the same keys as trainers write, and unknown where the card says nothing."""

from __future__ import annotations

from affidavit.unit_keys import unit_keys, was_trained_on


def test_a_unit_is_known_under_the_digest_of_its_training_alone() -> None:
    parts = {"train": ["a", "b"], "development": ["c"]}
    card = {"units": unit_keys(parts, "sha256:1"), "training_digest": "sha256:1"}
    assert [was_trained_on(card, name) for name in "abcd"] == [True, True, True, False]
    assert was_trained_on({**card, "training_digest": "sha256:2"}, "a") is False


def test_speakers_of_a_split_by_dialogue_count() -> None:
    card = {
        "units": unit_keys({"train": ["d1"]}, "x"),
        "speakers": unit_keys({"train": ["a"]}, "x"),
        "training_digest": "x",
    }
    assert was_trained_on(card, "a") is True
    assert was_trained_on(card, "b") is False


def test_a_voice_in_somebody_elses_dialogue_counts() -> None:
    """A clinician who withdraws is no unit, and their turns trained the model all the same."""
    card = {
        "units": unit_keys({"train": ["patient"]}, "x"),
        "voices": unit_keys({"train": ["clinician"]}, "x"),
        "training_digest": "x",
    }
    assert was_trained_on(card, "clinician") is True


def test_a_card_that_does_not_say_is_unknown() -> None:
    assert was_trained_on({}, "a") is None
    assert was_trained_on({"units": {"train": ["x"]}}, "a") is None
    assert was_trained_on({"units": {}, "training_digest": "x"}, "a") is None


def test_whom_the_model_met_that_it_started_from_it_met_as_well() -> None:
    start = {"units": unit_keys({"train": ["public"]}, "y"), "training_digest": "y"}
    card = {"units": unit_keys({"train": ["a"]}, "x"), "training_digest": "x", "started_from": start}
    assert [was_trained_on(card, name) for name in ("a", "public", "b")] == [True, True, False]
    assert was_trained_on({"started_from": start}, "public") is True
    assert was_trained_on({"started_from": {}}, "public") is None
