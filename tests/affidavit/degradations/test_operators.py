"""A condition's operator is found, its level read, and what cannot be is refused with all that can."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from affidavit.conditions import Condition
from affidavit.degradations import Degradation, degradation
from affidavit.degradations.operators import OPERATORS
from affidavit.errors import PlanError
from affidavit.media.frames import Frames
from affidavit.media.sound import Sound

SOUND = Sound(samples=np.linspace(-0.5, 0.5, 4000, dtype=np.float32), sample_rate=16_000)
FRAMES = Frames(pixels=np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8), times_s=np.arange(4) / 10)


def under(condition: str) -> Degradation:
    found = degradation(Condition.parse(condition))
    assert found is not None
    return found


def refused(condition: str) -> str:
    with pytest.raises(PlanError) as caught:
        degradation(Condition.parse(condition))
    assert caught.value.slug == "plan-impossible"
    assert condition in str(caught.value)
    return str(caught.value)


def test_a_condition_without_operator_degrades_nothing() -> None:
    assert degradation(Condition.parse("TAV")) is None
    assert degradation(Condition.parse("as-supplied")) is None


@pytest.mark.parametrize(
    ("condition", "modality"),
    [("TAV/noise=10dB", "audio"), ("AV/dropped-frames=0.5", "video"), ("T/transcript-errors=20%", "text")],
)
def test_it_says_what_it_degrades(condition: str, modality: str) -> None:
    assert under(condition).modality == modality


def test_an_unknown_operator_is_refused_with_all_known_ones() -> None:
    said = refused("TAV/nose=10dB")
    assert "did you mean 'noise'" in said
    assert all(name in said for name in OPERATORS)


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ("A/noise", "such as 10dB"),
        ("A/noise=10", "such as 10dB"),
        ("A/noise=99dB", "-20dB to 60dB"),
        ("A/noise=nandB", "-20dB to 60dB"),
        ("A/codec=mp3-33k", "mp3-32k"),
        ("V/dropped-frames=1.5", "0 to 1"),
        ("V/dropped-frames=150%", "0 to 1"),
        ("V/frozen-face=1", "no level"),
        ("V/blur=-1", "0 to 64"),
        ("T/transcript-errors=many", "errors per word"),
    ],
)
def test_a_level_that_does_not_read_is_refused_with_those_that_do(condition: str, allowed: str) -> None:
    assert allowed in refused(condition)


@pytest.mark.parametrize("condition", ["T/noise=10dB", "TA/blur=2", "AV/transcript-errors=0.1"])
def test_the_condition_must_have_the_modality(condition: str) -> None:
    assert "the condition has none" in refused(condition)


def test_other_modalities_of_the_condition_pass_unchanged_and_absent_ones_are_refused() -> None:
    rng = np.random.default_rng(0)
    noisy = under("TA/noise=10dB")
    assert noisy.apply_to_text("as it was", rng, ["word"]) == "as it was"
    with pytest.raises(PlanError, match="the condition has none"):
        noisy.apply_to_frames(FRAMES, rng)
    blurred = under("AV/blur=2")
    assert blurred.apply_to_sound(SOUND, rng) is SOUND
    with pytest.raises(PlanError, match="the condition has none"):
        blurred.apply_to_text("words", rng, [])


EXAMPLES = {
    "noise": "A/noise=0dB",
    "codec": "A/codec=ulaw-8k",
    "clipping": "A/clipping=12dB",
    "truncated": "A/truncated=0.5",
    "dropped-frames": "V/dropped-frames=50%",
    "frozen-face": "V/frozen-face",
    "blur": "V/blur=1.5",
    "transcript-errors": "T/transcript-errors=1",
}


def test_there_is_an_example_of_every_operator() -> None:
    assert set(EXAMPLES) == set(OPERATORS)


@pytest.mark.parametrize("condition", EXAMPLES.values())
def test_the_same_seed_gives_the_same_in_any_process(condition: str) -> None:
    pytest.importorskip("soundfile")
    chosen = under(condition)
    again = pickle.loads(pickle.dumps(chosen))
    assert again == chosen
    changed = []
    for one in (chosen, again):
        rng = np.random.default_rng(7)
        if one.modality == "audio":
            changed.append(one.apply_to_sound(SOUND, rng).samples.tolist())
            assert changed[-1] != SOUND.samples.tolist()
        elif one.modality == "video":
            changed.append(one.apply_to_frames(FRAMES, rng).pixels.tolist())
            assert changed[-1] != FRAMES.pixels.tolist()
        else:
            changed.append(one.apply_to_text("so many words to mishear", rng, ["lark", "stone", "tuesday"]))
            assert changed[-1] != "so many words to mishear"
    assert changed[0] == changed[1]
