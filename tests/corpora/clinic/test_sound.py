"""What is said of a voice is what is measured: pitch of known tones, noise of a known level, prosody of an emotion."""

from __future__ import annotations

import numpy as np
import pytest

from corpora.clinic.measures import Change, fundamental, measured, planned_change
from corpora.clinic.options import ACCENTS, ClinicOptions
from corpora.clinic.people import patient
from corpora.clinic.sound import SAMPLE_RATE, clip, rms, with_noise
from corpora.clinic.voices import TURNED, Prosody, moved_prosody, neutral_prosody, voice

CALM = Prosody(rate=170, pitch=50, pitch_range=50, level_db=0)
STILL = {"pitch_st": 0, "range_ratio": 0, "rate_ratio": 0, "level_db": 0, "creak": 0, "tremble": 0}


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    """A tone with four harmonics, as a voice has."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return sum(np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, 5)) * 0.2


@pytest.mark.parametrize("hertz", [75, 110, 190, 260, 400])
def test_the_fundamental_of_a_tone_is_found(hertz: float) -> None:
    expected = 12 * np.log2(hertz / 27.5)
    assert np.allclose(fundamental(tone(hertz)), expected, atol=0.4)


def test_noise_has_no_fundamental() -> None:
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE) * 0.1
    assert len(fundamental(noise)) < 20
    assert measured(np.zeros(SAMPLE_RATE)).pitch_st == 0


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_noise_has_the_level_that_was_asked_for(snr_db: float) -> None:
    clean = tone(150) * 0.1
    noise = with_noise(clean, snr_db, np.random.default_rng(1)) - clean
    assert 20 * np.log10(rms(clean) / rms(noise)) == pytest.approx(snr_db, abs=0.05)


def test_the_level_of_a_clip_is_the_prosody_s() -> None:
    spoken = np.interp(np.arange(22_050), np.arange(16_000) * 22_050 / 16_000, tone(150))
    levels = [
        measured(
            clip(spoken, Prosody(rate=170, pitch=50, pitch_range=50, level_db=db), np.random.default_rng(0))
        ).level_db
        for db in (-9.0, 0.0, 9.0)
    ]
    assert np.allclose(np.diff(levels), 9, atol=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ()),
        ({"pitch_st": 3.2}, ("raised pitch",)),
        ({"pitch_st": -3.2, "rate_ratio": -0.12}, ("lowered pitch", "slow speech")),
        ({"level_db": 9, "rate_ratio": 0.15}, ("high volume", "fast speech")),
        ({"creak": 0.8, "pitch_st": 1.4}, ("creaky tone",)),
        ({"creak": -0.8}, ()),
    ],
)
def test_a_change_is_put_into_words(change: dict[str, float], words: tuple[str, ...]) -> None:
    assert Change(**{**STILL, **change}).descriptors() == words


def test_an_emotion_moves_prosody_and_neutral_does_not() -> None:
    for i in range(60):
        person = patient(i, ClinicOptions())
        assert moved_prosody(person, "neutral", 9.0) == neutral_prosody(person)
        for label in TURNED:
            for intensity in (3.0, 10.0):
                prosody = moved_prosody(person, label, intensity)
                change = planned_change(prosody, neutral_prosody(person))
                assert change.descriptors(), (label, intensity)
                assert 80 <= prosody.rate <= 260
                assert 0 <= prosody.pitch <= 99
                assert 0 <= prosody.pitch_range <= 99


def test_speakers_differ() -> None:
    people = [patient(i, ClinicOptions()) for i in range(60)]
    assert len({(voice(person), neutral_prosody(person)) for person in people}) >= 55
    assert {person.accent for person in people} <= set(ACCENTS)
