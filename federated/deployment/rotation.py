"""`affidavit site rotate-key`: a new key in the place of an old one, which says so itself."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from affidavit.errors import PlanError, VerificationError
from affidavit.files import replacing
from affidavit.provenance import Now, now
from affidavit.yaml_files import describe_validation_error
from federated.deployment.house import House, written_privately
from federated.deployment.keys import USES, made, public_of, read_key
from federated.record.entries import KeyRotated, KeyUse
from federated.record.log import read_log, write_line
from federated.record.signatures import fingerprint, public_hex, signed_by
from federated.record.site_keys import keys_of

TELL: Final = {
    "node": "the server's operator: register the new keys/node.pub, and unregister the old one",
    "signing": "every site and the server's operator: the roster of secure sums names the new key",
    "officer": "nobody: approvals that stand stay what they are, and the new key signs the next",
}
"""Whom a new key has to be told, by use."""


def use_named(named: str) -> KeyUse:
    """Return which key is meant.

    Raises:
        PlanError: there is no such key.
    """
    for use in USES:
        if use == named:
            return use
    raise PlanError(
        "a site has no such key",
        slug="plan-invalid",
        where="affidavit site rotate-key",
        found=named[:40],
        allowed=", ".join(USES),
    )


def rotated(house: House, use: KeyUse, *, because: str, clock: Now = now) -> KeyRotated:
    """Put a new key in the place of an old one, and return the line that the old one signed.

    The line comes first: a crash after it leaves a log that names a key whose private half is in `<use>.next`, and
    doing it again finishes that.

    Raises:
        VerificationError: the key at hand is not the one that the log names.
        PlanError: there is no reason.
    """
    log = read_log(house.log)
    keys = keys_of(line.entry for line in log.lines)
    pending = house.key(use).with_suffix(".next")
    if pending.exists() and public_hex(read_key(pending)) == keys.keys.get(use):
        _placed(house, use)
        return [entry for entry in log.of(KeyRotated) if entry.use == use][-1]
    pending.unlink(missing_ok=True)
    old = read_key(house.key(use))
    if keys.keys.get(use) != public_hex(old):
        raise VerificationError(
            "the key at hand is not the one that the log names",
            slug="key-invalid",
            where=str(house.key(use)),
            found=fingerprint(public_hex(old)),
            allowed=fingerprint(keys.keys[use]) if use in keys.keys else "none",
            remedy="put the key back that the log names; a lost key needs a new folder by `affidavit site init`",
        )
    new = made(use)
    fields = {"kind": "key-rotated", "use": use, "key": public_hex(new.key), "because": because}
    try:
        entry = KeyRotated.model_validate({**fields, "signature": signed_by(old, fields, site=keys.site)})
    except ValidationError as error:
        raise PlanError(
            "a new key needs a reason",
            slug="plan-invalid",
            where="affidavit site rotate-key",
            found=describe_validation_error(error),
            allowed="--because, up to 500 characters",
        ) from None
    written_privately(pending, new.private)
    write_line(house.log, entry, clock=clock)
    _placed(house, use)
    return entry


def _placed(house: House, use: KeyUse) -> None:
    """Keep the old public key, forget the old private one, and put the new pair in its place."""
    old, pending = read_key(house.key(use)), house.key(use).with_suffix(".next")
    kept = house.retired(use, fingerprint(public_hex(old)))
    if not kept.exists():
        written_privately(kept, public_of(old), mode=0o644)
    public = public_of(read_key(pending))
    with replacing(house.public(use)) as temporary:
        temporary.write_bytes(public)
    pending.replace(house.key(use))
