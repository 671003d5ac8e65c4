"""The zip form of a bundle, of which there is one for the same files: stored, sorted, without times and extra fields.

Every file has a header in front, in the order of the names; then comes the directory; then the end record. Nothing is
compressed: what compression gives depends on the library's version, tables are compressed already, and what is not
compressed cannot be a bomb. Names are plain paths below the bundle. Reading takes nothing but this form: an archive is
refused unless writing what was read gives the same bytes, and the file at fault is named.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from affidavit.errors import VerificationError
from reports.trust.faults import Fault

MAX_BYTES: Final = 2**30
"""Of an archive: it is read as a whole."""
MAX_FILES: Final = 10_000
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]*(/[A-Za-z0-9_][A-Za-z0-9._ -]*)*")
_MAX_NAME: Final = 200
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_ENTRY: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_VERSION: Final = 20
_MADE_BY: Final = 3 << 8 | _VERSION  # unix
_DAY: Final = 1 << 5 | 1  # 1 January 1980, the first that a zip can say
_RIGHTS: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an archive holds, up to the first fault."""

    files: Mapping[str, bytes]
    faults: tuple[Fault, ...] = ()


def name_fault(names: Iterable[str]) -> Fault | None:
    """Return the first name that no file of a bundle may have, or that another differs from in letter case only."""
    seen: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        plain = _NAME.fullmatch(name) and len(name) <= _MAX_NAME
        if not plain or any(part.endswith((".", " ")) or _RESERVED.fullmatch(part) for part in parts):
            return Fault(file=name, what="this is not a name that a file of a bundle can have")
        if (other := seen.setdefault(name.lower(), name)) != name:
            return Fault(file=name, what=f"differs from {other} in letter case only")
    for name in seen:
        parents = name.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            if (parent := "/".join(parents[:depth])) in seen:
                return Fault(file=seen[parent], what=f"is a file and the folder of {seen[name]}")
    return None


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """Return the one archive of these files.

    Raises:
        VerificationError: `file-unreadable`, a name that cannot be in a bundle, or too much for one archive.
    """
    fault = name_fault(sorted(files)) or _size_fault(files)
    if fault is not None:
        raise _refused(fault, "archive")
    pieces: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in sorted(files.items()):
        checksum = zlib.crc32(content)
        piece = (_local(name, content, checksum), content)
        pieces += piece
        directory.append(_entry(name, len(content), checksum, offset))
        offset += len(piece[0]) + len(content)
    return b"".join((*pieces, *directory, _end(len(directory), sum(map(len, directory)), offset)))


def read_archive(content: bytes, *, where: str) -> dict[str, bytes]:
    """Return the files of an archive in its one form.

    Raises:
        VerificationError: `file-unreadable`; names the file at fault.
    """
    opened = open_archive(content, where=where)
    if opened.faults:
        raise _refused(opened.faults[0], where)
    return dict(opened.files)


def open_archive(content: bytes, *, where: str) -> Opened:
    """Return the files of an archive, and what is wrong with it: the first that is not as it must be.

    Args:
        content: the archive.
        where: its own name, for faults that are of no one file.
    """
    if len(content) > MAX_BYTES:
        return Opened(files={}, faults=(Fault(file=where, what=f"the archive has more than {MAX_BYTES:,} bytes"),))
    files: dict[str, bytes] = {}
    listed = _listed_names(content)
    offset = 0
    while content[offset : offset + 4] == b"PK\3\4" or len(files) < len(listed):
        read = _read_one(content, offset)
        expected = listed[len(files)] if len(files) < len(listed) else None
        if isinstance(read, str):
            return Opened(files=files, faults=(Fault(file=expected or where, what=read),))
        name, data = read
        if faults := _misplaced(name, expected, files):
            return Opened(files=files, faults=faults)
        files[name] = data
        offset += _LOCAL.size + len(name) + len(data)
    fault = _rest_fault(content, files, where)
    return Opened(files=files, faults=() if fault is None else (fault,))


