"""Which seconds of which file are wanted: checked before anything is decoded, and the errors where there are none."""

from __future__ import annotations

import math

from affidavit.errors import MediaError
from affidavit.utterances import MediaSpan


def fault(
    span: MediaSpan, what: str, *, found: str | None = None, allowed: str | None = None, remedy: str
) -> MediaError:
    """Return the error for one span; its `where` is the file and, if the span is a part of it, the seconds."""
    whole = span.start_s == 0.0 and span.end_s is None
    seconds = "" if whole else f", {span.start_s:g} s to {'the end' if span.end_s is None else f'{span.end_s:g} s'}"
    return MediaError(
        what, slug="media-unreadable", where=f"{span.path}{seconds}", found=found, allowed=allowed, remedy=remedy
    )


def require_span(span: MediaSpan) -> None:
    """Refuse a span whose seconds make no sense, or whose file is not there or empty.

    Raises:
        MediaError: naming the file.
    """
    end_s = math.inf if span.end_s is None else span.end_s
    if not (math.isfinite(span.start_s) and 0 <= span.start_s < end_s):
        raise fault(
            span,
            "the span is empty",
            found=f"start {span.start_s:g} s, end {'open' if span.end_s is None else f'{span.end_s:g} s'}",
            allowed="0 <= start < end",
            remedy="correct the times of the utterance",
        )
    if not span.path.is_file():  # a pipe or a device would block for ever
        raise fault(
            span,
            "there is no such file" if not span.path.exists() else "this is no file",
            remedy="put the file there, or correct its path",
        )
    if span.path.stat().st_size == 0:
        raise fault(span, "the file is empty", found="0 bytes", remedy="fetch the file again")


def require_length(span: MediaSpan, duration_s: float, max_s: float) -> None:
    """Refuse a span with more seconds than the caller is ready to hold.

    Raises:
        MediaError: saying how long it is.
    """
    if duration_s > max_s:
        raise fault(
            span,
            "the span is too long",
            found=f"{duration_s:.1f} s",
            allowed=f"at most {max_s:g} s",
            remedy="cut the span to the utterance (start, end), or raise max_s",
        )


def beyond_the_end(span: MediaSpan, duration_s: float) -> MediaError:
    """Return the error for a span that starts where the file has ended."""
    return fault(
        span,
        "the span is empty: it starts at or after the end of the file",
        found=f"a file of {duration_s:.3f} s",
        remedy="correct the times of the utterance, or fetch the whole file",
    )
