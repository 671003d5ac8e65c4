"""Models over seeds stand in one table for each of the plan: value, seeds, difference, and what a paper prints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from affidavit.plan import AuditPlan
from affidavit.protocols import silent
from affidavit.report import AuditReport
from affidavit.run import run_plan
from affidavit.testing.tables import predictions_frame
from reports.document import Block, Fold, Section, Table
from reports.pages import document_of
from reports.sections.seed_tables import EXAMINATION
from reports.wording import NOTHING, figures, interval_text, scale_of


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    folder = tmp_path_factory.mktemp("seeds")
    runs = {}
    for seed in range(4):
        frame = predictions_frame(n_speakers=10, per_speaker=4, seed=seed)
        frame["y_true"] = predictions_frame(n_speakers=10, per_speaker=4, seed=0)["y_true"]
        frame.to_csv(folder / f"{seed}.csv", index=False)
        runs[f"r{seed}"] = {"table": f"{seed}.csv"}
    rows = {"full": ["r0", "r1"], "no audio": ["r2", "r3"]}
    tables = {"ablations": {"rows": rows, "against": "full", "published": "ablations"}}
    told = {
        "title": "Seeds",
        "runs": runs,
        "examinations": ["performance", {"name": EXAMINATION, "options": {"tables": tables}}],
        "statistics": {"n_resamples": 100, "n_permutations": 99},
    }
    return run_plan(AuditPlan.model_validate(told), folder=folder, progress=silent)


def tables(block: Block) -> Iterator[Table]:
    if isinstance(block, Table):
        yield block
    if isinstance(block, Section | Fold):
        for inner in block.blocks:
            yield from tables(inner)


def tables_of(report: AuditReport) -> dict[str, Table]:
    section = next(section for section in document_of(report).sections if section.id == "performance")
    return {table.id: table for table in tables(section)}


def test_each_row_is_told_with_its_seeds_its_difference_and_the_printed_figure(report: AuditReport) -> None:
    table = tables_of(report)["seed-table-ablations"]
    values = {(f.run, f.metric): f.estimate for f in report.findings if f.examination == EXAMINATION}
    shown = {row[0].text: [cell.text for cell in row] for row in table.rows}
    assert list(shown) == ["full", "no audio"]
    scale = scale_of("weighted_f1")
    for row in ("full", "no audio"):
        own = values[f"ablations: {row}", "weighted_f1"]
        assert shown[row][1] == figures(own.value, scale)
    seeds = report.exhibit(EXAMINATION).to_pylist()[1]["by_seed"].split()
    assert shown["no audio"][2] == ", ".join(figures(float(value), scale) for value in seeds)
    change = values["ablations: no audio", "weighted_f1_difference"]
    assert shown["no audio"][3] == figures(change.value, scale_of("weighted_f1_difference"))
    assert table.rows[1][3].detail == interval_text(change.interval, scale_of("weighted_f1_difference"))
    assert (shown["full"][4], shown["no audio"][4]) == ("81.2 ± 0.6", "77.1 ± 0.4")


def test_what_must_be_known_stands_below_it(report: AuditReport) -> None:
    table = tables_of(report)["seed-table-ablations"]
    caveats = {caveat for f in report.findings if f.examination == EXAMINATION for caveat in f.caveats}
    assert caveats
    assert caveats <= set(table.notes)


def test_no_table_by_condition_repeats_it(report: AuditReport) -> None:
    assert not [name for name in tables_of(report) if name.startswith("performance-ablations")]


def test_a_release_without_the_exhibit_tells_no_seed_apart(report: AuditReport) -> None:
    bare = report.model_copy(update={"exhibits": tuple(e for e in report.exhibits if e.id != EXAMINATION)})
    table = tables_of(bare)["seed-table-ablations"]
    assert [row[2].text for row in table.rows] == [NOTHING, NOTHING]
    assert all(row[1].text != NOTHING for row in table.rows)
