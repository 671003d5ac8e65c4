from __future__ import annotations

import doctest

import pytest

from affidavit.records import CriterionOutcome, DetectableEffect, Estimate, Interval, NullExpectation, Verdict
from affidavit.report import AuditReport, Decision
from reports import wording
from reports.document import Cell, Column, Notes, Table, tidied
from reports.formats import markdown
from reports.ordering import conditions_in_order
from reports.wording import PERCENT, POINTS, RAW, WHOLE


@pytest.mark.parametrize("module", [wording, markdown])
def test_examples_in_docstrings(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("accuracy", "Accuracy"),
        ("word_error_rate_ratio", "Word error rate ratio"),
        ("demographic_parity_ratio", "Demographic parity ratio (impact ratio)"),
        ("equal_opportunity_difference_macro", "Equal opportunity difference, mean over classes"),
        ("vendor_score_v2", "Vendor score v2"),
        ("macro_f1_gap_change", "Macro F1, change of the gap"),
        ("accuracy_change_difference", "Accuracy, how far apart groups' changes are"),
        ("parity_offsets_worst_group_accuracy_change", "Parity offsets: accuracy of the worst group, change"),
    ],
)
def test_labels(metric: str, label: str) -> None:
    assert wording.metric_label(metric) == label


@pytest.mark.parametrize(
    ("metric", "scale"),
    [
        ("accuracy", PERCENT),
        ("macro_f1_per_unit", PERCENT),
        ("accuracy_difference", POINTS),
        ("accuracy_ratio", RAW),
        ("vendor_score_difference", RAW),
        ("epsilon", RAW),
        ("accuracy_change", POINTS),
        ("accuracy_gap_change", POINTS),
        ("stacking_demographic_parity_change", POINTS),
        ("leakage_balanced_accuracy_change", POINTS),
        ("selection_rate less everybody's", POINTS),
        ("least_units_per_label", WHOLE),
        ("accuracy_rank", WHOLE),
    ],
)
def test_scales(metric: str, scale: wording.Scale) -> None:
    assert wording.scale_of(metric) == scale


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (None, PERCENT, "undefined"),
        (0.0, RAW, "0.000"),
        (-0.0001, PERCENT, "0.0"),
        (-0.5, RAW, "−0.500"),
        (1e-5, RAW, "0.00001"),
        (-0.000494, RAW, "−0.00049"),
        (3e-10, RAW, "< 0.000001"),
        (1795.0, WHOLE, "1,795"),
        (1.0, PERCENT, "100.0"),
    ],
)
def test_figures(value: float | None, scale: wording.Scale, text: str) -> None:
    assert wording.figures(value, scale) == text


def test_small_p_values_are_not_zero() -> None:
    assert [wording.p_text(p) for p in (None, 0.0, 0.00099, 0.001, 1.0)] == [
        "–",
        "< 0.001",
        "< 0.001",
        "0.001",
        "1.000",
    ]


def test_a_value_beyond_its_bound_never_prints_as_the_bound(small: AuditReport) -> None:
    interval = Interval(low=0.10004, high=0.2, level=0.95, method="m")
    outcome = CriterionOutcome(id="x", at_most=0.1, source="s", family_size=1, adjusted_interval=interval)
    finding = small.findings[0].model_copy(
        update={
            "criterion": outcome,
            "estimate": Estimate(value=0.1000001, interval=interval, n=1, n_clusters=1),
            "metric": "accuracy_difference",
        }
    )
    digits = wording.digits_apart(finding, POINTS)
    assert wording.figures(0.1000001, POINTS, digits=digits) == "10.00001"
    assert wording.digits_apart(finding.model_copy(update={"criterion": None}), POINTS) == 1


def test_chance_limits_point_outwards() -> None:
    over = NullExpectation(value=0.9, high=0.8, method="m")
    under = NullExpectation(value=0.04, high=0.08, method="m")
    assert wording.chance_limit_text(over, RAW) == "≥ 0.800"
    assert wording.chance_limit_text(under, POINTS) == "≤ 8.0"


def test_an_effect_that_no_rates_can_have() -> None:
    effect = DetectableEffect(value=85.0, power=0.8, alpha=0.05, method="m")
    assert wording.detectable_text(effect, POINTS) == "> 100"
    assert wording.detectable_text(effect, RAW) == "85.000"


def test_decision_lines() -> None:
    assert wording.decision_line(Decision.PASS, has_policy=True) == "Decision: pass"
    assert wording.decision_line(Decision.NONE, has_policy=False) == "No decision: no policy was given"
    assert wording.decision_line(Decision.NONE, has_policy=True).startswith("No decision: the policy met no finding")


def test_failures_are_read_first() -> None:
    assert wording.worst([Verdict.PASS, Verdict.INFORMATIVE, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert wording.worst([Verdict.PASS, Verdict.INFORMATIVE]) is Verdict.PASS


def test_conditions_are_ordered_and_strange_ones_kept() -> None:
    assert conditions_in_order(["A", "odd one", "TAV", "TA"]) == ("TAV", "TA", "A", "odd one")


def test_notes_of_every_row_become_remarks() -> None:
    notes = Notes()
    rows = tuple((Cell(text=name), Cell(text="", notes=(notes.number("all"), notes.number(name)))) for name in "ab")
    columns = (Column(title="x", kind="heading"), Column(title="Notes", kind="notes"))
    table = tidied(Table(id="t", caption="c", columns=columns, rows=rows, notes=notes.texts()))
    assert table.remarks == ("all",)
    assert table.notes == ("a", "b")
    assert [row[1].notes for row in table.rows] == [(1,), (2,)]


def test_empty_columns_are_left_out() -> None:
    columns = (Column(title="x", kind="heading"), Column(title="empty"))
    table = tidied(Table(id="t", caption="c", columns=columns, rows=((Cell(text="a"), Cell(text="")),)))
    assert [column.title for column in table.columns] == ["x"]
