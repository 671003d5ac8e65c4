"""Several signatures under one bundle: who may sign what, and what a timestamp shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from affidavit.errors import VerificationError
from reports.trust.adding import add_token
from reports.trust.keys import public_pem
from reports.trust.parties import Role
from reports.trust.timestamps import StampState, read_stamp
from reports.trust.trust_file import Authority, Standing, TrustFile
from reports.trust.verification import Asked, State, verify

MOMENT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
People = Callable[[str, Role], Any]
Trusting = Callable[..., TrustFile]


@pytest.fixture
def bundle(unsigned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unsigned, tmp_path / "bundle"))


def test_an_approver_is_not_the_requester(bundle: Path, new_person: People) -> None:
    with pytest.raises(VerificationError, match="approves what cy  REQUESTER asked for"):
        new_person("Cy Requester", Role.APPROVER).sign(bundle, requester="cy  REQUESTER")
    requester = new_person("Cy Requester", Role.REQUESTER)
    requester.sign(bundle)
    same_key = type(requester)(name="Cy Two", role=Role.APPROVER, key=requester.key)
    with pytest.raises(VerificationError, match="signs with the key that Cy Requester signs with"):
        same_key.sign(bundle)


def test_an_approver_is_not_a_reviewer(bundle: Path, new_person: People) -> None:
    reviewer = new_person("Ada", Role.REVIEWER)
    reviewer.sign(bundle)
    with pytest.raises(VerificationError, match="signs as reviewer too"):
        new_person("ada", Role.APPROVER).sign(bundle)
    with pytest.raises(VerificationError, match="signs as reviewer too"):
        type(reviewer)(name="Ada", role=Role.APPROVER, key=reviewer.key).sign(bundle)
    new_person("Bo", Role.APPROVER).sign(bundle)


def test_nor_may_a_reviewer_come_after_as_approver(bundle: Path, new_person: People) -> None:
    new_person("Ada", Role.APPROVER).sign(bundle)
    with pytest.raises(VerificationError, match="another person has to"):
        new_person("Ada", Role.REVIEWER).sign(bundle)


def test_what_a_trust_file_knows_of_their_keys_counts(bundle: Path, new_person: People, trust_of: Trusting) -> None:
    """Under another name, with a key that the trust file gives to the requester."""
    mask = new_person("Mr Nobody", Role.APPROVER)
    mask.sign(bundle)
    trust = trust_of(mask.listed(name="Cy Requester"))
    report = verify(bundle, Asked(trust=trust, pages=False))
    assert report.signature.state is State.FAILS
    said = " ".join(fault.what for fault in report.signature.faults)
    assert "the same person" in said
    assert "known under another name" in said


def test_all_name_the_same_requester(bundle: Path, new_person: People) -> None:
    new_person("Ada", Role.REVIEWER).sign(bundle)
    with pytest.raises(VerificationError, match="names Dee as requester"):
        new_person("Bo", Role.ISSUER).sign(bundle, requester="Dee")
    with pytest.raises(VerificationError, match="signs as requester, and names"):
        new_person("Dee", Role.REQUESTER).sign(bundle)


def test_a_stranger_who_names_another_requester_is_the_one_at_fault(
    unsigned: Path, tmp_path: Path, new_person: People, trust_of: Trusting
) -> None:
    """Signed apart and put together, so that nobody refused it."""
    folders = [Path(shutil.copytree(unsigned, tmp_path / name)) for name in ("known", "strange")]
    ada, eve = new_person("Ada", Role.REVIEWER), new_person("Eve", Role.ISSUER)
    ada.sign(folders[0])
    file = eve.sign(folders[1], requester="Dee")
    shutil.copy(folders[1] / file, folders[0] / file)
    report = verify(folders[0], Asked(trust=trust_of(ada.listed()), pages=False))
    named = [fault.file for fault in report.signature.faults if "requester" in fault.what]
    assert named == [file]


def test_nobody_signs_twice_as_the_same(bundle: Path, new_person: People) -> None:
    ada = new_person("Ada", Role.REVIEWER)
    ada.sign(bundle)
    with pytest.raises(VerificationError, match="signed as reviewer with this key already"):
        ada.sign(bundle, signed_at=MOMENT + timedelta(days=1))


def test_a_bundle_that_does_not_hold_is_not_signed(bundle: Path, new_person: People) -> None:
    (bundle / "report.md").write_text("All is well.\n")
    with pytest.raises(VerificationError, match="report.md: is not as it was written"):
        new_person("Ada", Role.REVIEWER).sign(bundle)
    assert not (bundle / "signatures").exists()


@pytest.mark.parametrize(
    ("changed", "standing"),
    [
        ({"valid_until": "2026-02-28"}, Standing.EXPIRED),
        ({"valid_from": "2026-03-02"}, Standing.NOT_YET_VALID),
        ({"revoked": {"on": "2026-02-01", "why": "lost"}}, Standing.REVOKED),
        ({"revoked": {"on": "2026-04-01", "why": "lost"}}, Standing.REVOKED),
        ({"name": "Somebody Else"}, Standing.OTHER_NAME),
        ({"role": "issuer"}, Standing.OTHER_ROLE),
    ],
)
def test_a_signer_of_whom_the_trust_file_says_no(
    bundle: Path, new_person: People, trust_of: Trusting, changed: dict[str, Any], standing: Standing
) -> None:
    ada = new_person("Ada", Role.REVIEWER)
    file = ada.sign(bundle)
    report = verify(bundle, Asked(trust=trust_of(ada.listed(**changed)), pages=False))
    assert report.signature.state is State.FAILS
    assert report.signatures[0].standing is standing
    assert report.at_fault == (file,)
    assert report.digests.state is State.HOLDS


def test_a_key_in_the_bundle_makes_nobody_known(bundle: Path, new_person: People, trust_of: Trusting) -> None:
    """Every signature carries its key; without the trust file's word it is a stranger's."""
    ada = new_person("Ada", Role.REVIEWER)
    ada.sign(bundle)
    assert public_pem(ada.key.public_key()) not in str(trust_of())
    for trust in (None, trust_of()):
        report = verify(bundle, Asked(trust=trust, pages=False))
        assert report.signature.state is State.UNKNOWN_SIGNER
    assert verify(bundle, Asked(trust=trust_of(ada.listed()), pages=False)).signature.state is State.HOLDS


def test_a_required_role_that_a_stranger_fills_is_not_filled(
    bundle: Path, new_person: People, trust_of: Trusting
) -> None:
    ada = new_person("Ada", Role.REVIEWER)
    ada.sign(bundle)
    new_person("Bo", Role.APPROVER).sign(bundle)
    report = verify(bundle, Asked(trust=trust_of(ada.listed(), require=["reviewer", "approver"]), pages=False))
    assert [fault.what for fault in report.signature.faults] == [
        "no trusted signature of the role approver, which the trust file requires"
    ]


def test_a_zip_is_signed_as_its_folder_is(signed: Any, unsigned: Path, tmp_path: Path) -> None:
    from reports.trust.archive import read_archive, write_archive

    bundle = tmp_path / "b.zip"
    names = [path for path in unsigned.rglob("*") if path.is_file()]
    bundle.write_bytes(write_archive({p.relative_to(unsigned).as_posix(): p.read_bytes() for p in names}))
    for person in (signed.reviewer, signed.approver):
        person.sign(bundle)
    files = read_archive(bundle.read_bytes(), where="b.zip")
    for name in (signed.reviewed, signed.approved):
        assert files[name] == (signed.folder / name).read_bytes()
    assert verify(bundle, Asked(trust=signed.trust, pages=False)).signature.state is State.HOLDS


# Timestamps


@pytest.fixture(scope="module")
def authority(authorities: ModuleType) -> Any:
    return authorities.new_authority()


def _listed(authority: Any) -> tuple[Authority, ...]:
    return (Authority(name="ours", certificate=authority.root_pem),)


def test_a_timestamp_of_a_listed_authority_holds(authority: Any) -> None:
    stamp = read_stamp(authority.stamp(b"envelope", MOMENT), b"envelope", _listed(authority))
    assert (stamp.state, stamp.at) == (StampState.HOLDS, MOMENT)
    assert stamp.said == "timestamped by ours at 2026-03-01T10:00:00+00:00"


def test_openssl_reads_it_too(authority: Any, tmp_path: Path) -> None:
    """The tests' own authority writes what others write."""
    import subprocess

    (tmp_path / "envelope").write_bytes(b"envelope")
    (tmp_path / "root.pem").write_text(authority.root_pem)
    (tmp_path / "token.tsr").write_bytes(authority.stamp(b"envelope", MOMENT))
    command = ["openssl", "ts", "-verify", "-data", "envelope", "-in", "token.tsr", "-CAfile", "root.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Verification: OK" in done.stdout, done.stderr


def test_a_timestamp_of_other_bytes_fails(authority: Any) -> None:
    stamp = read_stamp(authority.stamp(b"another", MOMENT), b"envelope", _listed(authority))
    assert (stamp.state, stamp.at) == (StampState.FAILS, None)


def test_a_timestamp_of_a_stranger_shows_nothing(authority: Any, authorities: ModuleType) -> None:
    stranger = authorities.new_authority()
    for listed in ((), _listed(authority)):
        stamp = read_stamp(stranger.stamp(b"envelope", MOMENT), b"envelope", listed)
        assert (stamp.state, stamp.at) == (StampState.UNKNOWN_AUTHORITY, None)


@pytest.mark.parametrize("garbage", [b"", b"x", b"0\x03\x02\x01\x00", b"\x30\x05\x30\x03\x02\x01\x02"])
def test_what_is_no_timestamp(garbage: bytes, authority: Any) -> None:
    assert read_stamp(garbage, b"envelope", _listed(authority)).state is StampState.FAILS


def test_a_forged_moment_is_not_believed(authority: Any) -> None:
    token = authority.stamp(b"envelope", MOMENT)
    assert token.count(b"20260301100000Z") == 1
    forged = token.replace(b"20260301100000Z", b"20250301100000Z")
    assert read_stamp(forged, b"envelope", _listed(authority)).at is None


def test_a_timestamp_after_the_certificate_ran_out_is_not_believed(authority: Any) -> None:
    late = authority.stamp(b"envelope", datetime(2035, 1, 1, tzinfo=UTC))
    assert read_stamp(late, b"envelope", _listed(authority)).state is StampState.UNKNOWN_AUTHORITY


def test_a_timestamp_saves_what_a_key_signed_before_it_was_revoked(
    bundle: Path, new_person: People, trust_of: Trusting, authority: Any
) -> None:
    ada = new_person("Ada", Role.REVIEWER)
    file = ada.sign(bundle)
    listed = [{"name": "ours", "certificate": authority.root_pem}]
    revoked = {"on": "2026-04-01", "why": "lost"}
    trust = trust_of(ada.listed(revoked=revoked), timestamp_authorities=listed)
    assert verify(bundle, Asked(trust=trust, pages=False)).signatures[0].standing is Standing.REVOKED
    token = authority.stamp((bundle / file).read_bytes(), MOMENT + timedelta(days=1))
    assert add_token(bundle, token) == file.replace(".dsse.json", ".tsr")
    report = verify(bundle, Asked(trust=trust, pages=False))
    assert (report.signature.state, report.signatures[0].stamp.state) == (State.HOLDS, StampState.HOLDS)
    with pytest.raises(VerificationError, match="has a timestamp already"):
        add_token(bundle, token)


def test_a_date_later_than_its_timestamp_is_a_fault(
    bundle: Path, new_person: People, trust_of: Trusting, authority: Any
) -> None:
    ada = new_person("Ada", Role.REVIEWER)
    file = ada.sign(bundle)
    add_token(bundle, authority.stamp((bundle / file).read_bytes(), MOMENT - timedelta(days=1)))
    listed = [{"name": "ours", "certificate": authority.root_pem}]
    report = verify(bundle, Asked(trust=trust_of(ada.listed(), timestamp_authorities=listed), pages=False))
    assert report.at_fault == (file.replace(".dsse.json", ".tsr"),)
    assert "before the signature says that it was made" in report.signature.faults[0].what


def test_a_timestamp_of_no_signature_here_is_not_taken(bundle: Path, new_person: People, authority: Any) -> None:
    new_person("Ada", Role.REVIEWER).sign(bundle)
    with pytest.raises(VerificationError, match="no timestamp of a signature of this bundle"):
        add_token(bundle, authority.stamp(b"another", MOMENT))
