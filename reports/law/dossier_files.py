"""Reads a dossier with the signature beside it, as testimony."""

from __future__ import annotations

from pathlib import Path

from affidavit.errors import TableError
from reports.law.dossier import DOSSIER, parse_dossier
from reports.law.dossier_signing import ENVELOPE, verify_dossier
from reports.law.testimony import Testimony
from reports.trust.key_commands import card_file


def dossier_path(path: Path) -> Path:
    """Return the file of a dossier that was named by itself or by its folder."""
    is_folder = path.is_dir() or (not path.exists() and path.suffix == "")
    return path / DOSSIER if is_folder else path


def read_testimony(path: Path, key: Path | None) -> Testimony:
    """Return what a dossier says; it counts as signed where a key was given and its signature holds.

    Raises:
        InputError: the dossier does not validate.
        TableError: a file cannot be read.
        VerificationError: a key was given, and the signature is missing or does not hold.
    """
    file = dossier_path(path)
    content = bytes_of(file, "the dossier")
    return Testimony(dossier=parse_dossier(content, where=file.name), key_id=_key_id(content, file, key))


def _key_id(content: bytes, file: Path, key: Path | None) -> str | None:
    if key is None:
        return None
    envelope = bytes_of(file.with_name(ENVELOPE), "the signature of the dossier")
    return verify_dossier(envelope, content, bytes_of(card_file(key), "the key file")).key_id


def bytes_of(path: Path, what: str) -> bytes:
    """Return a file's bytes.

    Raises:
        TableError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError:
        raise TableError(
            f"{what} cannot be read", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
