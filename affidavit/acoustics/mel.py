"""Log-mel spectra: power in bands that are as wide as hearing resolves."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.acoustics.spectrum import Spectrum, power_spectrum

POWER_FLOOR: Final = 1e-10
"""What is taken for the power of a band that has less; its natural logarithm is -23.03."""


def log_mel(
    samples: NDArray[np.float32],
    sample_rate: int,
    *,
    n_mels: int = 40,
    window_s: float = 0.025,
    hop_s: float = 0.010,
) -> NDArray[np.float32]:
    """Return ln of the power in `n_mels` bands from 0 Hz to half the sample rate, float32 [frames, n_mels].

    Hann windows; triangles of height 1 with their feet on their neighbours' tops, evenly spaced on the HTK mel scale,
    mel(f) = 2595 log10(1 + f / 700) (O'Shaughnessy 1987; Young et al. 2006, HTK Book 5.4). Floor: `POWER_FLOOR`.

    | sound | result |
    |---|---|
    | digital silence | ln `POWER_FLOOR` everywhere |
    | shorter than one window | one frame, filled up with silence |

    Raises:
        ValueError: there are no samples, or more bands than the resolution of the window can tell apart.
    """
    spectrum = power_spectrum(samples, sample_rate, window_s=window_s, hop_s=hop_s)
    return log_mel_of(spectrum, sample_rate, n_mels=n_mels)


def log_mel_of(spectrum: Spectrum, sample_rate: int, *, n_mels: int = 40) -> NDArray[np.float32]:
    """Return the same of a spectrum that is there already."""
    filters = mel_filters(n_mels, spectrum.power.shape[1], sample_rate)
    bands: NDArray[np.float32] = np.log(np.maximum(spectrum.power @ filters, np.float32(POWER_FLOOR)))
    return bands


@lru_cache(maxsize=16)
def mel_filters(n_mels: int, n_bins: int, sample_rate: int) -> NDArray[np.float32]:
    """Return the triangles, float32 [bins, n_mels].

    Raises:
        ValueError: a triangle would hold no bin.
    """
    bins_hz = np.linspace(0.0, sample_rate / 2, n_bins)
    corners = 700.0 * (10.0 ** (np.linspace(0.0, _mel(sample_rate / 2), n_mels + 2) / 2595.0) - 1.0)
    rising = (bins_hz[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins_hz[:, None]) / (corners[2:] - corners[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if not filters.any(axis=0).all():
        raise ValueError(f"{n_mels} bands are too many for {n_bins} bins; take fewer bands or a longer window")
    return filters.astype(np.float32)


def _mel(frequency_hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + frequency_hz / 700.0))
