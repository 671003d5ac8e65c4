"""Opens what FFmpeg can play, through PyAV, and finds the one track that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from affidavit.media.parts import part
from affidavit.media.spans import fault
from affidavit.utterances import MediaSpan

_TICKS_S: Final = 1_000_000  # FFmpeg counts a container's time in microseconds


@contextmanager
def opened(span: MediaSpan) -> Iterator[Any]:
    """Yield the container of a span; a fault of FFmpeg anywhere in the block becomes an error that names the file.

    Raises:
        MediaError: FFmpeg cannot open or decode the file.
    """
    av = part("av")
    try:
        # a playlist may name other places; nothing but files is opened
        with av.open(
            f"file:{span.path.resolve()}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        ) as container:
            yield container
    except av.FFmpegError as error:
        raise fault(
            span,
            "the file cannot be played",
            found=error.strerror,
            allowed="what libsndfile or FFmpeg can read",
            remedy="play it elsewhere to see whether it is whole; fetch it again, or convert it to FLAC or MP4",
        ) from error


def sole_track(container: Any, span: MediaSpan, *, kind: str) -> Any:  # noqa: ANN401
    """Return the first track of a kind (`audio` or `video`), decoded in this thread alone.

    Raises:
        MediaError: there is none.
    """
    tracks = [stream for stream in container.streams if stream.type == kind]
    if not tracks:
        others = ", ".join(sorted({stream.type for stream in container.streams}))
        raise fault(
            span,
            f"the file has no {kind} track",
            found=f"tracks: {others or 'none'}",
            remedy=f"name a file with {kind}, or leave {kind} out of the corpus",
        )
    track = tracks[0]
    track.thread_type = "NONE"
    track.codec_context.thread_count = 1
    return track


def start_of(container: Any) -> float:  # noqa: ANN401
    """Return where the container's own clock starts, in seconds; second 0 of a span is there."""
    return 0.0 if container.start_time is None else container.start_time / _TICKS_S


def duration_of(container: Any) -> float | None:  # noqa: ANN401
    """Return the seconds that the container claims, None where it claims nothing."""
    return None if container.duration is None or container.duration <= 0 else container.duration / _TICKS_S


def seek(container: Any, at_s: float) -> None:  # noqa: ANN401
    """Go to the last key frame at or before a second of the container."""
    container.seek(round((at_s + start_of(container)) * _TICKS_S), backward=True)


def second_of(frame: Any, container: Any) -> float | None:  # noqa: ANN401
    """Return when a frame begins, in seconds of the container; None where the frame does not say."""
    return None if frame.pts is None else float(frame.pts * frame.time_base) - start_of(container)
