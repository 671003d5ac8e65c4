from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.records import Finding, Verdict
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from audit.conditions.robustness import EXAMINATION, bases, dose

NOISY = ("TAV", "TAV/noise=10dB", "TAV/noise=-5.5dB", "A/codec", "A")


def found(case: Case) -> dict[str, Finding]:
    assert EXAMINATION.refuses(case) is None
    findings = [claim.finding for claim in EXAMINATION.examine(case).claims]
    assert {f.metric for f in findings} <= EXAMINATION.metrics
    assert len({f.id for f in findings}) == len(findings)
    return {f.id.removeprefix("run/"): f for f in findings}


def losses(frame: pd.DataFrame, base: str, degraded: str) -> pd.Series:
    """By utterance: what was right under the base less what is right under the operator."""
    right = frame.assign(right=(frame["y_true"] == frame["y_pred"]).astype(float))
    index = ["utterance_id", "speaker_id", "accent"]
    wide = right[right["condition"].isin([base, degraded])].pivot_table(
        index=index, columns="condition", values="right"
    )
    wide = wide.dropna()
    return wide[base] - wide[degraded]


def test_equals_paired_differences_by_hand() -> None:
    frame = predictions_frame(conditions=NOISY)
    frame = frame.drop(index=frame.index[frame["condition"] == "A/codec"][:9])
    findings = found(case_of(frame))
    for degraded, base in (("TAV/noise=10dB", "TAV"), ("TAV/noise=-5.5dB", "TAV"), ("A/codec", "A")):
        lost = losses(frame, base, degraded)
        place = f"{degraded}/robustness"
        assert findings[f"{place}/accuracy_loss"].estimate.value == pytest.approx(lost.mean())
        assert f"compared with {base}" in findings[f"{place}/accuracy_loss"].caveats
        by_accent = lost.groupby("accent").mean()
        for accent, value in by_accent.items():
            assert findings[f"{place}/accuracy_loss/accent={accent}"].estimate.value == pytest.approx(value)
        gap = findings[f"{place}/accuracy_loss_difference/between accent"]
        assert gap.estimate.value == pytest.approx(by_accent.max() - by_accent.min())
        assert gap.test is not None
    codec = findings["A/codec/robustness/accuracy_loss"]
    assert (codec.estimate.n, "9 of 480 utterances were not judged under each of A, A/codec" in codec.caveats) == (
        471,
        True,
    )


def test_the_widening_is_a_difference_in_differences_of_the_pair_that_was_furthest_apart() -> None:
    frame = predictions_frame(conditions=("TAV", "TAV/noise=10dB"))
    widening = found(case_of(frame))["TAV/noise=10dB/robustness/accuracy_difference_widening/between accent"]
    right = (frame["y_true"] == frame["y_pred"]).groupby([frame["condition"], frame["accent"]]).mean()
    assert (widening.highest, widening.lowest) == (right["TAV"].idxmax(), right["TAV"].idxmin())
    gaps = {c: right[c, widening.highest] - right[c, widening.lowest] for c in ("TAV", "TAV/noise=10dB")}
    assert widening.estimate.value == pytest.approx(gaps["TAV/noise=10dB"] - gaps["TAV"])
    assert widening.null_expectation is not None
    assert widening.null_expectation.value < 0, "a gap that was picked narrows by chance alone"


def test_an_operator_that_hits_one_group_is_found_by_its_sign() -> None:
    frame = predictions_frame(conditions=("TAV", "TAV/noise=10dB"), n_speakers=90, per_speaker=20)
    rng = np.random.default_rng(0)
    welsh = (frame["accent"] == "Welsh") & (frame["condition"] == "TAV/noise=10dB")
    hit = welsh & (rng.random(len(frame)) < 0.5)
    frame.loc[hit, "y_pred"] = np.where(frame.loc[hit, "y_true"] == "joy", "anger", "joy")
    findings = found(case_of(frame))
    gap = findings["TAV/noise=10dB/robustness/accuracy_loss_difference/between accent"]
    assert gap.highest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.2
    assert gap.test is not None
    assert gap.test.p_value < 0.05
    age = findings["TAV/noise=10dB/robustness/accuracy_difference_widening/between age"]
    assert age.estimate.interval is not None
    assert age.estimate.interval.low < 0 < age.estimate.interval.high


def test_an_operator_that_changes_no_answer_loses_nothing_and_says_how_sure_that_is() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame = pd.concat([frame, frame.assign(condition="TAV/noise=60dB")])
    findings = found(case_of(frame))
    lost = findings["TAV/noise=60dB/robustness/accuracy_loss"].estimate
    assert lost.value == 0
    assert lost.interval is not None
    assert lost.interval.high == pytest.approx(1 - 0.025 ** (1 / 48))
    widening = findings["TAV/noise=60dB/robustness/accuracy_difference_widening/between accent"]
    assert widening.estimate.interval is not None
    assert widening.estimate.interval.low < 0 < widening.estimate.interval.high
    gap = findings["TAV/noise=60dB/robustness/accuracy_loss_difference/between accent"]
    assert gap.verdict is Verdict.INCONCLUSIVE


def test_the_exhibit_is_a_dose_response() -> None:
    (exhibit,) = EXAMINATION.examine(case_of(predictions_frame(conditions=NOISY))).exhibits
    rows = pd.DataFrame(exhibit.table().to_pydict())
    doses = rows.groupby("condition")["dose"].first().to_dict()
    assert doses["TAV/noise=10dB"] == 10
    assert doses["TAV/noise=-5.5dB"] == -5.5
    assert doses["A/codec"] is None or np.isnan(doses["A/codec"])
    wide = rows[rows["features"] == "accent"].pivot_table(
        index=["condition", "group"], columns="metric", values="value"
    )
    lost = (wide["accuracy_clean"] - wide["accuracy_degraded"]).to_numpy()
    assert lost == pytest.approx(wide["accuracy_loss"].to_numpy())


