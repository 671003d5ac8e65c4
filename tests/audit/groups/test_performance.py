import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from affidavit.plan import AuditPlan, Choice, Feature, RunSource
from affidavit.records import Finding, Verdict
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import predictions_frame
from affidavit.testing.tables import FAST


def report_of(frame: pd.DataFrame, **plan: object) -> AuditReport:
    base = AuditPlan(
        runs={"r": RunSource(table="t")},
        statistics=FAST,
        examinations=(Choice(name="performance"),),
        by=tuple(plan.pop("by", ("accent",))),  # type: ignore[arg-type]
        **plan,  # type: ignore[arg-type]
    )
    return audit(frame, by=base.by, plan=base)


def finding(report: AuditReport, metric: str, **groups: str) -> Finding:
    return next(f for f in report.findings if f.metric == metric and f.groups == groups and not f.compared)


def test_a_mean_over_units_lets_no_talkative_speaker_dominate() -> None:
    frame = predictions_frame(conditions=("TAV",)).sample(frac=0.6, random_state=0)
    report = report_of(frame)
    right = frame["y_true"] == frame["y_pred"]
    expected = right.groupby(frame["speaker_id"]).mean().mean()
    found = finding(report, "accuracy_per_unit")
    assert found.estimate.value == pytest.approx(expected)
    assert found.estimate.value != pytest.approx(right.mean())
    assert (found.estimate.n, found.estimate.n_clusters) == (len(frame), 48)


def test_each_performance_metric_is_also_a_mean_over_units() -> None:
    metrics = {f.metric for f in report_of(predictions_frame()).findings if not f.compared}
    assert {m for m in metrics if not m.endswith("_per_unit")} == {
        m.removesuffix("_per_unit") for m in metrics if m.endswith("_per_unit")
    }


def test_every_group_is_a_row_even_the_one_that_says_nothing() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame.loc[frame["speaker_id"] == "s0", "accent"] = "Manx"
    report = report_of(frame)
    lonely = finding(report, "accuracy", accent="Manx")
    assert (lonely.verdict, lonely.estimate.n, lonely.estimate.n_clusters) == (Verdict.INCONCLUSIVE, 10, 1)
    assert lonely.because == lonely.estimate.why_no_interval == "one unit alone says nothing of how units differ"
    gap = next(f for f in report.findings if f.metric == "accuracy_difference")
    assert any("Manx" in caveat for caveat in gap.caveats)


def test_a_group_without_a_class_says_over_which_classes_it_is_averaged() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame = frame[~((frame["accent"] == "Welsh") & (frame["y_true"] == "joy"))]
    report = report_of(frame)
    found = finding(report, "unweighted_average_recall", accent="Welsh")
    assert any("2 of 3 classes; none of: joy" in caveat for caveat in found.caveats)
    gap = next(f for f in report.findings if f.metric == "unweighted_average_recall_difference")
    assert any("not: joy" in caveat for caveat in gap.caveats)
    without = frame[frame["y_true"] != "joy"]
    recalls = (without["y_true"] == without["y_pred"]).groupby([without["accent"], without["y_true"]]).mean()
    uar = recalls.groupby("accent").mean()
    assert gap.estimate.value == pytest.approx(uar.max() - uar.min())


def test_macro_f1_says_that_a_class_which_is_only_predicted_counts_as_zero() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame = frame[~((frame["accent"] == "Welsh") & (frame["y_true"] == "joy"))]
    found = finding(report_of(frame), "macro_f1", accent="Welsh")
    welsh = frame[frame["accent"] == "Welsh"]
    assert found.estimate.value == pytest.approx(f1_score(welsh["y_true"], welsh["y_pred"], average="macro"))
    assert found.caveats == ("a class that never occurs here but is predicted counts as 0 in the average: joy",)
    never = finding(report_of(frame.assign(y_pred=frame["y_pred"].replace("joy", "anger"))), "macro_f1", accent="Welsh")
    assert never.caveats == ("averaged over 2 of 3 classes; none of: joy",)


def test_without_ids_rows_are_units_and_the_report_says_so() -> None:
    report = report_of(predictions_frame(conditions=("TAV",)).drop(columns="speaker_id"))
    found = finding(report, "accuracy")
    assert found.estimate.n_clusters is None
    assert found.estimate.interval is not None
    assert found.estimate.interval.method == "Wilson"
    assert any("intervals may be too narrow" in caveat for caveat in report.caveats)
    assert not any(f.metric.endswith("_per_unit") for f in report.findings)


def test_an_utterance_level_feature_is_compared_within_units() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame["noise"] = np.where(np.arange(len(frame)) % 2, "loud", "quiet")
    report = report_of(frame, by=("noise",), features={"noise": Feature(level="utterance")})
    gap = next(f for f in report.findings if f.metric == "accuracy_difference")
    assert gap.estimate.n_clusters == 48
    assert gap.null_expectation is not None
    assert "around equality" in gap.null_expectation.method


