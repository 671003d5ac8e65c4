"""From new keys to a verified bundle, as people type it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.bundle import subjects, write_bundle
from affidavit.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_INCONCLUSIVE, AffidavitError, PlanError, VerificationError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.report import AuditReport, parse_report
from affidavit.run import run_plan
from affidavit.testing import predictions_frame
from affidavit.testing.tables import FAST
from reports.envelopes import seal
from reports.signing import PREDICATE_TYPE, former_key_id
from reports.trust.commands import (
    Brought,
    commit_rows,
    pack,
    sign,
    timestamp,
    verify_either,
    verify_signed,
)
from reports.trust.key_commands import PASSWORD, keys
from reports.trust.keys import public_pem


@pytest.fixture
def bundle(unsigned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFIDAVIT_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv(PASSWORD, raising=False)
    return Path(shutil.copytree(unsigned, tmp_path / "bundle"))


def _formerly_signed(bundle: Path, key: Path) -> Path:
    """Write what `affidavit sign --key` wrote before there were several signatures; return the public half."""
    private = Ed25519PrivateKey.generate()
    report = parse_report((bundle / "report.json").read_bytes())
    files = {"report.json": bundle / "report.json"} | {name: bundle / name for name in subjects(bundle)}
    told = {"report_digest": report.report_digest, "claims_digest": report.claims_digest}
    envelope = seal(
        subjects={name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
        predicate_type=PREDICATE_TYPE,
        predicate={**told, "decision": report.decision.value, "title": report.title},
        key=private,
        key_id=former_key_id(private.public_key()),
    )
    (bundle / "report.dsse.json").write_bytes(envelope)
    key.write_text(public_pem(private.public_key()))
    return key


def _new(name: str, role: str, *, locked: bool = False) -> None:
    assert keys("new", name, role=role, folder=None, locked=locked) == EXIT_DONE


def _verify(bundle: Path, **brought: Any) -> int:
    trust, key = brought.pop("trust", None), brought.pop("key", None)
    return verify_signed(bundle, trust=trust, key=key, rows=Brought(**brought))


def _trust_file(path: Path, *names: str, capsys: pytest.CaptureFixture[str], **more: Any) -> Path:
    """Write what `keys show` prints under signers; the days are today's, and so are the signatures."""
    capsys.readouterr()
    for name in names:
        keys("show", name, role="", folder=None, locked=False)
    signers = yaml.safe_load(capsys.readouterr().out)
    path.write_text(yaml.safe_dump({"version": 1, "signers": signers, **more}))
    return path


