"""Each group against everybody: equal to the definition, found where planted, silent where clean."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from affidavit.comparisons import compare
from affidavit.confusion import accuracy, unweighted_average_recall
from affidavit.plan import AuditPlan, Statistics
from affidavit.protocols import silent
from affidavit.published.ser_tests_policy import policy_from_thresholds
from affidavit.records import Finding
from affidavit.report import Decision
from affidavit.run import examine
from affidavit.sources import load_table
from affidavit.tables import from_frame
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.deviation.deviations import Deviations
from audit.deviation.from_everybody import EXAMINATION

ONE = ("TAV",)
MANY = Statistics(n_resamples=200, n_permutations=199, compared_units=2)


class TestContract(ExaminationContract):
    examination = EXAMINATION


def findings(frame: pd.DataFrame, by: tuple[str, ...] = ("accent",), **options: Any) -> dict[str, Finding]:
    claims = EXAMINATION.examine(case_of(frame, by, **options)).claims
    return {c.finding.metric: c.finding for c in claims if c.finding.compared == by[:1]}


def slowly(frame: pd.DataFrame, metric: str) -> float:
    """The published definition, group by group and class by class."""

    def rate(rows: pd.DataFrame, label: str) -> float:
        if metric == "selection_rate":
            return float((rows["y_pred"] == label).mean())
        given = rows[rows["y_true" if metric == "recall" else "y_pred"] == label]
        return float((given["y_true"] == given["y_pred"]).mean())

    labels = sorted(frame["y_true"].unique())
    rates = {name: [rate(rows, label) for label in labels] for name, rows in frame.groupby("accent")}
    everybody = [rate(frame, label) for label in labels]
    if metric == "unweighted_average_recall":
        raise AssertionError
    return max(abs(one - all_) for row in rates.values() for one, all_ in zip(row, everybody, strict=True))


@pytest.mark.parametrize("metric", ["selection_rate", "recall", "precision"])
def test_equals_the_published_definition(metric: str) -> None:
    frame = predictions_frame(conditions=ONE, seed=3)
    assert findings(frame)[f"{metric}_deviation"].estimate.value == pytest.approx(slowly(frame, metric), abs=1e-9)


def test_unweighted_average_recall_equals_scikit_learn() -> None:
    from sklearn.metrics import balanced_accuracy_score

    frame = predictions_frame(conditions=ONE, seed=4)
    everybody = balanced_accuracy_score(frame["y_true"], frame["y_pred"])
    wanted = max(
        abs(balanced_accuracy_score(rows["y_true"], rows["y_pred"]) - everybody) for _, rows in frame.groupby("accent")
    )
    found = findings(frame)["unweighted_average_recall_deviation"]
    assert found.estimate.value == pytest.approx(wanted, abs=1e-9)


def planted(frame: pd.DataFrame) -> pd.DataFrame:
    """Welsh speakers are called angry half of the time."""
    angry = (frame["accent"] == "Welsh") & (np.arange(len(frame)) % 2 == 0)
    return frame.assign(y_pred=frame["y_pred"].mask(angry, "anger"))


def test_a_group_that_is_called_angry_is_named_and_its_clean_twin_is_silent() -> None:
    frame = predictions_frame(n_speakers=150, conditions=ONE)
    found, clean = findings(planted(frame)), findings(frame)
    for metric in ("selection_rate_deviation", "precision_deviation"):
        finding = found[metric]
        assert finding.label == "anger"
        assert finding.estimate.interval is not None
        assert finding.estimate.interval.low > 0
        assert finding.null_expectation is not None
        assert finding.estimate.value is not None
        assert finding.estimate.value > finding.null_expectation.high
    assert found["selection_rate_deviation"].highest == "Welsh"
    assert found["precision_deviation"].test is not None
    assert found["precision_deviation"].test.p_value <= 0.02
    for finding in clean.values():
        assert finding.estimate.interval is not None
        assert finding.estimate.interval.low == 0


def test_without_labels_only_answers_are_compared() -> None:
    found = findings(predictions_frame(conditions=ONE).drop(columns="y_true"))
    assert set(found) == {"selection_rate_deviation"}


def test_small_groups_are_named_and_forbid_a_pass() -> None:
    frame = predictions_frame(conditions=ONE)
    frame.loc[frame["speaker_id"].isin(["s0", "s1"]), "accent"] = "Manx"
    case = case_of(frame, ("accent",))
    testimony = EXAMINATION.examine(case)
    claim = next(c for c in testimony.claims if c.finding.metric == "recall_deviation")
    assert "Manx" in claim.unassessed
    table = testimony.exhibits[0].table().to_pandas()
    assert set(table["group"]) == {"Irish", "Manx", "Scottish", "Welsh"}
    assert table.loc[table["group"] == "Manx", "value"].isna().all()


def test_one_group_or_one_unit_is_inconclusive() -> None:
    frame = predictions_frame(conditions=ONE)
    for alone in (frame.assign(accent="Irish"), frame[frame["speaker_id"] == "s0"]):
        for finding in findings(alone).values():
            assert finding.estimate.value is None
            assert finding.verdict == "inconclusive"


def test_without_groups_it_is_refused() -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame(conditions=ONE), ()))
    assert refusal is not None
    assert "--by" in refusal.remedy


def test_a_class_that_no_group_has_leaves_the_others() -> None:
    frame = predictions_frame(conditions=ONE).replace({"y_true": {"sadness": "joy"}})
    found = findings(frame)
    assert found["recall_deviation"].estimate.value is not None
    assert found["unweighted_average_recall_deviation"].estimate.value is not None


def test_rows_as_units_and_features_of_the_utterance_have_intervals() -> None:
    from affidavit.plan import Feature
    from affidavit.predictions import Reading

    frame = predictions_frame(conditions=ONE)
    for finding in findings(frame.drop(columns="speaker_id")).values():
        assert finding.estimate.interval is not None
    noisy = frame.assign(accent=np.where(np.arange(len(frame)) % 3 == 0, "noisy", "quiet"))
    reading = Reading(run="run", by=("accent",), features={"accent": Feature(level="utterance")})
    for finding in findings(noisy, reading=reading).values():
        assert finding.estimate.interval is not None
        assert finding.estimate.interval.method == "simultaneous t over units"


def test_weights_weigh() -> None:
    frame = predictions_frame(conditions=ONE).assign(weight=lambda f: np.arange(len(f)) % 3 + 1)
    doubled = frame.loc[frame.index.repeat(frame["weight"])].drop(columns="weight").reset_index(drop=True)
    doubled["utterance_id"] = [f"u{i}" for i in range(len(doubled))]
    for metric, finding in findings(frame).items():
        assert finding.estimate.value == pytest.approx(findings(doubled)[metric].estimate.value, abs=1e-9)


def test_mover_and_jackknife_nearly_agree_on_balanced_rates() -> None:
    """Two derivations of the same bounds: from the groups' own intervals, and from leaving each unit out."""
    case = case_of(predictions_frame(n_speakers=240, conditions=ONE), ("accent",))
    part = Deviations(comparison=compare(case.book.evidence("run", "TAV", ("accent",)), accuracy(3)))
    error, _ = part._jackknife()
    low, high = part.bounds(0.05)
    np.testing.assert_allclose((high - low) / 2, 1.96 * error, rtol=0.06)


