"""Whom does the reader of a bundle believe? A YAML file that the reader keeps, outside of every bundle.

    version: 1
    signers:
      - name: Ada Lovelace
        role: reviewer
        key_id: 5f...            # or public_key, in PEM form
        valid_from: 2026-01-01
        valid_until: 2026-12-31  # the last day
        revoked: {on: 2026-06-01, why: the laptop was stolen}
    timestamp_authorities:
      - name: the hospital's
        certificate: |
          -----BEGIN CERTIFICATE----- ...
    require: [reviewer, approver]

A key that a bundle brings with it is never believed. A signature is judged at the date that it claims, and a claimed
date is only as good as whoever claims it, unless a timestamp of a listed authority stands beside it. So a revoked key
is believed for no date at all, unless such a timestamp shows that the signature was there before.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from affidavit.errors import TableError, VerificationError
from affidavit.records import Record
from affidavit.yaml_files import read_record
from reports.trust.keys import key_id_of, read_public_key
from reports.trust.parties import KeyId, Moment, PersonName, Role, plain_name


def _day(value: Any, at: time) -> Any:  # noqa: ANN401 - runs before validation
    """Return a day as a moment of it; anything else as it is."""
    if isinstance(value, str) and len(value) == len("2026-01-01"):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, at, tzinfo=UTC)
    return value


First = Annotated[Moment, BeforeValidator(lambda value: _day(value, time.min))]
"""A moment, or the start of a day (UTC)."""
Last = Annotated[Moment, BeforeValidator(lambda value: _day(value, time.max))]
"""A moment, or the end of a day (UTC)."""


class Revocation(Record):
    """That a key is not to be believed any more."""

    on: First
    why: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _spelt(cls, told: Any) -> Any:  # noqa: ANN401 - runs before validation
        """Take `on` as the word that it is: YAML 1.1 reads it as true."""
        if isinstance(told, dict) and True in told and "on" not in told:
            return {"on" if key is True else key: value for key, value in told.items()}
        return told


class Signer(Record):
    """One person in one role, with the key that is theirs."""

    name: PersonName
    role: Role
    key_id: KeyId | None = None
    public_key: str | None = None
    """PEM; its key id is computed."""
    valid_from: First
    valid_until: Last
    revoked: Revocation | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Signer:
        if self.key_id is None and self.public_key is None:
            raise ValueError("a signer has a key_id or a public_key")
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        try:
            found = self.key
        except VerificationError as error:
            raise ValueError(error.what) from None
        if self.key_id not in (None, found):
            raise ValueError(f"key_id is not that of public_key, which is {found}")
        return self

    @cached_property
    def key(self) -> str:
        """The key id, given or computed."""
        if self.public_key is None:
            return self.key_id or ""
        return key_id_of(read_public_key(self.public_key.encode()))


class Authority(Record):
    """A timestamp authority: the certificate at the root of those that it signs with."""

    name: PersonName
    certificate: str
    """PEM."""

    @model_validator(mode="after")
    def _readable(self) -> Authority:
        from cryptography.x509 import load_pem_x509_certificate

        try:
            load_pem_x509_certificate(self.certificate.encode())
        except ValueError:
            raise ValueError("certificate is not a certificate in PEM form") from None
        return self


class TrustFile(Record):
    """Everybody whom a reader believes."""

    version: Literal[1]
    signers: tuple[Signer, ...]
    timestamp_authorities: tuple[Authority, ...] = ()
    require: tuple[Role, ...] = ()
    """Roles of which a bundle must carry a trusted signature."""

    @model_validator(mode="after")
    def _one_holder_a_key(self) -> TrustFile:
        holders: dict[str, str] = {}
        seen: set[tuple[str, Role]] = set()
        for signer in self.signers:
            holder = holders.setdefault(signer.key, plain_name(signer.name))
            if holder != plain_name(signer.name):
                raise ValueError(f"the key {signer.key[:12]} belongs to two people")
            if (signer.key, signer.role) in seen:
                raise ValueError(f"{signer.name} is listed twice as {signer.role} with the same key")
            seen.add((signer.key, signer.role))
        return self

    def keys_of(self, name: str) -> frozenset[str]:
        """Return the key ids of a person, whatever their role and however long ago."""
        return frozenset(signer.key for signer in self.signers if plain_name(signer.name) == plain_name(name))


class Standing(StrEnum):
    """What a trust file says of a signature that is mathematically valid."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    REVOKED = "revoked"
    OTHER_NAME = "known under another name"
    OTHER_ROLE = "not trusted in this role"


