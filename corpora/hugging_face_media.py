"""Turns columns of sound or pictures into paths: of files that lie beside the rows, or of bytes that the rows hold.

Bytes are written once into a folder of media, under the digest of what they are; a file that is there already is left
alone. A path in a row is kept inside the data set's folder.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from affidavit.errors import RowError
from affidavit.files import replacing
from corpora.listing import PICTURES, SOUND
from corpora.media import MediaFolder

_MAGIC: Final = (
    (0, b"RIFF", ".wav"),
    (0, b"fLaC", ".flac"),
    (0, b"OggS", ".ogg"),
    (0, b"ID3", ".mp3"),
    (0, b"\xff\xfb", ".mp3"),
    (4, b"ftyp", ".mp4"),
    (0, b"\x1a\x45\xdf\xa3", ".mkv"),
)
"""Where a kind of file says what it is, how, and its suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaColumn:
    """How the media of one column are found."""

    folder: MediaFolder
    store: Path
    """Where bytes are written."""
    check: bool
    """Whether a file that a row names must be there."""

    def paths(self, values: pa.Array, column: str, *, first_row: int) -> list[Path | None]:
        """Return a path for each row, None where it has none.

        Raises:
            RowError: a path leads out of the folder, a file is not there, or bytes are of no known kind.
        """
        rows = values.to_pylist()
        return [self._path(value, first_row + row, column) for row, value in enumerate(rows)]

    def _path(self, value: Any, row: int, column: str) -> Path | None:  # noqa: ANN401 - bytes, text or both
        held, named = _parts(value)
        if held is not None:
            return self._written(held, named, where=f"{self.folder.where}, row {row + 1}")
        if named is None:
            return None
        folder = replace(self.folder, first_row=row)
        (path,) = folder.resolved([named], column)
        if self.check:
            folder.require_files([path], column)
        return path if path is not None and path.is_file() else None

    def _written(self, held: bytes, named: str | None, *, where: str) -> Path:
        suffix = Path(named or "").suffix.lower()
        if suffix not in (*SOUND, *PICTURES):
            suffix = next((kind for at, mark, kind in _MAGIC if held[at : at + len(mark)] == mark), "")
        if not suffix or not held:
            raise RowError(
                "the bytes of the media are of no known kind",
                slug="media-unreadable",
                where=where,
                found=f"{len(held)} bytes that begin with {held[:4].hex()}",
                allowed=", ".join((*SOUND, *PICTURES)),
                remedy="leave media out (media: skip), or save the data set with encoded media",
            )
        path = self.store / f"{hashlib.sha256(held).hexdigest()}{suffix}"
        if not path.is_file() or path.stat().st_size != len(held):
            with replacing(path) as temporary:
                temporary.write_bytes(held)
        return path.resolve()


def holds_media(kind: pa.DataType) -> bool:
    """Say whether a column holds bytes, or bytes with the path that they were read from."""
    if pa.types.is_struct(kind):
        return {"bytes", "path"} <= {kind.field(i).name for i in range(kind.num_fields)}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _parts(value: Any) -> tuple[bytes | None, str | None]:  # noqa: ANN401 - see above
    if isinstance(value, dict):
        held, named = value.get("bytes"), value.get("path")
        return (bytes(held) if held is not None else None), (str(named) if named else None)
    if isinstance(value, bytes):
        return value, None
    return None, (str(value).strip() or None) if value is not None else None
