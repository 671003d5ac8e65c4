"""Generalized entropy: the textbook values, the decomposition, and what lies between groups."""

import numpy as np
import pandas as pd
import pytest

from affidavit.evidence import Evidence
from affidavit.grouped_sums import GroupedSums
from affidavit.plan import Statistics
from affidavit.records import Finding
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.testing import case_of, predictions_frame
from affidavit.testing.tables import LABELS
from audit.groups.inequality import EXAMINATION, between


def with_probabilities(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    raw = rng.dirichlet(np.ones(len(LABELS)), len(frame))
    for k, label in enumerate(LABELS):
        frame[f"prob_{label}"] = raw[:, k]
    return frame


def findings(frame: pd.DataFrame, options: dict[str, str] | None = None) -> dict[str, Finding]:
    claims = EXAMINATION.examine(case_of(frame, options=options)).claims
    return {
        f"{c.finding.metric}/{','.join(c.finding.compared or c.finding.groups.values())}": c.finding for c in claims
    }


def generalized_entropy(b: np.ndarray) -> float:
    return sum((x / b.mean()) ** 2 - 1 for x in b) / (2 * len(b))


def test_right_answers_say_what_accuracy_says() -> None:
    frame = predictions_frame(conditions=("TAV",))
    accuracy = (frame["y_true"] == frame["y_pred"]).mean()
    found = findings(frame)
    assert found["generalized_entropy/"].estimate.value == pytest.approx((1 - accuracy) / (2 * accuracy), abs=1e-11)
    assert found["theil_index/"].estimate.value == pytest.approx(-np.log(accuracy), abs=1e-11)


def test_between_and_within_add_up() -> None:
    frame = with_probabilities(predictions_frame(conditions=("TAV",)))
    found = findings(frame, {"benefit": "probability"})
    b = np.array([row[f"prob_{row['y_true']}"] for _, row in frame.iterrows()])
    assert found["generalized_entropy/"].estimate.value == pytest.approx(generalized_entropy(b), abs=1e-11)
    theil = np.mean(b / b.mean() * np.log(b / b.mean()))
    assert found["theil_index/"].estimate.value == pytest.approx(theil, abs=1e-11)
    within = 0.0
    for accent in frame["accent"].unique():
        mine = b[(frame["accent"] == accent).to_numpy()]
        assert found[f"generalized_entropy/{accent}"].estimate.value == pytest.approx(
            generalized_entropy(mine), abs=1e-11
        )
        within += len(mine) / len(b) * (mine.mean() / b.mean()) ** 2 * generalized_entropy(mine)
    between = found["generalized_entropy_between/accent"]
    assert between.estimate.value == pytest.approx(generalized_entropy(b) - within, abs=1e-11)
    assert between.estimate.interval is not None
    assert between.null_expectation is not None
    assert between.test is not None


def test_a_planted_inequality_is_found_and_its_twin_is_silent() -> None:
    frame = predictions_frame(conditions=("TAV",), n_speakers=90)
    twin = findings(frame)["generalized_entropy_between/accent"]
    assert twin.test is not None
    assert twin.test.p_value > 0.05
    assert twin.estimate.interval is not None
    assert twin.estimate.interval.low == 0
    worse = (frame["accent"] == "Welsh") & (np.arange(len(frame)) % 2 == 0)
    frame.loc[worse, "y_pred"] = "joy"
    planted = findings(frame)["generalized_entropy_between/accent"]
    assert planted.test is not None
    assert planted.test.p_value <= 0.02


def test_probabilities_that_are_not_there_are_refused() -> None:
    refusal = EXAMINATION.refuses(case_of(predictions_frame(), options={"benefit": "probability"}))
    assert refusal is not None
    assert "prob_" in refusal.remedy


def test_nobody_is_ever_right() -> None:
    """A mean benefit of zero leaves the index undefined: a reason, not a zero."""
    frame = predictions_frame(conditions=("TAV",))
    frame["y_pred"] = np.where(frame["y_true"] == "joy", "anger", "joy")
    found = findings(frame)
    assert found["generalized_entropy/"].estimate.value is None
    assert found["generalized_entropy_between/accent"].estimate.value is None


def sums_of_equals(rng: np.random.Generator) -> GroupedSums:
    """Two groups of six alike units with 1 to 200 clips, which err more the more they say."""
    clips = np.floor(2 ** rng.uniform(0, np.log2(201), 12))
    rate = np.clip(0.9 - 0.1 * np.log2(clips), 0.05, 0.95)
    right = rng.binomial(clips.astype(int), rng.beta(19 * rate, 19 * (1 - rate))).astype(float)
    return GroupedSums(
        sums=np.stack([clips, right, right, np.zeros(12)], axis=1),
        n_rows=clips.astype(np.int64),
        unit=np.arange(12),
        group=np.arange(12) // 6,
        n_units=12,
        groups=({"accent": "a"}, {"accent": "b"}),
    )


def test_equals_with_unlike_units_are_rejected_as_often_as_is_said() -> None:
    """With the shares of the table for every arrangement it was 8 % of the time."""
    rng, rejected, n = np.random.default_rng(8), 0, 1500
    options = Statistics(n_resamples=100, n_permutations=99)
    for seed in range(n):
        resampler = UnitResampler(n_units=12, n_resamples=100, seed=seed)
        found = between(Evidence(grouped=sums_of_equals(rng), options=options, resampler=resampler, seed=seed))
        rejected += found.test is not None and found.test.p_value <= 0.05
    assert rejected / n <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n)
