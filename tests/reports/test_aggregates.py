"""Conditions told in short: what is told, what is left out, and what is printed in full all the same."""

from __future__ import annotations

from typing import Any

import pytest

from affidavit.records import Estimate, Finding
from affidavit.report import AuditReport
from reports.document import Table
from reports.drawings.gallery import Gallery
from reports.ordering import group_key
from reports.pages import document_of
from reports.sections.aggregates import FEW_ROWS, gaps_aggregate, groups_aggregate, shared_out
from reports.sections.groups import groups_section


def _tables(block: Any) -> list[Table]:
    if block.kind == "table":
        return [block]
    return [table for inner in getattr(block, "blocks", ()) for table in _tables(inner)]


@pytest.fixture(scope="module")
def tables(full: AuditReport) -> dict[str, Table]:
    return {table.caption: table for section in document_of(full).sections for table in _tables(section)}


def _of(report: AuditReport, examination: str, condition: str, metric: str) -> list[Finding]:
    place = examination, condition, metric
    return [f for f in report.findings if (f.examination, f.condition, f.metric) == place]


def _numbers(finding: Finding) -> str:
    """Print an estimate here, independently of the room's wording."""
    value, interval, units = finding.estimate.value, finding.estimate.interval, finding.estimate.n_clusters
    assert value is not None
    assert interval is not None
    between = f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
    return f"{100 * value:.1f} {between}, n {finding.estimate.n:,} / {units:,}"


def test_a_condition_is_told_by_everybody_and_by_both_ends(full: AuditReport, tables: dict[str, Table]) -> None:
    table = tables["Performance: run listener, the other conditions in short"]
    conditions = [c for c in full.data[0].conditions if c != "TAV"]
    assert [row[1].text for row in table.rows[: len(conditions)]] == conditions
    for row in table.rows[: len(conditions)]:
        own = _of(full, "performance", row[1].text, "accuracy")
        sure = sorted((f for f in own if f.groups and f.estimate.interval), key=lambda f: f.estimate.value or 0)
        everybody = next(f for f in own if not f.groups)
        assert f"{row[2].text} {row[2].detail}" == _numbers(everybody).replace("], n", "] n")
        for cell, end in ((row[3], sure[0]), (row[4], sure[-1])):
            assert (cell.text, cell.detail) == (", ".join(end.groups.values()), _numbers(end))
        assert row[5].text == str(len(own) - 1)
        assert row[5].detail == "1 without interval, 1 undefined"


def test_what_is_left_out_is_counted_and_its_place_named(full: AuditReport, tables: dict[str, Table]) -> None:
    groups = [f for f in full.findings if f.examination == "performance" and f.condition != "TAV"]
    remark = next(
        text
        for text in tables["Performance: run listener, the other conditions in short"].remarks
        if text.startswith("Left out")
    )
    assert f"{len(groups) - 12 * 6 * 3:,} of {len(groups):,} findings in 6 conditions" in remark
    assert "report.json" in remark
    assert "affidavit render --as tables" in remark
    gaps = [f for f in full.findings if f.examination == "fairness_gaps" and f.condition != "TAV"]
    short = tables["Fairness gaps: gaps in run listener, the other conditions in short"]
    assert f"{len(gaps) - len(short.rows)} of {len(gaps)} findings" in " ".join(short.remarks)


def test_the_widest_gap_is_told(full: AuditReport, tables: dict[str, Table]) -> None:
    table = tables["Fairness gaps: gaps in run listener, the other conditions in short"]
    rows = {(row[0].text, row[1].text): row for row in table.rows}
    differences = _of(full, "fairness_gaps", "TA", "accuracy_difference")
    widest = max(differences, key=lambda f: abs(f.estimate.value or 0))
    told = rows["Accuracy difference", "TA"]
    assert told[2].text == " × ".join(widest.compared or ())
    assert told[4].text == f"{100 * (widest.estimate.value or 0):.1f} points"
    ratios = _of(full, "fairness_gaps", "TA", "accuracy_ratio")
    lowest = min(f.estimate.value or 0 for f in ratios)
    assert rows["Accuracy ratio", "TA"][4].text == f"{lowest:.3f}"


