"""Simulated sums are the simulated table, tallied; numbers of utterances and exact truths are as stated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.errors import PlanError
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.tally import families, tally
from reasoners.simulator import (
    REASONER,
    SimulatorOptions,
    UtteranceCounts,
    expected_accuracy,
    expected_accuracy_per_unit,
    expected_confusion,
    simulate,
)
from reasoners.simulator_options import FEATURES
from reasoners.simulator_sums import simulate_sums

BARE: dict[str, Any] = {"probabilities": False, "intensity": False, "weights": False, "rationales": False}
WIDE: dict[str, Any] = {"utterance_counts": {"least": 1, "most": 200}, "loss_per_doubling": 0.03}
UNEVEN: dict[str, Any] = {"accents": {"near": 12, "far": 5, "coast": 1}, "exact_shares": "accent", "n_speakers": 18}


@pytest.mark.parametrize(
    ("seed", "options", "digest"),
    [
        (1, {}, "sha256:5730bea4c221bef39c4d89151f12a15f5999ed5a5b6486867f608eb3b4e6e1c6"),
        (
            2,
            {
                "n_speakers": 30,
                "icc": 0.3,
                "accuracy_penalty": {"accent": {"highland": {"audio": 0.15}}},
                "attractor": {"feature": "accent", "level": "coastal", "label": "neutral", "share": 0.6},
                "missing": {"age": 0.2},
                "soft_labels": True,
                "absent_citation_share": 0.1,
                "conditions": ["TAV", "A"],
            },
            "sha256:8a50d231abe3ef2713dd61e38389de06c0798fe658f08070d26e992606c5ebd7",
        ),
        (
            3,
            {
                "n_speakers": 12,
                "icc": 0,
                "utterances_per_speaker": 4,
                "utterances_spread": 0,
                "probabilities": False,
            },
            "sha256:1d25daf4973ae0446309630a391a6741b96a2ec5be2d73fdfd4917f39bcaad31",
        ),
    ],
)
def test_plans_written_before_these_options_keep_their_draws(seed: int, options: dict[str, Any], digest: str) -> None:
    reading = Reading(run="run", by=("accent", "age"))
    rng = np.random.default_rng(seed)
    # Without the weights of modalities: their columns were drawn then, and entered no digest.
    told = {**options, "weights": False}
    assert REASONER.judge(None, told, reading=reading, rng=rng, progress=silent).digest == digest


@pytest.mark.parametrize(
    "options",
    [
        {"n_speakers": 40, "missing": {"age": 0.3}},
        {"n_speakers": 25, "conditions": ["TA"], "labels": ["anger", "joy"], **WIDE},
        {**UNEVEN, "conditions": ["TAV", "V"], "icc": 0.0},
    ],
)
def test_sums_are_the_table_tallied(options: dict[str, Any]) -> None:
    """The very same draws, so that what is simulated by the thousand is what an audit would read."""
    reading = Reading(run="run", by=FEATURES)
    table = REASONER.judge(None, {**BARE, **options}, reading=reading, rng=np.random.default_rng(5), progress=silent)
    slow = tally(table, FEATURES)
    fast = simulate_sums(SimulatorOptions(**options), np.random.default_rng(5))
    assert list(fast) == sorted(slow, key=list(fast).index)
    for condition, tallied in fast.items():
        for family in families(FEATURES, 2):
            mine, theirs = tallied.by(family), slow[condition].by(family)
            expected = {tuple(group.values()): i for i, group in enumerate(theirs.groups)}
            present = [i for i, group in enumerate(mine.groups) if tuple(group.values()) in expected]
            places = [expected[tuple(mine.groups[i].values())] for i in present]
            np.testing.assert_array_equal(mine.totals()[present], theirs.totals()[places])
            np.testing.assert_array_equal(mine.units()[present], theirs.units()[places])
            np.testing.assert_array_equal(mine.rows()[present], theirs.rows()[places])
            assert mine.totals().sum() == theirs.totals().sum()
        everybody = tallied.by(()), slow[condition].by(())
        np.testing.assert_array_equal(np.sort(everybody[0].sums, axis=0), np.sort(everybody[1].sums, axis=0))


def test_a_stated_seed_takes_the_place_of_the_generator() -> None:
    options = SimulatorOptions(n_speakers=5, seed=9)
    one, two = (simulate_sums(options, np.random.default_rng(i))["TAV"].sums for i in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_groups_have_exactly_their_sizes() -> None:
    for seed in range(3):
        units = simulate_sums(SimulatorOptions(**UNEVEN), np.random.default_rng(seed))["TAV"].by(["accent"]).units()
        assert units.tolist() == [1, 5, 12]  # coast, far, near
    shared = SimulatorOptions(sexes=["a", "b", "c"], exact_shares="sex", n_speakers=100)
    assert simulate_sums(shared, np.random.default_rng(0))["TAV"].by(["sex"]).units().tolist() == [33, 34, 33]


def test_counts_follow_their_distribution_by_hand() -> None:
    counts = UtteranceCounts(least=1, most=4, tail=1.0).distribution()
    assert counts == pytest.approx({1: 12 / 25, 2: 6 / 25, 3: 4 / 25, 4: 3 / 25})
    assert UtteranceCounts(least=2, most=3, tail=0).distribution() == {2: 0.5, 3: 0.5}
    options = SimulatorOptions(n_speakers=40_000, conditions=["V"], utterance_counts={"most": 4})
    rows = simulate_sums(options, np.random.default_rng(0))["V"].n_rows
    assert np.bincount(rows)[1:] / len(rows) == pytest.approx(list(counts.values()), abs=0.012)


@pytest.mark.parametrize("tail", [0.0, 1.0, 2.0])
def test_both_truths_by_hand_where_the_talkative_err_more(tail: float) -> None:
    options = SimulatorOptions(
        utterance_counts={"least": 1, "most": 8, "tail": tail}, loss_per_doubling=0.05, icc=0.2, conditions=["TAV"]
    )
    n = np.arange(1, 9)
    share = n**-tail / (n**-tail).sum()
    accuracy = 0.72 - 0.05 * (np.log2(n) - share @ np.log2(n))
    assert expected_accuracy_per_unit(options, "TAV", {}) == pytest.approx(share @ accuracy)
    assert expected_accuracy_per_unit(options, "TAV", {}) == pytest.approx(0.72)
    assert expected_accuracy(options, "TAV", {}) == pytest.approx((share * n) @ accuracy / (share @ n))
    assert expected_accuracy(options, "TAV", {}) < 0.71
    assert expected_confusion(options, "TAV", {}).sum() == pytest.approx(1)


def test_a_large_draw_has_both_truths_and_their_difference() -> None:
    """In 40,000 speakers of whom the talkative err more, each mean is within five standard errors of its own truth."""
    options = SimulatorOptions(
        n_speakers=40_000, accents={"near": 3, "far": 1}, ages=["any"], sexes=["any"], exact_shares="accent",
        labels=["anger", "joy"], conditions=["T"], icc=0.3, accuracy_penalty={"accent": {"far": {"text": 0.1}}},
        utterance_counts={"least": 1, "most": 60}, loss_per_doubling=0.03,
    )  # fmt: skip
    tallied = simulate_sums(options, np.random.default_rng(1))["T"]
    hits, rows = tallied.sums[:, [0, 3]].sum(axis=1), tallied.sums.sum(axis=1)
    for code, accent in enumerate(options.levels["accent"]):
        own = tallied.cell[:, 0] == code
        unit = (hits / rows)[own]
        truth = expected_accuracy_per_unit(options, "T", {"accent": accent})
        assert abs(unit.mean() - truth) < 5 * unit.std() / np.sqrt(own.sum())
        by_row = expected_accuracy(options, "T", {"accent": accent})
        residual = hits[own] - by_row * rows[own]
        assert abs(residual.sum()) < 5 * np.sqrt((residual**2).sum())
        assert abs((hits[own] - truth * rows[own]).sum()) > 10 * np.sqrt((residual**2).sum()), "not the same truth"


def test_the_spread_between_speakers_is_the_stated_one() -> None:
    """Per speaker E = p and Var = p (1 - p) (icc + (1 - icc) / n): the beta-binomial's, speaker by speaker."""
    options = SimulatorOptions(
        n_speakers=60_000, icc=0.3, conditions=["TAV"], utterances_per_speaker=8, utterances_spread=0
    )
    sums = simulate_sums(options, np.random.default_rng(2))["TAV"].sums
    share = sums.reshape(-1, 7, 7).trace(axis1=1, axis2=2) / 8
    assert share.mean() == pytest.approx(0.72, abs=0.005)
    assert share.var() == pytest.approx(0.72 * 0.28 * (0.3 + 0.7 / 8), rel=0.03)


