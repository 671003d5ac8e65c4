"""Reads pictures of a span: so many frames, evenly spread, square, grey or coloured.

A span of n frames is cut into n equal parts, and each gives the picture that is on the screen in its middle; a video
with fewer pictures gives some of them again. The shorter side is scaled to `size`, the longer one cropped about its
centre; pixels that are not square and pictures that lie on their side are set right first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from affidavit.media.containers import duration_of, opened, second_of, seek, sole_track
from affidavit.media.parts import part
from affidavit.media.spans import beyond_the_end, fault, require_length, require_span
from affidavit.utterances import MediaSpan

Colour = Literal["grey", "rgb"]
_FORMATS: Final = {"grey": "gray", "rgb": "rgb24"}
_SEEK_S: Final = 5.0  # decoding on is cheaper than going back to a key frame for less than this
_CLOCK_S: Final = 1e-3  # what containers round their clocks to


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """Pictures in the order of time."""

    pixels: NDArray[np.uint8]
    """uint8 [frames, size, size], or [frames, size, size, 3] in red, green, blue; 0 is black, 255 is full."""
    times_s: NDArray[np.float64]
    """float64 [frames]: when each picture came on, in seconds of the span; below 0 where that was before it began."""


def read_frames(
    span: MediaSpan, *, n_frames: int = 8, size: int = 64, colour: Colour = "grey", max_s: float = 600.0
) -> Frames:
    """Return `n_frames` square pictures of `size` pixels a side; a span that ends after the video does ends with it.

    Raises:
        MediaError: the file is missing, empty, cannot be played or has no video track; the span starts after its end
            or exceeds `max_s` seconds.
        MissingPartError: the extra `media` is not installed.
    """
    require_span(span)
    with opened(span) as container:
        track = sole_track(container, span, kind="video")
        length_s = _length(container, track, span)
        end_s = length_s if span.end_s is None else min(span.end_s, length_s)
        if span.start_s >= end_s:
            raise beyond_the_end(span, length_s)
        require_length(span, end_s - span.start_s, max_s)
        step_s = (end_s - span.start_s) / n_frames
        targets = [span.start_s + (i + 0.5) * step_s for i in range(n_frames)]
        square = _Square(size=size, colour=colour, stretch=float(track.sample_aspect_ratio or 1))
        shown = [(at_s - span.start_s, square.of(frame)) for at_s, frame in _shown_at(container, track, targets)]
    if not shown:
        raise fault(span, "the video has no picture that can be shown", remedy="fetch the file again, or convert it")
    shown += shown[-1:] * (n_frames - len(shown))
    times = np.array([at_s for at_s, _ in shown], dtype=np.float64)
    return Frames(pixels=np.stack([picture for _, picture in shown]), times_s=times)


def _length(container: Any, track: Any, span: MediaSpan) -> float:  # noqa: ANN401
    """Return the seconds of the video; where no header says, from the packets, without decoding them."""
    if track.duration and track.duration > 0:
        late_s = max(0.0, float((track.start_time or 0) * track.time_base) - (container.start_time or 0) / 1e6)
        return late_s + float(track.duration * track.time_base)
    if (claimed_s := duration_of(container)) is not None:
        return claimed_s
    ends = [
        float((packet.pts + (packet.duration or 0)) * packet.time_base)
        for packet in container.demux(track)
        if packet.pts is not None
    ]
    if not ends:
        raise fault(span, "the video has no pictures", remedy="fetch the file again, or convert it")
    seek(container, 0.0)
    return max(max(ends), 1e-3)


def _shown_at(container: Any, track: Any, targets: list[float]) -> Iterator[tuple[float, Any]]:  # noqa: ANN401
    """Yield, for each second, the frame that is on the screen then and when it came on; the last one stays."""
    frames = _played(container, track, targets[0])
    current = next(frames, None)
    following = next(frames, None)
    for target in targets:
        if current is not None and target - current[0] > _SEEK_S and following is not None:
            frames = _played(container, track, target)
            current, following = next(frames, current), next(frames, None)
        while following is not None and following[0] <= target + _CLOCK_S:
            current, following = following, next(frames, None)
        if current is not None:
            yield current


def _played(container: Any, track: Any, from_s: float) -> Iterator[tuple[float, Any]]:  # noqa: ANN401
    """Yield frames with their seconds, from the last key frame before a second on."""
    if from_s > 0:
        seek(container, from_s)
    step_s = 1.0 / float(track.average_rate or 25)
    last_s = -step_s
    for frame in container.decode(track):
        at_s = second_of(frame, container)
        last_s = last_s + step_s if at_s is None else at_s
        yield last_s, frame


@dataclass(frozen=True, slots=True, kw_only=True)
class _Square:
    """How a picture is made square."""

    size: int
    colour: Colour
    stretch: float
    """How wide a pixel is for its height."""

    def of(self, frame: Any) -> NDArray[np.uint8]:  # noqa: ANN401
        """Return uint8 [size, size] or [size, size, 3]."""
        width, height = frame.width * self.stretch, frame.height
        scale = self.size / min(width, height)
        scaled = frame.reformat(
            width=max(self.size, round(width * scale)),
            height=max(self.size, round(height * scale)),
            format=_FORMATS[self.colour],
            interpolation=part("av").video.reformatter.Interpolation.AREA,
            threads=1,  # else one for each processor, for a picture that is scaled sooner than they have met
        )
        picture: NDArray[np.uint8] = scaled.to_ndarray()
        top, left = (math.floor((side - self.size) / 2) for side in picture.shape[:2])
        square = picture[top : top + self.size, left : left + self.size]
        return np.ascontiguousarray(np.rot90(square, k=round(frame.rotation / 90)))
