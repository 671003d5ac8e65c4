import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from affidavit.examinations import Testimony
from affidavit.plan import Task
from affidavit.predictions import Reading
from affidavit.testing import ExaminationContract, case_of
from audit.targets.ordinal import EXAMINATION

ORDER = ("none", "mild", "moderate", "severe")


def table(*, worse: float = 0.0, n_speakers: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return grades that are off by a step now and then, for Welsh speakers more often by `worse`."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), 8)
    truth = rng.integers(0, 4, len(speaker))
    off = rng.random(len(speaker)) < 0.3 + worse * (speaker % 3 == 2)
    said = np.clip(truth + off * rng.choice([-1, 1], len(speaker)) * rng.integers(1, 3, len(speaker)), 0, 3)
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(speaker))],
            "speaker_id": [f"s{i}" for i in speaker],
            "condition": "A",
            "accent": np.array(["Irish", "Scottish", "Welsh"])[speaker % 3],
            "age": np.array(["18-39", "40+"])[speaker // 3 % 2],
            "y_true": np.array(ORDER)[truth],
            "y_pred": np.array(ORDER)[said],
        }
    )


def reading(by: tuple[str, ...] = ("accent",), order: tuple[str, ...] | None = ORDER) -> Reading:
    return Reading(run="run", by=by, task=Task.ORDINAL, label_space=order)


def examined(frame: pd.DataFrame, order: tuple[str, ...] | None = ORDER) -> Testimony:
    return EXAMINATION.examine(case_of(frame, by=("accent",), reading=reading(order=order)))


class TestOrdinal(ExaminationContract):
    examination = EXAMINATION

    def make_case(self) -> object:
        by = ("accent", "age")
        return case_of(table(), by=by, reading=reading(by))


@pytest.mark.parametrize("units", [True, False])
def test_kappa_is_that_of_scikit_learn(units: bool) -> None:
    frame = table()
    found = examined(frame if units else frame.drop(columns="speaker_id"))
    rank = {label: i for i, label in enumerate(ORDER)}
    for accent, rows in [(None, frame), *frame.groupby("accent")]:
        mine = {
            c.finding.metric: c.finding.estimate
            for c in found.claims
            if c.finding.groups.get("accent") == accent and not c.finding.compared
        }
        t, p = rows["y_true"].map(rank), rows["y_pred"].map(rank)
        kappa = cohen_kappa_score(rows["y_true"], rows["y_pred"], labels=list(ORDER), weights="quadratic")
        assert mine["quadratic_weighted_kappa"].value == pytest.approx(kappa)
        assert mine["mean_absolute_rank_error"].value == pytest.approx((t - p).abs().mean())
        assert mine["rank_bias"].value == pytest.approx((p - t).mean())
        assert all(e.interval is not None and e.n == len(rows) for e in mine.values())


def test_the_order_is_what_is_declared() -> None:
    numbered = table().replace({label: str(10 * i) for i, label in enumerate(ORDER)})
    plain, by_number = examined(table()), examined(numbered, order=None)
    shuffled = examined(table(), order=("mild", "none", "severe", "moderate"))
    first = [t.claims[0].finding.estimate.value for t in (plain, by_number, shuffled)]
    assert first[0] == first[1] != first[2]


def test_who_is_graded_worse_is_found_and_the_twin_is_silent() -> None:
    tests = {}
    for worse in (0.0, 0.45):
        gaps = {c.finding.metric: c.finding for c in examined(table(worse=worse)).claims if c.finding.compared}
        assert set(gaps) == {
            "quadratic_weighted_kappa_difference",
            "mean_absolute_rank_error_difference",
            "rank_bias_difference",
        }
        error = gaps["mean_absolute_rank_error_difference"]
        kappa = gaps["quadratic_weighted_kappa_difference"]
        tests[worse] = (error.test, kappa.test)
        if worse:
            assert (error.highest, kappa.lowest) == ("Welsh", "Welsh")
    assert all(test is not None and test.p_value > 0.05 for test in tests[0.0])
    assert all(test is not None and test.p_value < 0.02 for test in tests[0.45])


def test_one_reference_label_leaves_kappa_undefined_and_errors_known() -> None:
    frame = table()
    welsh = frame["accent"] == "Welsh"
    found = examined(frame.assign(y_true=frame["y_true"].where(~welsh, "mild"))).claims
    kappa, error = (
        next(c.finding for c in found if c.finding.metric == metric and c.finding.groups == {"accent": "Welsh"})
        for metric in ("quadratic_weighted_kappa", "mean_absolute_rank_error")
    )
    assert (kappa.estimate.value, kappa.verdict) == (None, "inconclusive")
    assert "all references are one label, and kappa divides by how much they differ" in kappa.caveats
    assert error.estimate.value is not None
    gap = next(c for c in found if c.finding.metric == "quadratic_weighted_kappa_difference")
    assert gap.unassessed == ("Welsh",)


def test_without_references_it_is_refused() -> None:
    case = case_of(table().drop(columns="y_true"), by=("accent",), reading=reading())
    refusal = EXAMINATION.refuses(case)
    assert refusal is not None
    assert "y_true" in refusal.remedy


@pytest.mark.parametrize("n_speakers", [1, 4])
def test_few_units_give_reasons(n_speakers: int) -> None:
    found = examined(table(n_speakers=n_speakers)).claims
    assert all(c.finding.estimate.why_no_interval for c in found if c.finding.compared)
