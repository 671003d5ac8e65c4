"""Sound of a span as WAV in memory and as an envelope to be drawn, and some frames of a span with their times."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.media.frames import read_frames
from affidavit.media.sound import Sound, read_sound
from affidavit.utterances import MediaSpan

RATE_HZ: Final = 16_000
LONGEST_S: Final = 300.0
PIECES: Final = 600
"""Of an envelope, at most: about one a pixel."""
FRAMES: Final = 6
SIDE_PX: Final = 192
_FULL: Final = 32_767


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The least and the greatest sample of a short stretch of sound, in -1 to 1."""

    start_s: float
    end_s: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A frame, uint8 [side, side, 3], and when it comes on, in seconds of the utterance."""

    pixels: NDArray[np.uint8]
    at_s: float


def sound_of(span: MediaSpan) -> Sound:
    """Return the sound of a span.

    Raises:
        MediaError: it cannot be played, or lasts longer than `LONGEST_S`. MissingPartError: no extra `media`.
    """
    return read_sound(span, sample_rate=RATE_HZ, max_s=LONGEST_S)


def wav_of(sound: Sound) -> bytes:
    """Return a sound as the bytes of a WAV file of 16 bits, one channel."""
    samples = np.clip(np.round(sound.samples * _FULL), -_FULL, _FULL).astype("<i2")
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.sample_rate)
        file.writeframes(samples.tobytes())
    return made.getvalue()


def envelope_of(sound: Sound, *, pieces: int = PIECES) -> tuple[Piece, ...]:
    """Return a sound as stretches of equal length, with the least and greatest sample of each."""
    edges = np.linspace(0, len(sound.samples), min(pieces, len(sound.samples)) + 1).astype(np.int64)
    return tuple(
        Piece(
            start_s=float(start) / sound.sample_rate,
            end_s=float(end) / sound.sample_rate,
            low=float(sound.samples[start:end].min()),
            high=float(sound.samples[start:end].max()),
        )
        for start, end in pairwise(edges)
        if end > start
    )


def pictures_of(span: MediaSpan, *, n_frames: int = FRAMES) -> Sequence[Picture]:
    """Return frames, evenly spread over a span.

    Raises:
        MediaError: it cannot be shown, or lasts longer than `LONGEST_S`. MissingPartError: no extra `media`.
    """
    frames = read_frames(span, n_frames=n_frames, size=SIDE_PX, colour="rgb", max_s=LONGEST_S)
    return [
        Picture(pixels=pixels, at_s=max(0.0, float(at_s)))
        for pixels, at_s in zip(frames.pixels, frames.times_s, strict=True)
    ]
