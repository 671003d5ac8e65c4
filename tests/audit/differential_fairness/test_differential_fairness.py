from itertools import combinations
from math import log

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.examinations import Claim
from affidavit.plan import Feature, Statistics
from affidavit.predictions import Reading
from affidavit.records import Verdict
from affidavit.testing import ExaminationContract, predictions_frame
from affidavit.testing.tables import case_of
from audit.differential_fairness.epsilon import Posterior, effective_rows, epsilon, log_rates
from audit.differential_fairness.examination import EXAMINATION

BY = ("accent", "age")


def claims_of(case: Case, condition: str = "TAV") -> dict[tuple[str, tuple[str, ...]], Claim]:
    assert EXAMINATION.refuses(case) is None
    return {
        (c.finding.metric, c.finding.compared or ()): c
        for c in EXAMINATION.examine(case).claims
        if c.finding.condition == condition
    }


def corpus(seed: int, *, n: int = 160, per: int = 12, rates: tuple[tuple[float, ...], ...]) -> pd.DataFrame:
    """Return speakers of one group each whose answers are drawn around the group's rates (Dirichlet, ICC 0.05)."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) % len(rates)
    own = np.array([rng.dirichlet(19 * np.array(rates[g])) for g in group])
    speaker = np.repeat(np.arange(n), per)
    said = (own[speaker].cumsum(axis=1) > rng.random((len(speaker), 1))).argmax(axis=1)
    labels = np.array(["anger", "joy", "sadness"])
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(len(speaker))],
            "speaker_id": [f"s{i}" for i in speaker],
            "condition": "TAV",
            "accent": [f"g{g}" for g in group[speaker]],
            "y_true": labels[rng.integers(0, 3, len(speaker))],
            "y_pred": labels[said],
        }
    )


class TestDifferentialFairness(ExaminationContract):
    examination = EXAMINATION


def test_epsilon_equals_a_slow_double_loop() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(weight=lambda f: 0.5 + f.index % 2)
    found = claims_of(case_of(frame, by=BY, options={"alpha": 0.5}))
    for metric, column in (("", "y_pred"), ("_labels", "y_true")):
        for family in (("accent",), ("age",), BY):
            claim = found[f"differential_fairness_epsilon{metric}", family]
            groups = [part for _, part in frame.groupby(list(family))]
            greatest = 0.0
            for label in ("anger", "joy", "sadness"):
                for s, t in combinations(groups, 2):
                    logs = [
                        log((part.loc[part[column] == label, "weight"].sum() + 0.5) / (part["weight"].sum() + 1.5))
                        for part in (s, t)
                    ]
                    greatest = max(greatest, abs(logs[0] - logs[1]))
            assert claim.finding.estimate.value == pytest.approx(greatest)
    amplified = found["differential_fairness_amplification", BY].finding.estimate.value
    parts = [found[f"differential_fairness_epsilon{m}", BY].finding.estimate.value for m in ("", "_labels")]
    assert amplified == pytest.approx((parts[0] or 0) - (parts[1] or 0))


def test_epsilon_of_an_intersection_bounds_that_of_its_features() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        weight = rng.dirichlet(np.ones(6)).reshape(3, 2)
        rates = rng.dirichlet(np.ones(4), size=(3, 2))
        whole = float(epsilon(np.log(rates.reshape(6, 4))))
        for axis in (0, 1):
            marginal = (weight[..., None] * rates).sum(axis=axis) / weight.sum(axis=axis)[:, None]
            assert float(epsilon(np.log(marginal))) <= whole + 1e-12


def test_with_one_row_a_unit_the_posterior_is_the_dirichlet_distribution() -> None:
    rng = np.random.default_rng(1)
    counts, alpha, n = np.array([6, 0, 3]), 1.0, 40_000
    units = rng.standard_gamma(np.maximum(counts, 1e-12), size=(n, 3)) + rng.standard_gamma(alpha, size=(n, 3))
    expected = rng.dirichlet(counts + alpha, size=n)
    assert np.exp(log_rates(units, 0.0)).mean(axis=0) == pytest.approx(expected.mean(axis=0), abs=0.01)
    rows = predictions_frame(conditions=("TAV",)).drop(columns="speaker_id")
    case = case_of(rows, by=BY)
    grouped = case.book.matrices("run", "TAV", ("accent",))
    assert effective_rows(grouped, grouped.sums.reshape(-1, 3, 3).sum(axis=1)) == pytest.approx(1.0)


def test_units_that_agree_with_themselves_count_as_one_observation_each() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame["y_pred"] = frame.groupby("speaker_id")["y_pred"].transform("first")
    grouped = case_of(frame, by=BY).book.matrices("run", "TAV", ("accent",))
    effect = effective_rows(grouped, grouped.sums.reshape(-1, 3, 3).sum(axis=1))
    assert effect == pytest.approx(10.0, rel=0.1)


def test_bounds_hold_all_pairs_together_and_widen_with_the_level() -> None:
    logs = np.log(np.random.default_rng(2).dirichlet(np.full(3, 30.0), size=(4000, 5)))
    posterior = Posterior(logs=logs, n_units=1_000_000)
    inside = np.ones(4000, dtype=bool)
    critical = posterior.critical(0.95)
    for i, j in combinations(range(5), 2):
        difference = logs[:, i] - logs[:, j]
        inside &= (np.abs(difference - difference.mean(axis=0)) <= critical * difference.std(axis=0)).all(axis=1)
    assert inside.mean() == pytest.approx(0.95, abs=0.002)
    narrow, wide = posterior.interval(0.9), posterior.interval(0.9999)
    assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_a_planted_factor_is_found_and_its_equal_twin_stays_within_chance() -> None:
    unequal = ((0.5, 0.25, 0.25), (0.2, 0.4, 0.4))
    found = claims_of(case_of(corpus(0, rates=unequal), by=("accent",)))
    finding = found["differential_fairness_epsilon", ("accent",)].finding
    assert finding.estimate.interval is not None
    assert finding.null_expectation is not None
    assert (finding.label, finding.lowest, finding.highest) == ("anger", "g1", "g0")
    assert finding.estimate.interval.low > finding.null_expectation.high
    assert finding.estimate.interval.low <= log(2.5) <= finding.estimate.interval.high
    equal = claims_of(case_of(corpus(0, rates=(unequal[0], unequal[0])), by=("accent",)))
    finding = equal["differential_fairness_epsilon", ("accent",)].finding
    assert finding.null_expectation is not None
    assert (finding.estimate.value or 0) < 2 * finding.null_expectation.high
    amplified = found["differential_fairness_amplification", ("accent",)].finding.estimate
    assert amplified.interval is not None
    assert amplified.interval.low <= log(2.5) <= amplified.interval.high


@pytest.mark.slow
@pytest.mark.parametrize(
    "rates", [((0.4, 0.3, 0.3),) * 4, ((0.5, 0.3, 0.2), (0.4, 0.3, 0.3), (0.35, 0.35, 0.3), (0.3, 0.3, 0.4))]
)
def test_bounds_cover_the_true_epsilon(rates: tuple[tuple[float, ...], ...]) -> None:
    truth, covered, amplified, corpora = float(epsilon(np.log(np.array(rates)))), 0, 0, 200
    statistics = Statistics(n_resamples=400, n_permutations=99)
    for seed in range(corpora):
        found = claims_of(case_of(corpus(seed, rates=rates), by=("accent",), statistics=statistics))
        interval = found["differential_fairness_epsilon", ("accent",)].finding.estimate.interval
        gain = found["differential_fairness_amplification", ("accent",)].finding.estimate.interval
        assert interval is not None
        assert gain is not None
        covered += interval.low <= truth <= interval.high
        amplified += gain.low <= truth <= gain.high
    assert covered / corpora >= 0.95 - 2 * (0.05 * 0.95 / corpora) ** 0.5
    assert amplified / corpora >= 0.95 - 2 * (0.05 * 0.95 / corpora) ** 0.5


def test_small_groups_enter_no_maximum_and_are_named() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame.loc[frame["speaker_id"].isin(["s0", "s3"]), "accent"] = "Manx"
    claim = claims_of(case_of(frame, by=BY))["differential_fairness_epsilon", ("accent",)]
    assert claim.unassessed == ("Manx",)
    assert "too small to be compared: Manx" in claim.finding.caveats
    assert "Manx" not in {claim.finding.lowest, claim.finding.highest}
    few = frame[frame["accent"].isin(["Manx", "Welsh"])]
    alone = claims_of(case_of(few, by=BY))["differential_fairness_epsilon", ("accent",)]
    assert alone.finding.verdict is Verdict.INCONCLUSIVE
    assert alone.finding.estimate.value is None


def test_a_label_that_nobody_gets_in_one_group_has_a_finite_honest_interval() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame.loc[(frame["accent"] == "Welsh") & (frame["y_pred"] == "joy"), "y_pred"] = "anger"
    finding = claims_of(case_of(frame, by=BY))["differential_fairness_epsilon", ("accent",)].finding
    assert (finding.label, finding.lowest) == ("joy", "Welsh")
    assert "the smallest count: 0 of joy in Welsh" in finding.caveats
    interval = finding.estimate.interval
    assert interval is not None
    assert interval.high - interval.low > 2


def test_odd_tables_are_answered() -> None:
    frame = predictions_frame()
    refusal = EXAMINATION.refuses(case_of(frame, by=()))
    assert refusal is not None
    assert refusal.remedy
    unlabelled = claims_of(case_of(frame.drop(columns="y_true"), by=BY))
    assert {metric for metric, _ in unlabelled} == {"differential_fairness_epsilon"}
    rows = claims_of(case_of(frame.drop(columns="speaker_id"), by=BY))
    assert rows["differential_fairness_epsilon", BY].finding.estimate.n_clusters is None
    one_level = claims_of(case_of(frame.assign(accent="Welsh"), by=BY))
    assert one_level["differential_fairness_epsilon", ("accent",)].finding.verdict is Verdict.INCONCLUSIVE
    some = frame[(frame["condition"] == "TAV") | (frame["accent"] != "Welsh")]
    silent = claims_of(case_of(some, by=BY), condition="A")["differential_fairness_epsilon", ("accent",)]
    assert silent.unassessed == ("Welsh",)
    (claim, *_) = EXAMINATION.examine(case_of(frame[frame["speaker_id"] == "s0"], by=BY)).claims
    assert claim.finding.verdict is Verdict.INCONCLUSIVE


def test_a_feature_of_the_utterance_has_its_chance_around_equality() -> None:
    frame = predictions_frame(conditions=("TAV",)).assign(noise=lambda f: np.where(f.index % 2, "loud", "quiet"))
    by = ("accent", "noise")
    reading = Reading(run="run", by=by, features={"noise": Feature(level="utterance")})
    found = claims_of(case_of(frame, by=by, reading=reading))
    methods = {
        family: (c.finding.null_expectation.method if c.finding.null_expectation else "")
        for (metric, family), c in found.items()
        if metric == "differential_fairness_epsilon"
    }
    assert "permutations" in methods[("accent",)]
    assert "around equality" in methods[("noise",)]


def test_the_exhibit_has_every_family_side_and_class() -> None:
    table = EXAMINATION.examine(case_of(predictions_frame(), by=BY)).exhibits[0].table().to_pandas()
    assert len(table) == 2 * 3 * 2 * 3
    assert (table["low"] <= table["epsilon"]).all()
    assert (table["epsilon"] <= table["high"]).all()
