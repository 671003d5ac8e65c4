"""Papers beside a report: filed before anybody signs, told by the pages, covered by verify, and heard by the gate."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cli.main import app
from affidavit.errors import PlanError, VerificationError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing.tables import FAST, predictions_frame, small_report
from reports.law.dossier import parse_dossier
from reports.law.dossier_signing import sign_dossier
from reports.papers.changes import changes_since
from reports.papers.filing import Brought, file_bundle
from reports.papers.folder import DOSSIER, FILES, FILING, papers_of
from reports.trust.adding import add_signature
from reports.trust.archive import write_archive
from reports.trust.parties import Role
from reports.trust.verification import Asked, State, verify

TODAY = datetime.date(2026, 11, 22)
NOBODY = Asked()


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return small_report()


@pytest.fixture(scope="module")
def written(report: AuditReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(report, tmp_path_factory.mktemp("papers") / "bundle")


@pytest.fixture
def bundle(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "bundle"))


@pytest.fixture
def case(tmp_path: Path, whole: dict[str, Any]) -> Callable[..., Brought]:
    """Write a dossier with some answers changed, sign it, and bring it with its key."""

    def make(**changes: dict[str, Any] | None) -> Brought:
        folder = tmp_path / "case"
        folder.mkdir(exist_ok=True)
        told = {name: value for name, value in (whole | changes).items() if value is not None}
        content = yaml.safe_dump(told, sort_keys=False).encode()
        (folder / "dossier.yaml").write_bytes(content)
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        (folder / "key.pub").write_bytes(public)
        envelope = sign_dossier(content, parse_dossier(content), private, today=TODAY)
        (folder / "dossier.dsse.json").write_bytes(envelope)
        return Brought(dossier=folder, key=folder / "key.pub")

    return make


@pytest.fixture
def waivers(tmp_path: Path) -> Path:
    path = tmp_path / "waivers.yaml"
    one = {
        "criterion": "accuracy-gap",
        "owner": "Ada",
        "reason": "until the new microphones arrive",
        "granted": "2026-01-01",
        "expires": "2999-01-01",
        "approved_by": "Jo",
    }
    path.write_text(yaml.safe_dump({"version": 1, "waivers": [one]}), encoding="utf-8")
    return path


def page_of(bundle: Path) -> str:
    return (bundle / "report.md").read_text(encoding="utf-8")


def test_a_filed_bundle_tells_of_its_papers_and_holds(
    bundle: Path, report: AuditReport, case: Callable[..., Brought], waivers: Path
) -> None:
    before = (bundle / "report.json").read_bytes()
    brought = case()
    code = file_bundle(bundle, Brought(dossier=brought.dossier, key=brought.key, waivers=waivers))
    assert code == 0
    assert (bundle / "report.json").read_bytes() == before
    assert "What is said of intended\\_purpose" in page_of(bundle) or "What is said of intended_purpose" in page_of(
        bundle
    )
    assert "until the new microphones arrive" in page_of(bundle)
    found = verify(bundle, NOBODY)
    assert found.digests.state is State.HOLDS, found.digests
    papers = papers_of(bundle, report)
    assert papers.testimony.key_id is not None
    assert len(papers.waivers) == 1


def test_a_changed_paper_is_found_and_named(bundle: Path, case: Callable[..., Brought], waivers: Path) -> None:
    brought = case()
    file_bundle(bundle, Brought(dossier=brought.dossier, key=brought.key, waivers=waivers))
    for name in sorted(FILES):
        path = bundle / name
        kept = path.read_bytes()
        for place in (0, len(kept) // 2, len(kept) - 1):
            changed = bytearray(kept)
            changed[place] ^= 1
            path.write_bytes(bytes(changed))
            found = verify(bundle, NOBODY)
            assert found.digests.state is State.FAILS
            assert name in {fault.file for fault in found.digests.faults}
        path.write_bytes(kept)
    assert verify(bundle, NOBODY).digests.state is State.HOLDS


def test_papers_that_were_exchanged_with_their_sums_are_found(
    bundle: Path, case: Callable[..., Brought], tmp_path: Path
) -> None:
    """Whoever writes SHA256SUMS anew still has pages that tell of other papers."""
    file_bundle(bundle, case())
    other = Path(shutil.copytree(bundle, tmp_path / "other"))
    filing = json.loads((other / FILING).read_bytes())
    filing["valid_until"] = "2999-12-31"
    (other / FILING).write_bytes(json.dumps(filing, separators=(",", ":"), sort_keys=True).encode())
    _sums_anew(other)
    found = verify(other, NOBODY)
    assert {fault.file for fault in found.digests.faults} == {"report.html", "report.md"}


def test_a_dossier_without_its_key_counts_as_unsigned(
    bundle: Path, report: AuditReport, case: Callable[..., Brought], capsys: pytest.CaptureFixture[str]
) -> None:
    assert file_bundle(bundle, Brought(dossier=case().dossier)) == 3
    assert "not under a verified signature" in capsys.readouterr().out
    assert papers_of(bundle, report).testimony.key_id is None
    assert {path.name for path in (bundle / "papers").iterdir()} == {"filing.json", "dossier.yaml"}


def test_a_prohibited_use_ends_with_1_and_shuts_the_gate(
    bundle: Path, case: Callable[..., Brought], tmp_path: Path
) -> None:
    who = {"by": "A. Example", "role": "head of clinic", "date": "2026-11-20"}
    staff = case(subjects={"subjects": ["employees"], **who}, context={"contexts": ["workplace"], **who})
    assert file_bundle(bundle, staff) == 1
    assert page_of(bundle).startswith("**Prohibited use: the scope gate is shut.")
    code, said = ended("gate", bundle, "--policy", policy(tmp_path))
    assert code == 1
    assert "Article 5(1)(f)" in said
    assert said.endswith("the gate is shut: the use is prohibited (exit code 1)\n")


def test_the_gate_takes_filed_papers_and_demands_a_dossier_where_asked(
    bundle: Path, case: Callable[..., Brought], tmp_path: Path
) -> None:
    assert ended("gate", bundle, "--policy", policy(tmp_path))[0] == 0
    code, said = ended("gate", bundle, "--policy", policy(tmp_path), "--demand-dossier")
    assert (code, "There is no dossier" in said) == (3, True)
    brought = case()
    assert (
        ended("gate", bundle, "--policy", policy(tmp_path), "--dossier", brought.dossier, "--key", brought.key)[0] == 0
    )
    assert ended("gate", bundle, "--policy", policy(tmp_path), "--dossier", brought.dossier)[0] == 3  # nobody's word
    file_bundle(bundle, brought)
    code, said = ended("gate", bundle, "--policy", policy(tmp_path), "--demand-dossier")
    assert (code, "scope        allowed" in said) == (0, True)


def test_an_unanswered_question_shuts_the_gate(bundle: Path, case: Callable[..., Brought], tmp_path: Path) -> None:
    assert file_bundle(bundle, case(oversight_person=None)) == 3
    code, said = ended("gate", bundle, "--policy", policy(tmp_path))
    assert (code, "Nobody answered oversight_person" in said) == (3, True)


def test_the_example_opens_the_gate(bundle: Path, tmp_path: Path) -> None:
    """As `make demo` does it: a copy is signed with a key of `affidavit keys`, and filed with its card."""
    example = Path(__file__).resolve().parents[3] / "examples" / "dossier" / "dossier.yaml"
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "dossier.yaml").write_bytes(example.read_bytes())
    keys = tmp_path / "keys"
    assert ended("keys", "new", "Demo officer", "--role", "reviewer", "--folder", keys)[0] == 0
    assert ended("dossier", "sign", tmp_path / "case", "--key", keys / "demo-officer.key")[0] == 0
    card = keys / "demo-officer.pub.yaml"
    code, said = ended("file", bundle, "--dossier", tmp_path / "case", "--key", card, "--valid-until", "2999-01-01")
    assert (code, "scope allowed" in said) == (0, True), said
    page = page_of(bundle)
    assert "Nobody answered this" not in page


def test_filing_anew_takes_the_former_papers_away(bundle: Path, case: Callable[..., Brought], waivers: Path) -> None:
    file_bundle(bundle, case())
    file_bundle(bundle, Brought(waivers=waivers))
    assert {path.name for path in (bundle / "papers").iterdir()} == {"filing.json", "waivers.yaml"}
    assert verify(bundle, NOBODY).digests.state is State.HOLDS


def test_a_zip_is_filed_as_its_folder_is(bundle: Path, case: Callable[..., Brought], tmp_path: Path) -> None:
    files = {path.relative_to(bundle).as_posix(): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    archive = tmp_path / "bundle.zip"
    archive.write_bytes(write_archive(files))
    file_bundle(archive, case())
    found = verify(archive, NOBODY)
    assert found.digests.state is State.HOLDS, found.digests


def test_nothing_is_filed_with_a_signed_bundle(bundle: Path, case: Callable[..., Brought]) -> None:
    key = Ed25519PrivateKey.generate()
    add_signature(
        bundle,
        key,
        name="Ada",
        role=Role.REVIEWER,
        requester="Cy",
        signed_at=datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC),
    )
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    with pytest.raises(PlanError, match="somebody has signed this bundle"):
        file_bundle(bundle, case())
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def test_nothing_is_filed_with_a_bundle_that_does_not_hold(bundle: Path, case: Callable[..., Brought]) -> None:
    (bundle / "report.md").write_bytes(b"something else\n")
    with pytest.raises(VerificationError, match=r"report\.md"):
        file_bundle(bundle, case())
    assert not (bundle / "papers").exists()


def test_nothing_to_file_and_days_gone_by_are_refused(bundle: Path) -> None:
    with pytest.raises(PlanError, match="there is nothing to file"):
        file_bundle(bundle, Brought())
    with pytest.raises(PlanError, match="the last day of the report lies in the past"):
        file_bundle(bundle, Brought(valid_until=datetime.date(2020, 1, 1)))


def test_a_signature_that_does_not_hold_is_refused(bundle: Path, case: Callable[..., Brought]) -> None:
    brought = case()
    assert brought.dossier is not None
    path = brought.dossier / "dossier.yaml"
    path.write_bytes(path.read_bytes() + b"# more\n")
    with pytest.raises(VerificationError, match="is not what was signed"):
        file_bundle(bundle, brought)


def test_a_key_beside_another_dossier_is_a_fault(
    bundle: Path, report: AuditReport, case: Callable[..., Brought]
) -> None:
    file_bundle(bundle, case())
    (bundle / "papers" / "strange.txt").write_bytes(b"?")
    with pytest.raises(VerificationError, match=r"strange\.txt is no paper"):
        papers_of(bundle, report)
    (bundle / "papers" / "strange.txt").unlink()
    (bundle / DOSSIER).unlink()
    with pytest.raises(VerificationError, match=r"dossier\.yaml is missing"):
        papers_of(bundle, report)


def test_unpaired_changes_since_an_earlier_audit(bundle: Path, tmp_path: Path) -> None:
    earlier = write_bundle(small_report(n_speakers=64), tmp_path / "earlier", renderings=())
    assert file_bundle(bundle, Brought(since=(earlier,), valid_until=datetime.date(2999, 1, 1))) == 0
    page = page_of(bundle)
    assert "Nothing is paired here." in page
    assert "2999-01-01, as whoever filed it says" in page
    assert verify(bundle, NOBODY).digests.state is State.HOLDS


@pytest.mark.slow  # audits and compares
def test_paired_changes_come_from_a_comparison_of_this_table(tmp_path: Path) -> None:
    folder = comparison(tmp_path)
    compared = read_bundle(folder)
    plan = AuditPlan(
        runs={"run": RunSource(table="new.csv")}, statistics=FAST, examinations=(Choice(name="performance"),)
    )
    report = audit(tmp_path / "new.csv", by=["accent", "age"], plan=plan)
    bundle = write_bundle(report, tmp_path / "bundle", renderings=())
    changes = changes_since(report, compared, name="comparison")
    assert changes.unpaired is None
    assert {finding.examination for finding in changes.paired} == {"model-comparison"}
    file_bundle(bundle, Brought(since=(folder,)))
    page = page_of(bundle)
    assert "Paired: both models judged the same items" in page
    everybody = next(f for f in changes.paired if f.metric == "accuracy_change" and not f.groups)
    assert everybody.estimate.value is not None
    assert f"{100 * everybody.estimate.value:.1f}".replace("-", "\N{MINUS SIGN}") in page
    with pytest.raises(PlanError, match="the comparison is of other tables"):
        changes_since(small_report(n_speakers=30), compared, name="comparison")


def test_pages_that_are_rendered_from_a_signed_bundle_name_the_signer(
    bundle: Path, case: Callable[..., Brought], tmp_path: Path
) -> None:
    file_bundle(bundle, case())
    key = Ed25519PrivateKey.generate()
    moment = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    add_signature(bundle, key, name="Ada Osei", role=Role.REVIEWER, requester="Cy", signed_at=moment)
    code, said = ended("render", bundle, "--as", "md", "--out", tmp_path / "rendered")
    assert code == 0, said
    page = (tmp_path / "rendered" / "report.md").read_text(encoding="utf-8")
    assert "reviewer Ada Osei" in page
    assert "signer unknown" in page
    assert "reviewer Ada Osei" not in page_of(bundle)


def ended(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def policy(folder: Path) -> Path:
    path = folder / "policy.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "version": 1,
                "name": "lenient",
                "title": "Lenient",
                "statement": "For a test.",
                "frozen_before_results": True,
                "criteria": [
                    {"id": "floor", "metric": "accuracy", "at_least": 0.0, "source": "made up", "scope": "everybody"}
                ],
            }
        ),
        encoding="utf-8",
    )
    return path


def test_an_audit_that_compared_runs_of_its_own_is_an_earlier_audit_like_any_other(tmp_path: Path) -> None:
    compared = read_bundle(comparison(tmp_path))
    report = small_report(n_speakers=30)
    both = compared.model_copy(update={"findings": (*compared.findings, *report.findings)})
    changes = changes_since(small_report(n_speakers=40), both, name="earlier")
    assert not changes.paired
    assert changes.unpaired is not None


def comparison(folder: Path) -> Path:
    """Compare an older model with the one that is audited, on the same items; return the bundle."""
    new = predictions_frame(n_speakers=48)
    old = new.assign(y_pred=new["y_pred"].iloc[::-1].to_numpy())
    new.to_csv(folder / "new.csv", index=False)
    old.to_csv(folder / "old.csv", index=False)
    arguments = ("--by", "accent,age", "--resamples", "200", "--permutations", "99", "--examination", "performance")
    code, said = ended("compare", folder / "old.csv", folder / "new.csv", *arguments, "--out", folder / "comparison")
    assert code == 0, said
    return folder / "comparison"


def _sums_anew(folder: Path) -> None:
    from affidavit.digests import file_digest
    from reports.trust.sums import sums_text

    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    digests = {
        name: file_digest(folder / name).removeprefix("sha256:") for name in names if name != "SHA256SUMS"
    }  # fmt: skip
    (folder / "SHA256SUMS").write_bytes(sums_text(digests))
