"""Reads the sound of a span: mono, at one sample rate, in [-1, 1].

libsndfile reads what it knows (WAV, FLAC, MP3, OGG, ...), seeking to the span; FFmpeg, through PyAV, reads the audio
track of anything else (MP4, FLV, M4A, MKV). Channels are averaged; rates are changed by a polyphase filter.
Digital silence is sound like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, resample_poly

from affidavit.errors import MediaError
from affidavit.media.audio_tracks import read_audio_track
from affidavit.media.parts import part
from affidavit.media.spans import beyond_the_end, fault, require_length, require_span
from affidavit.utterances import MediaSpan

RATES_HZ: Final = (4_000, 192_000)
"""Lowest and highest sample rate that is believed."""
_LOUDEST: Final = 2.0  # decoders and resamplers overshoot full scale, by less than 6 dB
_LACKING_S: Final = 0.1  # an MP3's header may promise a frame or two more than there are


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sound:
    """One channel of sound."""

    samples: NDArray[np.float32]
    """float32 [samples], each in [-1, 1]."""
    sample_rate: int
    """Samples per second."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


def read_sound(span: MediaSpan, *, sample_rate: int = 16_000, max_s: float = 120.0) -> Sound:
    """Return the sound of a span at `sample_rate`; a span that ends after the file does ends with it.

    Raises:
        MediaError: the file is missing, empty, cannot be played, has no audio track or a rate outside 4 to 192 kHz;
            the span starts after its end or exceeds `max_s` seconds; a sample is not a number, or far over full scale.
        MissingPartError: the extra `media` is not installed.
    """
    require_span(span)
    soundfile = part("soundfile")
    try:
        file = soundfile.SoundFile(span.path)
    except soundfile.LibsndfileError:
        samples, rate = read_audio_track(span, max_s=max_s)
    else:
        with file:
            samples, rate = _read_soundfile(file, span, max_s)
    return Sound(samples=_resampled(_sane(samples, rate, span), rate, sample_rate), sample_rate=sample_rate)


def _read_soundfile(file: Any, span: MediaSpan, max_s: float) -> tuple[NDArray[np.float32], int]:  # noqa: ANN401
    """Return the mean of the channels and the file's rate."""
    rate, start = int(file.samplerate), round(span.start_s * file.samplerate)
    stop = file.frames if span.end_s is None else min(file.frames, round(span.end_s * rate))
    if start >= stop:
        raise beyond_the_end(span, file.frames / rate)
    require_length(span, (stop - start) / rate, max_s)
    try:
        file.seek(start)
        channels = file.read(stop - start, dtype="float32", always_2d=True)
    except RuntimeError as error:  # LibsndfileError is one; a damaged block shows only here
        raise _cut_short(span, str(error)) from error
    if len(channels) < stop - start - _LACKING_S * rate or not len(channels):
        raise _cut_short(span, f"{len(channels) / rate:.2f} s of {(stop - start) / rate:.2f} s")
    return channels.mean(axis=1, dtype=np.float32), rate


def _cut_short(span: MediaSpan, found: str) -> MediaError:
    return fault(span, "the file is damaged or cut short", found=found, remedy="fetch the file again")


def _sane(samples: NDArray[np.float32], rate: int, span: MediaSpan) -> NDArray[np.float32]:
    """Return the samples, if they and their rate can be those of a recording."""
    low, high = RATES_HZ
    if not low <= rate <= high:
        raise fault(
            span,
            "the sample rate is implausible",
            found=f"{rate} Hz",
            allowed=f"{low} to {high} Hz",
            remedy="resample the file, or correct its header",
        )
    if not len(samples):
        raise beyond_the_end(span, 0.0)
    peak = float(np.max(np.abs(samples)))  # NaN wherever one sample is
    if not peak <= _LOUDEST:
        raise fault(
            span,
            "samples are not sound at full scale",
            found=f"a peak of {peak:g}" if np.isfinite(peak) else "samples that are NaN or infinite",
            allowed="floating-point samples in [-1, 1]",
            remedy="write the file again with finite samples in [-1, 1]",
        )
    return samples


def _resampled(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    if rate != wanted:
        factor = gcd(rate, wanted)
        up, down = wanted // factor, rate // factor
        samples = resample_poly(samples, up, down, window=_filter(up, down))
    return np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False)


@lru_cache(maxsize=16)
def _filter(up: int, down: int) -> NDArray[np.float32]:
    """Return resample_poly's own low-pass filter; designing it anew for each clip would cost more than using it."""
    widest = max(up, down)
    taps: NDArray[np.float32] = firwin(20 * widest + 1, 1.0 / widest, window=("kaiser", 5.0)).astype(np.float32)
    return taps
