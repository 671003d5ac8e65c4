"""The prosody of a clip in some twenty numbers that have names and units, each None where it is undefined."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from affidavit.acoustics.pitch import Pitch
from affidavit.acoustics.shape import alpha_ratio_db, centroid_hz, slope_db_per_khz
from affidavit.acoustics.voice import Voice, measured
from affidavit.records import Record

REFERENCE_HZ: Final = 27.5
"""The note A0; semitones count from it, as in eGeMAPS."""
_FEWEST: Final = 3  # voiced frames, below which a range or a slope says nothing


class Prosody(Record):
    """How something was said. Pitch is None where no frame is voiced, all but `duration_s` where all is silence."""

    duration_s: float = Field(gt=0)
    """Length of the sound, in seconds, pauses at its ends included."""
    f0_median_st: float | None = None
    """Median pitch, in semitones re 27.5 Hz."""
    f0_range_st: float | None = Field(default=None, ge=0)
    """From the 5th to the 95th percentile of pitch, in semitones."""
    f0_sd_st: float | None = Field(default=None, ge=0)
    """Standard deviation of pitch, in semitones."""
    f0_slope_st_per_s: float | None = None
    """Slope of the least-squares line through pitch, in semitones per second."""
    f0_end_st: float | None = None
    """Median pitch of the last fifth of the voiced frames over that of all, in semitones."""
    f0_jitter_st: float | None = Field(default=None, ge=0)
    """Mean absolute change of pitch between adjacent voiced frames (10 ms), in semitones; like jitter, not cycle by
    cycle."""
    level_mean_db: float | None = None
    """Mean level of active frames, in dB re full scale."""
    level_sd_db: float | None = Field(default=None, ge=0)
    """Standard deviation of the level of active frames, in dB."""
    level_range_db: float | None = Field(default=None, ge=0)
    """From the 5th to the 95th percentile of the level of active frames, in dB."""
    level_shimmer_db: float | None = Field(default=None, ge=0)
    """Mean absolute change of level between adjacent voiced frames (10 ms), in dB; like shimmer."""
    speech_s: float | None = Field(default=None, ge=0)
    """From the first active frame to the last, in seconds; the shares and rates below are of this stretch."""
    syllables_per_s: float | None = Field(default=None, ge=0)
    """Nuclei of syllables per second (de Jong and Wempe 2009)."""
    voiced_share: float | None = Field(default=None, ge=0, le=1)
    """Share of time that is voiced."""
    pause_share: float | None = Field(default=None, ge=0, le=1)
    """Share of time in pauses of at least 0.2 s."""
    pauses_per_s: float | None = Field(default=None, ge=0)
    """Pauses of at least 0.2 s per second."""
    centroid_hz: float | None = Field(default=None, ge=0)
    """Mean over active frames of the spectral centroid, in Hz."""
    tilt_db_per_khz: float | None = None
    """Mean over voiced frames of the spectrum's slope from 0.5 to 4 kHz, in dB per kHz."""
    alpha_ratio_db: float | None = None
    """Mean over voiced frames of the power in 1 to 5 kHz over that in 50 to 1000 Hz, in dB."""
    hnr_db: float | None = None
    """Mean over voiced frames of the ratio of harmonics to noise, 10 log10(r / (1 - r)) of the periodicity r, in dB."""


def prosody(samples: NDArray[np.float32], sample_rate: int) -> Prosody:
    """Return the prosody of a sound.

    Raises:
        ValueError: there are no samples.
    """
    return prosody_of(measured(samples, sample_rate), duration_s=len(samples) / sample_rate)


def prosody_of(voice: Voice, *, duration_s: float) -> Prosody:
    """Return the same of a sound that has been measured already."""
    return Prosody(
        duration_s=duration_s, **_of_pitch(voice.pitch), **_of_level(voice), **_of_rate(voice), **_of_spectrum(voice)
    )


def semitones(f0_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 12 log2(f / 27.5 Hz)."""
    above: NDArray[np.float64] = 12.0 * np.log2(f0_hz / REFERENCE_HZ)
    return above


def steps(values: NDArray[np.float64], flags: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the changes between adjacent frames that are both flagged; `values` has one for each flagged frame."""
    rows = np.flatnonzero(flags)
    changes: NDArray[np.float64] = np.diff(values)[np.diff(rows) == 1]
    return changes


def _of_pitch(pitch: Pitch) -> dict[str, float]:
    st, times = semitones(pitch.f0_hz), pitch.voiced_times_s
    if not len(st):
        return {}
    harmonic = np.clip(pitch.periodicity, 1e-3, 1 - 1e-4)
    known = {
        "f0_median_st": float(np.median(st)),
        "hnr_db": float(np.mean(10.0 * np.log10(harmonic / (1.0 - harmonic)))),
    }
    if len(st) >= _FEWEST:
        low, high = np.percentile(st, (5, 95))
        centred = times - times.mean()
        known |= {
            "f0_range_st": float(high - low),
            "f0_sd_st": float(st.std()),
            "f0_slope_st_per_s": float(centred @ st / (centred @ centred)),
            "f0_end_st": float(np.median(st[-max(1, len(st) // 5) :]) - np.median(st)),
        }
    if len(changes := steps(st, pitch.voiced)):
        known["f0_jitter_st"] = float(np.abs(changes).mean())
    return known


def _of_level(voice: Voice) -> dict[str, float]:
    levels = voice.levels_db[voice.active]
    if not len(levels):
        return {}
    low, high = np.percentile(levels, (5, 95))
    known = {
        "level_mean_db": float(levels.mean()),
        "level_sd_db": float(levels.std()),
        "level_range_db": float(high - low),
    }
    if len(changes := steps(voice.levels_db[voice.voiced], voice.voiced)):
        known["level_shimmer_db"] = float(np.abs(changes).mean())
    return known


def _of_rate(voice: Voice) -> dict[str, float]:
    if (rate := voice.rate) is None:
        return {}
    return {
        "speech_s": rate.speech_s,
        "syllables_per_s": rate.syllables_per_s,
        "voiced_share": rate.voiced_share,
        "pause_share": rate.pause_share,
        "pauses_per_s": rate.pauses_per_s,
    }


def _of_spectrum(voice: Voice) -> dict[str, float]:
    known = {}
    if voice.active.any():
        known["centroid_hz"] = float(centroid_hz(voice.spectrum)[voice.active].mean())
    if voice.voiced.any():
        tilt = slope_db_per_khz(voice.spectrum, 500, 4000)
        known["tilt_db_per_khz"] = float(tilt[voice.voiced].mean())
        known["alpha_ratio_db"] = float(alpha_ratio_db(voice.spectrum)[voice.voiced].mean())
    return known