def test_from_keys_to_a_verified_bundle(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _new("Ada Lovelace", "reviewer")
    monkeypatch.setenv(PASSWORD, "correct horse")
    _new("Bo", "approver", locked=True)
    assert b"ENCRYPTED" in (tmp_path / "keys" / "bo.key").read_bytes()
    assert keys("list", None, role="", folder=None, locked=False) == EXIT_DONE
    assert {"Ada Lovelace", "Bo"} <= set(capsys.readouterr().out.replace("  ", "\n").splitlines())
    assert sign(bundle, Path("ada-lovelace"), role="reviewer", requester="Cy") == EXIT_DONE
    assert sign(bundle, tmp_path / "keys" / "bo.key", role="approver") == EXIT_DONE
    trust = _trust_file(tmp_path / "trust.yaml", "Ada Lovelace", "Bo", capsys=capsys, require=["approver"])
    assert _verify(bundle, trust=trust) == EXIT_DONE
    said = capsys.readouterr().out
    assert "signature      holds: Bo as approver; Ada Lovelace as reviewer" in said
    assert "digests        holds" in said
    assert "recomputation  not checked" in said
    assert "reproduction   not checked" in said


def test_the_exit_codes_of_verify(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _new("Ada", "reviewer")
    _new("Eve", "reviewer")
    sign(bundle, Path("eve"), role="reviewer", requester="Cy")
    assert _verify(bundle) == EXIT_DONE
    assert "valid, signer unknown" in capsys.readouterr().out
    trust = _trust_file(tmp_path / "trust.yaml", "ada", capsys=capsys)
    assert _verify(bundle, trust=trust) == EXIT_INCONCLUSIVE
    (bundle / "report.md").write_text("All is well.\n")
    capsys.readouterr()
    assert _verify(bundle, trust=trust) == EXIT_BAD_INPUT
    assert "report.md: is not as it was written" in capsys.readouterr().out


def test_verify_as_json(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_signed(bundle, trust=None, key=None, as_json=True) == EXIT_DONE
    told = json.loads(capsys.readouterr().out)
    assert told["digests"]["state"] == "holds"
    assert told["signature"]["state"] == "not signed"


def test_what_a_reader_brings_does_not_lie_in_the_bundle(bundle: Path) -> None:
    (bundle / "trust.yaml").write_text("version: 1\nsigners: []\n")
    with pytest.raises(VerificationError, match="inside the bundle"):
        _verify(bundle, trust=bundle / "trust.yaml")
    with pytest.raises(VerificationError, match="inside the bundle"):
        _verify(bundle, key=bundle / "key.pub")
    with pytest.raises(VerificationError, match="inside the bundle"):
        commit_rows(bundle, Brought(tables=("x.csv",), salts=bundle / "salts"))


def test_a_zip_is_packed_signed_and_verified(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _new("Ada", "reviewer")
    out = tmp_path / "bundle.zip"
    assert pack(bundle, out) == EXIT_DONE
    before = out.read_bytes()
    with pytest.raises(PlanError, match="would replace"):
        pack(bundle, out)
    assert out.read_bytes() == before
    with pytest.raises(PlanError, match="no .zip"):
        pack(bundle, tmp_path / "bundle.tar")
    sign(out, Path("ada"), role="reviewer", requester="Cy")
    trust = _trust_file(tmp_path / "trust.yaml", "ada", capsys=capsys)
    assert _verify(out, trust=trust) == EXIT_DONE


def test_a_timestamp_is_added_and_said(
    bundle: Path, tmp_path: Path, authorities: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from affidavit.provenance import now

    _new("Ada", "reviewer")
    sign(bundle, Path("ada"), role="reviewer", requester="Cy")
    authority = authorities.new_authority()
    envelope = next((bundle / "signatures").glob("*.dsse.json"))
    (tmp_path / "token.tsr").write_bytes(authority.stamp(envelope.read_bytes(), now()))
    assert timestamp(bundle, tmp_path / "token.tsr") == EXIT_DONE
    listed = [{"name": "ours", "certificate": authority.root_pem}]
    trust = _trust_file(tmp_path / "trust.yaml", "ada", capsys=capsys, timestamp_authorities=listed)
    assert _verify(bundle, trust=trust) == EXIT_DONE
    assert "timestamped by ours" in capsys.readouterr().out


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, and the bundle of its audit."""
    folder = tmp_path_factory.mktemp("audited")
    predictions_frame(n_speakers=16, conditions=("TAV",)).to_csv(folder / "t.csv", index=False)
    examinations = (Choice(name="performance"),)
    runs = {"r": RunSource(table="t.csv")}
    plan = AuditPlan(runs=runs, by=("accent",), statistics=FAST, examinations=examinations)
    write_bundle(run_plan(plan, folder=folder), folder / "bundle", renderings=())
    return folder


def test_rows_are_committed_to_and_opened(audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = Path(shutil.copytree(audited / "bundle", tmp_path / "bundle"))
    table, salts = str(audited / "t.csv"), tmp_path / "owner"
    assert commit_rows(bundle, Brought(tables=(table,), salts=salts)) == EXIT_DONE
    (own,) = salts.iterdir()
    assert own.stat().st_mode & 0o777 == 0o600
    assert _verify(bundle) == EXIT_DONE
    assert "recomputation  not recomputable here" in capsys.readouterr().out
    assert _verify(bundle, tables=(f"r={table}",), salts=salts) == EXIT_DONE
    assert "the rows are those that the bundle commits to" in capsys.readouterr().out
    with pytest.raises(AffidavitError):
        commit_rows(bundle, Brought(tables=(table,), salts=tmp_path / "again"))
    assert list((tmp_path / "again").iterdir()) == [], "no salts are left of a commitment that was refused"


def test_a_commitment_by_the_plan(audited: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(audited / "bundle", tmp_path / "bundle"))
    shutil.copy(bundle / "plan.yaml", audited / "plan.yaml")
    assert commit_rows(bundle, Brought(plan=audited / "plan.yaml", salts=tmp_path / "owner")) == EXIT_DONE
    assert _verify(bundle, plan=audited / "plan.yaml") == EXIT_DONE


def test_rows_of_another_table_are_not_committed_to(audited: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(audited / "bundle", tmp_path / "bundle"))
    predictions_frame(n_speakers=16, conditions=("TAV",), seed=5).to_csv(tmp_path / "o.csv", index=False)
    with pytest.raises(VerificationError, match="not the data of the report"):
        commit_rows(bundle, Brought(tables=(str(tmp_path / "o.csv"),), salts=tmp_path / "owner"))
    assert not (bundle / "commitments.json").exists()


@pytest.mark.parametrize(
    "call",
    [
        lambda bundle: keys("make", "Ada", role="reviewer", folder=None, locked=False),
        lambda bundle: keys("new", "Ada", role="revewer", folder=None, locked=False),
        lambda bundle: keys("new", None, role="reviewer", folder=None, locked=False),
        lambda bundle: keys("show", "nobody", role="", folder=None, locked=False),
        lambda bundle: sign(bundle, Path("nobody"), role="reviewer"),
        lambda bundle: sign(bundle, Path("ada"), role="king"),
        lambda bundle: sign(bundle, Path("ada"), role="reviewer"),  # for whom?
        lambda bundle: timestamp(bundle, Path("none.tsr")),
        lambda bundle: commit_rows(bundle, Brought(tables=("t.csv",))),
        lambda bundle: _verify(bundle, salts=bundle.parent),
        lambda bundle: _verify(bundle, trust=Path("none.yaml")),
    ],
)
def test_what_cannot_be_done_is_an_error_for_people(bundle: Path, call: Callable[[Path], int]) -> None:
    _new("Ada", "reviewer")
    with pytest.raises(AffidavitError) as caught:
        call(bundle)
    assert caught.value.remedy or caught.value.allowed
    assert not (bundle / "signatures").exists()


def test_a_signature_of_the_former_kind_still_holds(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle that `affidavit sign --key` signed before there were several signatures."""
    _formerly_signed(bundle, tmp_path / "other.key.pub")
    _formerly_signed(bundle, tmp_path / "old.key.pub")
    assert _verify(bundle) == EXIT_DONE
    assert "signature      not checked" in capsys.readouterr().out
    assert _verify(bundle, key=tmp_path / "old.key.pub") == EXIT_DONE
    assert "signature      holds: report.dsse.json" in capsys.readouterr().out
    assert _verify(bundle, key=tmp_path / "other.key.pub") == EXIT_BAD_INPUT
    _new("Ada", "reviewer")
    sign(bundle, Path("ada"), role="reviewer", requester="Cy")
    assert _verify(bundle, key=tmp_path / "old.key.pub") == EXIT_DONE, "the new signature speaks of the former one"


def test_a_bundle_as_it_was_is_verified_in_the_words_that_it_had(
    bundle: Path, tiny: AuditReport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bundle(tiny, bundle)
    _formerly_signed(bundle, tmp_path / "old.key.pub")
    assert verify_either(bundle, trust=None, key=tmp_path / "old.key.pub") == EXIT_DONE
    said = capsys.readouterr().out
    assert "digests      hold: report and" in said
    assert "signature    holds: key" in said


def test_a_signature_of_the_former_kind_is_made_no_more(bundle: Path) -> None:
    _new("Ada", "reviewer")
    with pytest.raises(PlanError, match="as what it is made") as caught:
        sign(bundle, Path("ada"))
    assert "--as reviewer --requester NAME" in str(caught.value.remedy)
    assert not (bundle / "report.dsse.json").exists()
    assert not (bundle / "signatures").exists()


def test_keys_are_not_made_for_the_group(bundle: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _new("Ada", "reviewer")
    finally:
        os.umask(before)
    assert (tmp_path / "keys" / "ada.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
