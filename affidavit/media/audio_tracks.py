"""Reads the audio track of a file that only FFmpeg can open, on the clock of its container.

Second 0 is where the container starts, so that sound and pictures of one span belong together: an audio track that
starts later is preceded by silence.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.media.containers import duration_of, opened, second_of, seek, sole_track
from affidavit.media.spans import beyond_the_end, require_length
from affidavit.utterances import MediaSpan

_SEEK_S: Final = 30.0  # below, decoding from the start is cheap, and exact where a format rounds its clock (FLV: 1 ms)
_PREROLL_S: Final = 0.25  # after a seek, MP3 and AAC need some frames before they decode as they would have
_SLACK_S: Final = 1.0  # headers round


def read_audio_track(span: MediaSpan, *, max_s: float) -> tuple[NDArray[np.float32], int]:
    """Return the mean of the channels, float32 [samples], and the track's sample rate.

    Raises:
        MediaError: the file cannot be played, has no audio track, or the span is empty or exceeds `max_s` seconds.
    """
    with opened(span) as container:
        track = sole_track(container, span, kind="audio")
        rate, claimed_s = int(track.rate or 0), duration_of(container)
        if rate <= 0:
            return np.zeros(0, dtype=np.float32), rate
        end_s = min(span.end_s or math.inf, claimed_s or math.inf)
        if math.isfinite(end_s):
            require_length(span, end_s - span.start_s, max_s)
        until_s = min(span.end_s or math.inf, span.start_s + max_s + _SLACK_S)
        first_s, samples = _decoded(container, track, span.start_s, until_s)
    first, last_s = round((span.start_s - first_s) * rate), first_s + len(samples) / rate
    if span.start_s >= last_s:
        raise beyond_the_end(span, last_s)
    if first < 0:
        samples, first = np.concatenate([np.zeros(-first, dtype=np.float32), samples]), 0
    if span.end_s is not None:
        samples = samples[: first + round((span.end_s - span.start_s) * rate)]
    require_length(span, (len(samples) - first) / rate, max_s)
    return samples[first:], rate


def _decoded(container: Any, track: Any, start_s: float, until_s: float) -> tuple[float, NDArray[np.float32]]:  # noqa: ANN401
    """Return the second at which decoding began, and all samples from there to `until_s` or the end."""
    if start_s > _SEEK_S:
        seek(container, start_s - _PREROLL_S)
    first_s, last_s, blocks = 0.0, -math.inf, [np.zeros(0, dtype=np.float32)]
    for frame in container.decode(track):
        if last_s == -math.inf:
            first_s = last_s = second_of(frame, container) or 0.0
        blocks.append(_mono(frame))
        last_s += frame.samples / frame.sample_rate
        if last_s >= until_s:
            break
    return first_s, np.concatenate(blocks)


def _mono(frame: Any) -> NDArray[np.float32]:  # noqa: ANN401
    """Return the mean of a frame's channels; integers are scaled to [-1, 1)."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype.kind != "f":
        bits = 8 * values.dtype.itemsize
        middle = 2.0 ** (bits - 1)
        values = (values.astype(np.float64) - (middle if values.dtype.kind == "u" else 0.0)) / middle
    mean: NDArray[np.float32] = values.mean(axis=0).astype(np.float32)
    return mean
