"""How fast somebody speaks and how much of the time is pause, told from intensity and voicing, without a transcript.

De Jong and Wempe 2009, Behavior Research Methods 41(2), in spirit: a syllable's nucleus is a voiced peak of intensity
within 25 dB of the loud ones that stands at least 2 dB above the dips on both sides. Intensity is smoothed by a window
of 64 ms, about that of Praat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from affidavit.acoustics.energy import active_frames, level_db
from affidavit.acoustics.pitch import Pitch

_WINDOW_S: Final = 0.064
_HOP_S: Final = 0.010
_DIP_DB: Final = 2.0
_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Rates and shares of the stretch from the first active frame to the last."""

    speech_s: float
    """Length of that stretch, in seconds."""
    syllables_per_s: float
    voiced_share: float
    """Share of its time that is voiced, 0 to 1."""
    pause_share: float
    """Share of its time in pauses of at least 0.2 s, 0 to 1."""
    pauses_per_s: float


def speech_rate(samples: NDArray[np.float32], sample_rate: int, pitch: Pitch) -> Rate | None:
    """Return the rate of speech, None where there is only silence."""
    levels = level_db(samples, sample_rate, window_s=_WINDOW_S, hop_s=_HOP_S)
    active = active_frames(levels)
    if not active.any():
        return None
    first, last = np.flatnonzero(active)[[0, -1]]
    times = np.arange(len(levels)) * _HOP_S + _WINDOW_S / 2
    speech_s = float((last - first + 1) * _HOP_S)
    peaks, _ = find_peaks(np.where(active, levels, levels.min()), prominence=_DIP_DB)
    during = (pitch.times_s >= times[first] - _HOP_S / 2) & (pitch.times_s <= times[last] + _HOP_S / 2)
    pauses = [length for length in _runs(~active[first : last + 1]) if length * _HOP_S >= _PAUSE_S]
    return Rate(
        speech_s=speech_s,
        syllables_per_s=float(np.sum(active[peaks] & voiced_at(pitch, times[peaks]))) / speech_s,
        voiced_share=float(pitch.voiced[during].mean()) if during.any() else 0.0,
        pause_share=sum(pauses) * _HOP_S / speech_s,
        pauses_per_s=len(pauses) / speech_s,
    )


def voiced_at(pitch: Pitch, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether the pitch frame nearest to each second is voiced, bool [times]."""
    after = np.clip(np.searchsorted(pitch.times_s, times_s), 1, max(1, len(pitch.times_s) - 1))
    nearer = np.abs(pitch.times_s[after - 1] - times_s) <= np.abs(pitch.times_s[after % len(pitch.times_s)] - times_s)
    return pitch.voiced[np.where(nearer, after - 1, after % len(pitch.times_s))]


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges[1::2] - edges[::2]