def test_what_a_criterion_bound_stands_in_full(full: AuditReport, tables: dict[str, Table]) -> None:
    bound = [f for f in full.findings if f.criterion and f.condition != "TAV"]
    (table,) = [t for caption, t in tables.items() if "what a criterion bound" in caption]
    assert len(table.rows) == len(bound) == 18
    shown = {(row[1].text, row[2].text, row[4].text) for row in table.rows}
    assert shown == {
        (f.condition, " × ".join(f.compared or ()), f"{100 * (f.estimate.value or 0):.1f} points") for f in bound
    }


def test_a_group_that_the_fullest_condition_has_not_stands_in_full(full: AuditReport) -> None:
    lone = _of(full, "performance", "T", "accuracy")[1].model_copy(update={"id": "lone", "groups": {"accent": "Irish"}})
    report = full.model_copy(update={"findings": (*full.findings, lone)})
    drawn = [
        table for table in _tables(groups_section(report, Gallery())) if "fullest condition has not" in table.caption
    ]
    assert [[row[0].text for row in table.rows] for table in drawn] == [["Irish"]]


def test_nothing_is_lost_between_full_and_short(full: AuditReport) -> None:
    own = [f for f in full.findings if f.examination == "performance"]
    shared = shared_out(own, row=group_key, place=group_key)
    printed = [f.id for _, findings in shared.whole for f in findings]
    assert sorted([*printed, *(f.id for f in shared.aggregated)]) == sorted(f.id for f in own)
    assert {condition for condition, _ in shared.whole} == {"TAV"}


def test_a_table_of_few_rows_stands_in_full_in_every_condition(full: AuditReport) -> None:
    few = [f for f in full.findings if f.examination == "performance" and (not f.groups or "60+" in f.groups.values())]
    few = [f for f in few if len(f.groups) < 2]
    assert len({group_key(f) for f in few}) <= FEW_ROWS
    shared = shared_out(few, row=group_key, place=group_key)
    assert shared.aggregated == ()
    assert [condition for condition, _ in shared.whole] == list(full.data[0].conditions)


def test_where_nothing_has_an_interval_the_ends_are_those_of_values(full: AuditReport) -> None:
    own = _of(full, "performance", "T", "accuracy")
    bare = [
        f.model_copy(
            update={
                "estimate": Estimate(value=f.estimate.value, why_no_interval="none was asked", n=9, n_clusters=None)
            }
        )
        for f in own
    ]
    (row,) = groups_aggregate("Performance", bare).rows
    values = [f.estimate.value for f in bare if f.groups and f.estimate.value is not None]
    assert row[3].detail == f"{100 * min(values):.1f}, n 9"
    assert row[4].detail == f"{100 * max(values):.1f}, n 9"


def test_an_undefined_gap_is_told_only_where_no_other_is(full: AuditReport) -> None:
    own = _of(full, "fairness_gaps", "T", "accuracy_difference")
    undefined = own[0].model_copy(
        update={
            "id": "undefined",
            "estimate": Estimate(value=None, why_no_interval="one group only", n=9, n_clusters=None),
        }
    )
    (row,) = gaps_aggregate("Fairness gaps", [undefined, *own]).rows
    assert row[4].text.endswith(" points")
    assert row[8].detail == "1 undefined"
    (alone,) = gaps_aggregate("Fairness gaps", [undefined]).rows
    assert "undefined" in [cell.text for cell in alone]


def test_exhibits_say_what_they_hold_of_other_conditions(full: AuditReport, tables: dict[str, Table]) -> None:
    table = tables["Confusion matrices in run listener, condition TAV: share of each truth in percent, and rows"]
    assert table.remarks == (
        f"Left out here: {35 * 36 * 6:,} rows of 6 other conditions; the exhibit “confusion-matrices” holds them.",
    )
