"""EEA, EPC, FCR and the quadrants as sums: equal to counting by hand, and abstentions stand apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from affidavit.confusion import FloatArray
from faithfulness.conclusions.consistency import (
    COLUMNS,
    NAMES,
    Answers,
    consistency_statistics,
    consistency_sums,
)
from faithfulness.conclusions.judge import Conclusions, LexiconJudge, Outcome

LABELS = ("anger", "joy", "neutral")


def _drawn(n: int, seed: int = 0) -> tuple[Answers, Conclusions]:
    rng = np.random.default_rng(seed)
    outcome = rng.choice([0, 0, 0, 1, 3, 6, 7], size=n)
    label = np.where(outcome == 0, rng.integers(3, size=n), -1)
    answers = Answers(truth=rng.integers(-1, 3, size=n), predicted=rng.integers(-1, 3, size=n))
    proxy = (label >= 0) & (rng.random(n) < 0.2)
    return answers, Conclusions(labels=LABELS, label=label, outcome=outcome, proxy=proxy)


def _values(sums: FloatArray) -> dict[str, float]:
    return {s.name: float(s.value(sums, sums)) for s in consistency_statistics()}


def _column(sums: FloatArray, name: str) -> FloatArray:
    return np.asarray(sums[..., COLUMNS.index(name)])


def test_rates_equal_counting_by_hand() -> None:
    answers, found = _drawn(500)
    values = _values(consistency_sums(answers, found).sum(axis=0))
    count: Counter[str] = Counter()
    for y, p, e, o in zip(answers.truth, answers.predicted, found.label, found.outcome, strict=True):
        if p < 0 or o == Outcome.EMPTY:
            continue
        count["said"] += 1
        count["judged"] += e >= 0
        count["consistent"] += e >= 0 and e == p
        if y < 0:
            continue
        count["said_labelled"] += 1
        if e < 0:
            count["abstained_right" if p == y else "abstained_wrong"] += 1
            continue
        count["labelled"] += 1
        count["eea"] += e == y
        count["fcr"] += e == y == p
        count[f"{'right' if p == y else 'wrong'}_answer_{'right' if e == y else 'wrong'}"] += 1
        count["wrong_consistent"] += p != y and e == p
    abstained = count["abstained_right"] + count["abstained_wrong"]
    expected = {
        "explanation_emotion_accuracy": count["eea"] / count["labelled"],
        "explanation_emotion_accuracy_floor": count["eea"] / count["said_labelled"],
        "explanation_emotion_accuracy_ceiling": (count["eea"] + abstained) / count["said_labelled"],
        "explanation_prediction_consistency": count["consistent"] / count["judged"],
        "explanation_prediction_consistency_floor": count["consistent"] / count["said"],
        "explanation_prediction_consistency_ceiling": (count["consistent"] + count["said"] - count["judged"])
        / count["said"],
        "faithful_consistency_rate": count["fcr"] / count["labelled"],
        "faithful_consistency_rate_floor": count["fcr"] / count["said_labelled"],
        "faithful_consistency_rate_ceiling": (count["fcr"] + count["abstained_right"]) / count["said_labelled"],
        **{
            f"{answer}_answer_{explanation}_explanation_rate": count[f"{answer}_answer_{explanation}"]
            / count["labelled"]
            for answer in ("right", "wrong")
            for explanation in ("right", "wrong")
        },
        "consistent_wrong_answer_rate": count["wrong_consistent"]
        / (count["wrong_answer_right"] + count["wrong_answer_wrong"]),
        "abstention_rate": 1 - count["judged"] / count["said"],
        "abstention_rate_right": count["abstained_right"]
        / (count["abstained_right"] + count["right_answer_right"] + count["right_answer_wrong"]),
        "abstention_rate_wrong": count["abstained_wrong"]
        / (count["abstained_wrong"] + count["wrong_answer_right"] + count["wrong_answer_wrong"]),
    }
    outcomes = {f"outcome_{outcome.name.lower()}_rate" for outcome in Outcome}
    assert set(values) == {*expected, "proxy_rate", *outcomes}
    assert sum(values[name] for name in outcomes) == pytest.approx(1.0)
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, abs=1e-12), name


def test_laws_of_the_rates() -> None:
    sums = consistency_sums(*_drawn(400, seed=2)).sum(axis=0)
    values = _values(sums)
    quadrants = [v for name, v in values.items() if name.endswith("_explanation_rate")]
    assert len(quadrants) == 4
    assert sum(quadrants) == pytest.approx(1)
    for name in NAMES:
        assert values[f"{name}_floor"] <= values[name] <= values[f"{name}_ceiling"]
    assert values["faithful_consistency_rate"] == pytest.approx(values["right_answer_right_explanation_rate"])
    assert values["faithful_consistency_rate"] <= values["explanation_emotion_accuracy"]
    outcomes = [_column(sums, name) for name in COLUMNS if name.startswith("outcome_")]
    assert sum(outcomes) == _column(sums, "rows") == 400


def test_sums_fold_to_units_and_groups() -> None:
    sums = consistency_sums(*_drawn(60, seed=4))
    halves = np.stack([sums[:30].sum(axis=0), sums[30:].sum(axis=0)])
    for statistic in consistency_statistics():
        apart = [float(statistic.value(half, half)) for half in halves]
        assert statistic.value(halves, halves).tolist() == pytest.approx(apart)


def test_every_rate_is_a_share_of_rows() -> None:
    sums = consistency_sums(*_drawn(300, seed=5))
    for statistic in consistency_statistics():
        assert statistic.ratio is not None
        over, under = (sums @ weights for weights in statistic.ratio)
        assert set(over.tolist()) | set(under.tolist()) <= {0.0, 1.0}, statistic.name
        assert (over <= under).all(), statistic.name
        assert statistic.counts_rows


def test_abstentions_on_neutral_rows_do_not_raise_accuracy() -> None:
    """Failed judgements that became neutral would make every neutral row right."""
    n = 50
    answers = Answers(truth=np.full(n, 2), predicted=np.full(n, 2))
    failed = np.full(n, int(Outcome.FAILED))
    found = Conclusions(labels=LABELS, label=np.full(n, -1), outcome=failed, proxy=np.zeros(n, dtype=bool))
    values = _values(consistency_sums(answers, found).sum(axis=0))
    assert np.isnan(values["explanation_emotion_accuracy"])
    assert values["explanation_emotion_accuracy_floor"] == 0
    assert values["explanation_emotion_accuracy_ceiling"] == 1
    assert values["abstention_rate"] == 1


def test_nothing_gives_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    found = Conclusions(labels=LABELS, label=none, outcome=none, proxy=np.zeros(0, dtype=bool))
    sums = consistency_sums(Answers(truth=none, predicted=none), found)
    assert sums.shape == (0, len(COLUMNS))
    assert all(np.isnan(value) for value in _values(sums.sum(axis=0)).values())


def test_rationales_that_name_another_emotion_are_found_and_faithful_ones_are_not() -> None:
    rng = np.random.default_rng(8)
    truth = rng.integers(3, size=600)
    predicted = np.where(rng.random(600) < 0.8, truth, rng.integers(3, size=600))
    planted = rng.random(600) < 0.3
    named = np.where(planted, (predicted + 1) % 3, predicted)
    answers = Answers(truth=truth, predicted=predicted)
    for concluded, expected in ((named, 1 - planted.mean()), (predicted, 1.0)):
        texts = pa.array([f"The face is tense. Overall it is {LABELS[k]}, not surprise." for k in concluded])
        found = LexiconJudge().conclude(texts, LABELS)
        values = _values(consistency_sums(answers, found).sum(axis=0))
        assert values["explanation_prediction_consistency"] == pytest.approx(expected)
        assert values["abstention_rate"] == 0
