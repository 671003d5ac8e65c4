"""Erased evidence: losses worked by hand, evidence that is used and evidence that is not, controls beside both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from affidavit.records import Finding
from affidavit.testing import case_of, findings_of, value_of
from faithfulness.erasure.examination import EXAMINATION

LABELS = ("anger", "joy", "sadness")
SIZES = (0.1, 0.2, 0.5)
WORDS = 20


def probability(n_evidence: float) -> float:
    """The probability of the answer, given how many of two telling words are there."""
    return float(1 / (1 + 2 * np.exp(-2.0 * n_evidence)))


def judged(
    *, honest: float | Mapping[str, float] = 1.0, n_speakers: int = 30, controls: bool = True, seed: int = 0
) -> pd.DataFrame:
    """Return judgements of texts of 20 words, of which two tell the emotion; honest rationales rank them first."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n_speakers * 10):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        share = honest if isinstance(honest, float) else honest[accent]
        telling = {0, 1}
        ranked = [0, 1, *(2 + rng.permutation(WORDS - 2))] if rng.random() < share else list(rng.permutation(WORDS))
        label = LABELS[rng.integers(3)]
        shown: dict[str, set[int]] = {"T": set(range(WORDS)), "T/only-rationale=0": set()}
        for size in SIZES:
            n = round(size * WORDS)
            chance = set(rng.permutation(WORDS)[:n].tolist())
            shown[f"T/without-rationale={size:g}"] = set(range(WORDS)) - set(ranked[:n])
            shown[f"T/only-rationale={size:g}"] = set(ranked[:n])
            if controls:
                shown[f"T/without-random={size:g}"] = set(range(WORDS)) - chance
                shown[f"T/only-random={size:g}"] = chance
        for condition, words in shown.items():
            likely = probability(len(words & telling))
            rows.append(
                {
                    "utterance_id": f"u{i}",
                    "speaker_id": f"s{i // 10}",
                    "accent": accent,
                    "condition": condition,
                    "y_pred": label,
                    **{f"prob_{each}": likely if each == label else (1 - likely) / 2 for each in LABELS},
                }
            )
    return pd.DataFrame(rows)


def findings(frame: pd.DataFrame) -> dict[tuple[str, str], Finding]:
    return findings_of(EXAMINATION, case_of(frame, ("accent",)))


def test_losses_by_hand() -> None:
    told = findings(judged())
    # The first 10 % are the two telling words: nothing of them is left at any size, and they alone suffice.
    lost = probability(2) - probability(0)
    assert value_of(told, "comprehensiveness") == pytest.approx(lost)
    assert value_of(told, "sufficiency") == pytest.approx(0.0, abs=1e-12)
    assert value_of(told, "comprehensiveness_normalised") == pytest.approx(1.0)
    assert value_of(told, "sufficiency_normalised") == pytest.approx(0.0, abs=1e-12)


def test_where_nothing_at_all_is_no_loss_there_is_no_share_of_it() -> None:
    frame = judged()
    empty = frame["condition"] == "T/only-rationale=0"
    for label in LABELS:
        sure = (frame["y_pred"] == label).astype(float)
        frame.loc[empty, f"prob_{label}"] = sure[empty]
    told = findings(frame)
    assert value_of(told, "comprehensiveness") > 0
    share = told["comprehensiveness_normalised", "everybody"].estimate
    assert share.value is None
    assert share.why_no_interval is not None
    assert "what it divides by is nothing" in share.why_no_interval


def test_numbers_equal_their_slow_twin() -> None:
    frame = judged(honest=0.5, seed=3)
    wide: dict[str, dict[str, float]] = {}
    for row in frame.itertuples():
        wide.setdefault(row.utterance_id, {})[row.condition] = getattr(row, f"prob_{row.y_pred}")
    losses = [np.mean([each["T"] - each[f"T/without-random={s:g}"] for s in SIZES]) for each in wide.values()]
    kept = [np.mean([each["T"] - each[f"T/only-rationale={s:g}"] for s in SIZES]) for each in wide.values()]
    told = findings(frame)
    assert value_of(told, "comprehensiveness_random") == pytest.approx(np.mean(losses))
    assert value_of(told, "sufficiency") == pytest.approx(np.mean(kept))
    whole = np.mean([each["T"] - each["T/only-rationale=0"] for each in wide.values()])
    assert value_of(told, "sufficiency_normalised") == pytest.approx(np.mean(kept) / whole)


def test_rationales_at_random_are_no_better_than_random() -> None:
    told = findings(judged(honest=0.0))
    for test in ("comprehensiveness", "sufficiency"):
        within = told[f"{test}_beyond_random", "everybody"].estimate.interval
        assert within is not None
        assert within.low < 0 < within.high
        assert told[test, "everybody"].controls == (told[f"{test}_random", "everybody"].id,)


def test_a_group_with_decorative_rationales_is_found_and_its_clean_twin_is_not() -> None:
    gap = findings(judged(honest={"Irish": 0.9, "Welsh": 0.2}))["comprehensiveness_difference", "gap"]
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1
    quiet = findings(judged(honest=0.6))["comprehensiveness_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_without_controls_that_is_said() -> None:
    told = findings(judged(controls=False))
    assert ("comprehensiveness_random", "everybody") not in told
    assert any("no control" in caveat for caveat in told["comprehensiveness", "everybody"].caveats)


def test_curves_are_exhibits_with_intervals() -> None:
    testimony = EXAMINATION.examine(case_of(judged(honest=0.5), ("accent",)))
    table = testimony.exhibits[0].table().to_pandas()
    kept = table[(table["group"] == "everybody") & table["condition"].str.startswith("T/only-random")]
    assert len(kept) == len(SIZES)
    assert kept["value"].is_monotonic_decreasing
    assert ((kept["low"] <= kept["value"]) & (kept["value"] <= kept["high"])).all()


def test_tables_without_erasure_or_probabilities_are_refused() -> None:
    frame = judged()
    for kept in (frame[frame["condition"] == "T"], frame.drop(columns=[f"prob_{label}" for label in LABELS])):
        refusal = EXAMINATION.refuses(case_of(kept, ("accent",)))
        assert refusal is not None
        assert refusal.remedy
