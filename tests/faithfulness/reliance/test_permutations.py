"""Perceptual scores, projections and agreement between operators, against slow twins and planted faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations, product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.records import Finding, Interval
from affidavit.testing import case_of
from faithfulness.reliance import agreement
from faithfulness.reliance.examination import EXAMINATION

DEALT = tuple(
    f"TAV/{operator}={letter}"
    for operator in ("permuted", "permuted-within-label", "permuted-within-speaker")
    for letter in "TAV"
)
SEVEN = ("TAV", "TA", "TV", "AV", "T", "A", "V")
RESAMPLED = tuple(f"TAV/resampled={letters}" for letters in ("V", "A", "T", "AV", "TV", "TA", "TAV"))
Asked = Callable[..., pd.DataFrame]
Told = Mapping[tuple[str, str, str], Finding]
Findings = Callable[..., Told]
LABELS = ("anger", "joy", "sadness")


def value(told: Told, metric: str, condition: str) -> float:
    found = told[metric, condition, "everybody"].estimate.value
    assert found is not None
    return found


def right(frame: pd.DataFrame, condition: str) -> float:
    own = frame[frame["condition"] == condition]
    return float(np.mean([a == b for a, b in zip(own["y_true"], own["y_pred"], strict=True)]))


def test_scores_are_the_accuracy_lost_over_that_of_the_model_and_over_the_task(asked: Asked, told: Findings) -> None:
    frame = asked(("TAV", *DEALT), draws=5)
    found = told(frame)
    commonest = float((frame["y_true"] == frame["y_true"].mode()[0]).mean())
    model = right(frame, "TAV")
    for letter, name in (("T", "text"), ("A", "audio"), ("V", "video")):
        lost = model - right(frame, f"TAV/permuted={letter}")
        assert value(found, f"perceptual_score_{name}", "TAV/permuted") == pytest.approx(lost / model)
        assert value(found, f"perceptual_score_of_task_{name}", "TAV/permuted") == pytest.approx(lost / (1 - commonest))
        within = (model - right(frame, f"TAV/permuted-within-label={letter}")) / model
        assert value(found, f"perceptual_score_within_label_{name}", "TAV/permuted") == pytest.approx(within)


def test_scores_name_their_controls_and_how_often_was_permuted(asked: Asked, told: Findings) -> None:
    found = told(asked(("TAV", *DEALT), draws=4))
    finding = found["perceptual_score_video", "TAV/permuted", "everybody"]
    assert finding.controls == tuple(
        found[f"perceptual_score_within_{what}_video", "TAV/permuted", "everybody"].id for what in ("label", "speaker")
    )
    assert any("TAV/permuted=V 4" in caveat for caveat in finding.caveats)
    alone = told(asked(("TAV", "TAV/permuted=V")))["perceptual_score_video", "TAV/permuted", "everybody"]
    assert any("no permutations within labels" in caveat for caveat in alone.caveats)


def test_permuting_within_labels_costs_less_than_permuting_everything(asked: Asked, told: Findings) -> None:
    found = told(asked(("TAV", *DEALT), n_speakers=60, weights=(1.0, 0.0, 0.0), reliability=(0.9, 0.5, 0.5)))
    across = found["perceptual_score_text", "TAV/permuted", "everybody"].estimate
    within = found["perceptual_score_within_label_text", "TAV/permuted", "everybody"].estimate
    assert across.interval is not None
    assert across.interval.low > 0.3
    assert within.value == pytest.approx(0.0, abs=1e-12)  # the answer is the text: within a label, rights only move
    assert value(found, "perceptual_score_video", "TAV/permuted") == 0.0


@pytest.mark.parametrize("n_speakers", [24, 60])
def test_a_score_of_the_task_goes_beyond_one_and_its_interval_with_it(
    n_speakers: int, asked: Asked, told: Findings
) -> None:
    """Permuted, a model that answers the text alone is worse than a guess at the commonest label."""
    conditions = ("TAV", "TAV/permuted=T")
    frame = asked(conditions, weights=(1.0, 0.0, 0.0), reliability=(0.97, 0.5, 0.5), n_speakers=n_speakers)
    found = told(frame)
    commonest = float((frame["y_true"] == frame["y_true"].mode()[0]).mean())
    estimate = found["perceptual_score_of_task_text", "TAV/permuted", "everybody"].estimate
    lost = right(frame, "TAV") - right(frame, "TAV/permuted=T")
    assert estimate.value == pytest.approx(lost / (1 - commonest))
    assert estimate.interval is not None
    assert estimate.interval.low < lost / (1 - commonest) < estimate.interval.high
    assert estimate.interval.high > lost / (1 - commonest) > 1.0
    own = found["perceptual_score_text", "TAV/permuted", "everybody"].estimate.interval
    assert own is not None
    assert own.high <= 1.0


def test_scores_of_a_model_that_is_never_right_are_undefined_and_not_zero(asked: Asked, told: Findings) -> None:
    frame = asked(("TAV", "TAV/permuted=V"))
    wrong = {"anger": "joy", "joy": "sadness", "sadness": "anger"}
    finding = told(frame.assign(y_pred=frame["y_true"].map(wrong)))[
        "perceptual_score_video", "TAV/permuted", "everybody"
    ]
    assert finding.estimate.value is None
    assert finding.estimate.why_no_interval is not None


def test_permutations_within_labels_alone_are_told_under_their_own_name(asked: Asked, told: Findings) -> None:
    found = told(asked(("TAV", "TAV/permuted-within-label=V")))
    assert ("perceptual_score_within_label_video", "TAV/permuted-within-label", "everybody") in found


def additive(scores: np.ndarray) -> np.ndarray:
    """Return the additive projection of scores f(a_i, b_j), [N, N, K], at i = j, by its definition."""
    rows, columns, everything = scores.mean(axis=1), scores.mean(axis=0), scores.mean(axis=(0, 1))
    return np.array([rows[i] + columns[i] - everything for i in range(len(scores))])


def two_modalities(*, interacts: bool, n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Return answers of a model of text and audio and of its additive projection; the label is their exclusive or."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 2, n), rng.integers(0, 2, n)
    truth = a ^ b if interacts else a
    scores = np.zeros((n, n, 2))
    for i, j in product(range(n), range(n)):
        told = a[i] ^ b[j] if interacts else a[i]
        scores[i, j] = np.eye(2)[told] + [0.3 * b[j], 0.0]
    answers = {"TA": scores[np.arange(n), np.arange(n)], "TA/additive": additive(scores)}
    return pd.concat(
        pd.DataFrame(
            {
                "utterance_id": [f"u{i}" for i in range(n)],
                "speaker_id": [f"s{i % 40}" for i in range(n)],
                "condition": condition,
                "accent": np.array(["Irish", "Welsh"])[np.arange(n) % 40 % 2],
                "y_true": np.array(LABELS)[truth],
                "y_pred": np.array(LABELS)[told.argmax(axis=1)],
            }
        )
        for condition, told in answers.items()
    )


def test_a_model_that_interacts_loses_by_its_projection_and_an_additive_one_does_not(told: Findings) -> None:
    planted, clean = told(two_modalities(interacts=True)), told(two_modalities(interacts=False))
    gain = planted["emap_interaction_gain", "TA/additive", "everybody"].estimate
    assert gain.interval is not None
    assert gain.interval.low > 0.3
    assert value(planted, "emap_model_accuracy", "TA/additive") == 1.0
    assert gain.value == pytest.approx(1.0 - value(planted, "emap_accuracy", "TA/additive"))
    assert value(clean, "emap_interaction_gain", "TA/additive") == 0.0
    caveats = clean["emap_interaction_gain", "TA/additive", "everybody"].caveats
    assert any("not that there are none" in caveat for caveat in caveats)


def test_the_projection_is_paired_by_utterance_and_by_group(told: Findings) -> None:
    frame = two_modalities(interacts=True)
    fewer = frame[~((frame["condition"] == "TA/additive") & frame["utterance_id"].isin(["u0", "u1"]))]
    finding = told(fewer)["emap_interaction_gain", "TA/additive", "everybody"]
    assert finding.estimate.n == 198
    assert any(caveat.startswith("2 utterances were not judged") for caveat in finding.caveats)
    wide = fewer.assign(right=fewer["y_true"] == fewer["y_pred"])
    wide = wide.pivot(index=["utterance_id", "accent"], columns="condition", values="right").dropna().astype(float)
    by_group = (wide["TA"] - wide["TA/additive"]).groupby("accent").mean()
    for accent, expected in by_group.items():
        found = told(fewer)["emap_interaction_gain", "TA/additive", str(accent)].estimate.value
        assert found == pytest.approx(expected, abs=1e-12)


def test_operators_that_agree_say_so_and_differences_are_those_of_their_values(asked: Asked, told: Findings) -> None:
    frame = asked((*SEVEN, *RESAMPLED), n_speakers=80, reliability=(0.95, 0.6, 0.3), weights=(1.0, 0.5, 0.2))
    found = told(frame)
    ranks = found["modality_operator_rank_agreement", "TAV/resampled", "everybody"].estimate
    assert ranks.value == 1.0
    assert ranks.interval is not None
    assert -1 <= ranks.interval.low <= 1 == ranks.interval.high
    for name in ("text", "audio", "video"):
        apart = value(found, f"modality_shapley_{name}", "TAV/resampled") - value(
            found, f"modality_shapley_{name}", "TAV"
        )
        assert value(found, f"modality_operator_difference_{name}", "TAV/resampled") == pytest.approx(apart, abs=1e-11)


def test_operators_that_order_modalities_otherwise_are_found(asked: Asked, told: Findings) -> None:
    frame = asked(("TAV", "TA", "TV", "AV"), n_speakers=60, reliability=(0.95, 0.95, 0.3), weights=(1.0, 0.0, 0.0))
    misled = asked(("TAV", "TA", "TV", "AV"), n_speakers=60, reliability=(0.95, 0.95, 0.3), weights=(0.0, 1.0, 0.0))
    names = {"AV": "TAV/zeroed=T", "TV": "TAV/zeroed=A", "TA": "TAV/zeroed=V"}
    other = misled[misled["condition"].isin(names)].assign(condition=lambda rows: rows["condition"].map(names))
    ranks = told(pd.concat([frame, other]))["modality_operator_rank_agreement", "TAV/zeroed", "everybody"].estimate
    assert ranks.interval is not None
    assert ranks.value is not None
    assert ranks.value < 0
    both = told(pd.concat([frame, other]))
    names_of = [f"modality_ablation_{name}" for name in ("text", "audio", "video")]
    orders = [[value(both, name, operator) for name in names_of] for operator in ("TAV", "TAV/zeroed")]
    expected = [np.sign(a - b) * np.sign(c - d) for (a, c), (b, d) in combinations(zip(*orders, strict=True), 2)]
    assert ranks.value == pytest.approx(np.mean(expected))
    assert ranks.interval.high < 1


def test_an_order_that_does_not_stand_leaves_the_agreement_open(asked: Asked) -> None:
    frame = asked((*SEVEN, *RESAMPLED), n_speakers=4, each=2, reliability=(0.6, 0.6, 0.6), weights=(1.0, 0.99, 0.98))
    claims = EXAMINATION.examine(case_of(frame, ("accent",))).claims
    (ranks,) = (claim for claim in claims if claim.finding.metric == "modality_operator_rank_agreement")
    assert ranks.interval_at is not None
    wide, narrow = ranks.interval_at(0.999), ranks.interval_at(0.5)
    assert not isinstance(wide, str)
    assert not isinstance(narrow, str)
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert (wide.low, wide.high) == (-1.0, 1.0)


@pytest.mark.parametrize(("n_pairs", "ends"), [(1, (1.0, 1.0)), (3, (-1.0, 1.0))])
def test_an_order_has_to_stand_for_all_pairs_under_both_operators_at_once(
    n_pairs: int, ends: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Differences that stand up to a level of 0.98: enough for one pair at 0.95 (0.975 each), not for three (0.992)."""

    def standing(measured: object, group: int, level: float) -> Interval:
        del measured, group
        return Interval(low=0.1 if level < 0.98 else -0.1, high=0.5, level=level, method="made up")

    monkeypatch.setattr(agreement, "signed_interval", standing)
    each: Any = SimpleNamespace(value=np.array([0.3]))
    interval = agreement.Ranking(first=(each,) * n_pairs, second=(each,) * n_pairs).interval(0.95)
    assert not isinstance(interval, str)
    assert (interval.low, interval.high) == ends


