"""A clip as one vector of fixed length and fixed scale, for models.

It holds the prosody, the course of pitch, levels, mel cepstra and their changes, the spectrum's shape, periodicity,
flux and the rhythm of bands. Every number is (value - usual) / apart with constants that belong to the method (see
`descriptors`), clipped to [-8, 8]; none follows a corpus. Where a value is undefined, as pitch is in a whisper, it is 0
and the `..._known` column of its family is 0 too; elsewhere that is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.acoustics import descriptors as usual
from affidavit.acoustics.contours import PITCH_NAMES, RHYTHM_NAMES, pitch_course, rhythm
from affidavit.acoustics.descriptors import Statistics, regression
from affidavit.acoustics.prosody import Prosody, prosody, prosody_of
from affidavit.acoustics.shape import alpha_ratio_db, centroid_hz, flux_db, slope_db_per_khz
from affidavit.acoustics.spectrum import Spectrum
from affidavit.acoustics.voice import Voice, measured

__all__ = ["FUNCTIONAL_NAMES", "Prosody", "functionals", "prosody"]

_BOUND: Final = 8.0

_PROSODY: Final = {
    "duration_s": (3.0, 2.0),
    "f0_median_st": (34.0, 7.0),
    "f0_range_st": (11.0, 5.0),
    "f0_sd_st": (3.7, 1.5),
    "f0_slope_st_per_s": (-3.0, 3.0),
    "f0_end_st": (-2.0, 4.0),
    "f0_jitter_st": (0.4, 0.2),
    "level_mean_db": (-40.0, 10.0),
    "level_sd_db": (6.5, 1.0),
    "level_range_db": (20.0, 2.0),
    "level_shimmer_db": (1.6, 0.3),
    "speech_s": (2.0, 1.0),
    "syllables_per_s": (4.0, 1.0),
    "voiced_share": (0.75, 0.15),
    "pause_share": (0.1, 0.1),
    "pauses_per_s": (0.2, 0.2),
    "centroid_hz": (1100.0, 300.0),
    "tilt_db_per_khz": (-4.8, 1.5),
    "alpha_ratio_db": (-11.0, 5.0),
    "hnr_db": (9.0, 2.5),
}
"""What is usual of each field in close speech, and how far clips lie apart, in the field's unit."""


