"""Weights of modalities: numbers against slow twins, planted global weights, planted groups, hostile columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from affidavit.case import Case, EvidenceBook
from affidavit.predictions import Reading, read_predictions
from affidavit.records import Finding
from affidavit.testing import ExaminationContract, case_of
from faithfulness.weights.examination import EXAMINATION, GLOBAL
from faithfulness.weights.reading import within_units

LABELS = ("anger", "joy", "sadness")
WITHOUT = {"T": "AV", "A": "TV", "V": "TA"}
COLUMNS = ["weight_text", "weight_audio", "weight_video"]


def judged(
    *,
    n_speakers: int = 40,
    each: int = 10,
    tells: float | Mapping[str, float] = 1.0,
    fixed: tuple[float, float, float] | None = None,
    repeats: int = 1,
    noise: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return judgements of a reasoner that decides by one modality, and tells which by its weights, or any other.

    The weights are drawn alike whether they tell or not: most of it on one modality. Text leads more often.
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for i in range(n_speakers * each):
        speaker = i // each
        accent = ("Irish", "Welsh")[speaker % 2]
        leading, other = (int(k) for k in rng.choice(3, 2, p=[0.5, 0.3, 0.2]))
        share = tells if isinstance(tells, float) else tells[accent]
        named = leading if rng.random() < share else other
        weights = np.full(3, 0.15) + rng.random(3) * 0.1
        weights[named] += 0.5
        weights = np.array(fixed) if fixed else weights / weights.sum()
        evidence = rng.integers(0, 3, 3)
        for repeat in range(repeats):
            for condition in ("TAV", *WITHOUT.values()):
                shown = "TAV"[leading] if "TAV"[leading] in condition else condition[0]
                answer = evidence["TAV".index(shown)] if rng.random() >= noise else rng.integers(3)
                rows.append(
                    {
                        "utterance_id": f"u{i}",
                        "speaker_id": f"s{speaker}",
                        "accent": accent,
                        "condition": condition,
                        "repeat": repeat,
                        "y_pred": LABELS[answer],
                        **dict(zip(COLUMNS, weights, strict=True)),
                    }
                )
    return pd.DataFrame(rows)


def findings(frame: pd.DataFrame, by: tuple[str, ...] = ("accent",)) -> dict[tuple[str, str], Finding]:
    case = case_of(frame, by)
    assert EXAMINATION.refuses(case) is None
    told = {}
    for claim in EXAMINATION.examine(case).claims:
        group = ", ".join(claim.finding.groups.values()) or ("gap" if claim.finding.compared else "everybody")
        told[claim.finding.metric, group] = claim.finding
    return told


def value(told: Mapping[tuple[str, str], Finding], metric: str, group: str = "everybody") -> float:
    found = told[metric, group].estimate.value
    assert found is not None, told[metric, group].estimate.why_no_interval
    return found


def pairs_won(weights: np.ndarray, mattered: np.ndarray) -> float | None:
    """Area under the ROC curve of one judgement's weights for what mattered; None where all or nothing did."""
    pairs = [
        (w, v) for w, d in zip(weights, mattered, strict=True) for v, e in zip(weights, mattered, strict=True) if d > e
    ]
    return sum((w > v) + 0.5 * (w == v) for w, v in pairs) / len(pairs) if pairs else None


