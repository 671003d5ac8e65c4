"""Noise has the ratio asked for, codecs keep time, clipping and truncation cut what they say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.degradations.codecs import CODECS, through_codec
from affidavit.degradations.noise import add_noise
from affidavit.degradations.waveforms import clip, truncate
from affidavit.errors import MediaError
from affidavit.media.sound import Sound

RATE = 16_000
RNG = np.random.default_rng(0)


def speech(seconds: float = 2.0, *, amplitude: float = 0.1, rate: int = RATE) -> Sound:
    """A buzz in syllables between two pauses: loud and soft, high and low."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 1.3 * t)) / rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    swell = 10 ** (-(20 * np.cos(np.pi * 4 * t) ** 2) / 20)
    pause = np.zeros(rate // 2)
    samples = np.concatenate([pause, amplitude * buzz * swell, pause])
    return Sound(samples=samples.astype(np.float32), sample_rate=rate)


def active_mean_square(samples: NDArray[np.float32], rate: int) -> float:
    """The definition, one frame at a time: frames of 25 ms every 10 ms within 25 dB of the 99th percentile."""
    length, hop = round(0.025 * rate), round(0.010 * rate)
    squares = [
        float(np.mean(samples[start : start + length].astype(float) ** 2))
        for start in range(0, len(samples) - length + 1, hop)
    ]
    decibels = [10 * np.log10(max(square, 1e-10)) for square in squares]
    threshold = np.percentile(decibels, 99) - 25
    return float(np.mean([square for square, level in zip(squares, decibels, strict=True) if level >= threshold]))


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 10.0, 30.0])
def test_noise_has_the_ratio_asked_for(snr_db: float) -> None:
    clean = speech(amplitude=0.01)
    noisy = add_noise(clean, snr_db, np.random.default_rng(3))
    noise = noisy.samples.astype(float) - clean.samples
    measured = 10 * np.log10(active_mean_square(clean.samples, RATE) / np.mean(noise**2))
    assert measured == pytest.approx(snr_db, abs=0.1)
    assert len(noisy.samples) == len(clean.samples)


def test_noise_has_the_spectrum_of_the_speech() -> None:
    clean = speech(amplitude=0.01)
    noise = add_noise(clean, 0.0, np.random.default_rng(3)).samples - clean.samples
    low, high = ((slice(0, len(noise) // 16)), slice(len(noise) // 4, None))
    for samples in (clean.samples, noise):
        power = np.abs(np.fft.rfft(samples)) ** 2
        assert power[low].sum() > 10 * power[high].sum()


def test_noise_fills_the_pauses_and_never_passes_full_scale() -> None:
    noisy = add_noise(speech(amplitude=0.4), -10.0, np.random.default_rng(3))
    assert np.abs(noisy.samples).max() <= 1.0
    assert noisy.samples[: RATE // 4].std() > 0.05


def test_other_seeds_give_other_noise() -> None:
    one, two = (add_noise(speech(), 10.0, np.random.default_rng(seed)).samples for seed in (1, 2))
    assert not np.allclose(one, two)


def test_silence_has_no_ratio() -> None:
    with pytest.raises(MediaError, match="no signal-to-noise ratio"):
        add_noise(Sound(samples=np.zeros(RATE, dtype=np.float32), sample_rate=RATE), 10.0, RNG)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("name", ["mp3-32k", "opus-16k", "ulaw-8k", "alaw-8k", "gsm-13k"])
def test_codecs_keep_length_and_time(name: str, rate: int) -> None:
    pytest.importorskip("av")
    pytest.importorskip("soundfile")
    clean = speech(1.0, rate=rate)
    coded = through_codec(clean, name, RNG)
    n = len(clean.samples)
    assert len(coded.samples) == n
    assert coded.sample_rate == rate
    crossed = np.fft.irfft(np.fft.rfft(coded.samples, 2 * n) * np.conj(np.fft.rfft(clean.samples, 2 * n)))
    lag = int(np.argmax(crossed))
    assert min(lag, 2 * n - lag) <= rate / 4_000  # a quarter of a millisecond
    assert np.corrcoef(coded.samples, clean.samples)[0, 1] > 0.8
    assert not np.allclose(coded.samples, clean.samples, atol=1e-4)


def test_more_bits_lose_less() -> None:
    pytest.importorskip("av")
    clean = speech(1.0)
    for family in ("mp3", "opus"):
        names = sorted((name for name in CODECS if name.startswith(family)), key=lambda n: int(n[len(family) + 1 : -1]))
        first, last = (through_codec(clean, name, RNG).samples for name in (names[0], names[-1]))
        assert np.std(last - clean.samples) < np.std(first - clean.samples)


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_takes_silence_and_a_handful_of_samples(name: str) -> None:
    pytest.importorskip("av")
    pytest.importorskip("soundfile")
    for n_samples in (5, 2_000):
        coded = through_codec(Sound(samples=np.zeros(n_samples, dtype=np.float32), sample_rate=RATE), name, RNG)
        assert len(coded.samples) == n_samples
        assert np.abs(coded.samples).max() < 0.01


def test_clipping_cuts_the_peaks_and_leaves_the_rest() -> None:
    clean = speech()
    clipped = clip(clean, 12.0, RNG).samples
    threshold = np.abs(clean.samples).max() * 10 ** (-12 / 20)
    assert np.abs(clipped).max() == pytest.approx(threshold, rel=1e-6)
    inside = np.abs(clean.samples) < threshold
    np.testing.assert_array_equal(clipped[inside], clean.samples[inside])
    np.testing.assert_array_equal(clip(clean, 0.0, RNG).samples, clean.samples)


def test_truncation_takes_the_end() -> None:
    clean = speech()
    np.testing.assert_array_equal(truncate(clean, 0.25, RNG).samples, clean.samples[: round(0.75 * len(clean.samples))])
    assert len(truncate(clean, 1.0, RNG).samples) == 1