@pytest.mark.slow
def test_intervals_of_scores_and_agreement_cover(asked: Asked, told: Findings) -> None:
    """Truth is a table of 60,000 utterances; tau is -1, -1/3, 1/3 or 1."""
    conditions = ("TAV", "TA", "TV", "AV", *DEALT[:3])
    options = {"reliability": (0.9, 0.8, 0.5), "weights": (1.0, 0.7, 0.6), "noise": 0.3}
    whole = told(asked(conditions, n_speakers=1000, each=60, seed=99, **options), ())
    names = [
        f"{stem}_{m}" for stem in ("perceptual_score", "perceptual_score_of_task") for m in ("text", "audio", "video")
    ]
    names.append("modality_operator_rank_agreement")
    held = dict.fromkeys(names, 0)
    n_tables = 150
    for seed in range(n_tables):
        found = told(asked(conditions, n_speakers=30, each=8, seed=seed, **options), ())
        for name in names:
            interval = found[name, "TAV/permuted", "everybody"].estimate.interval
            assert interval is not None
            held[name] += interval.low <= value(whole, name, "TAV/permuted") <= interval.high
    # 95 % less a tolerance of 2 points for the method, less two Monte Carlo errors.
    least = 0.93 - 2 * np.sqrt(0.95 * 0.05 / n_tables)
    assert {name: count / n_tables for name, count in held.items() if count / n_tables < least} == {}
