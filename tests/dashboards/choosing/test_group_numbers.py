"""Numbers by group are those of the report: of its exhibits, and of findings where no exhibit has them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from affidavit.report import AuditReport
from affidavit.testing.tables import small_report
from dashboards.choosing.group_numbers import FINDINGS, numbers_of
from dashboards.choosing.withheld import WithheldGroup, levels_of
from reports.sections.areas import Area

PERFORMANCE = (Area.PERFORMANCE, Area.FAIRNESS)


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return small_report(("performance", "coherence"))


def test_rows_are_those_of_the_exhibit(report: AuditReport) -> None:
    numbers = numbers_of(report, PERFORMANCE)
    told = [
        row
        for row in report.exhibit("performance-by-group").to_pylist()
        if (row["run"], row["condition"], row["metric"]) == ("predictions", "A", "macro_f1")
    ]
    assert len(told) == 12
    assert list(numbers.rows("predictions", "A", "macro_f1")) == told
    assert numbers.runs == ("predictions",)
    assert numbers.conditions("predictions") == ("TAV", "A"), "the fullest first"
    assert numbers.metrics("predictions", "A")[0] == "accuracy"
    assert numbers.metrics("predictions", "A", ("macro_f1",))[0] == "macro_f1"


def test_a_number_without_an_exhibit_comes_from_findings(report: AuditReport) -> None:
    numbers = numbers_of(report, (Area.EXPLANATIONS,))
    metric = "explanation_prediction_consistency"
    assert numbers.exhibit_of("predictions", "TAV", metric) == FINDINGS
    rows = {row["group"]: row for row in numbers.rows("predictions", "TAV", metric)}
    found = [f for f in report.findings if (f.metric, f.condition) == (metric, "TAV") and f.compared is None]
    assert {", ".join(f.groups.values()) or "everybody": f.estimate.value for f in found} == {
        group: row["value"] for group, row in rows.items()
    }
    assert rows["Welsh, 40+"]["level_1"] == "Welsh"
    assert rows["Welsh, 40+"]["level_2"] == "40+"


def test_areas_keep_apart(report: AuditReport) -> None:
    assert numbers_of(report, (Area.PRIVACY,)).runs == ()
    assert "accuracy" not in numbers_of(report, (Area.EXPLANATIONS,)).metrics("predictions", "TAV")
    assert numbers_of(report, PERFORMANCE).rows("predictions", "T", "accuracy") == ()


def test_two_values_of_one_group_are_no_table_of_groups(report: AuditReport) -> None:
    table = report.exhibit("performance-by-group")
    doubled = report.with_tables({"performance-by-group": pa.concat_tables([table, table.slice(0, 1)])})
    assert numbers_of(doubled, PERFORMANCE).exhibit_of("predictions", "TAV", "accuracy") == FINDINGS


@pytest.mark.parametrize(
    ("name", "levels"),
    [("Welsh, 40+", ("Welsh", "40+")), ("a, b, c", ("a, b", "c")), ("x, y, z", None), ("alone", None)],
)
def test_levels_of_a_withheld_group_are_read_in_one_way_or_not_at_all(
    name: str, levels: tuple[str, str] | None
) -> None:
    told = [{"features": "f x g", "level_1": "a, b", "level_2": "d"}]
    assert levels_of(WithheldGroup(features="f x g", group=name, mark="n < 11"), told) == levels
