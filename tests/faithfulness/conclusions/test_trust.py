"""When may a number that rests on a judge decide? Every reason why it may not, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pytest

from affidavit.examinations import Claim
from affidavit.records import Estimate, Interval
from affidavit.testing import case_of
from faithfulness.conclusions.examination import EXAMINATION
from faithfulness.conclusions.trust import Agreement, held_back, left_to_corrected

WELSH = (("accent", "Welsh"),)
IRISH = (("accent", "Irish"),)
GAP = "explanation_prediction_consistency_difference"


@pytest.fixture(scope="module")
def claims() -> tuple[Claim, ...]:
    rows = [
        {
            "utterance_id": f"u{i}",
            "speaker_id": f"s{i // 5}",
            "accent": ("Irish", "Welsh")[i // 5 % 2],
            "condition": "TAV",
            "y_true": ("joy", "anger")[i % 2],
            "y_pred": ("joy", "anger")[i % 2],
            "rationale": ("She is glad.", "She is furious.", "She is glad.")[i % 3],
        }
        for i in range(60)
    ]
    found = EXAMINATION.examine(case_of(pd.DataFrame(rows), ("accent",))).claims
    return tuple(replace(claim, barred=None) for claim in found)  # nobody brought gold


def kappa(value: float | None, low: float | None = None, *, units: int = 20) -> Estimate:
    if low is None or value is None:
        return Estimate(value=value, why_no_interval="no spread", n=100, n_clusters=units)
    interval = Interval(low=low, high=0.95, level=0.95, method="a test")
    return Estimate(value=value, interval=interval, n=100, n_clusters=units)


GOOD = kappa(0.8, 0.6)


def barred(claims: tuple[Claim, ...], by: Mapping[tuple[tuple[str, str], ...], Estimate]) -> dict[str, str | None]:
    held = held_back(claims, Agreement(metric="judge_kappa", kappa=by))
    chosen = [c for c in held if c.finding.metric.removesuffix("_difference") == GAP.removesuffix("_difference")]
    assert len(chosen) == 4
    return {"gap" if c.finding.compared else ", ".join(c.finding.groups.values()) or "all": c.barred for c in chosen}


def test_a_judge_that_agrees_everywhere_lets_everything_decide(claims: tuple[Claim, ...]) -> None:
    assert set(barred(claims, {(): GOOD, WELSH: GOOD, IRISH: GOOD}).values()) == {None}


@pytest.mark.parametrize(
    ("poor", "why"),
    [
        (kappa(0.39, 0.2), "agrees too little"),
        (kappa(0.5, -0.1), "agrees too little"),
        (kappa(None), "not known"),
        (kappa(1.0, units=9), "not known from 9 units"),
        (kappa(0.3, units=40), "not known from 40 units"),
    ],
)
def test_a_judge_that_is_unproved_in_one_group_bars_it_and_the_gap(
    claims: tuple[Claim, ...], poor: Estimate, why: str
) -> None:
    told = barred(claims, {(): GOOD, WELSH: poor, IRISH: GOOD})
    assert told["all"] is None
    assert told["Irish"] is None
    assert why in str(told["Welsh"])
    assert "(Welsh)" in str(told["gap"])


def test_a_judge_that_is_unproved_of_everybody_bars_everything(claims: tuple[Claim, ...]) -> None:
    told = barred(claims, {(): kappa(0.3, 0.1), WELSH: GOOD, IRISH: GOOD})
    assert all("(everybody)" in str(why) for why in told.values())
    assert all("not known" in str(why) for why in barred(claims, {}).values())


def test_units_that_all_agree_prove_a_judge_where_they_are_many(claims: tuple[Claim, ...]) -> None:
    assert set(barred(claims, dict.fromkeys([(), WELSH, IRISH], kappa(1.0, units=10))).values()) == {None}


def test_only_a_gap_that_is_told_without_the_judges_errors_is_left_to_it(claims: tuple[Claim, ...]) -> None:
    """Here the rate of the group stands for the corrected gap."""
    instead = {GAP: "explanation_prediction_consistency", "abstention_rate_difference": "not told"}
    told = {claim.finding.metric: claim.barred for claim in left_to_corrected(claims, claims, instead)}
    assert "explanation_prediction_consistency decides" in str(told[GAP])
    assert told["abstention_rate_difference"] is None
    poor = held_back(claims, Agreement(metric="judge_kappa"))
    assert [c.barred for c in left_to_corrected(poor, claims, instead)] == [c.barred for c in poor]
