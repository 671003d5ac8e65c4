import json
import subprocess
from pathlib import Path

import pytest

from affidavit.bundle import read_bundle, write_bundle
from affidavit.errors import AffidavitError, PlanError, VerificationError
from affidavit.report import AuditReport, parse_report
from affidavit.testing import predictions_frame, small_report


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return small_report(("performance", "demographic-parity"))


@pytest.fixture
def bundle(report: AuditReport, tmp_path: Path) -> Path:
    return write_bundle(report, tmp_path / "out")


def test_is_whole_and_reads_back(report: AuditReport, bundle: Path) -> None:
    again = read_bundle(bundle)
    assert again.to_json() == report.to_json()
    for exhibit in report.exhibits:
        assert again.exhibit(exhibit.id).equals(report.exhibit(exhibit.id))
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=bundle, check=True)
    assert {path.name for path in bundle.iterdir()} >= {"report.json", "report.html", "report.md", "plan.yaml"}


def test_it_holds_tables_figures_provenance_and_a_log(report: AuditReport, bundle: Path) -> None:
    import csv

    with (bundle / "tables" / "findings.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(report.findings)
    assert {path.name for path in (bundle / "tables").iterdir()} == {"findings.csv", "findings.parquet"}
    figures = sorted((bundle / "figures").iterdir())
    assert len(figures) == (bundle / "report.html").read_text(encoding="utf-8").count("<svg ")
    assert all(path.suffix == ".svg" for path in figures)
    told = json.loads((bundle / "provenance.json").read_bytes())
    assert told["report_digest"] == report.report_digest
    assert told["provenance"] == report.provenance.model_dump(mode="json")
    assert [one["digest"] for one in told["data"]] == [data.digest for data in report.data]
    events = [json.loads(line)["event"] for line in (bundle / "log.jsonl").read_bytes().splitlines()]
    assert events[0] == "started"
    assert set(events[1:]) == {"written"}


def test_what_an_inspection_refuses_is_not_written(report: AuditReport, tmp_path: Path) -> None:
    seen: list[set[str]] = []

    def refuse(folder: Path) -> None:
        seen.append({path.name for path in folder.iterdir()})
        raise PlanError("it tells too much", slug="release-discloses")

    with pytest.raises(PlanError, match="too much"):
        write_bundle(report, tmp_path / "out", renderings=("md",), inspect=refuse)
    assert seen[0] >= {"report.json", "report.md", "SHA256SUMS"}, "the bundle was whole when it was looked at"
    assert list(tmp_path.iterdir()) == []


def test_any_change_to_the_report_is_found(bundle: Path) -> None:
    path = bundle / "report.json"
    document = json.loads(path.read_bytes())
    document["findings"][0]["estimate"]["value"] = 0.99
    path.write_text(json.dumps(document))
    with pytest.raises(VerificationError, match="changed after it was written"):
        read_bundle(bundle)


def test_a_changed_or_missing_exhibit_is_found(report: AuditReport, bundle: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = next((bundle / "exhibits").iterdir())
    table = parquet.read_table(path)
    changed = (
        table.set_column(table.column_names.index("n"), "n", pa.array([1] * table.num_rows))
        if "n" in table.column_names
        else table.slice(1)
    )
    parquet.write_table(changed, path)
    with pytest.raises(VerificationError, match="exhibit"):
        read_bundle(bundle)
    _resum(bundle)
    with pytest.raises(VerificationError, match="exhibit"):
        read_bundle(bundle)
    path.unlink()
    _resum(bundle)
    with pytest.raises(VerificationError, match="missing"):
        read_bundle(bundle)


def _resum(bundle: Path) -> None:
    """What a forger does who knows of SHA256SUMS."""
    from affidavit.bundle import SUMS, subjects
    from affidavit.digests import file_digest

    sums = subjects(bundle) | {"report.json": file_digest(bundle / "report.json")}
    sums.pop(SUMS, None)
    (bundle / SUMS).write_text("".join(f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in sums.items()))


@pytest.mark.parametrize("name", ["report.html", "report.md", "plan.yaml"])
def test_a_changed_page_is_found_although_the_json_is_whole(bundle: Path, name: str) -> None:
    path = bundle / name
    path.write_text(path.read_text().replace("a", "e"))
    with pytest.raises(VerificationError, match=f"{name} is not as it was written"):
        read_bundle(bundle)


def test_an_added_file_is_found(bundle: Path) -> None:
    (bundle / "addendum.html").write_text("all is well")
    with pytest.raises(VerificationError, match="addendum.html"):
        read_bundle(bundle)


def test_never_replaces_what_is_not_a_bundle(report: AuditReport, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(PlanError, match="not an audit bundle"):
        write_bundle(report, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_never_replaces_files_beside_a_bundle_or_a_signed_report(report: AuditReport, bundle: Path) -> None:
    write_bundle(report, bundle)
    (bundle / "notes.txt").write_text("mine")
    with pytest.raises(PlanError, match=r"no audit wrote \(notes.txt\)"):
        write_bundle(report, bundle)
    (bundle / "notes.txt").unlink()
    (bundle / "report.dsse.json").write_text("{}")
    with pytest.raises(PlanError, match="a signed report"):
        write_bundle(report, bundle)


def test_a_failure_on_the_way_leaves_the_former_bundle(
    report: AuditReport, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (bundle / "SHA256SUMS").read_bytes()
    with pytest.raises(AffidavitError):
        write_bundle(report, bundle, renderings=("html", "nonsense"))
    assert (bundle / "SHA256SUMS").read_bytes() == before
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def test_what_is_not_a_report_is_refused() -> None:
    for content in (b"", b"{}", b"[1]", b'{"title": 3}'):
        with pytest.raises(VerificationError, match="not an audit report"):
            parse_report(content)


def test_the_claims_digest_repeats_and_provenance_does_not_enter_it(report: AuditReport) -> None:
    again = small_report(("performance", "demographic-parity"))
    assert again.claims_digest == report.claims_digest
    later = report.model_copy(update={"provenance": report.provenance.model_copy(update={"created_at": "later"})})
    assert later.compute_digests()["claims_digest"] == report.claims_digest
    assert later.compute_digests()["report_digest"] != report.report_digest


def test_every_finding_and_seed_enters_the_claims_digest(report: AuditReport) -> None:
    fewer = report.model_copy(update={"findings": report.findings[1:]})
    assert fewer.compute_digests()["claims_digest"] != report.claims_digest
    assert small_report(("performance",)).claims_digest != report.claims_digest


def test_becomes_a_frame(report: AuditReport) -> None:
    frame = report.to_frame()
    assert len(frame) == len(report.findings)
    row = frame.query("metric == 'accuracy' and condition == 'TAV' and accent == 'Scottish' and age.isna()")
    frame_truth = predictions_frame().query("condition == 'TAV' and accent == 'Scottish'")
    assert row["value"].item() == pytest.approx((frame_truth["y_true"] == frame_truth["y_pred"]).mean())


def test_shows_itself_in_a_notebook(report: AuditReport) -> None:
    html = report._repr_html_()
    assert html.startswith("<iframe")
    assert "&lt;!doctype html&gt;" in html.lower()


def test_signatures_are_no_files_of_the_report_and_no_audit_replaces_them(report: AuditReport, bundle: Path) -> None:
    (bundle / "signatures").mkdir()
    (bundle / "signatures" / "reviewer-ada.dsse.json").write_text("{}")
    assert read_bundle(bundle).report_digest == report.report_digest
    with pytest.raises(PlanError, match=r"a signed report \(signatures\)"):
        write_bundle(report, bundle)
