"""A small count that stands in one file of a release alone is found there, whichever it is; its twin is silent."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from affidavit.bundle import read_bundle, write_bundle
from affidavit.cli import releases
from affidavit.cli.releases import release_bundle
from affidavit.disclosure.release import RELEASE, DisclosureControl
from affidavit.disclosure.rule import DisclosureRule
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing.tables import FAST, predictions_frame
from privacy.linter.bundles import demands_of
from privacy.linter.command import lint
from privacy.linter.passages import passages
from privacy.linter.renditions import Told, faults_of_file, rendition_faults, told_of


@pytest.fixture(scope="module")
def audited() -> AuditReport:
    table = predictions_frame(n_speakers=160, conditions=("TAV",))
    rng = np.random.default_rng(5)
    accent = rng.choice(["Irish", "Scottish", "Welsh", "Manx"], 160, p=[0.42, 0.3, 0.23, 0.05])
    age = rng.choice(["18-39", "40+"], 160)
    speaker = table["speaker_id"].str[1:].astype(int).to_numpy()
    table["accent"], table["age"] = accent[speaker], age[speaker]
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=FAST,
        examinations=tuple(Choice(name=name) for name in ("performance", "demographic-parity", "representation")),
    )
    return audit(table, by=["accent", "age"], plan=plan)


@pytest.fixture(scope="module")
def clean(audited: AuditReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(RELEASE.release(audited), tmp_path_factory.mktemp("clean") / "bundle")


@pytest.fixture(scope="module")
def told(clean: Path) -> Told:
    report = read_bundle(clean)
    return told_of(report, demands_of(report))


def _found(folder: Path, report: AuditReport) -> list[tuple[str, str]]:
    return [(fault.file, fault.what) for fault in rendition_faults(folder, report, demands_of(report))]


def test_the_clean_twin_is_silent(clean: Path) -> None:
    report = read_bundle(clean)
    assert _found(clean, report) == []
    names = {path.relative_to(clean).as_posix() for path in clean.rglob("*") if path.is_file()}
    assert {"report.html", "report.md", "tables/findings.csv", "tables/findings.parquet", "log.jsonl"} <= names
    assert len([name for name in names if name.startswith("figures/")]) > 1


@pytest.mark.parametrize("rule", [DisclosureRule(rounding=5), DisclosureRule(intervals_only=True)])
def test_a_clean_coarse_twin_is_silent(audited: AuditReport, rule: DisclosureRule, tmp_path: Path) -> None:
    bundle = write_bundle(DisclosureControl(rule=rule).release(audited), tmp_path / "b")
    assert _found(bundle, read_bundle(bundle)) == []


def test_the_audit_itself_tells_in_every_format(audited: AuditReport, tmp_path: Path) -> None:
    bundle = write_bundle(audited, tmp_path / "b")
    files = {file.rpartition(".")[2] for file, _ in _found(bundle, read_bundle(bundle))}
    assert files >= {"html", "md", "csv", "parquet", "svg"}


def _in_html(content: str) -> str:
    row = next(line for line in content.splitlines() if line.startswith('<tr><th scope="row">Irish <small>accent'))
    return content.replace(row, row + row.replace("Irish", "Manx").replace(">680<", ">70<").replace(">68<", ">7<"), 1)


def _in_markdown(content: str) -> str:
    row = next(line for line in content.splitlines() if line.startswith("| Irish (accent) | 680 | 68 |"))
    return content.replace(row, f"{row}\n{row.replace('Irish', 'Manx').replace('680', '70').replace('| 68 ', '| 7 ')}")


def _in_csv(content: str) -> str:
    header = content.splitlines()[0].split(",")
    cells = dict.fromkeys(header, "") | {"run": "predictions", "metric": "accuracy", "condition": "TAV"}
    cells |= {"accent": "Manx", "value": "0.714285714286", "n": "70", "n_clusters": "7"}
    return f"{content}{','.join(cells[name] for name in header)}\n"


PLANTED: dict[str, tuple[str, Callable[[str], str]]] = {
    "a row of the page": ("report.html", _in_html),
    "a tooltip": ("report.html", lambda c: c.replace("<h1", '<h1 title="Manx: 7 speakers"', 1)),
    "a data attribute": ("report.html", lambda c: c.replace("<h1", '<h1 data-note="n 70 / 7"', 1)),
    "what a screen reader says": ("report.html", lambda c: c.replace("<main", '<main aria-label="7 patients"', 1)),
    "a comment": ("report.html", lambda c: c.replace("</body>", "<!-- Manx: n = 7 --></body>", 1)),
    "a share of a withheld group": (
        "report.html",
        lambda c: c.replace("</main>", "<p>Accuracy of Manx is 71.4 %.</p></main>", 1),
    ),
    "a row of the text": ("report.md", _in_markdown),
    "a sentence of the text": ("report.md", lambda c: f"{c}\nOf these, 7 speakers are Manx.\n"),
    "a row of the table": ("tables/findings.csv", _in_csv),
    "a value of the table": (
        "tables/findings.csv",
        lambda c: c.replace(c.splitlines()[1].split(",")[10], "0.0142857142857", 1),
    ),
    "a description of a picture": (
        "figures/forest-accuracy-0.svg",
        lambda c: c.replace("</desc>", " Lowest for Manx (7 units).</desc>", 1),
    ),
    "a label of a picture": (
        "figures/forest-accuracy-0.svg",
        lambda c: c.replace("</svg>", "<text>7 units, n 70</text></svg>", 1),
    ),
    "an aria-label of a picture": (
        "figures/forest-accuracy-0.svg",
        lambda c: c.replace("<svg ", '<svg aria-label="Manx, 7 units" ', 1),
    ),
    "a key of the provenance": ("provenance.json", lambda c: c.replace("{", '{"n_units":7,', 1)),
    "a text of the provenance": ("provenance.json", lambda c: c.replace("{", '{"note":"7 patients of Manx",', 1)),
    "a line of the log": ("log.jsonl", lambda c: f'{c}{{"event":"loaded","units":7}}\n'),
    "the plan": ("plan.yaml", lambda c: f"{c}note: 7 patients are Manx\n"),
    "a count that the report tells otherwise": (
        "report.md",
        lambda c: c.replace("| Irish (accent) | 680 | 68 |", "| Irish (accent) | 687 | 68 |"),
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_count_is_found_and_its_file_named(clean: Path, told: Told, fault: str) -> None:
    file, plant = PLANTED[fault]
    before = (clean / file).read_text(encoding="utf-8")
    after = plant(before)
    assert after != before
    assert list(faults_of_file(file, before.encode(), told)) == []
    found = list(faults_of_file(file, after.encode(), told))
    assert {one.file for one in found} == {file}, fault


def test_a_planted_row_of_parquet_is_found(clean: Path, told: Told) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    name = "tables/findings.parquet"
    table = parquet.read_table(clean / name)
    row = dict.fromkeys(table.column_names) | {"accent": "Manx", "n": 70, "n_clusters": 7, "metric": "accuracy"}
    written = io.BytesIO()
    parquet.write_table(pa.concat_tables([table, pa.Table.from_pylist([row], schema=table.schema)]), written)
    assert {one.file for one in faults_of_file(name, written.getvalue(), told)} == {name}
    described = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({"note": "7 patients of Manx"}), described)
    assert {one.file for one in faults_of_file(name, described.getvalue(), told)} == {name}


def test_a_planted_sentence_of_the_report_is_found(clean: Path, told: Told) -> None:
    document = json.loads((clean / "report.json").read_bytes())
    assert list(faults_of_file("report.json", json.dumps(document).encode(), told)) == []
    document["caveats"].append("Only 7 patients are Manx.")
    assert [one.file for one in faults_of_file("report.json", json.dumps(document).encode(), told)] == ["report.json"]


def test_what_cannot_be_read_is_a_fault(told: Told) -> None:
    for name, content in (("log.jsonl", b"{"), ("tables/findings.parquet", b"PAR1")):
        assert [one.file for one in faults_of_file(name, content, told)] == [name]


def test_bounds_and_lists_of_tables_are_no_counts(told: Told) -> None:
    for sentence in (
        "Groups of fewer than 11 units are withheld.",
        "n < 11",
        "A count of 1 to 10 people is not told.",
        "It takes at least 3 units.",
        "Section 3.2 of 10 sections",
    ):
        assert list(faults_of_file("report.md", sentence.encode(), told)) == [], sentence


def test_a_level_that_looks_like_a_number_is_none(clean: Path, told: Told) -> None:
    header, first = (clean / "tables" / "findings.csv").read_text(encoding="utf-8").splitlines()[:2]
    cells = first.split(",")
    cells[header.split(",").index("label")] = "9876"
    assert list(faults_of_file("tables/findings.csv", f"{header}\n{','.join(cells)}\n".encode(), told)) == []


def test_a_page_is_read_as_a_browser_shows_it() -> None:
    page = b"""<style>p{}</style><table><thead><tr><th>Group</th><th>n</th></tr></thead><tbody><tr><th>a&amp;b
    <small>x</small></th><td>7</td></tr></tbody></table><p>one <b>two</b></p><script>3 units</script>"""
    found = list(passages("p.html", page))
    assert [(p.headings, p.cells) for p in found if p.is_row] == [(("Group", "n"), ("a&b x", "7"))]
    assert [p.text for p in found if not p.is_row] == ["one two"]


def test_a_release_in_which_something_is_found_is_not_written(
    audited: AuditReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(audited, tmp_path / "audit", renderings=())
    assert release_bundle(bundle, out=tmp_path / "out") == 0
    assert lint(tmp_path / "out") == 0
    shutil.rmtree(tmp_path / "out")

    class Leaking:
        name, suffix = "md", ".md"

        def render(self, report: AuditReport) -> bytes:
            return b"# Audit\n\nOf these, 7 speakers are Manx.\n"

    from affidavit import bundle as writing

    real = load
    monkeypatch.setattr(
        writing, "load", lambda door, name: Leaking() if (door, name) == (Door.RENDERERS, "md") else real(door, name)
    )
    with pytest.raises(PlanError, match="nothing was written") as told:
        release_bundle(bundle, out=tmp_path / "out")
    assert told.value.slug == "release-discloses"
    assert "report.md: tells 7" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit"]


def test_the_linter_is_reached_through_the_registry(
    audited: AuditReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    real = load

    def finding(bundle: Path) -> int:
        asked.append(bundle)
        return 1

    def loading(door: Door, name: str) -> object:
        return finding if name == "lint-release" else real(door, name)

    monkeypatch.setattr(releases, "load", loading)
    bundle = write_bundle(audited, tmp_path / "audit", renderings=())
    with pytest.raises(PlanError, match="nothing was written"):
        release_bundle(bundle, out=tmp_path / "out")
    assert len(asked) == 1
    assert not (tmp_path / "out").exists()


def test_a_release_carries_no_name_of_a_file_and_no_log_of_the_audit(audited: AuditReport, tmp_path: Path) -> None:
    named = "ward-7-mrs-smith.parquet"
    data = tuple(one.model_copy(update={"source": named}) for one in audited.data)
    runs = {name: run.model_copy(update={"table": named}) for name, run in audited.plan.runs.items()}
    plan = audited.plan.model_copy(update={"runs": runs})
    tables = {exhibit.id: audited.exhibit(exhibit.id) for exhibit in audited.exhibits}
    report = audited.model_copy(update={"data": data, "plan": plan}).sealed(tables)
    bundle = write_bundle(report, tmp_path / "audit", renderings=())
    assert named in (bundle / "provenance.json").read_text()
    assert release_bundle(bundle, out=tmp_path / "out") == 0
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"mrs-smith" not in path.read_bytes(), path.name
    events = [json.loads(line)["event"] for line in (tmp_path / "out" / "log.jsonl").read_bytes().splitlines()]
    assert set(events) == {"started", "stage", "released", "written"}
