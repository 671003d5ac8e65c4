"""The course of pitch over a clip, and the rhythm of its bands, at fixed scales."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

from affidavit.acoustics.prosody import semitones, steps
from affidavit.acoustics.voice import N_MELS, Voice

_PITCH: Final = (
    *((f"f0_p{p}_st", 34.0 + shift, 7.0) for p, shift in ((5, -6), (20, -3), (50, 0), (80, 3), (95, 5.5))),
    *(("f0_mean_st", 34.0, 7.0), ("f0_sd_st", 3.7, 1.5)),
    *(("f0_change_mean_st", 0.0, 0.1), ("f0_change_sd_st", 0.8, 0.5)),
    *(("f0_change_p10_st", -0.6, 0.2), ("f0_change_p90_st", 0.4, 0.2)),
    *(("f0_rising_share", 0.4, 0.1), ("f0_rise_mean_st", 0.4, 0.2), ("f0_fall_mean_st", -0.4, 0.2)),
    *((f"f0_fifth_{i}_st", 0.0, 2.0) for i in range(1, 6)),
)
PITCH_NAMES: Final = tuple(name for name, _, _ in _PITCH)
"""Percentiles, mean and spread of pitch in semitones re 27.5 Hz; its changes from frame to frame; and each fifth of the
voiced frames against the mean."""
_FEWEST_VOICED: Final = 5

_RHYTHMS_HZ: Final = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0), (16.0, 32.0))
_USUAL_RHYTHM: Final = (7.0, 6.4, 5.6, 4.1, 2.3)  # ln of dB^2, band by band of modulation
_GROUPS: Final = 8
_FEWEST_ACTIVE: Final = 16
_FRAMES_PER_S: Final = 100.0
RHYTHM_NAMES: Final = tuple(
    f"modulation_{low:g}_{high:g}_hz_bands_{group + 1}" for low, high in _RHYTHMS_HZ for group in range(_GROUPS)
)
"""ln of the power with which the dB of eight groups of mel bands, low to high, rise and fall at so many Hz."""


def pitch_course(voice: Voice) -> NDArray[np.float64] | None:
    """Return what `PITCH_NAMES` says, scaled; None where fewer than five frames are voiced or no two are adjacent."""
    st = semitones(voice.pitch.f0_hz)
    changes = steps(st, voice.pitch.voiced)
    if len(st) < _FEWEST_VOICED or not len(changes):
        return None
    rising = changes > 0
    values = [
        *np.percentile(st, (5, 20, 50, 80, 95)),
        *(st.mean(), st.std(), changes.mean(), changes.std(), *np.percentile(changes, (10, 90)), rising.mean()),
        *(changes[rising].sum() / max(1, rising.sum()), changes[~rising].sum() / max(1, (~rising).sum())),
        *(fifth.mean() - st.mean() for fifth in np.array_split(st, 5)),
    ]
    usual = np.array([(centre, scale) for _, centre, scale in _PITCH])
    scaled: NDArray[np.float64] = (np.array(values) - usual[:, 0]) / usual[:, 1]
    return scaled


def rhythm(voice: Voice) -> NDArray[np.float64] | None:
    """Return what `RHYTHM_NAMES` says of the stretch from the first active frame to the last, scaled.

    None where it has fewer than 16 frames. Each group's contour is centred, put under a Hann window and transformed;
    its power is averaged over the frequencies of each band of modulation.
    """
    active = np.flatnonzero(voice.active)
    if not len(active) or active[-1] - active[0] + 1 < _FEWEST_ACTIVE:
        return None
    bands = voice.bands_db[active[0] : active[-1] + 1].astype(np.float64)
    groups = bands.reshape(len(bands), _GROUPS, N_MELS // _GROUPS).mean(axis=2)
    taper = np.hanning(len(groups))[:, None]
    n_fft = max(512, next_fast_len(len(groups), real=True))
    power = np.abs(rfft((groups - groups.mean(axis=0)) * taper, n=n_fft, axis=0)) ** 2 / np.sum(taper**2)
    at_hz = np.arange(len(power)) * (_FRAMES_PER_S / n_fft)
    means = [power[(at_hz >= low) & (at_hz < high)].mean(axis=0) for low, high in _RHYTHMS_HZ]
    scaled: NDArray[np.float64] = (np.log(np.array(means) + 1e-3) - np.array(_USUAL_RHYTHM)[:, None]) / 0.8
    return scaled.ravel()
