"""Statistics of what is measured frame by frame, at fixed scales.

Each descriptor declares what is usual in close speech: its mean, how far clips lie apart in that, its spread within a
clip, and how far clips lie apart in that. The numbers are round and belong to the method: they were chosen once and
never follow a corpus. With them a mean m becomes (m - mean) / apart, a standard deviation s (s - spread) /
spread_apart, and a percentile p is held against mean + z(p) * spread, in steps of the wider of the two distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One quantity of each frame, and what is usual of it, in its own unit."""

    name: str
    mean: float
    apart: float
    spread: float
    spread_apart: float


def _cepstra(prefix: str, rows: Sequence[tuple[float, float, float, float]]) -> tuple[Descriptor, ...]:
    return tuple(Descriptor(f"{prefix}_{i}", *row) for i, row in enumerate(rows))


CEPSTRA: Final = _cepstra(
    "cepstrum",
    (
        *((-280, 50, 44, 10), (36, 20, 35, 7), (-8, 18, 22, 4), (0, 12, 16, 3), (-12, 12, 14, 3)),
        *((-11, 8, 12, 2), (-10, 8, 11, 2), (-8, 6, 9, 2), (-4, 6, 9, 2), (-3, 6, 8, 2)),
        *((-5, 6, 8, 2), (-3, 6, 7, 2), (-4, 6, 7, 2), (-2, 5, 7, 2)),
    ),
)
"""Mel cepstra, in dB (orthonormal DCT-II of 40 bands)."""
CEPSTRAL_CHANGES: Final = _cepstra(
    "cepstral_change",
    (
        *((0, 0.5, 13, 2), (0.5, 0.5, 7, 1), (0, 0.3, 5, 1), (0, 0.1, 3.2, 0.5), (0, 0.1, 3.2, 0.5)),
        *((0, 0.1, 3, 0.4), (0, 0.1, 2.6, 0.4), (0, 0.1, 2.2, 0.4), (0, 0.1, 2, 0.4), (0, 0.1, 2, 0.4)),
        *((0, 0.1, 1.9, 0.4), (0, 0.1, 1.8, 0.4), (0, 0.1, 1.8, 0.4), (0, 0.1, 1.8, 0.4)),
    ),
)
"""Their regression over five frames, in dB a frame."""
SHAPE: Final = (
    Descriptor("centroid_khz", 1.0, 0.4, 0.8, 0.3),
    Descriptor("alpha_ratio_db", -11, 5, 8, 2),
    Descriptor("slope_0_500_db_per_khz", 45, 30, 28, 7),
    Descriptor("slope_500_1500_db_per_khz", -14, 5, 12, 2),
    Descriptor("slope_500_4000_db_per_khz", -4.5, 2, 4, 0.8),
    Descriptor("slope_1500_5000_db_per_khz", -4, 2, 3.5, 0.8),
)
"""The shape of the spectrum of voiced frames."""
SHAPE_UNVOICED: Final = (
    Descriptor("centroid_khz", 2.7, 1.1, 1.5, 0.6),
    Descriptor("alpha_ratio_db", 2, 7, 8, 4),
    Descriptor("slope_0_500_db_per_khz", 20, 30, 26, 12),
    Descriptor("slope_500_1500_db_per_khz", -6.5, 5, 8.5, 3),
    Descriptor("slope_500_4000_db_per_khz", -1, 3, 4.4, 2),
    Descriptor("slope_1500_5000_db_per_khz", -0.5, 3, 3.8, 1.6),
)
"""The same of frames without voice, where hissing lies high."""
LEVEL: Final = (Descriptor("level_db", -40, 10, 6.5, 1),)
LEVEL_CHANGE: Final = (Descriptor("level_change_db", 0, 0.1, 2, 0.4),)
FLUX: Final = (Descriptor("flux_db", 4.4, 0.5, 2.5, 0.5),)
PERIODICITY: Final = (Descriptor("periodicity", 0.82, 0.07, 0.12, 0.03),)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean, standard deviation and percentiles over frames, scaled."""

    descriptors: tuple[Descriptor, ...]
    percentiles: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What each number is, in the order of `of`."""
        kinds = ("mean", "sd", *(f"p{percentile}" for percentile in self.percentiles))
        return tuple(f"{descriptor.name}_{kind}" for kind in kinds for descriptor in self.descriptors)

    def of(self, frames: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the numbers of [frames, descriptors], at least one frame."""
        usual = np.array([(d.mean, d.apart, d.spread, d.spread_apart) for d in self.descriptors], dtype=np.float64)
        mean, apart, spread, spread_apart = usual.T
        parts = [(frames.mean(axis=0) - mean) / apart, (frames.std(axis=0) - spread) / spread_apart]
        if self.percentiles:
            expected = mean + np.outer([_DEVIATES[percentile] for percentile in self.percentiles], spread)
            parts.append(
                ((np.percentile(frames, self.percentiles, axis=0) - expected) / np.maximum(apart, spread_apart)).ravel()
            )
        return np.concatenate(parts)


_DEVIATES: Final = {5: -1.645, 10: -1.282, 25: -0.674, 50: 0.0, 75: 0.674, 90: 1.282, 95: 1.645}
"""The normal deviate of each percentile in use."""


def regression(frames: NDArray[np.floating], reach: int = 2) -> NDArray[np.float64]:
    """Return the slope of the least-squares line through 2 * reach + 1 frames, per frame, [frames, descriptors].

    sum_k k (x[t + k] - x[t - k]) / (2 sum_k k^2), k = 1 to reach (Furui 1986); the ends are repeated.
    """
    n_frames = len(frames)
    padded = np.pad(np.asarray(frames, dtype=np.float64), ((reach, reach), (0, 0)), mode="edge")
    shifts = range(1, reach + 1)
    rises = [k * (padded[reach + k :][:n_frames] - padded[reach - k :][:n_frames]) for k in shifts]
    slopes: NDArray[np.float64] = np.sum(rises, axis=0) / (2.0 * sum(k * k for k in shifts))
    return slopes
