"""Corrupted reasoning: areas over the curve worked by hand, planted reasoners, noise beside everything."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from affidavit.records import Finding
from affidavit.testing import case_of, findings_of, value_of
from faithfulness.corruption.examination import EXAMINATION
from faithfulness.corruption.operators import corruptions

LABELS = ("anger", "joy", "sadness")


def reasoned(
    *,
    needs: float | Mapping[str, float] = 1.0,
    noise: float = 0.0,
    repeats: int = 1,
    levels: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75),
    n_speakers: int = 40,
    seed: int = 0,
) -> pd.DataFrame:
    """Return answers of a reasoner of whose utterances a share hangs on the reasoning.

    There the answer is found at a place in the reasoning that is uniform over it: cut before, spoilt before or emptied,
    it answers something else. Elsewhere it knows at once. A paraphrase never matters.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n_speakers * 10):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        share = needs if isinstance(needs, float) else needs[accent]
        place = rng.random() if rng.random() < share else -1.0
        answer = int(rng.integers(3))
        other = (answer + 1) % 3
        said = {"TAV": answer, "TAV/filler": other if place >= 0 else answer, "TAV/paraphrase": answer}
        said |= {f"TAV/early={level:g}": other if level < place else answer for level in levels}
        said |= {f"TAV/mistake={level:g}": other if level < place else answer for level in levels[1:]}
        for condition, told in said.items():
            for repeat in range(repeats):
                now = int(rng.integers(3)) if rng.random() < noise else told
                rows.append(
                    {
                        "utterance_id": f"u{i}",
                        "speaker_id": f"s{i // 10}",
                        "accent": accent,
                        "condition": condition,
                        "repeat": repeat,
                        "y_pred": LABELS[now],
                    }
                )
    return pd.DataFrame(rows)


def findings(frame: pd.DataFrame) -> dict[tuple[str, str], Finding]:
    return findings_of(EXAMINATION, case_of(frame, ("accent",)))


def test_areas_by_hand() -> None:
    [early] = corruptions(["TAV", "TAV/early=0", "TAV/early=0.5"])
    # Trapezoids over 0, 0.5, 1: a change at 0 counts a quarter, one at 0.5 a half.
    np.testing.assert_allclose(early.weights, [0.25, 0.5])
    [late] = corruptions(["T", "T/early=50%"])
    np.testing.assert_allclose(late.weights, [0.5])


def test_the_area_equals_numerical_integration_of_the_curve() -> None:
    frame = reasoned(needs=0.8, seed=4)
    wide = frame.pivot_table(index="utterance_id", columns="condition", values="y_pred", aggfunc="first")
    levels = [0.0, 0.25, 0.5, 0.75, 1.0]
    same = [1.0 if level == 1 else (wide[f"TAV/early={level:g}"] == wide["TAV"]).mean() for level in levels]
    area = 1 - np.trapezoid(same, levels)
    assert value_of(findings(frame), "early_answering_aoc") == pytest.approx(area)


def test_reasoning_that_decides_and_reasoning_that_decorates() -> None:
    decides, decorates = findings(reasoned(needs=1.0)), findings(reasoned(needs=0.0))
    assert value_of(decides, "filler_change_rate") == 1.0
    assert value_of(decides, "early_answering_aoc") == pytest.approx(0.5, abs=0.05)  # the mean of a uniform place
    assert value_of(decides, "paraphrase_change_rate") == 0.0
    for metric in ("early_answering_aoc", "added_mistakes_aoc", "filler_change_rate", "paraphrase_change_rate"):
        assert value_of(decorates, metric) == 0.0
    high = decorates["filler_change_rate", "everybody"].estimate.interval
    assert high is not None
    assert 0 < high.high < 0.15


def test_a_group_whose_reasoning_decorates_is_found_and_its_clean_twin_is_not() -> None:
    planted = findings(reasoned(needs={"Irish": 0.9, "Welsh": 0.3}))
    clean = findings(reasoned(needs=0.6))
    gap = planted["filler_change_rate_difference", "gap"]
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.3
    quiet = clean["filler_change_rate_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_noise_is_taken_away_and_stands_beside() -> None:
    noisy = findings(reasoned(needs=0.0, noise=0.4, repeats=3))
    assert value_of(noisy, "filler_change_rate") > 0.3
    within = noisy["filler_change_rate_beyond_noise", "everybody"].estimate.interval
    assert within is not None
    assert within.low < 0 < within.high
    assert value_of(noisy, "early_answering_aoc_noise") < value_of(noisy, "filler_change_rate_noise")
    controls = noisy["filler_change_rate", "everybody"].controls
    assert controls is not None
    assert controls[0].endswith("filler_change_rate_noise")


def test_without_repetitions_that_is_said() -> None:
    told = findings(reasoned())
    assert ("filler_change_rate_noise", "everybody") not in told
    assert any("no repetitions" in caveat for caveat in told["filler_change_rate", "everybody"].caveats)


def test_the_curve_is_an_exhibit_with_intervals() -> None:
    testimony = EXAMINATION.examine(case_of(reasoned(), ("accent",)))
    table = testimony.exhibits[0].table().to_pandas()
    early = table[(table["group"] == "everybody") & table["condition"].str.startswith("TAV/early")]
    assert early["condition"].tolist() == [f"TAV/early={level:g}" for level in (0.0, 0.25, 0.5, 0.75)]
    assert early["value"].is_monotonic_decreasing
    assert ((early["low"] <= early["value"]) & (early["value"] <= early["high"])).all()


def test_missing_twins_take_no_part_and_are_counted() -> None:
    frame = reasoned()
    lost = (frame["condition"] == "TAV/filler") & frame["utterance_id"].isin({"u0", "u1"})
    told = findings(frame[~lost])
    assert told["filler_change_rate", "everybody"].estimate.n == 398
    assert any("2 judgements have no twin" in caveat for caveat in told["filler_change_rate", "everybody"].caveats)


def test_tables_without_corruption_are_refused_with_a_remedy() -> None:
    frame = reasoned()
    for conditions in ({"TAV"}, {"TAV/filler", "TAV/paraphrase"}, {"TAV", "TAV/noise"}):
        kept = frame[frame["condition"].isin(conditions)]
        refusal = EXAMINATION.refuses(case_of(kept, ("accent",)))
        assert refusal is not None
        assert refusal.remedy


def test_levels_that_say_no_share_are_no_curve() -> None:
    assert corruptions(["TAV", "TAV/early=half", "TAV/early=1.5", "TAV/early"]) == ()
