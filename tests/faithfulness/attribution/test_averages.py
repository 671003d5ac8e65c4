"""Means of drawn judgements: by hand, and how often their intervals hold the mean of the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.examinations import Claim
from affidavit.records import ExplanationProperty
from affidavit.testing import case_of
from faithfulness.attribution.averages import Average, Block, Teller
from faithfulness.attribution.drawing import Drawn, draw_judgements

BLOCK = Block(
    averages=(
        Average(metric="score", source="a test", low=-1.0, better=True),
        Average(metric="quotient", source="a test", above="part", below="whole", low=-np.inf, high=None),
    ),
    property=ExplanationProperty.CAUSAL,
    by_group=("score",),
    compared=frozenset({"score"}),
)


def corpus(rng: np.random.Generator, *, n_units: int, per_unit: int, welsh: float = 0.25) -> pd.DataFrame:
    """Units differ; a unit's rows are alike; the rarer accent has other values."""
    unit = np.repeat(np.arange(n_units), per_unit)
    rare = unit < welsh * n_units
    own = rng.normal(0.1, 0.15, n_units)[unit]
    return pd.DataFrame(
        {
            "utterance_id": [f"u{i:05d}" for i in range(len(unit))],
            "speaker_id": [f"s{k:04d}" for k in unit],
            "condition": "T",
            "accent": np.where(rare, "Welsh", "Irish"),
            "y_pred": np.where(rng.random(len(unit)) < 0.5, "joy", "fear"),
            "score": np.clip(own + 0.3 * rare + rng.normal(0, 0.2, len(unit)), -1, 1),
        }
    )


def told(frame: pd.DataFrame, most: int, *, seed: int = 0, **other: Any) -> tuple[Case, Drawn, list[Claim]]:
    case = case_of(frame.drop(columns=["score", *other]), by=("accent",))
    known = dict(zip(frame["utterance_id"], frame["score"], strict=True))
    rng = np.random.default_rng(seed)
    drawn = draw_judgements(case.runs["run"], ("accent",), "T", known=known, most=most, rng=rng)
    extra = frame.set_index("utterance_id")
    numbers = [
        {"score": known[name], **{key: float(extra.loc[name, key]) for key in other}} for name in drawn.utterance_ids
    ]
    teller = Teller(case=case, examination="x", version="1", caveats=("said",))
    return case, drawn, teller.told(BLOCK, drawn, numbers)[0]


def test_of_all_judgements_the_mean_is_the_mean_and_groups_are_theirs() -> None:
    frame = corpus(np.random.default_rng(0), n_units=24, per_unit=3)
    _, _, claims = told(frame, most=1000)
    found = {
        (c.finding.metric, *c.finding.groups.values()): c.finding.estimate for c in claims if not c.finding.compared
    }
    assert found["score",].value == pytest.approx(frame["score"].mean())
    means = frame.groupby("accent")["score"].mean()
    for group, mean in means.items():
        assert found["score", group].value == pytest.approx(mean)
    assert found["score",].n == 72
    assert {c.finding.metric for c in claims} == {"score", "score_difference"}, "nobody defines the quotient"
    (gap,) = [c.finding for c in claims if c.finding.compared]
    assert gap.estimate.value == pytest.approx(means.max() - means.min())
    assert all("said" in c.finding.caveats for c in claims)


def test_a_quotient_divides_sums_and_what_defines_nothing_takes_no_part() -> None:
    frame = corpus(np.random.default_rng(1), n_units=20, per_unit=2)
    frame = frame.assign(part=np.arange(40.0), whole=np.where(np.arange(40) % 4 == 0, np.nan, 10.0))
    frame.loc[3, "score"] = np.nan
    _, _, claims = told(frame, most=1000, part=None, whole=None)
    found = {c.finding.metric: c.finding.estimate for c in claims if not c.finding.groups}
    both = frame[frame["whole"].notna()]
    assert found["quotient"].value == pytest.approx(both["part"].sum() / both["whole"].sum())
    assert (found["score"].n, found["quotient"].n) == (39, 30), "each number says how many define it"


def test_a_metric_beats_its_control_only_beyond_chance() -> None:
    frame = corpus(np.random.default_rng(1), n_units=20, per_unit=2)
    case, drawn, _ = told(frame, most=1000)
    teller = Teller(case=case, examination="x", version="1", caveats=())
    noise = np.random.default_rng(2).normal(0, 1, 40)

    def beats(shift: float) -> bool:
        numbers = [{"own": shift + noise[i], "other": 0.0} for i in range(40)]
        return teller.beats(drawn, numbers, metric="own", control="other")

    assert beats(2.0)
    assert not beats(-2.0)
    assert not beats(0.1 - noise.mean()), "a mean above the other's is no proof"
    assert not teller.beats(drawn, [{"own": 1.0} for _ in range(40)], metric="own", control="other")
    assert teller.beats(drawn, [{"own": 1.0, "other": 0.5} for _ in range(40)], metric="own", control="other")


def test_nothing_defined_gives_nothing() -> None:
    frame = corpus(np.random.default_rng(1), n_units=4, per_unit=1).assign(score=np.nan)
    assert told(frame, most=10)[2] == []


Population = Callable[[np.random.Generator], pd.DataFrame]


@pytest.mark.slow
@pytest.mark.parametrize(("n_units", "per_unit", "most"), [(60, 6, 48), (200, 4, 96), (30, 8, 96)])
def test_intervals_of_drawn_judgements_hold_the_mean_of_those_they_stand_for(
    n_units: int, per_unit: int, most: int
) -> None:
    """The mean of units like these, of whom a rare group is drawn more often than it occurs.

    Found at level 0.95: 0.95 to 0.98, of everybody and of both groups.
    """
    hits = {"": 0, "Welsh": 0, "Irish": 0}
    truth = {"": 0.1 + 0.3 * 0.25, "Welsh": 0.4, "Irish": 0.1}
    n_trials = 150
    for trial in range(n_trials):
        rng = np.random.default_rng(trial)
        frame = corpus(rng, n_units=n_units, per_unit=per_unit)
        _, _, claims = told(frame, most=most, seed=trial)
        for claim in claims:
            finding = claim.finding
            if finding.metric != "score":
                continue
            interval = finding.estimate.interval
            group = next(iter(finding.groups.values()), "")
            assert interval is not None
            hits[group] += interval.low <= truth[group] <= interval.high
    for group, count in hits.items():
        assert count / n_trials > 0.9, (group, count / n_trials)


def test_the_exhibits_row_names_the_condition_it_is_told() -> None:
    frame = corpus(np.random.default_rng(2), n_units=12, per_unit=1)
    case, drawn, _ = told(frame, most=100)
    teller = Teller(case=case, examination="x", version="1", caveats=())
    numbers = [{"score@5%": 0.5} for _ in drawn.utterance_ids]
    average = replace(BLOCK.averages[0], above="score@5%")
    (row,) = teller.everybody(average, drawn, numbers, condition="T/without=5%")
    assert (row["condition"], row["value"], row["n"], row["group"]) == ("T/without=5%", 0.5, 12, "everybody")
    assert teller.everybody(average, drawn, [{} for _ in numbers], condition="T") == []