@pytest.mark.parametrize(
    ("level", "number"),
    [("10dB", 10), ("-5.5dB", -5.5), ("0.3", 0.3), ("30%", 0.3), ("mp3", None), ("8k-mp3", None), (None, None)],
)
def test_a_dose_is_the_number_that_a_level_is_and_none_in_a_name(level: str | None, number: float | None) -> None:
    assert dose(level) == number


def test_where_groups_are_equal_without_the_operator_two_different_ones_are_named() -> None:
    frame = predictions_frame(conditions=("TAV", "TAV/noise=10dB"))
    frame.loc[frame["condition"] == "TAV", "y_pred"] = frame["y_true"]
    widening = found(case_of(frame))["TAV/noise=10dB/robustness/accuracy_difference_widening/between accent"]
    lost = losses(frame, "TAV", "TAV/noise=10dB").groupby("accent").mean()
    assert widening.highest != widening.lowest
    assert widening.estimate.value == pytest.approx(lost[str(widening.lowest)] - lost[str(widening.highest)])
    assert widening.estimate.interval is not None
    assert widening.estimate.interval.low <= widening.estimate.value <= widening.estimate.interval.high
    assert any("stand for any pair" in caveat for caveat in widening.caveats)


def test_what_is_clean_or_has_no_base_is_refused_with_a_remedy() -> None:
    for conditions, because in (
        (("TAV", "A"), "no condition has an operator"),
        (("TAV", "A/noise=10dB"), "A/noise=10dB stand without the same modalities undegraded"),
    ):
        refusal = EXAMINATION.refuses(case_of(predictions_frame(conditions=conditions)))
        assert refusal is not None
        assert refusal.because == because
        assert "TAV/noise=10dB" in refusal.remedy
    case = case_of(predictions_frame(conditions=NOISY), options={"most_rows": 2399})
    refusal = EXAMINATION.refuses(case)
    assert refusal is not None
    assert "2,400 rows" in refusal.because
    with pytest.raises(PlanError, match="do not validate"):
        EXAMINATION.refuses(case_of(predictions_frame(conditions=NOISY), options={"rows": 1}))
    assert bases(("as-supplied", "T/paraphrase", "T")) == {"T/paraphrase": "T"}


def test_groups_that_cannot_be_compared_are_rows_with_reasons() -> None:
    frame = predictions_frame(conditions=("TAV", "TAV/noise=10dB"))
    frame.loc[frame["speaker_id"] == "s0", "accent"] = "Manx"
    frame = frame[~((frame["accent"] == "Welsh") & (frame["condition"] == "TAV/noise=10dB"))]
    case = case_of(frame, by=("accent",))
    findings = found(case)
    place = "TAV/noise=10dB/robustness"
    for accent, because in (
        ("Manx", "one unit alone says nothing of how units differ"),
        ("Welsh", "undefined: no rows that the metric could be computed on"),
    ):
        row = findings[f"{place}/accuracy_loss/accent={accent}"]
        assert (row.verdict, row.because) == (Verdict.INCONCLUSIVE, because)
    for claim in EXAMINATION.examine(case).claims:
        if claim.finding.compared:
            assert set(claim.unassessed) == {"Manx", "Welsh"}
    alone = found(case_of(predictions_frame(conditions=NOISY).assign(accent="Irish"), by=("accent",)))
    widening = alone[f"{place}/accuracy_difference_widening/between accent"]
    assert (widening.verdict, widening.because) == (Verdict.INCONCLUSIVE, "fewer than two groups can be compared")


@pytest.mark.parametrize("units", [True, False])
def test_weights_weigh_pairs_and_units_may_be_rows(units: bool) -> None:
    frame = predictions_frame(conditions=("TAV", "TAV/noise=10dB"))
    frame["weight"] = np.arange(len(frame)) % 480 % 5 + 0.25
    weight = frame[frame["condition"] == "TAV"].set_index("utterance_id")["weight"]
    lost = losses(frame, "TAV", "TAV/noise=10dB").reset_index().set_index("utterance_id")[0]
    expected = (lost * weight).sum() / weight.sum()
    case = case_of(frame if units else frame.drop(columns="speaker_id"))
    estimate = found(case)["TAV/noise=10dB/robustness/accuracy_loss"].estimate
    assert estimate.value == pytest.approx(expected)
    assert estimate.interval is not None
    assert (estimate.n_clusters is None) == (not units)


def test_bounds_of_the_widening_cover_whichever_pair_was_picked() -> None:
    """Simulated from the definition: three groups, an operator that costs all of them the same."""
    held, n = 0, 60
    for seed in range(n):
        frame = predictions_frame(conditions=("TAV", "TAV/noise=10dB"), n_speakers=36, per_speaker=5, seed=seed)
        case = case_of(frame, by=("accent",))
        widening = found(case)["TAV/noise=10dB/robustness/accuracy_difference_widening/between accent"]
        assert widening.estimate.interval is not None
        held += widening.estimate.interval.low <= 0 <= widening.estimate.interval.high
    assert held / n >= 0.95 - 3 * (0.95 * 0.05 / n) ** 0.5


def test_what_decides_is_the_interval_that_is_printed() -> None:
    for claim in EXAMINATION.examine(case_of(predictions_frame(conditions=NOISY))).claims:
        assert claim.interval_at is not None
        found = claim.interval_at(0.95)
        expected = claim.finding.estimate.interval
        assert found == expected or (isinstance(found, str) and expected is None), claim.finding.id


class TestContract(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> Any:
        return case_of(predictions_frame(conditions=("TAV", "TAV/noise=10dB")))
