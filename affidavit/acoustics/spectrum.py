"""Power spectra of short windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal.windows import hann

from affidavit.acoustics.windows import Windowing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """Power over time and frequency."""

    power: NDArray[np.float32]
    """float32 [windows, bins]: |DFT|^2 of each Hann window, divided by the window's energy; a tone of amplitude a has
    a^2/4 times the window's length over 1.5 in its bin."""
    frequencies_hz: NDArray[np.float64]
    """float64 [bins], from 0 to half the sample rate."""
    times_s: NDArray[np.float64]
    """float64 [windows]: the windows' centres."""


def power_spectrum(
    samples: NDArray[np.float32], sample_rate: int, *, window_s: float = 0.025, hop_s: float = 0.010
) -> Spectrum:
    """Return the power spectrum of Hann windows, zero-padded to the next power of two.

    P[i, k] = |sum_n w[n] x[i * hop + n] exp(-2 pi j k n / N)|^2 / sum_n w[n]^2.
    """
    windowing = Windowing.of(sample_rate, window_s=window_s, hop_s=hop_s)
    windows = windowing.cut(samples)
    n_fft, taper = _transform(windowing.length)
    bins = rfft(windows * taper, n=n_fft, axis=1)
    return Spectrum(
        power=bins.real**2 + bins.imag**2,
        frequencies_hz=np.arange(n_fft // 2 + 1, dtype=np.float64) * (sample_rate / n_fft),
        times_s=windowing.times_s(len(windows)),
    )


@lru_cache(maxsize=16)
def _transform(length: int) -> tuple[int, NDArray[np.float32]]:
    """Return the length of the transform, and the window over the root of its energy."""
    taper = hann(length, sym=False)
    return 1 << (length - 1).bit_length(), (taper / np.sqrt(np.sum(taper**2))).astype(np.float32)
