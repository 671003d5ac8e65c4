"""Who withdrew: a list of keyed digests, kept outside of every cache and asked wherever a corpus or a table comes in.

No name stands in the list. A digest is HMAC-SHA-256 under a key that is drawn once and lies beside it, readable by its
owner alone; whoever holds both can try names, so both are as internal as the list of patients. Each withdrawal is a
file of its own, so that two at once lose nothing, and the order of them tells nothing.

The names of people are compared as tables read them: without spaces at the ends, in form NFC, `7.0` as `7`. A list that
cannot be read stops whatever asks it: nobody is taken in again because a key was lost.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from affidavit.errors import TableError
from affidavit.texts import plain_label

ENVIRONMENT: Final = "AFFIDAVIT_WITHDRAWALS"
"""Names another folder for the list."""
LEFT_OUT: Final = "who withdrew is left out"
"""Said of what somebody was taken out of; not of how many."""
_KEY, _UNITS, _LOCK = "key", "units", "lock"
_PURPOSE: Final = b"affidavit withdrawal\0"
_BYTES: Final = 32
_OWN: Final = 0o600
_OWN_FOLDER: Final = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPlaces:
    """Where somebody keeps what may hold a unit's data, beside the cache."""

    models: tuple[Path, ...] = ()
    """Folders with checkpoints, at whatever depth."""
    reviews: tuple[Path, ...] = ()
    """Review plans and tables of reviews."""
    ledgers: tuple[Path, ...] = ()
    site: str | None = None
    """In which of a ledger's sites the unit was, where it has several."""
    keep_models: bool = False
    """Whether models that met the unit are told and left."""


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """The list in a folder; one that is not there yet holds nobody, unless it was to be (`begun`)."""

    folder: Path
    begun: bool = False
    """Whether a folder that is not there is an error: a wrong path takes nobody in again."""

    def __bool__(self) -> bool:
        """Say whether anybody withdrew."""
        return bool(self._listed())

    def __len__(self) -> int:
        """Return how many are on the list."""
        return len(self._listed())

    def __contains__(self, unit: object) -> bool:
        """Say whether a unit (or a speaker) withdrew.

        Raises:
            TableError: somebody is on the list and its key cannot be read.
        """
        listed = self._listed()
        return bool(listed) and isinstance(unit, str) and _digest(unit, self._key()) in listed

    def among(self, units: Iterable[str]) -> frozenset[str]:
        """Return those of the units that withdrew.

        Raises:
            TableError: as `in`.
        """
        listed = self._listed()
        if not listed:
            return frozenset()
        key = self._key()
        return frozenset(unit for unit in units if _digest(unit, key) in listed)

    def add(self, unit: str) -> None:
        """Put a unit on the list; once more changes nothing.

        Raises:
            TableError: as `in`, or the list cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=_OWN_FOLDER)
            (self.folder / _UNITS).mkdir(exist_ok=True, mode=_OWN_FOLDER)
            if not self._listed():
                self._draw_key()
            file = os.open(self.folder / _UNITS / _digest(unit, self._key()), os.O_CREAT | os.O_WRONLY, _OWN)
            os.fsync(file)
            os.close(file)
        except OSError as error:
            raise _unusable(self.folder, error.strerror or type(error).__name__) from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody else withdraws: of two that rewrite a file, each brings back what the other took out.

        Raises:
            TableError: the folder cannot be written.
        """
        import fcntl  # POSIX alone: a lock that ends with its process, however it ends

        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=_OWN_FOLDER)
            file = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, _OWN)
        except OSError as error:
            raise _unusable(self.folder, error.strerror or type(error).__name__) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def mark(self, unit: str, what: str) -> None:
        """Keep that something was done of a unit on the list, such as a note in a ledger.

        Raises:
            TableError: as `in`, or the list cannot be written.
        """
        key = self._key()
        try:
            with (self.folder / _UNITS / _digest(unit, key)).open("a", encoding="ascii") as file:
                file.write(f"{_digest(what, key)}\n")
        except OSError as error:
            raise _unusable(self.folder, error.strerror or type(error).__name__) from None

    def marked(self, unit: str, what: str) -> bool:
        """Say whether that was kept.

        Raises:
            TableError: as `in`.
        """
        if unit not in self:
            return False
        key = self._key()
        try:
            lines = (self.folder / _UNITS / _digest(unit, key)).read_text(encoding="ascii").splitlines()
        except (OSError, ValueError) as error:
            raise _unusable(self.folder, type(error).__name__) from None
        return _digest(what, key) in lines

    def _listed(self) -> frozenset[str]:
        try:
            return frozenset(place.name for place in (self.folder / _UNITS).iterdir())
        except FileNotFoundError:
            if self.begun and not self.folder.is_dir():
                raise _unusable(self.folder, "no such folder; where nobody withdrew yet, make an empty one") from None
            if (self.folder / _KEY).exists():
                raise _unusable(self.folder, f"a key without {_UNITS}/") from None
            return frozenset()
        except OSError as error:
            raise _unusable(self.folder, error.strerror or type(error).__name__) from None

    def _key(self) -> bytes:
        try:
            found = (self.folder / _KEY).read_bytes()
        except OSError as error:
            raise _unusable(self.folder, f"no key that can be read ({error.strerror})") from None
        if len(found) != _BYTES:
            raise _unusable(self.folder, f"a key of {len(found)} bytes in place of {_BYTES}")
        return found

    def _draw_key(self) -> None:
        """Write a key, whole or not at all; one that is there stays."""
        place = self.folder / _KEY
        if place.exists():
            return
        drawn = self.folder / f".{_KEY}-{secrets.token_hex(8)}"
        file = os.open(drawn, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWN)
        os.write(file, secrets.token_bytes(_BYTES))
        os.fsync(file)
        os.close(file)
        with suppress(FileExistsError):  # somebody else was first, and that key stays
            os.link(drawn, place)
        drawn.unlink()


def withdrawals(*, begun: bool = True) -> Withdrawals:
    """Return the list of whoever runs this; a folder that they name has to be there, unless it is about to be begun."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Withdrawals(Path(named), begun=begun)
    from platformdirs import user_data_path

    return Withdrawals(user_data_path("affidavit") / "withdrawals")


def withdrew_meanwhile(where: str) -> TableError:
    """Return the error of what was begun with somebody who has withdrawn since."""
    return TableError(
        "somebody withdrew while this was being made, and it is not kept",
        slug="file-empty",
        where=where,
        remedy="run it again: who withdrew is left out then",
    )


def nobody_left(where: str) -> TableError:
    """Return the error of what holds nobody but who withdrew."""
    return TableError(
        "everybody in it withdrew",
        slug="file-empty",
        where=where,
        remedy="bring data of people who did not",
    )


@lru_cache(maxsize=200_000)
def _digest(unit: str, key: bytes) -> str:
    return hmac.new(key, _PURPOSE + plain_label(unit).encode(), "sha256").hexdigest()


def _unusable(folder: Path, found: str) -> TableError:
    return TableError(
        "the list of who withdrew cannot be used, and without it nobody is taken in",
        slug="file-unreadable",
        where=str(folder),
        found=found,
        allowed=f"a folder with {_KEY} ({_BYTES} bytes) and {_UNITS}/, as `affidavit withdraw` leaves it",
        remedy=f"bring it back from a copy, or name the right folder ({ENVIRONMENT})",
    )
