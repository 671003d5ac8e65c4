"""Cuts samples into overlapping windows without copying them.

Window i holds the samples from i * hop on; the last one ends within the sound. A sound shorter than one window is
filled up with silence, so that there is always one. A window is dated by its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowing:
    """The length of windows and the step from one to the next, in samples."""

    length: int
    hop: int
    sample_rate: float

    @classmethod
    def of(cls, sample_rate: float, *, window_s: float, hop_s: float) -> Windowing:
        """Return the windowing nearest to seconds; at least two samples long, at least one apart."""
        return cls(
            length=max(2, round(window_s * sample_rate)),
            hop=max(1, round(hop_s * sample_rate)),
            sample_rate=sample_rate,
        )

    def cut(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a view, float32 [windows, length].

        Raises:
            ValueError: there are no samples, or they are not one channel.
        """
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim != 1 or not len(samples):
            raise ValueError(f"samples of shape {samples.shape}; a sound is one channel of at least one sample")
        if len(samples) < self.length:
            samples = np.pad(samples, (0, self.length - len(samples)))
        return np.lib.stride_tricks.sliding_window_view(samples, self.length)[:: self.hop]

    def times_s(self, n_windows: int) -> NDArray[np.float64]:
        """Return the seconds of the windows' centres, float64 [windows]."""
        starts = np.arange(n_windows, dtype=np.float64) * self.hop
        return (starts + self.length / 2) / np.float64(self.sample_rate)