def test_published_thresholds_decide_an_audit(tmp_path: Path) -> None:
    """From the file of thresholds to a verdict: fails where planted, passes where there are units enough."""
    (tmp_path / "fairness_accent.yaml").write_text("Metrics: [{name: Relative Difference Per Class, threshold: 0.1}]")
    policy = policy_from_thresholds(tmp_path, by=("accent",)).policy
    plan = AuditPlan.model_validate({"runs": {"r": {"table": "t"}}, "by": ["accent"], "statistics": MANY.model_dump()})
    frame = predictions_frame(n_speakers=300, conditions=ONE)
    decisions = []
    for table in (planted(frame), frame):
        loaded = load_table("r", plan.runs["r"], plan, from_frame(table, name="t"), silent)
        report = examine(plan, loaded, examinations=[(EXAMINATION, {})], policy=policy)
        (held,) = [finding for finding in report.findings if finding.criterion is not None]
        assert held.metric == "selection_rate_deviation"
        decisions.append(report.decision)
    assert decisions == [Decision.FAIL, Decision.PASS]


def _table(rng: np.random.Generator, rates: NDArray[np.float64], n_units: int, per_unit: int) -> pd.DataFrame:
    unit = np.repeat(np.arange(n_units * len(rates)), per_unit)
    group = unit % len(rates)
    own = rng.beta(rates * 9, (1 - rates) * 9, size=(n_units, len(rates))).T  # intraclass correlation 0.1
    right = rng.random(len(unit)) < own[group, unit // len(rates)]
    truth = np.arange(len(unit)) % 2
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(unit))],
            "speaker_id": [f"s{u}" for u in unit],
            "accent": [f"a{g}" for g in group],
            "y_true": np.array(["joy", "anger"])[truth],
            "y_pred": np.array(["joy", "anger"])[np.where(right, truth, 1 - truth)],
        }
    )


@pytest.mark.slow  # 300 tables for each of four designs
@pytest.mark.parametrize("n_units", [8, 40])
@pytest.mark.parametrize("rates", [[0.6, 0.6, 0.6], [0.5, 0.7, 0.9]])
def test_the_bounds_of_a_deviation_cover(n_units: int, rates: list[float]) -> None:
    rng, wanted = np.random.default_rng(5), np.array(rates)
    truth = wanted - wanted.mean()
    covered = {"accuracy": np.zeros(3), "unweighted_average_recall": np.zeros(3)}
    for _ in range(300):
        case = case_of(_table(rng, wanted, n_units, 10), ("accent",), statistics=MANY)
        evidence = case.book.evidence("run", "as-supplied", ("accent",))
        for statistic in (accuracy(2), unweighted_average_recall()):
            low, high = Deviations(comparison=compare(evidence, statistic)).bounds(0.05)
            covered[statistic.name] += (low <= truth) & (truth <= high)
    for name, hits in covered.items():
        assert (hits / 300 >= 0.91).all(), (name, hits / 300)
