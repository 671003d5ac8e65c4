"""Adds noise that has the long-term spectrum of the speech it masks, at a stated signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.signal import welch

from affidavit.acoustics.energy import active_power
from affidavit.errors import MediaError
from affidavit.media.sound import Sound


def add_noise(sound: Sound, snr_db: float, rng: np.random.Generator) -> Sound:
    """Return the sound with steady noise, at `snr_db` over active speech.

    SNR = 10 log10(mean square of active frames / mean square of the noise); active frames lie within 25 dB of the loud
    ones, so that pauses do not make the noise softer. The noise is Gaussian and has the sound's own spectrum (Welch
    1967), as speech-shaped noise has in audiometry. Where the sum would pass full scale, both are turned down alike.

    Raises:
        MediaError: the sound is silent, so that no ratio is defined.
    """
    speech = active_power(sound.samples, sound.sample_rate)
    if speech is None:
        raise MediaError(
            "noise has no signal-to-noise ratio to digital silence",
            slug="media-unreadable",
            allowed="sound with active speech",
            remedy="leave silent utterances out of the noisy conditions",
        )
    noise = _shaped_noise(sound, rng)
    gain = np.sqrt(speech / 10.0 ** (snr_db / 10.0) / np.mean(noise**2))
    mixed = sound.samples + gain * noise
    peak = max(1.0, float(np.abs(mixed).max()))
    return Sound(samples=(mixed / peak).astype(np.float32), sample_rate=sound.sample_rate)


def _shaped_noise(sound: Sound, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return Gaussian noise with the spectrum and the length of the sound, at any level."""
    n_samples = len(sound.samples)
    frequencies, power = welch(sound.samples, fs=sound.sample_rate, nperseg=min(512, n_samples), detrend=False)
    white = rfft(rng.standard_normal(n_samples))
    wanted = np.linspace(0.0, sound.sample_rate / 2, len(white))
    amplitude = np.sqrt(np.interp(wanted, frequencies, power.astype(np.float64)))
    noise: NDArray[np.float64] = irfft(white * amplitude, n=n_samples)
    return noise
