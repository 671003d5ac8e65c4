"""Makes of spoken sound a clip: level, creak, tremor and noise, at 16 kHz, as FLAC."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from corpora.clinic.espeak import SAMPLE_RATE as SPOKEN_RATE
from corpora.clinic.parts import part
from corpora.clinic.voices import Prosody

SAMPLE_RATE: Final = 16_000
SPEECH_RMS: Final = 0.06
"""Of a neutral clip; leaves room for loud ones."""
Samples = NDArray[np.float64]


def clip(spoken: Samples, prosody: Prosody, rng: np.random.Generator) -> Samples:
    """Return sound at 16 kHz with the level, creak and tremor of a prosody."""
    from scipy.signal import resample_poly

    samples = np.asarray(resample_poly(spoken, SAMPLE_RATE // 50, SPOKEN_RATE // 50))
    seconds = np.arange(len(samples)) / SAMPLE_RATE
    if prosody.creak:
        samples = samples * _pulses(seconds, prosody.creak, rng)
    if prosody.tremble:
        samples = samples * (1 - 0.5 * prosody.tremble * (1 + np.sin(2 * np.pi * 6 * seconds)))
    target = SPEECH_RMS * 10 ** (prosody.level_db / 20)
    return np.clip(samples * target / rms(samples), -0.99, 0.99)


def with_noise(samples: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
    """Return a clip with pink noise at a signal-to-noise ratio over the whole clip."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, len(samples))
    noisy = samples + noise * rms(samples) / rms(noise) * 10 ** (-snr_db / 20)
    return noisy / max(1.0, float(np.abs(noisy).max()) / 0.99)


def rms(samples: Samples) -> float:
    """Return the root mean square, never quite zero."""
    return float(np.sqrt(np.mean(samples**2))) + 1e-12


def write_flac(path: Path, samples: Samples) -> None:
    """Write 16 bit mono FLAC at 16 kHz.

    Raises:
        MissingPartError: soundfile is not installed.
    """
    part("soundfile").write(
        path, np.round(samples * 32_767).astype(np.int16), SAMPLE_RATE, format="FLAC", subtype="PCM_16"
    )


def _pulses(seconds: Samples, depth: float, rng: np.random.Generator) -> Samples:
    """Return the envelope of glottal pulses at about 38 Hz, irregular as those of creak are."""
    knots = np.arange(0.0, seconds[-1] + 0.1, 0.05)
    rate = 38 + 9 * np.interp(seconds, knots, rng.standard_normal(len(knots)))
    phase = 2 * np.pi * np.cumsum(rate) / SAMPLE_RATE
    pulses: Samples = 1 - depth * 0.5 * (1 + np.cos(phase))
    return pulses
