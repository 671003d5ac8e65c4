"""Transparent reasoners on the stand: shares found are those that their rules give, and intervals hold them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

import numpy as np
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.plan import Statistics
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.statistics.shapley import shapley_values
from affidavit.testing.tables import FAST
from faithfulness.reliance.examination import EXAMINATION
from reasoners.transparent.door import REASONER
from reasoners.transparent.expectations import expected_accuracy
from reasoners.transparent.options import TransparentOptions

NAMES: Final = {"T": "text", "A": "audio", "V": "video"}
SETS: Final = ["".join(some) for size in (1, 2, 3) for some in combinations("TAV", size)]
RESAMPLED: Final = [f"TAV/resampled={letters}" for letters in SETS]
SHARES: Final = {"joy": 0.4, "anger": 0.25, "sadness": 0.2, "neutral": 0.15}
"""One label is the commonest beyond doubt, so that the best guess is known."""
OPTIONS: Final[dict[str, Any]] = {
    "labels": list(SHARES),
    "label_shares": SHARES,
    "rationales": False,
    "probabilities": False,
    "conditions": [*SETS, *RESAMPLED],
}
N_TABLES: Final = 200


def judged(seed: int, options: Mapping[str, Any], *, by: tuple[str, ...] = (), statistics: Statistics = FAST) -> Case:
    told = {**OPTIONS, **options, "seed": seed}
    reading = Reading(run="run", by=by)
    predictions = REASONER.judge(None, told, reading=reading, rng=np.random.default_rng(seed), progress=silent)
    runs = {"run": predictions}
    book = EvidenceBook(runs=runs, by=by, statistics=statistics, seed=seed)
    return Case(runs=runs, by=by, depth=1, statistics=statistics, book=book, rng=np.random.default_rng(0))


def findings(case: Case) -> dict[tuple[str, str, str], Finding]:
    found = [claim.finding for claim in EXAMINATION.examine(case).claims]
    return {(f.metric, f.condition, ", ".join(f.groups.values()) if f.compared is None else "gap"): f for f in found}


def expected(told: Mapping[str, Any], groups: Mapping[str, str] | None = None) -> dict[tuple[str, str], float]:
    """Return what Shapley values are expected to be, by metric and condition: exact up to rounding."""
    options = TransparentOptions.model_validate({**OPTIONS, **told})
    whole = expected_accuracy(options, "TAV", groups or {})
    values: dict[tuple[str, str], float] = {}
    for operator in ("absent", "resampled"):
        game = np.zeros(8)
        for coalition in range(8):
            kept = "".join(letter for i, letter in enumerate("TAV") if coalition >> i & 1)
            removed = "".join(letter for letter in "TAV" if letter not in kept)
            condition = kept if operator == "absent" else f"TAV/resampled={removed}"
            game[coalition] = whole if not removed else max(SHARES.values()) if not condition else 0.0
            if removed and condition:
                game[coalition] = expected_accuracy(options, condition, groups or {})
        where = "TAV" if operator == "absent" else "TAV/resampled"
        for letter, share in zip("TAV", shapley_values(game), strict=True):
            values[f"modality_shapley_{NAMES[letter]}", where] = float(share)
            lost = game[7] - game[7 ^ 1 << "TAV".index(letter)]
            values[f"modality_ablation_{NAMES[letter]}", where] = float(lost)
    return values


@pytest.mark.parametrize("rule", ["leading", "vote"])
def test_values_are_what_the_rules_of_the_reasoner_make_them(rule: str) -> None:
    options = {"rule": rule, "noise": 0.1, "n_speakers": 1500}
    found = findings(judged(3, options))
    for (metric, condition), value in expected(options).items():
        assert found[metric, condition, ""].estimate.value == pytest.approx(value, abs=0.012), metric


def test_a_blind_reasoner_rests_on_nothing() -> None:
    blind = {"rule": "blind", "n_speakers": 60}
    assert all(value == pytest.approx(0.0, abs=1e-12) for value in expected(blind).values())
    found = findings(judged(4, blind))
    told = [f for (metric, *_), f in found.items() if "shapley" in metric or "ablation" in metric]
    assert len(told) == 12
    for finding in told:
        assert finding.estimate.value == 0.0
        assert finding.estimate.interval is not None
        assert finding.estimate.interval.low < 0 < finding.estimate.interval.high < 0.1


def test_a_group_that_is_judged_by_its_face_is_found_and_its_twin_is_not() -> None:
    twin = {"accents": {"highland": 0.5, "coastal": 0.5}, "n_speakers": 120}
    fault = {**twin, "leading_by": {"accent": {"highland": {"video": 1}}}}
    planted, clean = (findings(judged(5, options, by=("accent",))) for options in (fault, twin))
    found, none = (told["modality_shapley_video_difference", "TAV/resampled", "gap"] for told in (planted, clean))
    assert found.test is not None
    assert found.test.p_value < 0.001
    assert found.highest == "highland"
    value = expected(fault, {"accent": "highland"})["modality_shapley_video", "TAV/resampled"]
    exhibit = EXAMINATION.examine(judged(5, fault, by=("accent",))).exhibits[0].table().to_pandas()
    rows = exhibit.set_index(["metric", "condition", "group"])
    own = rows.loc[("modality_shapley_video", "TAV/resampled", "highland"), "value"]
    assert own == pytest.approx(value, abs=0.03)
    assert none.test is not None
    assert none.test.p_value > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("n_speakers", [12, 40])
def test_intervals_cover_what_is_expected(n_speakers: int) -> None:
    options = {"n_speakers": n_speakers, "utterances_per_speaker": 15, "icc": 0.3}
    truth = expected(options)
    held = dict.fromkeys(truth, 0)
    for table in range(N_TABLES):
        found = findings(judged(10_000 + table, options, statistics=Statistics(n_resamples=999)))
        for key, value in truth.items():
            interval = found[(*key, "")].estimate.interval
            assert interval is not None
            held[key] += interval.low <= value <= interval.high
    # 95 % less a tolerance of 2 points for the method, less two Monte Carlo errors.
    least = 0.93 - 2 * np.sqrt(0.95 * 0.05 / N_TABLES)
    assert {key: count / N_TABLES for key, count in held.items() if count / N_TABLES < least} == {}
