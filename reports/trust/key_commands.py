"""`affidavit keys new`, `list` and `show`, and how a key is found by its holder's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import typer

from affidavit.cli.saying import say
from affidavit.errors import EXIT_DONE, PlanError, TableError
from affidavit.provenance import now
from affidavit.yaml_files import did_you_mean
from reports.trust.keys import CARD_SUFFIX, KEY_SUFFIX, cards_in, keys_folder, read_card, write_key
from reports.trust.parties import Role, file_part

PASSWORD: Final = "AFFIDAVIT_KEY_PASSWORD"
"""Names the password of a key where nobody sits at the terminal."""
_PROPOSED: Final = timedelta(days=365)
"""For how long a trust file would believe a new key, if nobody says otherwise."""


def keys(action: str, name: str | None, *, role: str, folder: Path | None, locked: bool) -> int:
    """Make a key, or list or show those that lie in a folder; return the exit code.

    Raises:
        PlanError: there is no such action or role, or no name where one is needed.
        VerificationError: the key is there already, or is none.
    """
    place = folder or keys_folder()
    actions: Mapping[str, Callable[[], int]] = {
        "new": lambda: _new(_required(name), role_named(role), place, locked=locked),
        "list": lambda: _list(place),
        "show": lambda: _show(_required(name), place),
    }
    if action not in actions:
        raise no_such("action", action, list(actions))
    return actions[action]()


def _new(name: str, role: Role, folder: Path, *, locked: bool) -> int:
    password = password_of("Password of the new key", twice=True) if locked else None
    made = write_key(folder, name, role, created=now().replace(microsecond=0), password=password)
    say(f"private key  {made.key} (keep it secret{', and its password' if locked else ''})")
    say(f"card         {made.card_file} (hand it to whoever keeps a trust file)")
    say(f"key id       {made.card.key_id}")
    return EXIT_DONE


def _list(folder: Path) -> int:
    cards = cards_in(folder)
    for path, card in cards:
        say(f"{card.key_id[:12]}  {card.role:<9}  {card.created:%Y-%m-%d}  {card.name}  {path}")
    if not cards:
        say(f"no keys in {folder}")
    return EXIT_DONE


def _show(name: str, folder: Path) -> int:
    """Print what goes under `signers` in a trust file."""
    import yaml

    card = read_card(place_of(name, folder, CARD_SUFFIX))
    listed = {"name": card.name, "role": card.role.value, "key_id": card.key_id}
    dates = {"valid_from": card.created.date(), "valid_until": (card.created + _PROPOSED).date()}
    say(yaml.safe_dump([listed | dates], sort_keys=False, allow_unicode=True).rstrip())
    return EXIT_DONE


def password_of(prompt: str, *, twice: bool) -> bytes:
    """Return the password in `AFFIDAVIT_KEY_PASSWORD`, else what somebody types."""
    told = os.environ.get(PASSWORD)
    return (told or typer.prompt(prompt, hide_input=True, confirmation_prompt=twice)).encode()


def key_file(named: Path) -> Path:
    """Return the file of a private key that was named by itself, or as in `affidavit keys list`.

    Raises:
        TableError: there is neither.
    """
    return named if named.exists() else place_of(str(named), keys_folder(), KEY_SUFFIX)


def card_file(named: Path) -> Path:
    """Return the file of a public key or card that was named by itself, or as in `affidavit keys list`.

    Raises:
        TableError: there is neither.
    """
    return named if named.exists() else place_of(str(named), keys_folder(), CARD_SUFFIX)


def password_for(pem: bytes, name: str) -> bytes | None:
    """Return the password of a private key that is locked with one, asked for where nobody told it."""
    return password_of(f"Password of {name}", twice=False) if b"ENCRYPTED PRIVATE KEY" in pem else None


def place_of(name: str, folder: Path, suffix: str) -> Path:
    """Return the file of a holder's key or card.

    Raises:
        TableError: there is none in the folder.
    """
    path = folder / f"{file_part(name) or name}{suffix}"
    if not path.exists():
        known = [one.name.removesuffix(suffix) for one in sorted(folder.glob(f"*{suffix}"))]
        raise TableError(
            f"there is no key {name!r}{did_you_mean(file_part(name), known)}",
            slug="file-not-found",
            where=str(folder),
            allowed=", ".join(known) or "no key was made there yet",
            remedy="`affidavit keys list` says which there are",
        )
    return path


def role_named(text: str) -> Role:
    """Return a role by its name.

    Raises:
        PlanError: there is no such role.
    """
    if text not in tuple(Role):
        raise no_such("role", text, list(Role))
    return Role(text)


def _required(name: str | None) -> str:
    if name is None:
        raise no_such("name", "nothing", ["the name of whoever holds the key"])
    return name


def no_such(what: str, found: str, allowed: Sequence[str]) -> PlanError:
    """Return the error about a word that means nothing here, or that is missing."""
    return PlanError(
        f"there is no such {what}{did_you_mean(found, list(allowed))}",
        slug="plan-invalid",
        found=found,
        allowed=", ".join(allowed),
        remedy="`affidavit keys --help` and `affidavit sign --help` say what there is",
    )
