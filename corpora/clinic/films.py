"""Writes frames as a small lossless film: FFV1 in Matroska, with nothing in it that differs from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.clinic.drawing import SIZE, frame
from corpora.clinic.faces import FRAMES_PER_S, Expression
from corpora.clinic.looks import Look
from corpora.clinic.parts import part


def frames(look: Look, expression: Expression) -> list[NDArray[np.uint8]]:
    """Draw every frame of an expression."""
    return [
        frame(look, {unit: strength * share for unit, strength in expression.units.items()}, eyes_shut=shut, sway=sway)
        for share, shut, sway in zip(expression.course, expression.blinks, expression.sway, strict=True)
    ]


def write_film(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Write pictures of 64 by 64 by 3 bytes at four frames a second.

    Raises:
        MissingPartError: PyAV is not installed.
    """
    av = part("av")
    with av.open(str(path), "w", format="matroska", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("ffv1", rate=FRAMES_PER_S)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "bgr0"
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        stream.codec_context.thread_count = 1
        for picture in pictures:
            packed = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0", threads=1)
            for packet in stream.encode(packed):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