def _misplaced(name: str, expected: str | None, files: dict[str, bytes]) -> tuple[Fault, ...]:
    """Return what is wrong with the name of the next file."""
    if expected is not None and name != expected:
        return (
            Fault(file=name, what=f"the archive's directory calls it {expected}"),
            Fault(file=expected, what=f"its header in the archive calls it {name}"),
        )
    if name in files:
        return (Fault(file=name, what="is in the archive twice"),)
    if files and name < next(reversed(files)):
        return (Fault(file=name, what="does not stand in its place in the archive"),)
    if len(files) >= MAX_FILES:
        return (Fault(file=name, what=f"is one file more than {MAX_FILES:,}"),)
    return ()


def _rest_fault(content: bytes, files: Mapping[str, bytes], where: str) -> Fault | None:
    """Hold what was read, written again, against the archive, and name what the first difference is of."""
    if not files:
        return Fault(file=where, what="this is not a zip archive of a bundle")
    if fault := name_fault(files):
        return fault
    written = write_archive(files)
    if written == content:
        return None
    place = next((i for i, (a, b) in enumerate(zip(written, content, strict=False)) if a != b), len(written))
    start = sum(_LOCAL.size + len(name) + len(data) for name, data in files.items())
    for name in files:
        start += _ENTRY.size + len(name)
        if place < start:
            return Fault(file=name, what="the archive's directory says something else of it than its own header")
    return Fault(file=where, what="the archive does not end as one of these files does")


def _read_one(content: bytes, offset: int) -> tuple[str, bytes] | str:
    """Return name and bytes of the file whose header is at an offset, or what is wrong with it."""
    head = content[offset : offset + _LOCAL.size]
    if len(head) < _LOCAL.size:
        return "the archive is cut off"
    fields = _LOCAL.unpack(head)
    checksum, n_stored, n_bytes, n_name = fields[6], fields[7], fields[8], fields[9]
    start = offset + _LOCAL.size + n_name
    name = content[offset + _LOCAL.size : start].decode("ascii", "replace")
    data = content[start : start + n_bytes]
    if n_stored != n_bytes or len(data) != n_bytes or not _NAME.fullmatch(name):
        return "its header in the archive is not in the one form: stored, a plain name, no times, no extra fields"
    if zlib.crc32(data) != checksum:
        return "its bytes are not those that the archive has a checksum of"
    if head + name.encode() != _local(name, data, checksum):
        return "its header in the archive is not in the one form: stored, a plain name, no times, no extra fields"
    return name, data


def _listed_names(content: bytes) -> tuple[str, ...]:
    """Return the names in the directory, or none where it cannot be read; only to name what is at fault."""
    end = content[-_END.size :]
    if len(end) < _END.size or end[:4] != b"PK\5\6":
        return ()
    fields = _END.unpack(end)
    n_entries, offset = fields[4], fields[6]
    names = []
    for _ in range(min(n_entries, MAX_FILES)):
        head = content[offset : offset + _ENTRY.size]
        if len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
            return ()
        start = offset + _ENTRY.size
        offset = start + _ENTRY.unpack(head)[10]
        names.append(content[start:offset].decode("ascii", "replace"))
    return tuple(names) if offset == len(content) - _END.size else ()


def _local(name: str, content: bytes, checksum: int) -> bytes:
    size = len(content)
    return _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DAY, checksum, size, size, len(name), 0) + name.encode("ascii")


def _entry(name: str, size: int, checksum: int, offset: int) -> bytes:
    head = (b"PK\1\2", _MADE_BY, _VERSION, 0, 0, 0, _DAY, checksum, size, size, len(name), 0, 0, 0, 0, _RIGHTS, offset)
    return _ENTRY.pack(*head) + name.encode("ascii")


def _end(n_entries: int, size: int, offset: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, n_entries, n_entries, size, offset, 0)


def _size_fault(files: Mapping[str, bytes]) -> Fault | None:
    if sum(map(len, files.values())) > MAX_BYTES - 2**22:
        return Fault(file="archive", what=f"the files have more than {MAX_BYTES:,} bytes together")
    if len(files) > MAX_FILES:
        return Fault(file="archive", what=f"there are more than {MAX_FILES:,} files")
    return None


def _refused(fault: Fault, where: str) -> VerificationError:
    return VerificationError(
        f"{fault.file}: {fault.what}",
        slug="file-unreadable",
        where=where,
        allowed="the archive that `affidavit pack` writes, byte for byte",
        remedy="ask whoever issued the bundle for the original",
    )
