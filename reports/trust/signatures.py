"""All signatures of a bundle, held against its files, against each other and against a trust file.

Laws: each signature speaks of every file but the signatures; all name the same requester; nobody signs under two names
with one key; an approver is neither the requester nor a reviewer, by name and by key; signatures/SHA256SUMS lists what
lies in the folder, so that no byte of a token or of an envelope is free and nothing there is unlisted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from affidavit.bundle import SUMS
from affidavit.errors import VerificationError
from affidavit.records import Record
from affidavit.report import AuditReport
from reports.trust.contents import INDEX, Contents
from reports.trust.faults import Fault
from reports.trust.parties import KeyId, Moment, Role, plain_name
from reports.trust.statements import SUFFIX, Signed, read_envelope
from reports.trust.sums import parse_sums
from reports.trust.timestamps import NOT_STAMPED, Stamp, StampState, read_stamp
from reports.trust.timestamps import SUFFIX as TOKEN_SUFFIX
from reports.trust.trust_file import Claim, Standing, Trusted, TrustFile, judge

FIRST_NAMED: Final = 5
CLOCKS: Final = timedelta(minutes=10)
"""By how much the clocks of a signer and of a timestamp authority may differ."""


class SignatureOutcome(Record):
    """A valid signature, and what a trust file and a timestamp say of it."""

    file: str
    name: str
    role: Role
    key_id: KeyId
    signed_at: Moment
    standing: Standing
    because: str
    stamp: Stamp

    def line(self) -> str:
        """Return the signature as one line."""
        state = "trusted" if self.standing is Standing.TRUSTED else f"valid, signer {self.standing}"
        stamped = "" if self.stamp.state is StampState.NONE else f"; {self.stamp.said}"
        return f"{self.role} {self.name} (key {self.key_id[:12]}): {state}: {self.because}{stamped}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What holds of a bundle's signatures."""

    outcomes: tuple[SignatureOutcome, ...]
    faults: tuple[Fault, ...]
    signed: tuple[Signed, ...]
    """Those whose signature is valid, whoever made it."""

    @property
    def authority(self) -> Mapping[str, str]:
        """File to the digest that was signed, of the signature that is believed most; empty where none is valid."""
        trusted = {outcome.file for outcome in self.outcomes if outcome.standing is Standing.TRUSTED}
        best = next((one for one in self.signed if one.file in trusted), None) or next(iter(self.signed), None)
        return {} if best is None else best.subjects


def hold_signatures(contents: Contents, trust: TrustFile | None, report: AuditReport | None) -> Held:
    """Return what holds of a bundle's signatures.

    Args:
        contents: the bundle.
        trust: whom the reader believes; nobody where it is null.
        report: the bundle's report, where it could be read.
    """
    signed, faults = read_signatures(contents)
    listed = set() if trust is None else {signer.key for signer in trust.signers}
    signed.sort(key=lambda one: one.key_id not in listed)  # where two disagree, the stranger is named
    for one in signed:
        faults += _file_faults(one, contents)
        if report is not None:
            faults += _report_faults(one, report)
    faults += rule_faults(signed, trust)
    outcomes = []
    for one in signed:
        stamp = _stamp(one, contents, trust)
        if stamp.state is StampState.FAILS:
            faults.append(Fault(file=_token_of(one.file), what=stamp.said))
        outcomes.append(_outcome(one, stamp, trust))
    faults += _index_faults(contents, valid={one.file for one in signed}, broken={fault.file for fault in faults})
    return Held(outcomes=tuple(outcomes), faults=tuple(dict.fromkeys(faults)), signed=tuple(signed))


def read_signatures(contents: Contents) -> tuple[list[Signed], list[Fault]]:
    """Return the valid envelopes of a bundle, and what is wrong with the others."""
    signed: list[Signed] = []
    faults: list[Fault] = []
    for name in sorted(contents.envelopes):
        if name.endswith(SUFFIX):
            try:
                signed.append(read_envelope(contents.read(name), file=name))
            except VerificationError as error:
                found = f" ({error.found})" if error.found else ""
                faults.append(Fault(file=name, what=f"{error.what}{found}"))
        elif not name.endswith(TOKEN_SUFFIX):
            faults.append(Fault(file=name, what=f"is neither a signature ({SUFFIX}) nor a timestamp ({TOKEN_SUFFIX})"))
        elif _envelope_of(name) not in contents.digests:
            faults.append(Fault(file=name, what="is a timestamp of a signature that is not there"))
    return signed, faults


def rule_faults(signed: Sequence[Signed], trust: TrustFile | None = None) -> list[Fault]:
    """Return where signatures break the rules between people; what a trust file knows of their keys counts too."""
    return [*_requester_faults(signed), *_name_faults(signed), *_approver_faults(signed, trust)]


def _requester_faults(signed: Sequence[Signed]) -> Iterator[Fault]:
    for one in signed[1:]:
        if plain_name(one.oath.requester) != plain_name(signed[0].oath.requester):
            what = f"names {one.oath.requester} as requester, and another names {signed[0].oath.requester}"
            yield Fault(file=one.file, what=what)
    for one in signed:
        if one.oath.role is Role.REQUESTER and plain_name(one.oath.name) != plain_name(one.oath.requester):
            yield Fault(file=one.file, what=f"{one.oath.name} signs as requester, and names {one.oath.requester}")


