"""How loud each moment is, in decibels below full scale, and which moments are speech rather than pause."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.acoustics.windows import Windowing

LEVEL_FLOOR_DB: Final = -100.0
"""The level of digital silence: below the noise of 16 bits (-98 dB)."""
ACTIVE_DB: Final = 25.0
"""A frame is active within this much of the loud ones (de Jong and Wempe 2009)."""


def level_db(
    samples: NDArray[np.float32], sample_rate: int, *, window_s: float = 0.025, hop_s: float = 0.010
) -> NDArray[np.float64]:
    """Return 20 log10 of each frame's root mean square, dB re full scale, float64 [frames] in [-100, 0].

    A sine of amplitude 1 has -3 dB; frames under -100 dB, and digital silence, have -100 dB.
    """
    windows = Windowing.of(sample_rate, window_s=window_s, hop_s=hop_s).cut(samples)
    power = np.einsum("ij,ij->i", windows, windows, dtype=np.float64) / windows.shape[1]
    levels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 10.0 ** (LEVEL_FLOOR_DB / 10.0)))
    return levels


def active_frames(levels_db: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which frames are active, bool [frames]: within 25 dB of the 99th percentile and above the floor."""
    active: NDArray[np.bool_] = (levels_db >= np.percentile(levels_db, 99) - ACTIVE_DB) & (levels_db > LEVEL_FLOOR_DB)
    return active


def active_power(samples: NDArray[np.float32], sample_rate: int) -> float | None:
    """Return the mean square over active frames, so that pauses do not count; None where there is only silence."""
    levels = level_db(samples, sample_rate)
    active = active_frames(levels)
    return float(np.mean(10.0 ** (levels[active] / 10.0))) if active.any() else None
