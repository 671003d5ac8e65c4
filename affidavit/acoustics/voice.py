"""One sound, measured frame by frame once for all that is computed from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from affidavit.acoustics.energy import active_frames, level_db
from affidavit.acoustics.mel import log_mel_of
from affidavit.acoustics.pitch import Pitch, pitch_track
from affidavit.acoustics.rate import Rate, speech_rate, voiced_at
from affidavit.acoustics.spectrum import Spectrum, power_spectrum

N_MELS: Final = 40
N_CEPSTRA: Final = 14
DB_PER_NEPER: Final = 10.0 / np.log(10.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voice:
    """Frames of 25 ms every 10 ms, and what was measured of each."""

    spectrum: Spectrum
    bands_db: NDArray[np.float32]
    """float32 [frames, 40]: power in mel bands, in dB."""
    cepstra: NDArray[np.float32]
    """float32 [frames, 14]: orthonormal DCT-II of the bands, in dB; column 0 follows the level."""
    levels_db: NDArray[np.float64]
    """float64 [frames]: dB re full scale."""
    active: NDArray[np.bool_]
    """bool [frames]: within 25 dB of the loud frames."""
    voiced: NDArray[np.bool_]
    """bool [frames]: active, and the nearest frame of the pitch track is voiced."""
    pitch: Pitch
    rate: Rate | None
    """None where there is only silence."""


def measured(samples: NDArray[np.float32], sample_rate: int) -> Voice:
    """Return a sound's frames.

    Raises:
        ValueError: there are no samples.
    """
    spectrum = power_spectrum(samples, sample_rate)
    bands_db = log_mel_of(spectrum, sample_rate, n_mels=N_MELS) * np.float32(DB_PER_NEPER)
    levels = level_db(samples, sample_rate)
    active, pitch = active_frames(levels), pitch_track(samples, sample_rate)
    return Voice(
        spectrum=spectrum,
        bands_db=bands_db,
        cepstra=dct(bands_db, type=2, norm="ortho", axis=1)[:, :N_CEPSTRA],
        levels_db=levels,
        active=active,
        voiced=active & voiced_at(pitch, spectrum.times_s),
        pitch=pitch,
        rate=speech_rate(samples, sample_rate, pitch),
    )
