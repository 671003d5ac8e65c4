"""By file, without a network: count, pool, a site's own report; bundles that are signed and released like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from affidavit.bundle import read_bundle, write_bundle
from affidavit.disclosure.release import released as released_report
from affidavit.disclosure.rule import DisclosureRule
from affidavit.errors import (
    EXIT_CRITERION_FAILED,
    EXIT_DONE,
    EXIT_INCONCLUSIVE,
    AffidavitError,
    PlanError,
    VerificationError,
)
from affidavit.federated_audits import AuditFlags
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from federated.deployment.house import House
from federated.deployment.keys import made as made_key
from federated.deployment.keys import written
from federated.pooled.commands import federated_audit
from federated.pooled.contribution import read_counts
from federated.pooled.counts_plan import read_counts_plan
from federated.pooled.report import federated_report
from federated.pooled.totals import added
from tests.federated.pooled.conftest import SITES, hospital, plan_of, three_hospitals


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder with a plan, and three tables."""
    written = plan_of(floor=11, conditions=("TAV",)).model_dump(mode="json")
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    for site, frame in three_hospitals(30, seed=1).items():
        frame.to_csv(tmp_path / f"{site}.csv", index=False)
    return tmp_path


def count_all(desk: Path, *, tell: bool = True) -> list[Path]:
    """Count every site's table, as each would on its own."""
    files = []
    for site in SITES:
        out = desk / f"{site}.counts.json"
        flags = AuditFlags(site=site, out=out, tell_own_row=tell)
        assert federated_audit("count", desk / "plan.yaml", [desk / f"{site}.csv"], flags=flags) == EXIT_DONE
        files.append(out)
    return files


def believing(path: Path, name: str, house: House) -> Path:
    """Write a trust file that believes one key, as whoever reads a report would."""
    days = {"valid_from": "2020-01-01", "valid_until": "2100-12-31"}
    signer = {"name": name, "role": "issuer", "public_key": house.public("signing").read_text(), **days}
    path.write_text(yaml.safe_dump({"version": 1, "signers": [signer]}), encoding="utf-8")
    return path


def pooled_report(desk: Path, files: list[Path], **more: str) -> AuditReport:
    out = desk / "report"
    federated_audit("pool", desk / "plan.yaml", files, flags=AuditFlags(out=out, **more))  # type: ignore[arg-type]
    return read_bundle(out)


