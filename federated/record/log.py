"""A log: entries with the moment of each, on a hash chain; written line by line, read whole.

Law: a line is on disk before what it speaks of is done, or leaves. A log holds if its chain holds and every line reads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from affidavit.errors import InputError, VerificationError
from affidavit.hash_chain import TORN, Chain, ChainWriter, Link, read_chain
from affidavit.provenance import Now, now
from affidavit.records import Record
from federated.record.entries import Entry
from federated.rounds.events import Event

LOG: Final = "log.jsonl"
"""A log's name in the folder of its site or server."""
PATIENCE_S: Final = 30.0
"""How long a line waits for another process to finish its own."""
_PAUSE_S: Final = 0.02
_ENTRIES: Final[TypeAdapter[Any]] = TypeAdapter(Entry)
_E = TypeVar("_E", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry of a log."""

    number: int
    """From 0."""
    at: str
    """When, as the writing machine's clock said: ISO 8601 in UTC."""
    entry: Any
    """One of `federated.record.entries.Entry`."""
    before: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log as it was read; its chain holds and every line reads."""

    where: str
    lines: tuple[Line, ...]
    chain: Chain
    crashes: int
    """Lines that a crash tore off and that were set aside."""

    @property
    def head(self) -> str:
        """The digest of the last line."""
        return self.chain.head

    def of(self, kind: type[_E]) -> list[_E]:
        """Return the entries of one kind, in order."""
        return [line.entry for line in self.lines if isinstance(line.entry, kind)]


class RunLog:
    """A log that this process alone writes to until it is closed."""

    def __init__(self, path: Path, *, clock: Now = now) -> None:
        """Open or begin a log.

        Raises:
            InputError: another process writes to it, or the place cannot be written.
            VerificationError: a line does not hold.
        """
        self._writer, self._clock = ChainWriter(path), clock

    @property
    def head(self) -> str:
        """The digest of the last line."""
        return self._writer.head

    def write(self, entry: Record) -> Link:
        """Add an entry; it is on disk when this returns.

        Raises:
            OSError: it could not be written; nothing was.
        """
        moment = self._clock().isoformat(timespec="seconds")
        return self._writer.append({"at": moment, "entry": entry.model_dump(mode="json")})

    def note(self, event: Event) -> None:
        """Add an event of rounds: what `federated.rounds` calls a `Note`."""
        self.write(event)

    def close(self) -> None:
        """Let another process write."""
        self._writer.close()

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close it."""
        self.close()


def write_line(path: Path, entry: Record, *, clock: Now = now, patience_s: float = PATIENCE_S) -> Link:
    """Add one entry to a log that other processes write to as well, one line at a time.

    Raises:
        InputError: somebody held the log for as long as the patience lasts, or the place cannot be written.
        VerificationError: a line does not hold.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            with RunLog(path, clock=clock) as log:
                return log.write(entry)
        except InputError as error:
            if error.slug != "chain-held" or time.monotonic() >= until:
                raise
            time.sleep(_PAUSE_S)


def read_log(path: Path) -> Log:
    """Read a log, or the one in a folder, and hold every line against its digest and its kind.

    Raises:
        TableError: there is none.
        VerificationError: a line does not hold, or is no entry.
    """
    place = path / LOG if path.is_dir() else path
    try:
        chain = read_chain(place)
    except VerificationError as error:
        error.found = None if error.found is None else printable(error.found)
        raise
    return parsed(chain, where=str(place))


def printable(text: str) -> str:
    r"""Return text on one line that moves no cursor: a file that somebody changed may hold anything.

    >>> printable("a\x1bb") == "a\N{REPLACEMENT CHARACTER}b"
    True
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def parsed(chain: Chain, *, where: str) -> Log:
    """Return the log that stands on a chain.

    Raises:
        VerificationError: a line is no entry.
    """
    torn = [link for link in chain.links if link.content.get("kind") == TORN]
    lines = tuple(_line(link, where) for link in chain.links if link.content.get("kind") != TORN)
    return Log(where=where, lines=lines, chain=chain, crashes=len(torn) + bool(chain.torn))


def _line(link: Link, where: str) -> Line:
    content: Mapping[str, Any] = link.content
    try:
        if set(content) != {"at", "entry"} or not isinstance(content["at"], str):
            raise ValueError("not a moment and an entry")
        entry = _ENTRIES.validate_python(content["entry"])
    except (ValidationError, ValueError):
        said = content.get("entry")
        if not isinstance(said, Mapping):
            raise _other_chain(link, where) from None
        kind = printable(str(said.get("kind", "none"))[:40])
        raise VerificationError(
            f"line {link.number + 1} is no entry that this version of affidavit knows",
            slug="chain-broken",
            where=where,
            found=f"kind {kind!r}",
            allowed="the kinds of federated/record/entries.py and federated/rounds/events.py",
            remedy="read it with the version of affidavit that wrote it: its first line says which",
        ) from None
    return Line(number=link.number, at=content["at"], entry=entry, before=link.before, digest=link.digest)


def _other_chain(link: Link, where: str) -> VerificationError:
    return VerificationError(
        f"line {link.number + 1} holds, and is no entry of a log: it is a chain of another kind",
        slug="chain-broken",
        where=where,
        found=printable(", ".join(sorted(link.content))[:80]) or "nothing",
        allowed="the moment and the entry that servers and sites write",
        remedy="give a server's or a site's log; a privacy ledger is shown by `affidavit ledger show`",
    )
