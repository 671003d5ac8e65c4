from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.errors import RowError
from affidavit.examinations import Claim
from affidavit.plan import Statistics
from affidavit.predictions import Reading
from affidavit.records import Verdict
from affidavit.testing import ExaminationContract
from affidavit.testing.tables import case_of
from audit.multicalibration.examination import EXAMINATION
from audit.multicalibration.scores import bins_of, counted

BY = ("accent", "sex")
LABELS = np.array(["anger", "joy", "sadness"])


def corpus(seed: int, *, flattened: float = 0.0, n: int = 200) -> pd.DataFrame:
    """Return exactly calibrated probabilities; `flattened` mixes the truth of highland women with the uniform."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n), rng.integers(8, 26, n))
    logits = rng.normal(0, 1.5, (len(speaker), 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    accent, sex = speaker % 2, speaker // 2 % 2
    fault = flattened * ((accent == 1) & (sex == 0))[:, None]
    truth = ((1 - fault) * shares + fault / 3).cumsum(axis=1) > rng.random((len(speaker), 1))
    columns = {
        "utterance_id": [f"u{i}" for i in range(len(speaker))],
        "speaker_id": [f"s{i}" for i in speaker],
        "accent": np.array(["coastal", "highland"])[accent],
        "sex": np.array(["female", "male"])[sex],
        "y_true": LABELS[truth.argmax(axis=1)],
        "y_pred": LABELS[shares.argmax(axis=1)],
    }
    return pd.DataFrame(columns | {f"prob_{label}": shares[:, k] for k, label in enumerate(LABELS)})


def claims_of(case: Case) -> dict[str, Claim]:
    assert EXAMINATION.refuses(case) is None
    return {claim.finding.metric: claim for claim in EXAMINATION.examine(case).claims}


class TestMulticalibration(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        return case_of(corpus(0), by=BY)


@pytest.mark.parametrize("scores", ["top-label", "classwise"])
def test_an_overconfident_intersection_is_found_and_confirmed(scores: str) -> None:
    found = claims_of(case_of(corpus(1, flattened=0.7, n=600), by=BY, options={"scores": scores, "min_units": 60}))
    finding = found["multicalibration_violation"].finding
    end = finding.lowest or finding.highest
    assert end is not None
    assert end.startswith("highland, female, score")
    assert (finding.label is None) == (scores == "top-label")
    assert finding.test is not None
    assert finding.test.p_value < 1e-3
    assert finding.estimate.interval is not None
    assert finding.estimate.interval.low > 0.05
    excess = found["multicalibration_excess"].finding.estimate
    assert excess.interval is not None
    assert excess.interval.low > 0
    searched = found["multicalibration_violation_searched"].finding
    assert searched.null_expectation is not None
    assert (searched.estimate.value or 0) > searched.null_expectation.high


def test_the_calibrated_twin_is_silent() -> None:
    for seed in range(3):
        found = claims_of(case_of(corpus(20 + seed), by=BY))
        test = found["multicalibration_violation"].finding.test
        assert test is not None
        assert test.p_value > 0.005


@pytest.mark.slow
def test_calibrated_corpora_are_confirmed_no_more_often_than_declared() -> None:
    corpora, confirmed, band, missed = 200, 0, 0, 0
    for seed in range(corpora):
        found = claims_of(case_of(corpus(2000 + seed), by=BY))
        finding = found["multicalibration_violation"].finding
        assert finding.test is not None
        assert finding.estimate.interval is not None
        confirmed += finding.test.p_value <= 0.05
        missed += finding.estimate.interval.low > 0 or finding.estimate.interval.high < 0
        searched = found["multicalibration_violation_searched"].finding.estimate.interval
        assert searched is not None
        band += searched.low > 0
    margin = 2 * (0.05 * 0.95 / corpora) ** 0.5
    assert confirmed / corpora <= 0.05 + margin
    assert band / corpora <= 0.05 + margin
    assert missed / corpora <= 0.07 + margin


@pytest.mark.parametrize("scores", ["top-label", "classwise"])
def test_sums_equal_a_slow_loop_over_rows_whatever_the_batches(scores: Any) -> None:
    frame = corpus(2, n=30).assign(weight=lambda f: 0.5 + f.index % 3)
    case = case_of(frame, by=BY, reading=Reading(run="run", by=BY, batch_rows=37))
    run = case.runs["run"]
    bins = bins_of(scores, run.labels, 5)
    found = counted(run, BY, bins)
    slow: dict[tuple[str, str, str], np.ndarray] = {}
    for row in frame.to_dict("records"):
        sums = slow.setdefault((row["speaker_id"], row["accent"], row["sex"]), np.zeros((3, bins.width)))
        for q, label in enumerate(bins.labels):
            score = row[f"prob_{label or row['y_pred']}"]
            outcome = float(row["y_true"] == (label or row["y_pred"]))
            column = q * 5 + min(int(score * 5), 4)
            sums[:, column] += [row["weight"] * (outcome - score), row["weight"], 1]
    assert len(slow) == len(found.sums)
    for unit, cell, sums in zip(found.unit, found.cell, found.sums, strict=True):
        key = (run.levels["unit"][unit], run.levels["group_accent"][cell[0]], run.levels["group_sex"][cell[1]])
        assert sums.reshape(3, -1) == pytest.approx(slow[key], abs=1e-9)


def test_the_searched_and_the_held_out_value_are_what_a_slow_loop_gives() -> None:
    frame = corpus(3)
    case = case_of(frame, by=BY)
    testimony = EXAMINATION.examine(case)
    listed = testimony.exhibits[0].table().to_pandas()
    assert (listed["searched"].diff().dropna() <= 1e-12).all()
    score = frame[["prob_anger", "prob_joy", "prob_sadness"]].max(axis=1)
    residual = (frame["y_true"] == frame["y_pred"]) - score
    for row in listed.to_dict("records"):
        inside = (score >= row["score_low"]) & ((score < row["score_high"]) | (row["score_high"] == 1.0))
        for feature, level in zip(row["features"].split(" x "), row["subgroup"].split(", "), strict=True):
            inside &= frame[feature] == level
        sign = 1 if row["direction"] == "above" else -1
        n_searched = int(inside.sum()) - row["n"]
        whole = (row["searched"] * n_searched + row["value"] * row["n"]) * sign
        assert whole == pytest.approx(residual[inside].sum(), abs=1e-6)


def test_without_probabilities_or_features_it_refuses_with_a_remedy() -> None:
    frame = corpus(0)
    bare = frame.drop(columns=[c for c in frame if c.startswith("prob_")])
    for case in (case_of(bare, by=BY), case_of(frame, by=())):
        refusal = EXAMINATION.refuses(case)
        assert refusal is not None
        assert refusal.remedy
    rows = case_of(frame.drop(columns="speaker_id"), by=BY, options={"most_rows": 10})
    refusal = EXAMINATION.refuses(rows)
    assert refusal is not None
    assert "speaker_id" in refusal.remedy


def test_rows_that_do_not_sum_to_one_and_empty_ones_never_get_here() -> None:
    frame = corpus(0)
    with pytest.raises(RowError, match="sum to one"):
        case_of(frame.assign(prob_joy=0.9), by=BY)
    frame.loc[3, "prob_joy"] = np.nan
    with pytest.raises(RowError, match="not a probability"):
        case_of(frame, by=BY)


def test_odd_tables_are_answered() -> None:
    frame = corpus(4)
    (claim,) = EXAMINATION.examine(case_of(frame[frame["speaker_id"] == "s1"], by=BY)).claims
    assert claim.finding.verdict is Verdict.INCONCLUSIVE
    assert "min_units" in (claim.finding.because or "")
    found = claims_of(case_of(frame.drop(columns="speaker_id"), by=BY))["multicalibration_violation"].finding
    assert found.estimate.n_clusters is None
    assert found.estimate.interval is not None
    one_level = claims_of(case_of(frame.assign(sex="female"), by=BY))
    assert one_level["multicalibration_violation"].finding.estimate.value is not None
    both = pd.concat(
        [frame.assign(condition="TAV"), frame[frame.index % 2 == 0].assign(condition="A")], ignore_index=True
    )
    findings = [claim.finding for claim in EXAMINATION.examine(case_of(both, by=BY)).claims]
    assert {f.condition for f in findings} == {"TAV", "A"}


def test_subgroups_with_the_rows_but_too_few_units_forbid_a_pass() -> None:
    case = case_of(corpus(5), by=BY, options={"min_units": 60}, statistics=Statistics(n_resamples=200))
    claim = claims_of(case)["multicalibration_violation"]
    assert claim.unassessed
    assert any("too few units" in caveat for caveat in claim.finding.caveats)
