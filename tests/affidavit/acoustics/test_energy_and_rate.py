"""Levels are decibels of full scale, and the rate of speech is the rate at which syllables were made."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.acoustics.energy import LEVEL_FLOOR_DB, active_frames, active_power, level_db
from affidavit.acoustics.pitch import pitch_track
from affidavit.acoustics.rate import speech_rate

RATE = 16_000


def syllables(per_s: float, seconds: float, *, voiced: bool = True) -> NDArray[np.float32]:
    """A buzz (or a hiss) that swells and fades so many times a second."""
    t = np.arange(round(seconds * RATE)) / RATE
    rng = np.random.default_rng(0)
    carrier = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20)) if voiced else rng.standard_normal(len(t))
    swell = 10 ** (-(20 * np.cos(np.pi * per_s * t) ** 2) / 20)
    return (0.1 * carrier * swell).astype(np.float32)


def test_a_full_sine_has_minus_three_decibels() -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    np.testing.assert_allclose(level_db(sine, RATE), -3.01, atol=0.01)
    np.testing.assert_allclose(level_db(0.1 * sine, RATE), -23.01, atol=0.01)
    assert level_db(np.zeros(RATE, dtype=np.float32), RATE).max() == LEVEL_FLOOR_DB


def test_pauses_do_not_lower_active_power() -> None:
    sine = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)
    with_pause = np.concatenate([sine, np.zeros(3 * RATE, dtype=np.float32)])
    assert active_power(with_pause, RATE) == pytest.approx(0.125, rel=0.01)
    assert active_power(np.zeros(RATE, dtype=np.float32), RATE) is None
    assert active_frames(level_db(with_pause, RATE)).mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("per_s", [2.0, 4.0, 6.0])
def test_the_rate_is_the_rate_that_was_made(per_s: float) -> None:
    sound = syllables(per_s, 4.0)
    rate = speech_rate(sound, RATE, pitch_track(sound, RATE))
    assert rate is not None
    assert rate.syllables_per_s == pytest.approx(per_s, abs=0.3)
    assert rate.pause_share == 0.0
    assert rate.voiced_share > 0.9


def test_a_hiss_has_no_syllables() -> None:
    sound = syllables(4.0, 3.0, voiced=False)
    rate = speech_rate(sound, RATE, pitch_track(sound, RATE))
    assert rate is not None
    assert rate.syllables_per_s == 0.0
    assert rate.voiced_share < 0.02


def test_a_pause_inside_counts_and_silence_around_does_not() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    speech = syllables(4.0, 1.0)
    sound = np.concatenate([silence, speech, silence[: RATE // 2], speech, silence])
    rate = speech_rate(sound, RATE, pitch_track(sound, RATE))
    assert rate is not None
    assert rate.speech_s == pytest.approx(2.5, abs=0.1)
    assert rate.pause_share == pytest.approx(0.2, abs=0.03)
    assert rate.pauses_per_s == pytest.approx(1 / 2.5, rel=0.05)
    assert rate.syllables_per_s == pytest.approx(8 / 2.5, abs=0.5)


def test_silence_has_no_rate() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    assert speech_rate(silence, RATE, pitch_track(silence, RATE)) is None


@pytest.mark.parametrize("n_samples", [1, 100, 500, 1200])
def test_the_shortest_sounds_have_a_rate(n_samples: int) -> None:
    sound = np.full(n_samples, 0.1, dtype=np.float32)
    assert speech_rate(sound, RATE, pitch_track(sound, RATE)) is not None