def twin(frame: pd.DataFrame) -> dict[str, float]:
    """Return the same numbers by loops and scikit-learn."""
    answers = {(r.utterance_id, r.condition): r.y_pred for r in frame.itertuples()}
    full = frame[frame["condition"] == "TAV"]
    weights = full[COLUMNS].to_numpy()
    mattered = np.array([[answers[r.utterance_id, WITHOUT[m]] != r.y_pred for m in "TAV"] for r in full.itertuples()])
    own = [found for w, d in zip(weights, mattered, strict=True) if (found := pairs_won(w, d)) is not None]
    template = [found for d in mattered if (found := pairs_won(weights.mean(axis=0), d)) is not None]
    rng, dealt = np.random.default_rng(1), []
    for _ in range(60):
        order = np.arange(len(full))
        for label in LABELS:
            at = np.flatnonzero(full["y_pred"].to_numpy() == label)
            order[at] = rng.permutation(at)
        dealt += [f for w, d in zip(weights[order], mattered, strict=True) if (f := pairs_won(w, d)) is not None]
    within = full.groupby("speaker_id")[COLUMNS].var().mean().to_numpy()  # units are of one size here
    return {
        "weight_effect_concordance": float(np.mean(own)),
        "weight_effect_concordance_template": float(np.mean(template)),
        "weight_effect_concordance_shuffled": float(np.mean(dealt)),
        "weight_effect_auroc_audio": float(roc_auc_score(mattered[:, 1], weights[:, 1])),
        "modality_weight_variation": float(np.sqrt(weights.var(axis=0).mean())),
        "modality_weight_variation_video": float(weights[:, 2].std()),
        "modality_weight_mean_text": float(weights[:, 0].mean()),
        "modality_weight_within_share": float(min(within.sum() / weights.var(axis=0).sum(), 1.0)),
    }


TOLERANCE = {"weight_effect_concordance_shuffled": 0.02, "weight_effect_auroc_audio": 0.01}


@pytest.mark.parametrize("tells", [0.2, 0.9])
def test_numbers_equal_their_slow_twin(tells: float) -> None:
    frame = judged(n_speakers=20, each=8, tells=tells, seed=3)
    told = findings(frame)
    for metric, expected in twin(frame).items():
        assert value(told, metric) == pytest.approx(expected, abs=TOLERANCE.get(metric, 1e-9)), metric


def test_global_weights_do_not_vary_and_have_nothing_beyond_their_template() -> None:
    told = findings(judged(fixed=(0.5, 0.3, 0.2)))
    assert value(told, "modality_weight_variation") == 0.0
    assert value(told, "modality_weight_variation", "Irish") == 0.0
    assert value(told, "modality_weights_differ_rate") == 0.0
    differ = told["modality_weights_differ_rate", "everybody"].estimate.interval
    assert differ is not None
    assert 0 < differ.high < 0.15
    assert value(told, "weight_effect_concordance") > 0.5  # text leads more often, and the weights know that much
    assert value(told, "weight_effect_concordance") == value(told, "weight_effect_concordance_template")
    assert value(told, "weight_effect_concordance_excess") == pytest.approx(0.0, abs=1e-12)
    assert all(value(told, f"weight_effect_auroc_{name}") == 0.5 for name in ("text", "audio", "video"))
    assert told["modality_weight_within_share", "everybody"].estimate.value is None
    assert all(GLOBAL in finding.caveats for finding in told.values())


def test_single_precision_does_not_make_global_weights_vary() -> None:
    frame = judged(n_speakers=20, fixed=(0.5, 0.3, 0.2))
    frame[COLUMNS] += np.random.default_rng(0).uniform(-1e-8, 1e-8, (len(frame), 3))
    assert value(findings(frame), "modality_weight_variation") == 0.0


def test_weights_that_depend_on_input_are_not_called_the_same() -> None:
    told = findings(judged())
    assert value(told, "modality_weight_variation") > 0.1
    assert value(told, "modality_weights_differ_rate") > 0.99
    assert not any(GLOBAL in finding.caveats for finding in told.values())


def test_weights_that_point_and_weights_that_decorate_are_told_apart() -> None:
    points, decorates = findings(judged(tells=1.0)), findings(judged(tells=0.0))
    low = points["weight_effect_concordance_excess", "everybody"].estimate.interval
    high = decorates["weight_effect_concordance_excess", "everybody"].estimate.interval
    assert low is not None
    assert high is not None
    assert low.low > 0.2
    assert high.low < 0 < high.high < 0.15
    assert value(points, "weight_effect_auroc_video") > 0.8
    assert value(decorates, "weight_effect_auroc_video") == pytest.approx(0.5, abs=0.1)
    controls = points["weight_effect_concordance", "everybody"].controls or ()
    assert [each.split("/")[-1] for each in controls] == [
        "weight_effect_concordance_shuffled",
        "weight_effect_concordance_template",
    ]