_QUARTILES: Final = (5, 25, 50, 75, 95)
_DECILES: Final = (10, 50, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frames:
    """The columns of a voice by name, and the sets of frames that statistics are taken over."""

    columns: Mapping[str, NDArray[np.floating]]
    """[frames, descriptors] each."""
    over: Mapping[str, NDArray[np.bool_]]

    @classmethod
    def of(cls, voice: Voice) -> _Frames:
        levels = voice.levels_db[:, None]
        columns: dict[str, NDArray[np.floating]] = {
            "level": levels,
            "level_change": regression(levels),
            "cepstra": voice.cepstra,
            "cepstral_changes": regression(voice.cepstra),
            "shape": _shape(voice.spectrum),
            "flux": flux_db(voice.bands_db)[:, None],
        }
        over = {"active": voice.active, "voiced": voice.voiced, "unvoiced": voice.active & ~voice.voiced}
        return cls(columns=columns, over=over)


def _shape(spectrum: Spectrum) -> NDArray[np.float64]:
    slopes = [slope_db_per_khz(spectrum, *band) for band in ((0, 500), (500, 1500), (500, 4000), (1500, 5000))]
    return np.column_stack([centroid_hz(spectrum) / 1000.0, alpha_ratio_db(spectrum), *slopes])


_TAKEN: Final[tuple[tuple[str, str, Statistics], ...]] = (
    ("active", "level", Statistics(usual.LEVEL, _QUARTILES)),
    ("active", "level_change", Statistics(usual.LEVEL_CHANGE, _QUARTILES)),
    ("active", "cepstra", Statistics(usual.CEPSTRA, _DECILES)),
    ("active", "cepstral_changes", Statistics(usual.CEPSTRAL_CHANGES)),
    ("active", "flux", Statistics(usual.FLUX, _DECILES)),
    ("voiced", "shape", Statistics(usual.SHAPE)),
    ("voiced", "flux", Statistics(usual.FLUX, _DECILES)),
    ("unvoiced", "cepstra", Statistics(usual.CEPSTRA)),
    ("unvoiced", "shape", Statistics(usual.SHAPE_UNVOICED)),
)
"""Over which frames, of which columns, which statistics."""
_OF_PERIODICITY: Final = Statistics(usual.PERIODICITY, _DECILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """Numbers that are known or unknown together."""

    name: str
    names: tuple[str, ...]
    values: Callable[[Voice, _Frames], NDArray[np.float64] | None]

    def of(self, voice: Voice, frames: _Frames) -> NDArray[np.float64]:
        """Return the numbers, and last whether they are known."""
        values = self.values(voice, frames)
        if values is None:
            return np.zeros(len(self.names) + 1)
        return np.append(np.clip(values, -_BOUND, _BOUND), 1.0)


def _family(name: str) -> _Family:
    """Return the family of all statistics over one set of frames."""
    taken = [(column, statistics) for over, column, statistics in _TAKEN if over == name]

    def values(voice: Voice, frames: _Frames) -> NDArray[np.float64] | None:
        rows = frames.over[name]
        if not rows.any():
            return None
        return np.concatenate([statistics.of(frames.columns[column][rows]) for column, statistics in taken])

    names = tuple(f"{name}_{number}" for _, statistics in taken for number in statistics.names)
    return _Family(name=name, names=names, values=values)


def _periodicity(voice: Voice, frames: _Frames) -> NDArray[np.float64] | None:
    periodicity = voice.pitch.periodicity
    return _OF_PERIODICITY.of(periodicity[:, None]) if len(periodicity) else None


_FAMILIES: Final = (
    _Family(name="f0", names=PITCH_NAMES, values=lambda voice, _: pitch_course(voice)),
    _Family(name="periodicity", names=_OF_PERIODICITY.names, values=_periodicity),
    _family("active"),
    _family("voiced"),
    _family("unvoiced"),
    _Family(name="rhythm", names=RHYTHM_NAMES, values=lambda voice, _: rhythm(voice)),
)

FUNCTIONAL_NAMES: Final[tuple[str, ...]] = (
    *(f"prosody_{name}" for name in _PROSODY),
    *(f"prosody_{name}_known" for name in _PROSODY),
    *(name for family in _FAMILIES for name in (*family.names, f"{family.name}_known")),
)
"""What each number of `functionals` is."""


def functionals(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return the vector of a sound, float32 [len(FUNCTIONAL_NAMES)], each in [-8, 8] and mostly in [-2, 2].

    Bands reach to half the sample rate: vectors compare at one rate, and the constants are those of 16 kHz.

    | sound | result |
    |---|---|
    | digital silence | its duration; all else 0, and unknown |
    | a whisper, noise | what needs a voiced frame is 0, and unknown |

    Raises:
        ValueError: there are no samples.
    """
    voice = measured(samples, sample_rate)
    frames = _Frames.of(voice)
    parts = [_scaled(prosody_of(voice, duration_s=len(samples) / sample_rate))]
    parts += [family.of(voice, frames) for family in _FAMILIES]
    return np.concatenate(parts).astype(np.float32)


def _scaled(said: Prosody) -> NDArray[np.float64]:
    """Return the fields at scale, and then whether each is known."""
    values = np.zeros((2, len(_PROSODY)))
    for column, (name, (centre, scale)) in enumerate(_PROSODY.items()):
        value: float | None = getattr(said, name)
        if value is not None:
            values[:, column] = np.clip((value - centre) / scale, -_BOUND, _BOUND), 1.0
    return values.ravel()