class Claim(Record):
    """What a signature says of itself, and until when a timestamp shows that it was there."""

    key_id: KeyId
    name: PersonName
    role: Role
    signed_at: Moment
    stamped_at: Moment | None = None
    """When a listed timestamp authority saw the signature; null where none did."""


class Trusted(Record):
    """The answer of a trust file about one signature."""

    standing: Standing
    because: str


def judge(trust: TrustFile | None, claim: Claim) -> Trusted:
    """Return whether a reader believes a signature; without a trust file nobody is known."""
    if trust is None:
        return Trusted(standing=Standing.UNKNOWN, because="no trust file was given")
    mine = [signer for signer in trust.signers if signer.key == claim.key_id]
    if not mine:
        return Trusted(standing=Standing.UNKNOWN, because="the trust file does not list this key")
    if plain_name(mine[0].name) != plain_name(claim.name):
        return Trusted(
            standing=Standing.OTHER_NAME,
            because=f"the trust file gives this key to {mine[0].name}, and it signs as {claim.name}",
        )
    signer = next((one for one in mine if one.role is claim.role), None)
    if signer is None:
        roles = ", ".join(one.role for one in mine)
        return Trusted(standing=Standing.OTHER_ROLE, because=f"{claim.name} is listed as {roles}, not as {claim.role}")
    return _dated(signer, claim)


def _dated(signer: Signer, claim: Claim) -> Trusted:
    """Return the answer for a known signer, by the dates."""
    revoked, stamped = signer.revoked, claim.stamped_at
    if revoked is not None and (stamped is None or stamped >= revoked.on):
        shown = "no timestamp shows that the signature was there before" if stamped is None else "timestamped after it"
        return Trusted(standing=Standing.REVOKED, because=f"revoked on {_said(revoked.on)} ({revoked.why}); {shown}")
    if claim.signed_at < signer.valid_from:
        because = f"signed on {_said(claim.signed_at)}, valid from {_said(signer.valid_from)}"
        return Trusted(standing=Standing.NOT_YET_VALID, because=because)
    if claim.signed_at > signer.valid_until:
        because = f"signed on {_said(claim.signed_at)}, valid until {_said(signer.valid_until)}"
        return Trusted(standing=Standing.EXPIRED, because=because)
    return Trusted(standing=Standing.TRUSTED, because=_date_proof(claim))


def _date_proof(claim: Claim) -> str:
    if claim.stamped_at is None:
        return f"signed on {_said(claim.signed_at)} as the signer says; no timestamp shows it"
    return f"signed on {_said(claim.signed_at)}; a timestamp shows that it was there on {_said(claim.stamped_at)}"


def _said(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def read_trust(path: Path) -> TrustFile:
    """Read a trust file.

    Raises:
        TableError: there is no such file, it is not YAML, or it is no trust file; names what is wrong with it.
    """
    return read_record(path, TrustFile, invalid=partial(_invalid, path))


def _invalid(path: Path, found: str) -> TableError:
    return TableError(
        "this is not a trust file",
        slug="file-unreadable",
        where=str(path),
        found=found[:800],
        allowed="version: 1; signers with name, role, key_id or public_key, valid_from, valid_until; "
        "timestamp_authorities; require",
        remedy="correct what is named above; `affidavit keys show` prints what goes under signers",
    )
