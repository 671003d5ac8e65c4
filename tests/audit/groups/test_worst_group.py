"""The worst served group: its value, a bound that holds, and what chance alone gives."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from affidavit.plan import Statistics
from affidavit.records import Finding
from affidavit.testing import case_of, predictions_frame
from audit.deviation.from_everybody import EXAMINATION as DEVIATION
from audit.groups.spread import EXAMINATION as SPREAD
from audit.groups.worst_group import EXAMINATION


def findings(frame: pd.DataFrame, by: tuple[str, ...] = ("accent", "age"), **options: int) -> dict[str, Finding]:
    statistics = Statistics(n_resamples=200, n_permutations=199, **options)
    testimony = EXAMINATION.examine(case_of(frame, by, statistics=statistics))
    return {f"{c.finding.metric}/{' x '.join(c.finding.compared or ())}": c.finding for c in testimony.claims}


def test_the_value_is_the_least_of_scikit_learns() -> None:
    frame = predictions_frame(conditions=("TAV",))
    found = findings(frame)
    metrics = {
        "accuracy": accuracy_score,
        "unweighted_average_recall": balanced_accuracy_score,
        "macro_f1": lambda t, p: f1_score(t, p, average="macro"),
    }
    for name, metric in metrics.items():
        by_group = frame.groupby("accent").apply(lambda g, m=metric: m(g["y_true"], g["y_pred"]))
        finding = found[f"worst_group_{name}/accent"]
        assert finding.estimate.value == pytest.approx(by_group.min(), abs=1e-11)
        assert finding.lowest == by_group.idxmin()
        assert finding.null_expectation is not None
        assert finding.estimate.interval is not None
        assert finding.estimate.interval.low < finding.estimate.value < finding.null_expectation.value + 0.2


def test_a_group_too_small_is_named_and_forbids_a_pass() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame.loc[frame["speaker_id"] == "s0", "accent"] = "Manx"
    claims = EXAMINATION.examine(case_of(frame, ("accent",))).claims
    assert all(claim.unassessed == ("Manx",) for claim in claims)
    assert all("Manx" in " ".join(claim.finding.caveats) for claim in claims)


def test_one_group_has_no_worst() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(accent="Irish")
    for claim in EXAMINATION.examine(case_of(frame, ("accent",))).claims:
        assert claim.finding.estimate.value is None
        assert claim.finding.estimate.why_no_interval == "fewer than two groups can be compared"


def test_chance_alone_is_below_the_common_value() -> None:
    """Eight equal groups: the least of them is well below their common accuracy, and the permutations say so."""
    rng = np.random.default_rng(0)
    n_units, per_unit = 80, 10
    unit = np.repeat(np.arange(n_units), per_unit)
    truth = rng.integers(0, 2, len(unit))
    frame = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(unit))],
            "speaker_id": [f"s{u}" for u in unit],
            "accent": [f"a{u % 8}" for u in unit],
            "y_true": np.array(["joy", "anger"])[truth],
            "y_pred": np.array(["joy", "anger"])[np.where(rng.random(len(unit)) < 0.6, truth, 1 - truth)],
        }
    )
    finding = findings(frame, ("accent",))["worst_group_accuracy/accent"]
    assert finding.null_expectation is not None
    overall = (frame["y_true"] == frame["y_pred"]).mean()
    assert finding.null_expectation.value == pytest.approx(
        overall - 1.42 * np.sqrt(0.24 / 100), abs=0.015
    )  # E[min of 8]
    assert finding.null_expectation.high < finding.null_expectation.value  # the bad end is below


@pytest.mark.slow  # 400 tables
def test_the_interval_covers_the_least_true_value() -> None:
    rng = np.random.default_rng(1)
    true = np.array([0.7, 0.7, 0.6, 0.75])
    covered = 0
    for _ in range(400):
        unit = np.repeat(np.arange(48), 8)
        right = rng.random(len(unit)) < rng.beta(*(8 * np.stack([true, 1 - true])), size=(48, 4))[unit, unit % 4]
        frame = pd.DataFrame(
            {
                "utterance_id": [f"u{i}" for i in range(len(unit))],
                "speaker_id": [f"s{u}" for u in unit],
                "accent": [f"a{u % 4}" for u in unit],
                "y_true": np.array(["joy", "anger"])[unit // 4 % 2],
                "y_pred": np.array(["joy", "anger"])[np.where(right, unit // 4 % 2, 1 - unit // 4 % 2)],
            }
        )
        interval = findings(frame, ("accent",))["worst_group_accuracy/accent"].estimate.interval
        assert interval is not None
        covered += interval.low <= true.min() <= interval.high
    assert covered / 400 >= 0.93 - 2 * np.sqrt(0.05 * 0.95 / 400)


def test_a_class_that_one_group_lacks_is_named_wherever_averages_are_compared() -> None:
    """One group without joy takes joy out of everybody's average: that must be said, not only where gaps are."""
    frame = predictions_frame(conditions=("TAV",))
    frame = frame[~((frame["accent"] == "Welsh") & (frame["y_true"] == "joy"))]
    said = "groups are compared over the classes that each of them has; not: joy"
    for examination in (EXAMINATION, SPREAD, DEVIATION):
        claims = examination.examine(case_of(frame, ("accent",))).claims
        averages = [c.finding for c in claims if "unweighted_average" in c.finding.metric or "f1" in c.finding.metric]
        assert averages
        assert all(said in finding.caveats for finding in averages)
        others = [c.finding for c in claims if c.finding not in averages]
        assert not any(said in finding.caveats for finding in others)


def test_without_groups_it_refuses() -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame(conditions=("TAV",)), ()))
    assert refusal is not None
    assert "--by" in refusal.remedy
