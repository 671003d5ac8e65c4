"""Whole distributions compared: equal to a slow twin over pairs and sets, found where planted, silent where not."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from affidavit.evidence import Evidence
from affidavit.grouped_sums import GroupedSums
from affidavit.plan import Statistics
from affidavit.records import Finding
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.testing import case_of, predictions_frame
from audit.rates.demographic_parity import EXAMINATION as PARITY
from audit.rates.equalized_odds import EXAMINATION as ODDS
from audit.rates.total_variation import Distributions, label_sets

FAST = Statistics(n_resamples=200, n_permutations=199)
TV = "demographic_parity_total_variation"
STRICT = "equalized_odds_strict"


def found(frame: pd.DataFrame, metric: str, by: tuple[str, ...] = ("accent",)) -> Finding:
    examination = PARITY if metric == TV else ODDS
    claims = examination.examine(case_of(frame, by, statistics=FAST)).claims
    return next(claim.finding for claim in claims if claim.finding.metric == metric)


def slow_distance(frame: pd.DataFrame, labels: list[str]) -> float:
    shares = [[(g["y_pred"] == k).mean() for k in labels] for _, g in frame.groupby("accent")]
    return max(sum(abs(p - q) for p, q in zip(a, b, strict=True)) / 2 for a, b in combinations(shares, 2))


def test_equals_a_slow_twin() -> None:
    frame = predictions_frame(conditions=("TAV",))
    labels = sorted(frame["y_pred"].unique())
    assert found(frame, TV).estimate.value == pytest.approx(slow_distance(frame, labels), abs=1e-11)
    rows = [slow_distance(frame[frame["y_true"] == truth], labels) for truth in labels]
    strict = found(frame, STRICT)
    assert strict.estimate.value == pytest.approx(max(rows), abs=1e-11)
    assert strict.label == labels[int(np.argmax(rows))]


@pytest.mark.parametrize("n_labels", [2, 3, 5, 7])
def test_the_widest_set_is_the_total_variation(n_labels: int) -> None:
    rng = np.random.default_rng(n_labels)
    p, q = rng.dirichlet(np.ones(n_labels), 2)
    assert np.abs(label_sets(n_labels) @ (p - q)).max() == pytest.approx(np.abs(p - q).sum() / 2)


def test_sets_and_pairs_say_the_same_of_many_groups() -> None:
    """Forty groups take the way over sets of labels; the twin takes pairs."""
    frame = predictions_frame(conditions=("TAV",), n_speakers=240)
    frame["accent"] = [f"a{int(name[1:]) % 40}" for name in frame["speaker_id"]]
    labels = sorted(frame["y_pred"].unique())
    assert found(frame, TV).estimate.value == pytest.approx(slow_distance(frame, labels), abs=1e-11)


def test_where_all_are_the_same_no_pair_is_the_widest() -> None:
    assert found(predictions_frame(conditions=("TAV",)).assign(y_pred="joy"), TV).caveats == ()


def test_without_labels_too() -> None:
    frame = predictions_frame(conditions=("TAV",)).drop(columns="y_true")
    assert found(frame, TV).estimate.value == pytest.approx(
        slow_distance(frame, ["anger", "joy", "sadness"]), abs=1e-11
    )


def test_interval_and_chance_stand_beside_it() -> None:
    finding = found(predictions_frame(conditions=("TAV",)), STRICT)
    assert finding.estimate.interval is not None
    assert finding.estimate.value is not None
    assert finding.estimate.interval.low <= finding.estimate.value <= finding.estimate.interval.high
    assert finding.null_expectation is not None
    assert finding.null_expectation.value > 0
    assert finding.test is not None
    assert finding.test.p_value > 0.05


def test_a_swapped_error_is_found_though_accuracy_is_the_same() -> None:
    """Welsh anger is taken for joy and never for sadness: recalls and accuracy stay, the strict form finds it."""
    frame = predictions_frame(conditions=("TAV",), n_speakers=90)
    wrong = (frame["accent"] == "Welsh") & (frame["y_true"] != frame["y_pred"])
    frame.loc[wrong & (frame["y_true"] == "anger"), "y_pred"] = "joy"
    frame.loc[wrong & (frame["y_true"] == "joy"), "y_pred"] = "sadness"
    frame.loc[wrong & (frame["y_true"] == "sadness"), "y_pred"] = "anger"
    planted = found(frame, STRICT)
    assert planted.test is not None
    assert planted.test.p_value < 0.05
    assert "Welsh" in planted.caveats[0]


def test_a_group_without_a_class_is_named() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame = frame[
        ~((frame["accent"] == "Irish") & (frame["y_true"] == "joy") & ~frame["speaker_id"].isin(["s0", "s3"]))
    ]
    claims = ODDS.examine(case_of(frame, ("accent",), statistics=FAST)).claims
    assert next(c for c in claims if c.finding.metric == STRICT).unassessed == ("Irish (joy)",)


def test_a_feature_of_the_utterance_shares_units_and_is_boxed() -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame["noise"] = np.where(np.arange(len(frame)) % 2 == 0, "quiet", "loud")
    from affidavit.plan import Feature
    from affidavit.predictions import Reading

    reading = Reading(run="run", by=("noise",), features={"noise": Feature(level="utterance")})
    claims = PARITY.examine(case_of(frame, ("noise",), statistics=FAST, reading=reading)).claims
    finding = next(c.finding for c in claims if c.finding.metric == TV)
    assert finding.estimate.interval is not None
    assert finding.estimate.interval.method == "simultaneous pairwise boxes over sets of labels"
    assert finding.null_expectation is None
    assert finding.test is not None
    assert finding.test.method == "pairwise bounds"


@pytest.mark.parametrize("frame", [predictions_frame(conditions=("TAV",)).assign(accent="Irish")])
def test_one_group(frame: pd.DataFrame) -> None:
    for metric in (TV, STRICT):
        finding = found(frame, metric)
        assert finding.estimate.value is None
        assert finding.verdict == "inconclusive"


def test_more_labels_than_can_be_bounded_have_a_value_and_a_reason() -> None:
    rng = np.random.default_rng(0)
    frame = predictions_frame(conditions=("TAV",))
    names = np.array([f"e{i}" for i in range(9)])
    frame["y_true"], frame["y_pred"] = names[rng.integers(0, 9, len(frame))], names[rng.integers(0, 9, len(frame))]
    finding = found(frame, TV)
    assert finding.estimate.value is not None
    assert finding.estimate.why_no_interval is not None
    assert "sets of labels" in finding.estimate.why_no_interval
    assert finding.test is not None


@pytest.mark.slow  # 300 tables
def test_the_interval_covers_and_equality_is_rarely_rejected() -> None:
    rng = np.random.default_rng(2)
    shares = np.array([[0.5, 0.3, 0.2], [0.35, 0.3, 0.35], [0.5, 0.3, 0.2]])
    covered, rejected = 0, 0
    for _ in range(300):
        unit = np.repeat(np.arange(45), 10)
        for equal in (False, True):
            mine = (
                rng.dirichlet(6 * shares[0], 45)
                if equal
                else np.stack([rng.dirichlet(6 * shares[u % 3]) for u in range(45)])
            )
            answer = (rng.random((len(unit), 1)) > np.cumsum(mine[unit], 1)).sum(1)
            frame = pd.DataFrame(
                {
                    "utterance_id": [f"u{i}" for i in range(len(unit))],
                    "speaker_id": [f"s{u}" for u in unit],
                    "accent": [f"a{u % 3}" for u in unit],
                    "y_pred": np.array(["anger", "joy", "sadness"])[np.minimum(answer, 2)],
                }
            )
            finding = found(frame, TV)
            interval, test = finding.estimate.interval, finding.test
            assert interval is not None
            assert test is not None
            if equal:
                rejected += test.p_value <= 0.05
            else:
                covered += interval.low <= 0.15 <= interval.high
    assert covered / 300 >= 0.93 - 2 * np.sqrt(0.05 * 0.95 / 300)
    assert rejected / 300 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


def test_equals_whose_units_are_mostly_of_one_mind_are_rarely_called_apart() -> None:
    """Most units give one label and a few another: on the plain logit scale 7.5 % were called apart."""
    rng, n, apart = np.random.default_rng(1), 600, 0
    share, icc = np.array([0.9, 0.05, 0.05]), 0.4
    for seed in range(n):
        clips = rng.integers(15, 26, 80)
        own = np.maximum(rng.dirichlet(share * (1 - icc) / icc, 80), 1e-12)
        counts = rng.multinomial(clips, own / own.sum(1, keepdims=True)).astype(float)
        grouped = GroupedSums(
            sums=counts,
            n_rows=clips.astype(np.int64),
            unit=np.arange(80),
            group=np.arange(80) // 20,
            n_units=80,
            groups=tuple({"accent": f"a{g}"} for g in range(4)),
        )
        resampler = UnitResampler(n_units=80, n_resamples=100, seed=seed)
        evidence = Evidence(grouped=grouped, options=FAST, resampler=resampler, seed=seed)
        interval = Distributions(evidence=evidence, n_labels=3, strata=(None,)).interval(0.95)
        assert not isinstance(interval, str)
        apart += interval.low > 0
    assert apart / n <= 0.05
