"""Deviations as sums over groups: equal to what they take apart, and not surer than the groups themselves are."""

import numpy as np
import pandas as pd
import pytest

from affidavit.comparisons import compare
from affidavit.confusion import Statistic, recall, selection_rate, unweighted_average_recall
from affidavit.evidence import Evidence
from affidavit.grouped_sums import GroupedSums
from affidavit.plan import Statistics
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.testing import case_of, predictions_frame
from audit.deviation.deviations import Deviations
from audit.deviation.from_everybody import EXAMINATION
from audit.deviation.group_terms import terms_of


def evidence_of(frame: pd.DataFrame) -> Evidence:
    return case_of(frame, ("accent",)).book.evidence("run", "TAV", ("accent",))


def unbalanced() -> pd.DataFrame:
    """Groups of unlike sizes that hold unlike shares of each label."""
    frame = predictions_frame(n_speakers=90, conditions=("TAV",), seed=6)
    rare = (frame["accent"] == "Welsh") & (frame["y_true"] == "joy") & (np.arange(len(frame)) % 4 > 0)
    small = (frame["accent"] == "Irish") & frame["speaker_id"].isin([f"s{i}" for i in range(0, 60, 3)])
    return frame[~(rare | small)]


@pytest.mark.parametrize("statistic", [unweighted_average_recall(), recall(1, 3), selection_rate(0, 3)])
def test_the_terms_add_up_to_the_deviations(statistic: Statistic) -> None:
    comparison = compare(evidence_of(unbalanced()), statistic)
    terms = terms_of(comparison)
    assert terms is not None
    rest = terms.rest_weight * terms.rest.values
    summed = terms.own_weight * terms.own.values - (rest.sum() - rest)
    np.testing.assert_allclose(summed, Deviations(comparison=comparison).values, atol=1e-12)


def test_bounds_agree_with_the_jackknife_where_nothing_is_skewed() -> None:
    part = Deviations(comparison=compare(evidence_of(unbalanced()), unweighted_average_recall()))
    error, _ = part._jackknife()
    low, high = part.bounds(0.05)
    np.testing.assert_allclose((high - low) / 2, 2.02 * error, rtol=0.12)
    assert part.method == "MOVER"


def one_group_right(n_speakers: int) -> pd.DataFrame:
    frame = predictions_frame(conditions=("TAV",))
    kept = [f"s{3 * i + 2}" for i in range(n_speakers)]
    frame = frame[(frame["accent"] != "Welsh") | frame["speaker_id"].isin(kept)]
    return frame.assign(y_pred=frame["y_pred"].mask(frame["accent"] == "Welsh", frame["y_true"]))


def test_a_group_that_is_always_right_is_not_taken_for_certain() -> None:
    """Six speakers who were always understood may have a rate of 0.45: that they deviate is not known."""
    part = Deviations(comparison=compare(evidence_of(one_group_right(6)), unweighted_average_recall()))
    low, _ = part.bounds(0.05 / 3)
    assert part.values[2] == pytest.approx(0.25, abs=0.01)
    assert low[2] < 0


def test_groups_that_share_units_are_not_certain_either() -> None:
    from affidavit.plan import Feature
    from affidavit.predictions import Reading

    frame = predictions_frame(conditions=("TAV",), n_speakers=8)
    frame["noise"] = np.where(np.arange(len(frame)) % 2, "loud", "quiet")
    frame["y_pred"] = frame["y_pred"].mask(frame["noise"] == "quiet", frame["y_true"])
    reading = Reading(run="run", by=("noise",), features={"noise": Feature(level="utterance")})
    evidence = case_of(frame, ("noise",), reading=reading).book.evidence("run", "TAV", ("noise",))
    part = Deviations(comparison=compare(evidence, unweighted_average_recall()))
    assert part.method == "t"
    quiet = part.comparison.errors[1]
    error, _ = part._jackknife()
    assert (error > quiet / 2).all(), "half of the doubt about the group that is always right is in each deviation"


def test_a_perfect_model_has_an_interval() -> None:
    frame = predictions_frame(conditions=("TAV",))
    claims = EXAMINATION.examine(case_of(frame.assign(y_pred=frame["y_true"]), ("accent",))).claims
    for claim in claims:
        assert claim.finding.estimate.interval is not None
        assert claim.finding.estimate.interval.low == 0
        assert claim.finding.estimate.interval.high > 0.05


def test_the_exhibit_names_the_method_that_was_taken() -> None:
    testimony = EXAMINATION.examine(case_of(predictions_frame(conditions=("TAV",)), ("accent",)))
    claim = next(c for c in testimony.claims if c.finding.metric == "unweighted_average_recall_deviation")
    rows = testimony.exhibits[0].table().to_pandas().query("`class` == 'every label'")
    assert claim.finding.estimate.interval is not None
    assert set(rows["method"]) == {claim.finding.estimate.interval.method.removeprefix("simultaneous ")}


def test_equals_of_unlike_sizes_are_rarely_said_to_deviate() -> None:
    """Eight units beside 60, rate 0.95, intraclass correlation 0.4: by the jackknife's t 17 % of the time."""
    rng, n, apart = np.random.default_rng(1), 500, 0
    group = np.repeat([0, 1], [8, 60])
    for seed in range(n):
        true = rng.multinomial(20, [0.5, 0.5], len(group))
        hits = rng.binomial(true, rng.beta(0.95 * 1.5, 0.05 * 1.5, len(group))[:, None])
        grouped = GroupedSums(
            sums=np.concatenate([hits, true, hits + (true - hits)[:, ::-1]], axis=1).astype(float),
            n_rows=np.full(len(group), 20),
            unit=np.arange(len(group)),
            group=group,
            n_units=len(group),
            groups=({"accent": "a"}, {"accent": "b"}),
        )
        resampler = UnitResampler(n_units=len(group), n_resamples=100, seed=seed)
        options = Statistics(n_resamples=100, n_permutations=99)
        evidence = Evidence(grouped=grouped, options=options, resampler=resampler, seed=seed)
        part = Deviations(comparison=compare(evidence, unweighted_average_recall()))
        if part.largest > 0:
            low, high = part.bounds(0.05 / 2)
            apart += bool(((low > 0) | (high < 0)).any())
    assert apart / n <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n)
