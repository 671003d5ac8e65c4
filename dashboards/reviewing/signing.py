"""A signature from the desk, with a key in the workspace's folder of that person; and the commands that do the same.

WORKSPACE/keys/<person>/NAME.key and NAME.pub.yaml, as `affidavit keys new --folder` writes them
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.errors import AffidavitError
from dashboards.access.people import Person
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Entry, Kind, Moment, Subject
from dashboards.reviewing.stating import SIGNS_AS, Statement, requester_of, standing
from reports.trust.adding import add_signature
from reports.trust.contents import open_contents
from reports.trust.keys import CARD_SUFFIX, KEY_SUFFIX, cards_in, read_private_key
from reports.trust.parties import Role as Signer
from reports.trust.parties import file_part, plain_name
from reports.trust.signatures import read_signatures
from reports.trust.statements import Signed

FOLDER: Final = "keys"
_UNNAMED: Final = "NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """A key of whoever sits there."""

    key: Path
    name: str
    key_id: str
    role: Signer


def folder_of(workspace: Path, person: Person) -> Path:
    """Return where a person's keys lie."""
    return workspace / FOLDER / (file_part(person.name) or person.name.encode("utf-8").hex()[:60])


def own_keys(workspace: Path, person: Person) -> tuple[OwnKey, ...]:
    """Return the keys in a person's folder whose card names that person; a card that does not read is passed over."""
    try:
        cards = cards_in(folder_of(workspace, person))
    except AffidavitError:
        return ()
    found = []
    for file, card in cards:
        key = file.with_name(f"{file.name.removesuffix(CARD_SUFFIX)}{KEY_SUFFIX}")
        if plain_name(card.name) == plain_name(person.name) and key.is_file():
            found.append(OwnKey(key=key, name=card.name, key_id=card.key_id, role=card.role))
    return tuple(found)


def signed_by(bundle: Path) -> tuple[tuple[str, Signer], ...]:
    """Return who has signed a bundle as what, and whom the signatures name as requester."""
    signed, _ = read_signatures(open_contents(bundle))
    named = [(one.oath.requester, Signer.REQUESTER) for one in signed]
    return tuple(dict.fromkeys([*named, *((one.oath.name, one.oath.role) for one in signed)]))


def signs_as(person: Person, history: Sequence[Entry]) -> Signer | None:
    """Return as what somebody may put their name to what they stated; None where they stated nothing to sign."""
    stated = standing(history).get(plain_name(person.name))
    return None if stated is None else SIGNS_AS.get(Statement(stated.act))


def sign_here(  # noqa: PLR0913 - whose name goes where, with what
    bundle: Path, own: OwnKey, *, password: str, history: Sequence[Entry], by: Person, book: RecordBook, at: Moment
) -> Signed:
    """Sign a bundle as what somebody stated of it, and note it.

    Raises:
        AffidavitError: the key does not open, the bundle does not hold, or a rule between people would be broken.
    """
    role, requester = signs_as(by, history), requester_of(history)
    if role is None or requester is None:
        raise ValueError("nothing was stated that could be signed, or nobody is named as requester")
    private = read_private_key(own.key, password=password.encode() or None)
    signed = add_signature(bundle, private, name=own.name, role=role, requester=requester, signed_at=at)
    report = signed.oath.report_digest
    subject = Subject(kind=Kind.SIGN_OFF, about=report, name=f"{report} signatures")
    content = {"file": signed.file, "key": signed.key_id}
    book.note(Change(subject=subject, act=f"signed as {role}", person=by.name, at=at, content=content))
    return signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What the commands speak of."""

    bundle: str
    waivers: str | None
    """The file of waivers, where any is in force."""
    policy: str | None
    """The policy that the report was held against."""


def commands(papers: Papers, *, role: Signer | None, requester: str | None, key: str | None) -> tuple[str, ...]:
    """Return what to type, in this order: file waivers before anybody signs, ask the gate, sign, verify."""
    bundle = papers.bundle
    waived = [] if papers.waivers is None else ["--waivers", papers.waivers]
    told = [["affidavit", "file", bundle, *waived]] if waived else []
    told += [["affidavit", "gate", bundle, "--policy", papers.policy, *waived]] if papers.policy else []
    if role is not None:
        asked = requester or "WHO ASKED"
        told.append(["affidavit", "sign", bundle, "--key", key or _UNNAMED, "--as", role.value, "--requester", asked])
    return tuple(shlex.join(line) for line in [*told, ["affidavit", "verify", bundle]])
