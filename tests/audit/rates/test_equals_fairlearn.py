"""Values equal Fairlearn's MetricFrame wherever both define them."""

import warnings
from collections.abc import Callable

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fairlearn.metrics import (
        MetricFrame,
        demographic_parity_difference,
        equalized_odds_difference,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )

from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import predictions_frame

FAST = Statistics(n_resamples=100, n_permutations=99, compared_units=5)
EXAMINATIONS = tuple(Choice(name=name) for name in ("performance", "demographic-parity", "equalized-odds"))


def report_of(frame: pd.DataFrame) -> AuditReport:
    plan = AuditPlan(runs={"r": RunSource(table="t")}, statistics=FAST, examinations=EXAMINATIONS)
    return audit(frame, by=["accent", "age"], plan=plan)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return predictions_frame(conditions=("TAV",))


@pytest.fixture(scope="module")
def report(frame: pd.DataFrame) -> AuditReport:
    return report_of(frame)


def peer(frame: pd.DataFrame, metrics: dict[str, Callable[..., float]], by: list[str]) -> MetricFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MetricFrame(
            metrics=metrics, y_true=frame["y_true"], y_pred=frame["y_pred"], sensitive_features=frame[by]
        )


METRICS: dict[str, Callable[..., float]] = {
    "accuracy": accuracy_score,
    "unweighted_average_recall": balanced_accuracy_score,
    "weighted_average_recall": accuracy_score,
    "weighted_f1": lambda t, p: f1_score(t, p, average="weighted"),
    "macro_f1": lambda t, p: f1_score(t, p, average="macro"),
}


@pytest.mark.parametrize("by", [["accent"], ["age"], ["accent", "age"]])
def test_by_group_overall_difference_and_ratio(frame: pd.DataFrame, report: AuditReport, by: list[str]) -> None:
    theirs = peer(frame, METRICS, by)
    found = report.to_frame()
    for metric in METRICS:
        mine = found.query("metric == @metric")
        overall = mine[mine["accent"].isna() & mine["age"].isna()]["value"].item()
        assert overall == pytest.approx(theirs.overall[metric], abs=1e-11)
        for levels, value in theirs.by_group[metric].items():
            wanted = dict(zip(by, (levels,) if isinstance(levels, str) else levels, strict=True))
            row = mine[
                (mine["accent"] == wanted["accent"] if "accent" in wanted else mine["accent"].isna())
                & (mine["age"] == wanted["age"] if "age" in wanted else mine["age"].isna())
            ]
            assert row["value"].item() == pytest.approx(value, abs=1e-11)
        if metric == "weighted_average_recall":  # the name of accuracy in the emotion literature: no gap of its own
            continue
        for scale, expected in (
            ("difference", theirs.difference(method="between_groups")[metric]),
            ("ratio", theirs.ratio(method="between_groups")[metric]),
        ):
            value = found.query(f"metric == '{metric}_{scale}' and compared == '{' x '.join(by)}'")["value"].item()
            assert value == pytest.approx(expected, abs=1e-11)


def test_rates_per_class_and_their_gaps(frame: pd.DataFrame, report: AuditReport) -> None:
    gaps: dict[str, list[float]] = {"rate": [], "tpr": [], "fpr": []}
    rates = pd.concat([report.exhibit("selection-rates").to_pandas(), report.exhibit("class-rates").to_pandas()])
    for label in sorted(frame["y_true"].unique()):
        binary = frame.assign(
            y_true=(frame["y_true"] == label).astype(int), y_pred=(frame["y_pred"] == label).astype(int)
        )
        theirs = peer(
            binary, {"rate": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate}, ["accent"]
        )
        for name, rate in (("rate", "selection_rate"), ("tpr", "recall"), ("fpr", "false_positive_rate")):
            gaps[name].append(float(theirs.difference()[name]))
            for level, value in theirs.by_group[name].items():
                here = (rates["features"] == "accent") & (rates["group"] == level) & (rates["class"] == label)
                row = rates[here & (rates["rate"] == rate)]
                assert row["value"].item() == pytest.approx(value, abs=1e-11)
    found = report.to_frame().query("compared == 'accent'").set_index("metric")["value"]
    assert found["demographic_parity_difference_max"] == pytest.approx(max(gaps["rate"]))
    assert found["demographic_parity_difference_macro"] == pytest.approx(sum(gaps["rate"]) / 3)
    assert found["equalized_odds_difference_max"] == pytest.approx(max(gaps["tpr"] + gaps["fpr"]))
    assert found["equalized_odds_difference_macro"] == pytest.approx(sum(gaps["tpr"] + gaps["fpr"]) / 6)
    assert found["equal_opportunity_difference_max"] == pytest.approx(max(gaps["tpr"]))


def test_two_classes_give_fairlearns_binary_differences(frame: pd.DataFrame) -> None:
    two = frame.assign(y_true=(frame["y_true"] == "joy").astype(int), y_pred=(frame["y_pred"] == "joy").astype(int))
    found = report_of(two).to_frame().query("compared == 'accent'").set_index("metric")["value"]
    arguments = {"y_true": two["y_true"], "y_pred": two["y_pred"], "sensitive_features": two["accent"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parity, odds = demographic_parity_difference(**arguments), equalized_odds_difference(**arguments)
    assert found["demographic_parity_difference_max"] == pytest.approx(parity)
    assert found["equalized_odds_difference_max"] == pytest.approx(odds)