def test_the_confusion_exhibit_adds_up() -> None:
    frame = predictions_frame()
    matrix = report_of(frame).exhibit("confusion-matrices").to_pandas()
    everybody = matrix.query("features == ''")
    assert everybody.groupby("condition")["count"].sum().to_dict() == {"A": 480.0, "TAV": 480.0}
    assert everybody.groupby(["condition", "truth"])["share"].sum().to_numpy() == pytest.approx(1.0)


def test_row_order_and_names_of_units_do_not_matter() -> None:
    frame = predictions_frame(conditions=("TAV",))
    renamed = frame.assign(speaker_id="x" + frame["speaker_id"]).sample(frac=1, random_state=2)
    first, second = report_of(frame), report_of(renamed)
    assert first.findings == second.findings


def test_weight_one_is_unweighted() -> None:
    frame = predictions_frame(conditions=("TAV",))
    plain, weighted = report_of(frame), report_of(frame.assign(weight=1.0))
    for a, b in zip(plain.findings, weighted.findings, strict=True):
        assert a.estimate.value == b.estimate.value


@pytest.mark.parametrize("units", [True, False])
def test_a_group_without_rows_under_a_condition_is_a_row_there_and_holds_no_gap_up(units: bool) -> None:
    frame = predictions_frame() if units else predictions_frame().drop(columns="speaker_id")
    frame = frame[~((frame["condition"] == "A") & (frame["accent"] == "Welsh"))]
    names = ("performance", "demographic-parity", "equalized-odds", "agreement", "rationales")
    examinations = tuple(Choice(name=name) for name in names)
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, by=("accent", "age"), examinations=examinations)
    report = audit(frame, by=plan.by, plan=plan)
    listed = {
        condition: {
            (f.examination, f.metric, *f.groups.items())
            for f in report.findings
            if f.condition == condition and "absent_modality" not in f.metric and "agreement" not in f.metric
        }
        for condition in ("TAV", "A")
    }
    assert listed["A"] == listed["TAV"]
    absent = [f for f in report.findings if f.condition == "A" and f.groups.get("accent") == "Welsh"]
    assert {f.examination for f in absent} == {"performance", "rationales", "agreement"}
    for found in absent:
        assert (found.verdict, found.estimate.value, found.estimate.n) == (Verdict.INCONCLUSIVE, None, 0)
        assert found.because == "undefined: no rows that the metric could be computed on"
    gaps = {f.metric: f for f in report.findings if f.condition == "A" and f.compared == ("accent",)}
    for metric in ("accuracy_difference", "unweighted_average_recall_difference", "demographic_parity_difference_max"):
        assert gaps[metric].estimate.value is not None
        assert any("Welsh" in caveat for caveat in gaps[metric].caveats)
        assert not any("each of them has" in caveat for caveat in gaps[metric].caveats)


def test_no_two_findings_share_an_id_whatever_groups_are_called() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame["age"] = frame["age"].replace({"18-39": "y/age=x", "40+": "x"})
    frame["accent"] = frame["accent"].replace({"Irish": "N", "Scottish": "N/age=y", "Welsh": "100%"})
    report = report_of(frame, by=("accent", "age"))
    ids = [f.id for f in report.findings]
    assert len(ids) == len(set(ids))
    assert "predictions/TAV/performance/accuracy/accent=N%2Fage%3Dy/age=x" in ids
    assert "predictions/TAV/performance/accuracy/accent=100%25" in ids


def test_exhibits_name_every_level_of_a_deep_intersection() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(site="north")
    report = report_of(frame, by=("accent", "age", "site"), depth=3)
    for exhibit in ("performance-by-group", "confusion-matrices"):
        rows = report.exhibit(exhibit).to_pylist()
        deep = next(row for row in rows if row["features"] == "accent x age x site")
        assert [deep[f"level_{i}"] for i in range(1, 5)] == ["Irish", "18-39", "north", None]


def test_rates_that_have_no_part_in_a_gap_are_named_with_the_reason() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame.loc[frame["y_pred"] == "joy", "y_pred"] = "anger"
    few = frame["accent"].isin(["Irish", "Welsh"]) & (frame["y_true"] == "sadness")
    frame.loc[few, "y_true"] = "anger"
    names = ("demographic-parity", "equalized-odds")
    plan = AuditPlan(
        runs={"r": RunSource(table="t")},
        statistics=FAST,
        examinations=tuple(Choice(name=name) for name in names),
    )
    gaps = {f.metric: f for f in audit(frame, by="accent", plan=plan).findings}
    assert (
        "zero in every group, which makes no ratio: selection rate of joy" in gaps["demographic_parity_ratio"].caveats
    )
    left_out = "left out, for fewer than two groups have the units to compare: recall of sadness"
    assert left_out in gaps["equal_opportunity_difference_max"].caveats
    assert not gaps["demographic_parity_difference_max"].caveats
