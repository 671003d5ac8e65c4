"""A question as the body of a request: text, sound as `input_audio`, pictures as `image_url` with their data inside."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from affidavit.media.frames import Frames
from affidavit.media.sound import Sound
from reasoners.language.prompts import Piece, Question

if TYPE_CHECKING:
    from reasoners.served.options import ServedOptions

_QUALITY = 95
"""Of JPEG: what was measured of a face survives it."""


def bodies(question: Question, options: ServedOptions, *, seed: int) -> tuple[bytes, ...]:
    """Return the request for each sample, which differ in their seeds alone."""
    asked: dict[str, Any] = {
        "model": options.model,
        "messages": [
            {"role": "system", "content": question.system},
            {"role": "user", "content": _content(question.pieces)},
        ],
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
    }
    if options.probabilities == "logprobs":
        asked |= {"logprobs": True, "top_logprobs": options.top_logprobs}
    return tuple(_written({**asked, "seed": seed + number}) for number in range(options.samples))


def name_of(body: bytes) -> str:
    """Return the digest of a request: what is the same in every byte is asked once."""
    return sha256(body).hexdigest()


def _written(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _content(pieces: Sequence[Piece]) -> str | list[dict[str, Any]]:
    """Return the user's message; words alone are one string, which every endpoint takes."""
    words = [piece for piece in pieces if isinstance(piece, str)]
    if len(words) == len(pieces):
        return "".join(words)
    return [part for piece in pieces for part in _parts(piece)]


def _parts(piece: Piece) -> list[dict[str, Any]]:
    if isinstance(piece, str):
        return [{"type": "text", "text": piece}]
    if isinstance(piece, Sound):
        return [{"type": "input_audio", "input_audio": {"data": _base64(wav(piece)), "format": "wav"}}]
    return [
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{_base64(picture)}"}}
        for picture in jpegs(piece)
    ]


def wav(sound: Sound) -> bytes:
    """Return the sound as a WAV file of 16 bits."""
    samples = np.round(np.clip(sound.samples, -1.0, 1.0) * (2**15 - 1)).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.sample_rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def jpegs(frames: Frames) -> list[bytes]:
    """Return each picture as a JPEG file, in the order of time."""
    return [_jpeg(pixels) for pixels in frames.pixels]


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
