"""Pitch is found where there is one, to less than a per cent, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from affidavit.acoustics.pitch import pitch_track

RATE = 16_000


def vowel(f0_hz: NDArray[np.float64] | float, seconds: float = 1.0, rate: int = RATE) -> NDArray[np.float32]:
    """All harmonics below 4 kHz through three formants, which is what a voice is to a first approximation."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0_hz, t.shape)) / rate
    sound = sum(np.cos(k * phase) for k in range(1, int(4_000 / np.max(f0_hz)) + 1))
    for formant, width in ((700, 80), (1200, 90), (2600, 120)):
        radius = np.exp(-np.pi * width / rate)
        sound = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * formant / rate), radius**2], sound)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("f0_hz", [62.0, 75.0, 110.0, 180.0, 260.0, 390.0, 480.0])
def test_tones_and_vowels_have_their_pitch(f0_hz: float) -> None:
    tone = (0.3 * np.sin(2 * np.pi * f0_hz * np.arange(RATE) / RATE)).astype(np.float32)
    for samples in (tone, vowel(f0_hz)):
        pitch = pitch_track(samples, RATE)
        assert pitch.voiced.mean() > 0.95
        assert np.abs(pitch.f0_hz / f0_hz - 1).max() < 0.01


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_the_sample_rate_does_not_matter(rate: int) -> None:
    pitch = pitch_track(vowel(150.0, rate=rate), rate)
    assert np.abs(pitch.f0_hz / 150.0 - 1).max() < 0.01
    assert np.diff(pitch.times_s) == pytest.approx(0.01, rel=0.01)


def test_a_glide_is_followed() -> None:
    course = np.geomspace(100.0, 250.0, 2 * RATE)
    pitch = pitch_track(vowel(course, seconds=2.0), RATE)
    expected = np.interp(pitch.voiced_times_s, np.arange(2 * RATE) / RATE, course)
    assert pitch.voiced.mean() > 0.95
    assert np.abs(pitch.f0_hz / expected - 1).max() < 0.015


def test_noise_and_silence_have_no_pitch() -> None:
    rng = np.random.default_rng(5)
    white = (0.1 * rng.standard_normal(2 * RATE)).astype(np.float32)
    hiss = lfilter([1], [1, -0.9], white).astype(np.float32)
    assert pitch_track(white, RATE).voiced.mean() < 0.01
    assert pitch_track(hiss, RATE).voiced.mean() < 0.02
    silent = pitch_track(np.zeros(RATE, dtype=np.float32), RATE)
    assert not silent.voiced.any()
    assert len(silent.f0_hz) == len(silent.periodicity) == 0


def test_voiced_stretches_are_told_from_noise_and_pauses() -> None:
    rng = np.random.default_rng(6)
    pause, hiss = np.zeros(RATE // 2), 0.05 * rng.standard_normal(RATE // 2)
    samples = np.concatenate([pause, vowel(140.0), hiss, vowel(210.0), pause]).astype(np.float32)
    pitch = pitch_track(samples, RATE)
    first, second = ((pitch.times_s > start) & (pitch.times_s < start + 0.9) for start in (0.55, 2.05))
    neither = (pitch.times_s < 0.45) | ((pitch.times_s > 1.55) & (pitch.times_s < 1.95)) | (pitch.times_s > 3.05)
    assert pitch.voiced[first].all()
    assert pitch.voiced[second].all()
    assert not pitch.voiced[neither].any()
    assert np.all(np.isfinite(pitch.f0_hz))


def test_periodicity_falls_with_noise() -> None:
    rng = np.random.default_rng(7)
    clean = vowel(150.0)
    noise = (0.1 * rng.standard_normal(RATE)).astype(np.float32)
    assert pitch_track(clean, RATE).periodicity.mean() > 0.99
    assert pitch_track(clean + noise, RATE).periodicity.mean() < 0.9


def test_short_sounds_have_one_frame_and_an_empty_range_is_refused() -> None:
    assert len(pitch_track(np.zeros(10, dtype=np.float32), RATE).times_s) == 1
    with pytest.raises(ValueError, match="no range"):
        pitch_track(vowel(100.0), RATE, floor_hz=300, ceiling_hz=200)
    with pytest.raises(ValueError, match="at least one sample"):
        pitch_track(np.zeros(0, dtype=np.float32), RATE)


@pytest.mark.slow
@pytest.mark.real
def test_medians_agree_with_opensmile(real_data: Path) -> None:
    """Over the frames that both call voiced; openSMILE calls fewer, as it asks for stronger harmonics."""
    from affidavit.media.sound import read_sound
    from affidavit.utterances import MediaSpan

    opensmile = pytest.importorskip("opensmile")
    clips = sorted((real_data / "ravdess").glob("*.flac"))[::12]
    if not clips:
        pytest.skip("the public data are not there")
    peer = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.LowLevelDescriptors
    )
    apart, theirs_are_ours = [], []
    for path in clips:
        sound = read_sound(MediaSpan(path=path))
        theirs = peer.process_signal(sound.samples, RATE)["F0semitoneFrom27.5Hz_sma3nz"].to_numpy()
        pitch = pitch_track(sound.samples, RATE)
        ours = np.zeros(len(pitch.times_s))
        ours[pitch.voiced] = 12 * np.log2(pitch.f0_hz / 27.5)
        nearest = np.searchsorted(pitch.times_s, np.arange(len(theirs)) * 0.01 + 0.03 - 0.005)
        ours = ours[np.minimum(nearest, len(ours) - 1)]
        both = (ours > 0) & (theirs > 0)
        apart.append(abs(np.median(ours[both]) - np.median(theirs[both])))
        theirs_are_ours.append(both.sum() / (theirs > 0).sum())
    assert np.mean(np.array(apart) < 1.0) >= 0.9
    assert np.mean(theirs_are_ours) > 0.95
