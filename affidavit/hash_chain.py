"""Was anything written down here changed afterwards? An append-only file of JSON lines, each sealed to the one before.

A line is the canonical JSON (RFC 8785) of its number, its content, the digest of the line before and its own digest
over these three, so that any changed byte, and any line left out, doubled or moved, is found. A chain is no signature:
lines cut off the end, or a chain written anew from some line on, leave one that holds. Whoever wants to find that keeps
the head (the last digest) elsewhere, and asks for it.

Law: `append` returns when the line is on disk (fsync). What a crash leaves of a line (no line end) is set aside under
another name beside the chain, noted in the chain, and never taken for an entry. One process writes at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from affidavit.digests import canonical_json, digest_of
from affidavit.errors import InputError, TableError, VerificationError

START: Final = "sha256:" + "0" * 64
"""What the first line names as the digest before it."""
TORN: Final = "torn-line"
"""The kind of the entry that notes that a torn line was set aside."""
_FIELDS: Final = frozenset({"number", "before", "content", "digest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One line of a chain."""

    number: int
    """From 0."""
    content: Mapping[str, Any]
    before: str
    digest: str

    @classmethod
    def after(cls, head: str, number: int, content: Mapping[str, Any]) -> Self:
        """Return the line that holds `content` after the line whose digest is `head`."""
        digest = digest_of({"number": number, "before": head, "content": content})
        return cls(number=number, content=content, before=head, digest=digest)

    def line(self) -> bytes:
        """Return the line as it stands in the file, with its end."""
        written = {"number": self.number, "before": self.before, "content": self.content, "digest": self.digest}
        return canonical_json(written) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain as it was read, every line of which holds."""

    links: tuple[Link, ...]
    torn: bytes = b""
    """What a crash left of a last line; not an entry."""

    @property
    def head(self) -> str:
        """The digest of the last line."""
        return self.links[-1].digest if self.links else START

    def holds(self, digest: str) -> bool:
        """Say whether a digest that was kept elsewhere is of a line of this chain: up to there it is what it was."""
        return digest == START or any(link.digest == digest for link in self.links)


def read_chain(path: Path) -> Chain:
    """Read a chain and hold every line against its digest.

    Raises:
        TableError: there is no such file.
        VerificationError: a line does not hold; the first one is named.
    """
    try:
        written = path.read_bytes()
    except OSError as error:
        raise TableError(
            "the file cannot be read",
            slug="file-not-found",
            where=str(path),
            found=error.strerror,
            remedy="check the path",
        ) from None
    return _parsed(written, str(path))


def _parsed(written: bytes, where: str) -> Chain:
    *lines, rest = written.split(b"\n")
    links: list[Link] = []
    for line in lines:
        links.append(_link(line, links[-1] if links else None, where))
    if rest and (last := _whole(rest, links[-1] if links else None)) is not None:
        return Chain(links=(*links, last))  # only its end is missing
    return Chain(links=tuple(links), torn=rest)


def _whole(rest: bytes, before: Link | None) -> Link | None:
    try:
        return _link(rest, before, "")
    except VerificationError:
        return None


def _link(line: bytes, before: Link | None, where: str) -> Link:
    """Return a line that holds.

    Raises:
        VerificationError: it is no line of a chain, not the next one, or not what its digest was made of.
    """
    number, head = (0, START) if before is None else (before.number + 1, before.digest)
    try:
        read = json.loads(line)
        whole = isinstance(read, dict) and set(read) == _FIELDS and isinstance(read["content"], dict)
        expected = Link.after(head, number, read["content"]) if whole else None
        holds = expected is not None and expected.line() == line + b"\n"
    except (ValueError, TypeError, RecursionError):  # no JSON, no UTF-8, a number that JSON does not have
        expected, holds = None, False
    if expected is None or not holds:
        raise VerificationError(
            f"line {number + 1} does not hold: it or a line before it was changed, left out or moved",
            slug="chain-broken",
            where=where,
            found=line[:80].decode(errors="replace"),
            allowed=f"line {number + 1} after the digest {head}",
            remedy="trust the lines before it, and ask whoever keeps the file for an untouched copy",
        )
    return expected


class ChainWriter:
    """A chain that this process alone appends to, until it is closed, nobody has it any more, or the process ends."""

    def __init__(self, path: Path) -> None:
        """Open or begin a chain; a torn last line is set aside and noted.

        Raises:
            InputError: another process writes to it, or the place cannot be written.
            VerificationError: a line does not hold.
        """
        self.path = path
        self._file = _held(path)
        self._closed = weakref.finalize(self, os.close, self._file)
        try:
            written = os.pread(self._file, os.fstat(self._file).st_size, 0)
            found = _parsed(written, str(path))
            self._links = list(found.links)
            self._size = len(written)
            self._mend(found.torn, ended=written.endswith(b"\n"))
        except BaseException:
            self.close()
            raise

    @property
    def links(self) -> tuple[Link, ...]:
        """Every line on disk."""
        return tuple(self._links)

    @property
    def head(self) -> str:
        """The digest of the last line."""
        return self._links[-1].digest if self._links else START

    @property
    def n_links(self) -> int:
        """How many lines there are, and the number of the next."""
        return len(self._links)

    def append(self, content: Mapping[str, Any]) -> Link:
        """Add one entry and return it when it is on disk.

        Whatever cuts it short, an interrupt too, leaves the chain as it was, on disk and in here.

        Raises:
            ValueError: the writer was closed.
            VerificationError: the file is not what this writer left it as.
            OSError: it could not be written.
        """
        link = Link.after(self.head, len(self._links), content)
        self._write(link.line(), link)
        return link

    def close(self) -> None:
        """Let another process write."""
        self._closed()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close it."""
        self.close()

    def _mend(self, torn: bytes, *, ended: bool) -> None:
        """Give the last line its end, or set aside what a crash left of it."""
        if not torn:
            if self._links and not ended:
                self._write(b"\n")  # of a line that is there already
            return
        aside = self.path.with_name(f"{self.path.name}.torn-{hashlib.sha256(torn).hexdigest()[:12]}")
        with aside.open("wb") as file:
            file.write(torn)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.path.parent)
        self._size -= len(torn)
        os.ftruncate(self._file, self._size)
        self.append({"kind": TORN, "set_aside": aside.name, "bytes": len(torn)})

    def _write(self, line: bytes, *links: Link) -> None:
        """Write all of it, and keep the link that it is of, or nothing and none.

        A file that has another size was written to by whoever asks for no lock; a closed one may be another's by now.
        """
        if not self._closed.alive:
            raise ValueError(f"the chain {self.path} was closed: open it again to write to it")
        before, n_links = self._size, len(self._links)
        if (found := os.fstat(self._file).st_size) != before:
            raise VerificationError(
                "the file was changed while it was open",
                slug="chain-broken",
                where=str(self.path),
                found=f"{found:,} bytes",
                allowed=f"{before:,} bytes, as this process left it",
                remedy="find out what else writes to it, and open it again",
            )
        try:
            self._links += links
            self._size += len(line)
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except BaseException:
            del self._links[n_links:]
            self._size = before
            os.ftruncate(self._file, before)
            raise


def _held(path: Path) -> int:
    """Open a file for appending, with the lock that lasts as long as this process has it open."""
    import fcntl  # POSIX alone: a lock that ends with its process, however it ends

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise TableError(
            "the file cannot be written",
            slug="file-unreadable",
            where=str(path),
            found=error.strerror,
            remedy="choose a place that can be written",
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise InputError(
            "another process writes to this file",
            slug="chain-held",
            where=str(path),
            allowed="one writer at a time",
            remedy="wait until it has ended, or give each process a file of its own",
        ) from None
    _sync_folder(path.parent)
    return file


def _sync_folder(folder: Path) -> None:
    """Make a new file's name outlast a crash."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