def test_the_table_knows_the_new_options_too() -> None:
    options = SimulatorOptions(**{**BARE, **UNEVEN, **WIDE})
    frame = simulate(options, np.random.default_rng(0)).to_pandas()
    by = frame.groupby("speaker_id", observed=True)
    assert (by["group_accent"].first().value_counts()[["near", "far", "coast"]] == [12, 5, 1]).all()
    assert (by.size() / 7).between(1, 200).all()
    pd.testing.assert_frame_equal(frame, simulate(options, np.random.default_rng(0)).to_pandas())


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"utterance_counts": {"least": 5, "most": 4}}, "least: at most as large as most"),
        ({"utterance_counts": {"most": 0}}, "utterance_counts.most"),
        ({"utterance_counts": {"mean": 3}}, "utterance_counts.mean"),
        ({"utterance_counts": {"most": 200}, "loss_per_doubling": 0.2}, "loss_per_doubling: takes"),
        ({"loss_per_doubling": 2}, "loss_per_doubling"),
        ({"exact_shares": "race"}, "exact_shares"),
    ],
)
def test_bad_options(options: dict[str, Any], match: str) -> None:
    with pytest.raises(PlanError, match=match) as caught:
        REASONER.judge(None, options, reading=Reading(run="r"), rng=np.random.default_rng(0), progress=silent)
    assert caught.value.remedy
