"""How a clip differs from the same words said neutrally by the same person, and the words for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from corpora.clinic.sound import SAMPLE_RATE, Samples, rms
from corpora.clinic.voices import SEMITONES_PER_POINT, Prosody

FRAME: Final = 640
HOP: Final = 240
LOWEST_HZ, HIGHEST_HZ = 60, 500
VOICED: Final = 0.5
"""Least autocorrelation of a frame that counts as voiced."""
NOTICED: Final[Mapping[str, float]] = {
    "pitch_st": 1.5,
    "range_ratio": 0.2,
    "rate_ratio": 0.1,
    "level_db": 2.5,
    "creak": 0.3,
    "tremble": 0.2,
}
"""From which change on it is spoken of; ratios as natural logarithms."""
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "pitch_st": ("raised pitch", "lowered pitch"),
    "range_ratio": ("lively pitch", "flat pitch"),
    "rate_ratio": ("fast speech", "slow speech"),
    "level_db": ("high volume", "low volume"),
    "creak": ("creaky tone", ""),
    "tremble": ("trembling tone", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is measured of one clip."""

    pitch_st: float
    """The median of the fundamental over voiced frames, in semitones above 27.5 Hz."""
    spread_st: float
    """From its 10 % to its 90 % quantile."""
    level_db: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A clip beside the same words said neutrally by the same person."""

    pitch_st: float
    range_ratio: float
    """Natural logarithm of the ratio of spreads."""
    rate_ratio: float
    """Natural logarithm of the ratio of speeds: above zero is faster."""
    level_db: float
    creak: float
    tremble: float

    def descriptors(self) -> tuple[str, ...]:
        """Return what is noticed, the most marked first."""
        marked = []
        for name, noticed in NOTICED.items():
            value = float(getattr(self, name))
            word = WORDS[name][value < 0]
            if word and abs(value) >= noticed:
                marked.append((abs(value) / noticed, word))
        return tuple(word for _, word in sorted(marked, key=lambda entry: (-entry[0], entry[1])))


def measured(samples: Samples) -> Measured:
    """Measure a clip at 16 kHz."""
    pitch = fundamental(samples)
    low, middle, high = np.quantile(pitch, (0.1, 0.5, 0.9)) if len(pitch) else (0.0, 0.0, 0.0)
    return Measured(
        pitch_st=float(middle),
        spread_st=float(high - low),
        level_db=20 * float(np.log10(rms(samples))),
        duration_s=len(samples) / SAMPLE_RATE,
    )


def fundamental(samples: Samples) -> Samples:
    """Return the fundamental of each voiced frame in semitones above 27.5 Hz, by normalised autocorrelation.

    Within an octave of errors the shortest lag near the highest peak is taken, so that halves are rare.
    """
    n_frames = 1 + max(0, len(samples) - FRAME) // HOP
    padded = np.pad(samples, (0, max(0, FRAME - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][:n_frames] * np.hanning(FRAME)
    loud = frames[np.sqrt((frames**2).mean(axis=1)) > 0.15 * rms(samples)]
    if not len(loud):
        return np.zeros(0)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(loud, 2 * FRAME)) ** 2)[:, :FRAME]
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(FRAME), 2 * FRAME)) ** 2)[:FRAME]
    correlation = correlation / correlation[:, :1] / (window / window[0])
    shortest, longest = SAMPLE_RATE // HIGHEST_HZ, SAMPLE_RATE // LOWEST_HZ
    searched = correlation[:, shortest:longest]
    best = searched.max(axis=1)
    inner = searched[:, 1:-1]
    peaks = (inner >= searched[:, :-2]) & (inner >= searched[:, 2:]) & (inner >= 0.88 * best[:, None])
    lags = shortest + 1 + peaks.argmax(axis=1)
    kept = (best > VOICED) & peaks.any(axis=1)
    semitones: Samples = 12 * np.log2(SAMPLE_RATE / lags[kept] / 27.5)
    return semitones


def change(clip: Measured, calm: Measured, prosody: Prosody, calm_prosody: Prosody) -> Change:
    """Return the measured change; creak and tremor are as they were made."""
    return Change(
        pitch_st=round(clip.pitch_st - calm.pitch_st, 2),
        range_ratio=round(float(np.log((clip.spread_st + 0.5) / (calm.spread_st + 0.5))), 2),
        rate_ratio=round(float(np.log(calm.duration_s / clip.duration_s)), 2),
        level_db=round(clip.level_db - calm.level_db, 1),
        creak=prosody.creak - calm_prosody.creak,
        tremble=prosody.tremble - calm_prosody.tremble,
    )


def planned_change(prosody: Prosody, calm: Prosody) -> Change:
    """Return the change that is expected where no sound is made."""
    return Change(
        pitch_st=round(SEMITONES_PER_POINT * (prosody.pitch - calm.pitch), 2),
        range_ratio=round(float(np.log((prosody.pitch_range + 5) / (calm.pitch_range + 5))), 2),
        rate_ratio=round(float(np.log(prosody.rate / calm.rate)), 2),
        level_db=round(prosody.level_db - calm.level_db, 1),
        creak=prosody.creak - calm.creak,
        tremble=prosody.tremble - calm.tremble,
    )
