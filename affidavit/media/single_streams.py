"""Hands out media under names that tell nothing, and without the tracks that may not be heard, seen or read.

A plain sound file, and a container that holds nothing else, is linked to. Of any other container a copy with the tracks
allowed alone is made, packet by packet and without encoding anew, the first time it is asked for. Both lie in one
folder under the digests of the path and of the state of what they were made of, so a file that changed is copied again
and all that was made of a path is found.

This keeps a label out of a file's name and a voice out of a file of pictures. It is no wall against a program that
follows links or searches the disk.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from affidavit.digests import digest_of
from affidavit.errors import MediaError
from affidavit.files import replacing
from affidavit.media.containers import opened, start_of
from affidavit.media.parts import part
from affidavit.media.spans import fault
from affidavit.utterances import MediaSpan

PLAIN: Final = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".au"})
"""Suffixes of files that hold sound and nothing else, which no one has to open."""
KINDS: Final = frozenset({"audio", "video", "subtitle"})
"""Tracks that can tell something: sound, pictures, words."""
_LONGEST: Final = 8
_DIGITS: Final = 24


def handed(span: MediaSpan, *, allowed: frozenset[str], folder: Path) -> MediaSpan:
    """Return the span in a file of an opaque name that has only tracks of the kinds allowed (of `KINDS`).

    Raises:
        MediaError: the file is a container that cannot be opened, or its tracks cannot be copied.
        MissingPartError: it is a container, and the extra `media` is not installed.
    """
    path = span.path.absolute()
    if path.suffix.lower() in PLAIN or not path.is_file():  # of what is not there, nothing can be seen
        return replace(span, path=_linked(path, folder))
    found = path.stat()
    made = _made(path, f"{found.st_size} {found.st_mtime_ns}", allowed & KINDS, folder)
    if not made.later_s:
        return replace(span, path=made.path)
    end_s = None if span.end_s is None else max(0.0, span.end_s - made.later_s)
    return replace(span, path=made.path, start_s=max(0.0, span.start_s - made.later_s), end_s=end_s)


def kept_of(path: Path, *, kind: str, folder: Path) -> tuple[Path, ...]:
    """Return what lies in a folder of a file and may hold its tracks of a kind: a link to it, and copies with them.

    Copies of what the file was before it changed or went are found as well, and what a killed copying left.
    """
    own = _opaque(str(path))
    copies = sorted(place for start in (own, f".{own}") for place in folder.glob(f"{start}-*-*"))
    link = folder / f"{own}{_suffix(path)}"
    holding = [place for place in copies if kind[0] in place.name.split("-")[1]]
    return (*([link] if link.is_symlink() or link.exists() else []), *holding)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    path: Path
    later_s: float = 0.0
    """By how much the clock of a copy starts later than that of the whole: tracks need not start together."""


@lru_cache(maxsize=4096)
def _made(path: Path, state: str, allowed: frozenset[str], folder: Path) -> _Made:
    """Return what is handed out in the place of a container; `state` tells this memory that the file has changed."""
    span = MediaSpan(path=path)
    with opened(span) as whole:
        tracks = [track for track in whole.streams if track.type in KINDS]
        if all(track.type in allowed for track in tracks):
            return _Made(path=_linked(path, folder))
        kept = [track for track in tracks if track.type in allowed]
        if not kept:
            raise fault(
                span,
                f"the file has no {' or '.join(sorted(allowed)) or 'usable'} track",
                found=f"tracks: {', '.join(sorted({track.type for track in tracks}))}",
                remedy="name a file that has what the corpus says it has",
            )
        copy = folder / f"{_opaque(str(path))}-{_tracks(allowed)}-{_opaque(state)}{_suffix(path)}"
        if not copy.is_file():
            _copy(path, kept, copy)
        with opened(MediaSpan(path=copy)) as single:
            return _Made(path=copy, later_s=_later(path, kept, single))


def _copy(path: Path, tracks: list[Any], copy: Path) -> None:
    """Write the packets of some tracks into a container of the same kind, or Matroska where FFmpeg writes none such."""
    names = tracks[0].container.format.name.split(",")
    suffix = copy.suffix.lower().lstrip(".")
    wanted = [track.index for track in tracks]
    try:
        _write(path, wanted, copy, suffix if suffix in names else names[0])
    except (ValueError, MediaError):  # FFmpeg reads more formats, and codecs within them, than it writes
        _write(path, wanted, copy, "matroska")


def _write(path: Path, wanted: list[int], copy: Path, name: str) -> None:
    with (
        opened(MediaSpan(path=path)) as whole,
        replacing(copy) as temporary,
        part("av").open(str(temporary), "w", format=name) as out,
    ):
        places = {index: out.add_stream_from_template(whole.streams[index], opaque=True) for index in wanted}
        for packet in whole.demux([whole.streams[index] for index in wanted]):
            if packet.dts is not None:
                packet.stream = places[packet.stream.index]
                out.mux(packet)


def _later(path: Path, tracks: list[Any], single: Any) -> float:  # noqa: ANN401
    """Return by how many seconds the tracks begin earlier in the copy, by each container's own clock."""
    if not tracks:
        return 0.0
    with opened(MediaSpan(path=path)) as whole:
        there = _first(whole, [whole.streams[track.index] for track in tracks])
    return there - _first(single, list(single.streams))


def _first(container: Any, tracks: list[Any]) -> float:  # noqa: ANN401
    """Return when the first packet of some tracks is played, in seconds of the container."""
    for packet in container.demux(tracks):
        if packet.pts is not None:
            return float(packet.pts * packet.time_base) - start_of(container)
    return 0.0


def _linked(path: Path, folder: Path) -> Path:
    """Return a link of an opaque name, which keeps the suffix that tells programs how to read the file."""
    link = folder / f"{_opaque(str(path))}{_suffix(path)}"
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(path)
    return link


def _tracks(kinds: frozenset[str]) -> str:
    """Return kinds of tracks as their first letters."""
    return "".join(sorted(kind[0] for kind in kinds))


def _opaque(*parts: Any) -> str:  # noqa: ANN401 - any JSON values
    return digest_of(list(parts)).removeprefix("sha256:")[:_DIGITS]


def _suffix(path: Path) -> str:
    return path.suffix if len(path.suffix) <= _LONGEST else ""