def test_files_become_one_report(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = count_all(desk)
    said = capsys.readouterr().out
    assert read_counts_plan(desk / "plan.yaml").digest in said
    server = House(folder=desk / "server")
    written(server, "signing", made_key("signing"))
    flags = AuditFlags(out=desk / "report", key=server.key("signing"))
    assert federated_audit("pool", desk / "plan.yaml", files, flags=flags) == EXIT_DONE
    report = read_bundle(desk / "report")
    printed = capsys.readouterr().out
    assert "3 sites" in printed
    trust = believing(desk / "trust.yaml", "the federation's server", server)
    assert load(Door.COMMANDS, "verify")(desk / "report", trust=trust, key=None) == EXIT_DONE
    assert "signature      holds: the federation's server as issuer" in capsys.readouterr().out
    assert report.report_digest in printed
    metrics = {finding.metric for finding in report.findings}
    assert {"accuracy", "accuracy_difference", "accuracy_tau", "accuracy_i_squared"} <= metrics
    sites = report.exhibit("federated-sites").to_pylist()
    assert [row["part"] for row in sites] == ["summed"] * 3
    assert report.exhibit("federated-heterogeneity").num_rows > 4
    without = {row["without"] for row in report.exhibit("federated-heterogeneity").to_pylist()}
    assert without == {None, *SITES}
    assert any("permutation" in refusal.because for refusal in report.refusals)
    assert (desk / "report" / "report.html").stat().st_size > 10_000


def made(desk: Path, files: list[Path]) -> AuditReport:
    """Return the report over all sites, unwritten."""
    contributions = [read_counts(file.read_bytes(), where=file.name) for file in files]
    return federated_report(added(read_counts_plan(desk / "plan.yaml"), contributions))


def test_the_same_files_in_any_order_give_the_same_claims(desk: Path) -> None:
    files = count_all(desk)
    assert made(desk, files[::-1]).claims_digest == made(desk, files).claims_digest


def test_own_rows_stay_where_the_site_does_not_tell_them(desk: Path) -> None:
    files = count_all(desk, tell=False)
    assert all(not read_counts(file.read_bytes(), where=file.name).rows for file in files)
    report = made(desk, files)
    assert not report.has_exhibit("federated-site-rows")
    assert any("fewer than two told" in refusal.because for refusal in report.refusals)


def test_no_patient_and_no_small_group_is_in_a_file(desk: Path) -> None:
    for file in count_all(desk):
        content = file.read_text(encoding="utf-8")
        assert f"{file.name.partition('.')[0]}-1" not in content  # no id of a patient
        cells = json.loads(content)["cells"]
        assert all(cell.get("withheld") or cell["n_units"] == 0 or cell["n_units"] >= 11 for cell in cells)


def test_a_policy_decides_and_the_exit_code_says_so(desk: Path) -> None:
    for i, site in enumerate(SITES):
        hospital(site, n_patients=40, seed=70 + i, rates={"Welsh": 0.4}).to_csv(desk / f"{site}.csv", index=False)
    policy = {
        "version": 1,
        "name": "test",
        "title": "gap",
        "statement": "A test's own.",
        "frozen_before_results": True,
        "criteria": [{"id": "gap", "metric": "accuracy_difference", "at_most": 0.05, "source": "a test"}],
    }
    (desk / "plan.yaml").write_text(yaml.safe_dump(plan_of(floor=2).model_dump(mode="json")), encoding="utf-8")
    (desk / "policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
    files = count_all(desk)
    flags = AuditFlags(out=desk / "report", policy=str(desk / "policy.yaml"))
    assert federated_audit("pool", desk / "plan.yaml", files, flags=flags) == EXIT_CRITERION_FAILED


def test_a_sites_own_report_stands_beside_all_sites(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = count_all(desk)
    everywhere = pooled_report(desk, files)
    local = hospital("north", n_patients=30, seed=1)
    local.loc[::5, "y_pred"] = "joy"
    local.to_csv(desk / "local-only.csv", index=False)
    (desk / "north.csv").rename(desk / "federated.csv")
    flags = AuditFlags(site="north", out=desk / "own", sent=files[0], everywhere=desk / "report")
    tables = [desk / "federated.csv", desk / "local-only.csv"]
    capsys.readouterr()
    assert federated_audit("site", desk / "plan.yaml", tables, flags=flags) == EXIT_DONE
    said = capsys.readouterr().out
    report = read_bundle(desk / "own")
    assert f"Left north: {files[0].stat().st_size:,} bytes" in said
    assert "All sites, TAV: accuracy of everybody is" in said
    assert "No epsilon" in said
    paired = [f for f in report.findings if f.examination == "model-comparison" and f.condition == "TAV"]
    gain = next(f for f in paired if f.metric.startswith("accuracy") and not f.groups and f.compared is None)
    own = {f.run: f for f in report.findings if f.metric == "accuracy" and not f.groups and f.condition == "TAV"}
    assert gain.estimate.value == pytest.approx(
        (own["federated"].estimate.value or 0) - (own["local-only"].estimate.value or 0)
    )
    noted = [f.caveats for f in report.findings if f.examination == "federated-audit-site" and f.metric == "accuracy"]
    assert any(caveats and caveats[0].startswith("over all sites") for caveats in noted)
    beside = report.exhibit("own-beside-all-sites").to_pylist()
    assert {row["run"] for row in beside} == {"federated", "local-only"}
    row = next(r for r in beside if r["features"] == "" and r["metric"] == "accuracy" and r["condition"] == "TAV")
    theirs = next(f for f in everywhere.findings if f.metric == "accuracy" and not f.groups and f.condition == "TAV")
    assert row["all_value"] == theirs.estimate.value
    assert row["n_clusters"] < row["all_n_clusters"]
    facts = {row["fact"]: row for row in report.exhibit("what-left-this-site").to_pylist()}
    assert facts["bytes that left the site"]["number"] == files[0].stat().st_size
    assert "nothing bounds" in facts["epsilon of this audit"]["words"]


def test_a_report_is_signed_with_the_sites_key_and_verifies_under_its_public_half(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = count_all(desk)
    site = House(folder=desk / "site")
    written(site, "signing", made_key("signing"))
    flags = AuditFlags(site="north", out=desk / "own", sent=files[0], key=desk / "site")
    assert federated_audit("site", desk / "plan.yaml", [desk / "north.csv"], flags=flags) == EXIT_DONE
    capsys.readouterr()
    verify = load(Door.COMMANDS, "verify")
    assert verify(desk / "own", trust=believing(desk / "trust.yaml", "north", site), key=None) == EXIT_DONE
    said = capsys.readouterr().out
    assert "signature      holds: north as issuer" in said
    assert "digests        holds" in said
    other = House(folder=desk / "other")
    written(other, "signing", made_key("signing"))
    assert verify(desk / "own", trust=believing(desk / "trust.yaml", "north", other), key=None) == EXIT_INCONCLUSIVE
    with pytest.raises(PlanError):  # a signed report is not written over
        federated_audit("site", desk / "plan.yaml", [desk / "north.csv"], flags=flags)
    site.key("signing").chmod(0o644)
    again = AuditFlags(site="north", out=desk / "again", key=site.key("signing"))
    with pytest.raises(VerificationError, match="cannot be used"):
        federated_audit("site", desk / "plan.yaml", [desk / "north.csv"], flags=again)
    assert not (desk / "again").exists()


def test_reports_are_released_like_any_other(desk: Path) -> None:
    report = pooled_report(desk, count_all(desk))
    released = released_report(report, DisclosureRule())
    write_bundle(released, desk / "released")
    assert read_bundle(desk / "released").report_digest == released.report_digest


@pytest.mark.parametrize(
    ("action", "flags"),
    [
        ("sum", AuditFlags()),
        ("count", AuditFlags()),
        ("pool", AuditFlags()),
        ("site", AuditFlags(site="north")),
        ("count", AuditFlags(site="east")),
    ],
)
def test_what_cannot_be_asked_is_said_so(desk: Path, action: str, flags: AuditFlags) -> None:
    with pytest.raises(PlanError):
        federated_audit(action, desk / "plan.yaml", [desk / "north.csv"], flags=flags)


def test_a_table_in_place_of_a_file_of_sums_and_a_broken_plan_are_said_so(desk: Path) -> None:
    for file in (desk / "north.csv", desk / "nowhere.json"):
        with pytest.raises(AffidavitError):
            federated_audit("pool", desk / "plan.yaml", [file], flags=AuditFlags(out=desk / "report"))
    (desk / "plan.yaml").write_text("run: model\nlabel: [a]\n", encoding="utf-8")
    with pytest.raises(PlanError, match="label"):
        federated_audit("count", desk / "plan.yaml", [desk / "north.csv"], flags=AuditFlags(site="north"))