def test_a_group_whose_weights_decorate_is_found_and_its_clean_twin_is_not() -> None:
    planted = findings(judged(n_speakers=60, tells={"Irish": 1.0, "Welsh": 0.2}))
    clean = findings(judged(n_speakers=60, tells=0.6, seed=1))
    gap = planted["weight_effect_concordance_excess_difference", "gap"]
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1
    quiet = clean["weight_effect_concordance_excess_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_constant_weights_do_not_differ_between_groups_in_which_other_modalities_matter() -> None:
    frame = judged(n_speakers=60, fixed=(0.5, 0.3, 0.2))
    welsh = frame["accent"] == "Welsh"  # there video leads as often as text does among the Irish
    frame.loc[welsh, "condition"] = frame.loc[welsh, "condition"].replace({"AV": "TA", "TA": "AV"})
    told = findings(frame)
    assert value(told, "weight_effect_concordance", "Irish") > value(told, "weight_effect_concordance", "Welsh") + 0.2
    gap = told["weight_effect_concordance_excess_difference", "gap"].estimate
    assert gap.value is None or gap.value == pytest.approx(0.0, abs=1e-12)
    assert not [key for key in told if key[0] == "weight_effect_concordance_difference"]


def test_weights_that_depend_on_the_speaker_alone_vary_between_units_only() -> None:
    frame = judged(n_speakers=30)
    rng = np.random.default_rng(1)
    speakers = frame["speaker_id"].unique()
    own = dict(zip(speakers, rng.dirichlet((4, 4, 4), len(speakers)), strict=True))
    frame[COLUMNS] = np.stack([own[speaker] for speaker in frame["speaker_id"]])
    told = findings(frame)
    assert value(told, "modality_weight_variation") > 0.05
    assert value(told, "modality_weight_within_share") == pytest.approx(0.0, abs=1e-9)


def test_distances_within_units_average_to_the_variance_within() -> None:
    rng = np.random.default_rng(0)
    shares, unit = rng.dirichlet((1, 1, 1), 30), rng.integers(0, 6, 30)
    unit[0] = 99
    found = within_units(shares, unit)
    assert np.isnan(found[0]).all()
    for each in range(6):
        np.testing.assert_allclose(found[unit == each].mean(axis=0), shares[unit == each].var(axis=0, ddof=1))


def test_repetition_stands_beside() -> None:
    told = findings(judged(n_speakers=20, repeats=2, noise=0.3))
    assert value(told, "repeat_flip_rate") == pytest.approx((1 - 0.7**2) * 2 / 3, abs=0.06)
    assert not any("no repetitions" in caveat for caveat in told["weight_effect_concordance", "everybody"].caveats)
    once = findings(judged(n_speakers=20))
    assert ("repeat_flip_rate", "everybody") not in once
    assert any("no repetitions" in caveat for caveat in once["weight_effect_concordance", "everybody"].caveats)


def test_percentages_are_shares_and_rows_have_no_order() -> None:
    frame = judged(n_speakers=20, tells=0.7)
    percent = frame.assign(**{name: 100 * frame[name] for name in COLUMNS})
    first = findings(frame)
    for other in (findings(percent), findings(frame.sample(frac=1, random_state=1))):
        for (metric, group), finding in first.items():
            assert other[metric, group].estimate.value == pytest.approx(finding.estimate.value, abs=1e-9), metric


def test_missing_weights_take_no_part_and_are_counted() -> None:
    frame = judged(n_speakers=20, tells=0.7)
    lost = frame["utterance_id"].isin({"u0", "u1"})
    holes = frame.copy()
    holes.loc[lost & (frame["utterance_id"] == "u0"), "weight_audio"] = np.nan
    holes.loc[lost & (frame["utterance_id"] == "u1"), COLUMNS] = 0.0
    told, without = findings(holes), findings(frame[~lost])
    assert value(told, "modality_weight_variation") == pytest.approx(value(without, "modality_weight_variation"))
    assert value(told, "weight_effect_concordance") == pytest.approx(value(without, "weight_effect_concordance"))
    assert any("2 of 200 judgements lack" in said for said in told["modality_weight_variation", "everybody"].caveats)


def test_a_table_without_removals_still_tells_of_variation_and_says_what_it_lacks() -> None:
    frame = judged(n_speakers=20)
    case = case_of(frame[frame["condition"] == "TAV"], ("accent",))
    assert EXAMINATION.refuses(case) is None
    testimony = EXAMINATION.examine(case)
    assert {claim.finding.metric for claim in testimony.claims} >= {"modality_weight_variation"}
    assert not any(claim.finding.metric.startswith("weight_effect") for claim in testimony.claims)
    [refusal] = testimony.refusals
    assert "TAV/resampled=V" in refusal.remedy


def test_one_removed_modality_is_not_enough_for_agreement() -> None:
    frame = judged(n_speakers=20)
    testimony = EXAMINATION.examine(case_of(frame[frame["condition"].isin({"TAV", "TA"})], ("accent",)))
    assert not any(claim.finding.metric.startswith("weight_effect") for claim in testimony.claims)
    assert len(testimony.refusals) == 1


def test_two_modalities_are_compared_as_well() -> None:
    frame = judged(n_speakers=20, tells=1.0)
    told = findings(frame[frame["condition"] != "AV"].drop(columns="weight_text"))
    assert 0.5 < value(told, "weight_effect_concordance") <= 1.0
    assert ("weight_effect_auroc_text", "everybody") not in told


@pytest.mark.parametrize(
    ("columns", "conditions", "because"),
    [
        ([], ["TAV"], "no weights"),
        (["weight_text"], ["TAV"], "no weights"),
        (COLUMNS, ["T"], "no weights"),
        (COLUMNS, ["as-supplied"], "no condition says"),
    ],
)
def test_tables_without_weights_are_refused(columns: list[str], conditions: list[str], because: str) -> None:
    frame = judged(n_speakers=4)
    kept = pd.concat([frame[frame["condition"] == "TAV"].assign(condition=c) for c in conditions])
    refusal = EXAMINATION.refuses(case_of(kept.drop(columns=[c for c in COLUMNS if c not in columns]), ("accent",)))
    assert refusal is not None
    assert because in refusal.because
    assert "weight_text" in refusal.remedy


def test_weights_that_are_all_unknown_are_refused_in_the_testimony() -> None:
    frame = judged(n_speakers=4).assign(weight_text=np.nan)
    testimony = EXAMINATION.examine(case_of(frame, ("accent",)))
    assert testimony.claims == ()
    assert "no judgement has a weight" in testimony.refusals[0].because


def test_nobody_named_and_weighted_rows_are_answered() -> None:
    frame = judged(n_speakers=20, tells=0.5)
    anonymous = findings(frame.drop(columns="speaker_id"))
    assert value(anonymous, "weight_effect_concordance") == pytest.approx(
        value(findings(frame), "weight_effect_concordance")
    )
    twice = frame.assign(weight=2.0)
    assert value(findings(twice), "weight_effect_concordance") == pytest.approx(
        value(findings(frame), "weight_effect_concordance")
    )


def test_all_orders_of_equal_groups_are_alike() -> None:
    frame = judged(n_speakers=12, tells=0.6)
    values = set()
    for names in permutations(LABELS):
        renamed = frame.replace({"y_pred": dict(zip(LABELS, names, strict=True))})
        values.add(round(value(findings(renamed), "weight_effect_concordance_shuffled"), 9))
    assert len(values) == 1


class TestContract(ExaminationContract):
    examination: ClassVar[Any] = EXAMINATION

    def make_case(self) -> Case:
        return case_of(judged(n_speakers=24, tells=0.6), ("accent",))


def test_a_streamed_table_is_answered_alike(tmp_path: Path) -> None:
    frame = judged(n_speakers=12, tells=0.7)
    frame.to_parquet(tmp_path / "table.parquet")
    reading = Reading(run="run", by=("accent",), in_memory_rows=0, batch_rows=100)
    predictions = read_predictions(tmp_path / "table.parquet", reading)
    assert not predictions.in_memory
    kept = case_of(frame, ("accent",))
    runs = {"run": predictions}
    book = EvidenceBook(runs=runs, by=("accent",), statistics=kept.statistics, seed=0)
    streamed = replace(kept, runs=runs, book=book)
    first, second = ([claim.finding for claim in EXAMINATION.examine(case).claims] for case in (kept, streamed))
    assert first == second
