"""Adds to a bundle, a folder or a zip: a commitment while nobody has signed, then signatures, then their timestamps.

What is added is written last and under a temporary name; the lists of checksums follow it. Nobody's signature is
touched: after the first one the files that it speaks of stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from affidavit.bundle import ENVELOPE, SUMS
from affidavit.errors import VerificationError
from affidavit.files import replacing
from reports.trust.archive import write_archive
from reports.trust.commitment import COMMITMENTS, Commitments
from reports.trust.contents import INDEX, Contents, open_contents
from reports.trust.faults import Fault
from reports.trust.keys import key_id_of, public_pem
from reports.trust.parties import Moment, Role
from reports.trust.signatures import hold_signatures, read_signatures, rule_faults
from reports.trust.statements import SUFFIX, Oath, envelope_name, read_envelope, swear
from reports.trust.sums import sums_text
from reports.trust.timestamps import SUFFIX as TOKEN_SUFFIX
from reports.trust.timestamps import StampState, read_stamp
from reports.trust.wholeness import read_whole, sums_faults

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from affidavit.report import AuditReport
    from reports.trust.statements import Signed


def add_signature(
    bundle: Path, key: Ed25519PrivateKey, *, name: str, role: Role, requester: str, signed_at: Moment
) -> Signed:
    """Sign a bundle that holds, and return the signature.

    Args:
        bundle: a folder or a zip.
        key: the signer's private key.
        name: who signs.
        role: as what.
        requester: who asked for the audit; the same in every signature of a bundle.
        signed_at: when; the caller reads the clock.

    Raises:
        VerificationError: the bundle or a signature in it does not hold, or this one would break a rule between people.
    """
    contents = open_contents(bundle)
    report = held_report(contents)
    public = key.public_key()
    oath = Oath(
        name=name,
        role=role,
        signed_at=signed_at.replace(microsecond=0),
        requester=requester,
        decision=report.decision,
        report_digest=report.report_digest,
        claims_digest=report.claims_digest,
        public_key=public_pem(public),
    )
    file = envelope_name(oath, key_id_of(public))
    if file in contents.digests:
        raise _refused(Fault(file=file, what=f"{name} has signed as {role} with this key already"), bundle)
    signed = read_envelope(swear(oath, contents.signed, key), file=file)
    before, _ = read_signatures(contents)
    if faults := rule_faults([*before, signed]):
        raise _refused(faults[0], bundle)
    _add(contents, {file: signed.content})
    return signed


def add_token(bundle: Path, token: bytes) -> str:
    """Put a timestamp beside the signature that it is of, and return the name that it has there.

    Raises:
        VerificationError: `signature-invalid`, it is of no signature of this bundle, or one has a timestamp already.
    """
    contents = open_contents(bundle)
    held_report(contents)
    signed, _ = read_signatures(contents)
    of = next((one for one in signed if read_stamp(token, one.content, ()).state is not StampState.FAILS), None)
    name = f"{of.file.removesuffix(SUFFIX)}{TOKEN_SUFFIX}" if of is not None else ""
    if of is None or name in contents.digests:
        raise VerificationError(
            "this is no timestamp of a signature of this bundle"
            if of is None
            else "the signature has a timestamp already",
            slug="signature-invalid",
            where=str(bundle),
            found=name or None,
            remedy="ask the authority about the bytes of the file in signatures/ that ends in .dsse.json",
        )
    _add(contents, {name: token})
    return name


def add_commitments(bundle: Path, commitments: Commitments) -> None:
    """Put the commitment to a bundle's rows into it, before anybody signs.

    Raises:
        VerificationError: the bundle does not hold, commits to rows already, or somebody has signed it.
    """
    contents = open_contents(bundle)
    held_report(contents)
    if contents.envelopes or ENVELOPE in contents.digests:
        raise _refused(Fault(file=COMMITMENTS, what="somebody has signed this bundle, and it would change"), bundle)
    if COMMITMENTS in contents.digests:
        raise _refused(Fault(file=COMMITMENTS, what="is there already"), bundle)
    content = commitments.to_json()
    listed = {**contents.listed, COMMITMENTS: hashlib.sha256(content).hexdigest()}
    _write(contents, {COMMITMENTS: content, SUMS: sums_text(listed)})


def held_report(contents: Contents) -> AuditReport:
    """Return the report of a bundle that is whole, with every signature in it valid."""
    read = read_whole(contents)
    held = hold_signatures(contents, None, read.report)
    faults = [*contents.faults, *read.faults, *sums_faults(contents, held.authority), *held.faults]
    if faults or read.report is None:
        raise _refused(faults[0], contents.where)
    return read.report


def _add(contents: Contents, files: Mapping[str, bytes]) -> None:
    """Write files among the signatures, and list them."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _write(contents, {**files, INDEX: sums_text({**contents.envelopes, **digests})})


def _write(contents: Contents, files: Mapping[str, bytes]) -> None:
    if contents.where.is_file():
        whole = {name: contents.read(name) for name in contents.digests}
        with replacing(contents.where) as temporary:
            temporary.write_bytes(write_archive({**whole, **files}))
        return
    for name, content in files.items():
        with replacing(contents.where / name) as temporary:
            temporary.write_bytes(content)


def _refused(fault: Fault, bundle: Path) -> VerificationError:
    return VerificationError(
        fault.line(),
        slug="signature-invalid",
        where=str(bundle),
        remedy="`affidavit verify` names every file at fault; sign a bundle that holds, as who may",
    )