def _name_faults(signed: Sequence[Signed]) -> Iterator[Fault]:
    names: dict[str, str] = {}
    for one in signed:
        holder = names.setdefault(one.key_id, one.oath.name)
        if plain_name(holder) != plain_name(one.oath.name):
            yield Fault(file=one.file, what=f"{one.oath.name} signs with the key that {holder} signs with")


def _approver_faults(signed: Sequence[Signed], trust: TrustFile | None) -> Iterator[Fault]:
    for one in signed:
        if one.oath.role is not Role.APPROVER:
            continue
        known = frozenset() if trust is None else trust.keys_of(one.oath.requester)
        if plain_name(one.oath.name) == plain_name(one.oath.requester) or one.key_id in known:
            yield Fault(
                file=one.file, what=f"{one.oath.name} approves what {one.oath.requester} asked for: the same person"
            )
        for other in signed:
            if other.oath.role not in (Role.REQUESTER, Role.REVIEWER):
                continue
            known = frozenset() if trust is None else trust.keys_of(other.oath.name)
            same_name = plain_name(other.oath.name) == plain_name(one.oath.name)
            if same_name or one.key_id == other.key_id or one.key_id in known:
                what = f"{one.oath.name} approves, and signs as {other.oath.role} too: another person has to"
                yield Fault(file=one.file, what=what)


def _file_faults(one: Signed, contents: Contents) -> list[Fault]:
    """Return the files that are not what was signed, or the signature where it is of another bundle."""
    here = contents.signed
    changed = sorted(name for name in {*one.subjects, *here} if one.subjects.get(name) != here.get(name))
    if not changed:
        return []
    listed = parse_sums(contents.read(SUMS)) if SUMS in here else None
    if SUMS in changed and listed == contents.listed:
        first = ", ".join(changed[:FIRST_NAMED])
        what = f"signs another bundle, or this one was written anew after it was signed: {first} are not what it signs"
        return [Fault(file=one.file, what=what)]
    return [Fault(file=name, what=f"{_how(name, one, here)} ({one.file})") for name in changed]


def _how(name: str, one: Signed, here: Mapping[str, str]) -> str:
    if name not in here:
        return "was signed and is missing"
    return "is not what was signed" if name in one.subjects else "was not there when it was signed"


def _report_faults(one: Signed, report: AuditReport) -> list[Fault]:
    """Return where a signature says something else of the report than the report itself, whose bytes it signs."""
    oath = one.oath
    told = (oath.decision, oath.report_digest, oath.claims_digest)
    if told == (report.decision, report.report_digest, report.claims_digest):
        return []
    return [Fault(file=one.file, what=f"signs the decision {oath.decision}, and the report says {report.decision}")]


def _outcome(one: Signed, stamp: Stamp, trust: TrustFile | None) -> SignatureOutcome:
    oath = one.oath
    claim = Claim(key_id=one.key_id, name=oath.name, role=oath.role, signed_at=oath.signed_at, stamped_at=stamp.at)
    trusted: Trusted = judge(trust, claim)
    return SignatureOutcome(
        file=one.file,
        name=oath.name,
        role=oath.role,
        key_id=one.key_id,
        signed_at=oath.signed_at,
        standing=trusted.standing,
        because=trusted.because,
        stamp=stamp,
    )


def _stamp(one: Signed, contents: Contents, trust: TrustFile | None) -> Stamp:
    token = _token_of(one.file)
    if token not in contents.digests:
        return NOT_STAMPED
    stamp = read_stamp(contents.read(token), one.content, () if trust is None else trust.timestamp_authorities)
    if stamp.at is not None and stamp.at < one.oath.signed_at - CLOCKS:
        said = f"the timestamp is of {stamp.at.isoformat()}, before the signature says that it was made"
        return Stamp(state=StampState.FAILS, said=said)
    return stamp


def _token_of(envelope: str) -> str:
    return f"{envelope.removesuffix(SUFFIX)}{TOKEN_SUFFIX}"


def _envelope_of(token: str) -> str:
    return f"{token.removesuffix(TOKEN_SUFFIX)}{SUFFIX}"


def _index_faults(contents: Contents, *, valid: set[str], broken: set[str]) -> list[Fault]:
    """Hold the folder's own list against it.

    Where a file is known to be broken it is at fault, where a listed signature is valid in itself the list is, else
    both are named: one of them was changed, or the file was added.
    """
    here = contents.envelopes
    if INDEX not in contents.digests:
        return [Fault(file=INDEX, what="is missing")] if here else []
    listed = parse_sums(contents.read(INDEX))
    if listed is None:
        return [Fault(file=INDEX, what="is not a list of checksums in its one form")]
    faults = []
    for name in sorted({*listed, *here}):
        if listed.get(name) == here.get(name) or name in broken:
            continue
        if name not in valid or name not in listed:
            told = "is not listed" if name not in listed else "is missing" if name not in here else "is not as listed"
            faults.append(Fault(file=name, what=f"{told} in {INDEX}"))
        faults.append(Fault(file=INDEX, what=f"says something else of {name} than what is there"))
    return faults
