"""Log-mel spectra equal a slow twin written from the definition."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.acoustics.mel import POWER_FLOOR, log_mel


def naive_log_mel(samples: NDArray[np.float32], rate: int, n_mels: int) -> NDArray[np.float64]:
    """One frame, one band and one bin at a time."""
    length, hop = round(0.025 * rate), round(0.010 * rate)
    n_fft = 1
    while n_fft < length:
        n_fft *= 2
    window = [0.5 - 0.5 * np.cos(2 * np.pi * n / length) for n in range(length)]
    top = 2595 * np.log10(1 + rate / 2 / 700)
    corners = [700 * (10 ** (top * i / (n_mels + 1) / 2595) - 1) for i in range(n_mels + 2)]
    rows = []
    for start in range(0, len(samples) - length + 1, hop):
        x = np.array([w * s for w, s in zip(window, samples[start : start + length].astype(float), strict=True)])
        power = []
        for k in range(n_fft // 2 + 1):
            turn = np.exp(-2j * np.pi * k * np.arange(length) / n_fft)
            power.append(abs(np.sum(x * turn)) ** 2 / sum(w * w for w in window))
        row = []
        for low, centre, high in zip(corners, corners[1:], corners[2:], strict=False):
            total = 0.0
            for k, p in enumerate(power):
                f = k * rate / n_fft
                total += p * max(0.0, min((f - low) / (centre - low), (high - f) / (high - centre)))
            row.append(np.log(max(total, POWER_FLOOR)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(("rate", "n_mels"), [(16_000, 40), (16_000, 20), (8_000, 20)])
def test_it_equals_its_naive_twin(rate: int, n_mels: int) -> None:
    rng = np.random.default_rng(3)
    samples = (0.1 * rng.standard_normal(rate // 16)).astype(np.float32)
    np.testing.assert_allclose(log_mel(samples, rate, n_mels=n_mels), naive_log_mel(samples, rate, n_mels), atol=2e-4)


def test_a_tone_is_in_the_band_of_its_frequency() -> None:
    t = np.arange(16_000) / 16_000
    quiet = log_mel((0.1 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32), 16_000)
    loud = log_mel(np.sin(2 * np.pi * 1000 * t).astype(np.float32), 16_000)
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42) / 2595) - 1)
    assert np.all(loud.argmax(axis=1) == np.abs(corners[1:-1] - 1000).argmin())
    np.testing.assert_allclose((loud - quiet).max(axis=1), np.log(100), atol=0.01)


def test_shape_is_frames_by_bands() -> None:
    assert log_mel(np.zeros(16_000, dtype=np.float32), 16_000).shape == (98, 40)
    assert log_mel(np.zeros(3, dtype=np.float32), 16_000).shape == (1, 40)
    assert log_mel(np.zeros(800, dtype=np.float32), 16_000, n_mels=24, window_s=0.05, hop_s=0.025).shape == (1, 24)


def test_silence_has_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(1000, dtype=np.float32), 16_000), np.log(POWER_FLOOR), rtol=1e-6)


def test_no_samples_and_too_many_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        log_mel(np.zeros(0, dtype=np.float32), 16_000)
    with pytest.raises(ValueError, match="too many"):
        log_mel(np.zeros(1000, dtype=np.float32), 16_000, n_mels=200)
