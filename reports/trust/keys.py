"""Keys of people: an ed25519 private key for its holder alone, and a card with the public half for everybody else.

NAME.key        PKCS8 in PEM form, readable by its owner alone, under a password or without one
NAME.pub.yaml   name, role, key id, day of making, public key

A key id is the SHA-256 of the public key itself (SubjectPublicKeyInfo in DER), so that a card cannot name another's.
An existing file is never overwritten: a lost private key cannot be made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError, model_validator

from affidavit.errors import TableError, VerificationError
from affidavit.records import Record
from affidavit.yaml_files import describe_validation_error, read_record
from reports.trust.parties import KeyId, Moment, PersonName, Role, file_part

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ENVIRONMENT: Final = "AFFIDAVIT_KEYS"
"""Names another folder for keys."""
KEY_SUFFIX: Final = ".key"
CARD_SUFFIX: Final = ".pub.yaml"
_OWN: Final = 0o600
_OWN_FOLDER: Final = 0o700
_SHARED: Final = 0o644
_REMEDY: Final = "give a key that `affidavit keys new` wrote: NAME.key signs, and the card NAME.pub.yaml verifies"


class KeyCard(Record):
    """The public half of a key: what a reader copies into a trust file."""

    name: PersonName
    role: Role
    key_id: KeyId
    created: Moment
    public_key: str
    """PEM."""

    @model_validator(mode="after")
    def _of_this_key(self) -> KeyCard:
        try:
            found = key_id_of(read_public_key(self.public_key.encode()))
        except VerificationError as error:
            raise ValueError(error.what) from None
        if found != self.key_id:
            raise ValueError(f"key_id is not that of public_key, which is {found}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just written."""

    key: Path
    card_file: Path
    card: KeyCard


def keys_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where this user's keys lie: `AFFIDAVIT_KEYS`, else the user's data folder."""
    from platformdirs import user_data_path

    named = (os.environ if environment is None else environment).get(ENVIRONMENT)
    return Path(named) if named else user_data_path("affidavit") / "keys"


def key_id_of(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key's SubjectPublicKeyInfo, in hex."""
    from cryptography.hazmat.primitives import serialization as form

    spki = key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def public_pem(key: Ed25519PublicKey) -> str:
    """Return a public key in PEM form."""
    from cryptography.hazmat.primitives import serialization as form

    return key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def write_key(folder: Path, name: str, role: Role, *, created: Moment, password: bytes | None = None) -> NewKey:
    """Make a key for somebody and write it with its card.

    Args:
        folder: where both files go; made for its owner alone where it is not there.
        name: whose key it is.
        role: what they sign as.
        created: when; the caller reads the clock.
        password: locks the private key, where one is given.

    Raises:
        VerificationError: `key-invalid`, one of the two files is there already or the name cannot be a name.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    card = _card(name, role, created, key.public_key())
    locked = form.BestAvailableEncryption(password) if password else form.NoEncryption()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked)
    stem = file_part(card.name) or card.key_id[:12]
    new = NewKey(key=folder / f"{stem}{KEY_SUFFIX}", card_file=folder / f"{stem}{CARD_SUFFIX}", card=card)
    folder.mkdir(parents=True, exist_ok=True, mode=_OWN_FOLDER)
    _refuse_existing(new.key)
    _refuse_existing(new.card_file)
    _write_new(new.key, private, mode=_OWN)
    _write_new(new.card_file, card_text(card).encode(), mode=_SHARED)
    return new


def _card(name: str, role: Role, created: Moment, key: Ed25519PublicKey) -> KeyCard:
    try:
        return KeyCard(name=name, role=role, key_id=key_id_of(key), created=created, public_key=public_pem(key))
    except ValidationError as error:
        raise VerificationError(
            "this cannot stand on a key's card",
            slug="key-invalid",
            found=describe_validation_error(error),
            remedy="give the name of a person or of an office, on one line",
        ) from None


def card_text(card: KeyCard) -> str:
    """Return a card as YAML."""
    import yaml

    return yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_card(path: Path) -> KeyCard:
    """Read a card and hold its key id against its key.

    Raises:
        TableError: there is no such file, or it is not YAML.
        VerificationError: `key-invalid`.
    """
    return read_record(path, KeyCard, invalid=partial(_no_card, path))


def _no_card(path: Path, found: str) -> VerificationError:
    return VerificationError(
        "this is not the card of a key",
        slug="key-invalid",
        where=str(path),
        found=found[:500],
        remedy="ask whoever holds the key for the file beside it that ends in .pub.yaml",
    )


def cards_in(folder: Path) -> tuple[tuple[Path, KeyCard], ...]:
    """Return every card in a folder, by file name; a folder that is not there holds none."""
    return tuple((path, read_card(path)) for path in sorted(folder.glob(f"*{CARD_SUFFIX}")))


def read_private_key(path: Path, *, password: bytes | None = None) -> Ed25519PrivateKey:
    """Read a private key that nobody else can read.

    Raises:
        TableError: there is no such file.
        VerificationError: `key-invalid`, it is no ed25519 private key, others can read it, or the password is not its.
    """
    try:
        pem = path.read_bytes()
        mode = path.stat().st_mode
    except OSError:
        raise TableError(
            "the key file cannot be read", slug="file-not-found", where=str(path), remedy="check the path"
        ) from None
    if os.name == "posix" and mode & 0o077:
        raise VerificationError(
            "others than its owner can read this private key",
            slug="key-invalid",
            where=str(path),
            found=oct(mode & 0o777),
            allowed=oct(_OWN),
            remedy=f"chmod 600 {path.name}; if anybody may have read it, make a new key and revoke this one",
        )
    return parse_private_key(pem, where=str(path), password=password)


def parse_private_key(pem: bytes, *, where: str | None = None, password: bytes | None = None) -> Ed25519PrivateKey:
    """Return an ed25519 private key from its PEM form.

    Raises:
        VerificationError: `key-invalid`, it is none, or the password is not its.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PUBLIC KEY" in pem:
        raise _invalid("this is the public half of a key; signing needs the private half", where)
    locked = b"ENCRYPTED PRIVATE KEY" in pem
    if locked and not password:
        raise _invalid("this private key is locked with a password, and none was given", where)
    try:
        key = load_pem_private_key(pem, password=password if locked else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        what = "the password does not open this private key" if locked else "this is not a private key in PEM form"
        raise _invalid(what, where) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _invalid("this private key is not an ed25519 key", where)
    return key


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """Return an ed25519 public key from its PEM form.

    Raises:
        VerificationError: `key-invalid`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise _invalid("this is the private half of a key; it belongs to its holder alone", None)
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise _invalid("this is not a public key in PEM form", None) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _invalid("this public key is not an ed25519 key", None)
    return key


def public_key_in(content: bytes) -> Ed25519PublicKey:
    """Return the public key on somebody's card, or the one that stands there alone in PEM form.

    Raises:
        VerificationError: `key-invalid`.
    """
    import yaml

    if content.lstrip().startswith(b"-----BEGIN"):
        return read_public_key(content)
    try:
        card = KeyCard.model_validate(yaml.safe_load(content))
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError):
        raise _invalid("this is neither the card of a key nor a public key in PEM form", None) from None
    return read_public_key(card.public_key.encode())


def _invalid(what: str, where: str | None) -> VerificationError:
    return VerificationError(what, slug="key-invalid", where=where, remedy=_REMEDY)


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise VerificationError(
            "the key file exists already",
            slug="key-invalid",
            where=str(path),
            remedy="choose another name or folder: a lost private key cannot be made again",
        )


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that was not there; it never has more rights than `mode`, whatever the umask."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
