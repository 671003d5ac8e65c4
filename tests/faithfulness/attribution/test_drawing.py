"""The draw is even over groups and units, does not know the order of rows, and its weights give the whole back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.predictions import Reading, predictions_from
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame
from faithfulness.attribution.drawing import Drawn, draw_judgements, drawn_evenly
from faithfulness.attribution.options import DrawingOptions


def weights_by_hand(cell: np.ndarray, unit: np.ndarray, chosen: np.ndarray) -> list[float]:
    """The slow way, from the definition: units of the cell over those drawn, rows of the unit over those drawn."""
    found = []
    for row in chosen:
        here = cell == cell[row]
        mine = here & (unit == unit[row])
        drawn = np.isin(np.arange(len(cell)), chosen)
        units, met = len(set(unit[here])), len(set(unit[here & drawn]))
        found.append(units / met * mine.sum() / (mine & drawn).sum())
    return found


@pytest.mark.parametrize("most", [1, 7, 23, 60, 500])
def test_weights_are_those_of_two_stages(most: int) -> None:
    rng = np.random.default_rng(3)
    cell, unit = rng.integers(0, 3, 60), rng.integers(0, 9, 60)
    chosen, weight = drawn_evenly(cell, unit, most=most, rng=np.random.default_rng(most))
    assert len(set(chosen)) == min(most, 60)
    assert weight.tolist() == pytest.approx(weights_by_hand(cell, unit, chosen))
    if most >= 60:
        assert weight.tolist() == [1.0] * 60
    if most >= 3:
        for here in range(3):
            assert weight[cell[chosen] == here].sum() > 0


def test_a_rare_cell_is_seen_as_often_as_a_frequent_one_and_units_take_turns() -> None:
    cell = np.array([0] * 100 + [1] * 10)
    unit = np.array([k // 20 for k in range(100)] + [5 + k // 2 for k in range(10)])
    chosen, _ = drawn_evenly(cell, unit, most=10, rng=np.random.default_rng(0))
    assert np.bincount(cell[chosen]).tolist() == [5, 5]
    assert len(set(unit[chosen])) == 10, "no unit twice before every unit once"


def test_the_weighted_mean_of_draws_is_the_mean_of_the_whole() -> None:
    rng = np.random.default_rng(8)
    cell = np.repeat([0, 0, 1], [40, 40, 8])
    unit = np.r_[np.repeat(np.arange(10), 8), np.repeat([10, 11], 4)]
    value = rng.normal(cell * 3.0 + unit / 4.0, 1.0)
    sums = np.array(
        [
            [(weight * value[chosen]).sum(), weight.sum()]
            for chosen, weight in (
                drawn_evenly(cell, unit, most=12, rng=np.random.default_rng(seed)) for seed in range(150)
            )
        ]
    )
    assert sums[:, 1].mean() == pytest.approx(88, rel=0.03)
    assert sums[:, 0].mean() == pytest.approx(value.sum(), rel=0.07)
    assert abs(value.mean() - value[:80].mean()) > 0.1, "unweighted, the rare cell would weigh too much"


def test_who_has_many_judgements_is_drawn_no_sooner_than_who_has_one() -> None:
    cell = np.repeat([0, 1], 100)
    unit = np.r_[np.zeros(80), np.arange(1, 21), np.full(80, 21), np.arange(22, 42)].astype(np.int64)
    met = [
        0 in unit[drawn_evenly(cell, unit, most=12, rng=np.random.default_rng(seed))[0]].tolist() for seed in range(200)
    ]
    assert np.mean(met) == pytest.approx(6 / 21, abs=0.1), "six of the 21 units of its cell"


def test_where_groups_outnumber_draws_who_is_left_out_is_chance_and_is_said() -> None:
    cell = np.repeat(np.arange(20), np.arange(1, 21))
    unit = np.arange(len(cell))
    chosen = [drawn_evenly(cell, unit, most=5, rng=np.random.default_rng(seed))[0] for seed in range(300)]
    assert np.mean([(cell[places] < 10).mean() for places in chosen]) == pytest.approx(0.5, abs=0.06)
    drawn = drawn_of(predictions_frame(n_speakers=12, per_speaker=5), most=2)
    assert drawn.n_unseen > 0
    assert any("no judgement among those drawn" in caveat for caveat in drawn.caveats)


def drawn_of(frame: pd.DataFrame, *, most: int = 20, known: Any = None, **reading: Any) -> Drawn:
    predictions = predictions_from(from_frame(frame), Reading(run="run", by=("accent", "age"), **reading))
    names = set(frame["utterance_id"]) if known is None else known
    rng = np.random.default_rng(1)
    return draw_judgements(predictions, ("accent", "age"), "TAV", known=names, most=most, rng=rng)


def test_neither_the_order_of_rows_nor_batches_nor_repetitions_have_a_say() -> None:
    frame = predictions_frame(n_speakers=12, per_speaker=5).assign(repeat=0)
    again = frame[frame["condition"] == "TAV"].assign(repeat=1, y_pred="joy", rationale="another time")
    plain, other, streamed = (
        drawn_of(frame),
        drawn_of(pd.concat([again, frame]).sample(frac=1.0, random_state=5)),
        drawn_of(frame, batch_rows=7),
    )
    for drawn in (other, streamed):
        assert drawn.utterance_ids == plain.utterance_ids
        assert drawn.answers == plain.answers
        assert drawn.rationales == plain.rationales
        assert drawn.weight.tolist() == plain.weight.tolist()
    assert plain.n_judged == 60
    assert plain.truths[0] in ("anger", "joy", "sadness")
    assert plain.caveats == ("20 of 60 judgements drawn, evenly over groups and units, and weighted back",)


def test_what_the_corpus_does_not_have_is_counted() -> None:
    frame = predictions_frame(n_speakers=12, per_speaker=5)
    drawn = drawn_of(frame, most=100, known={f"u{i}" for i in range(9)})
    assert sorted(drawn.utterance_ids) == sorted(f"u{i}" for i in range(9))
    assert drawn.caveats == ("51 judged utterances are not in the corpus",)
    assert len(drawn_of(frame, known=set())) == 0


def test_rationales_are_dealt_anew_among_those_of_one_answer() -> None:
    drawn = drawn_of(predictions_frame(n_speakers=12, per_speaker=5))
    others = drawn.others(np.random.default_rng(2))
    assert sorted(other for other in others if other is not None) == list(range(20)), "each is handed out once"
    assert all(drawn.answers[i] == drawn.answers[o] and o != i for i, o in enumerate(others) if o is not None)


def test_a_rationale_that_nobody_shares_an_answer_with_has_no_other() -> None:
    frame = predictions_frame(n_speakers=12, per_speaker=5)
    frame["rationale"] = frame["rationale"].where(frame.index % 60 < 1, "  ")
    drawn = drawn_of(frame, most=60)
    assert sum(bool(text) for text in drawn.rationales) == 1
    assert set(drawn.others(np.random.default_rng(2))) == {None}


def test_the_fullest_condition_is_attributed_unless_another_is_named() -> None:
    frame = predictions_frame(conditions=("TAV", "A", "TAV/noise=10dB"))
    run = predictions_from(from_frame(frame), Reading(run="run"))
    assert DrawingOptions().condition_of(run) == "TAV"
    assert DrawingOptions(condition="A").condition_of(run) == "A"
    assert DrawingOptions(condition="TAV/noise=10dB").condition_of(run) is None
    assert DrawingOptions(condition="T").condition_of(run) is None
    unsaid = predictions_from(
        from_frame(frame[frame["condition"] == "A"].drop(columns="condition")), Reading(run="run")
    )
    assert DrawingOptions().condition_of(unsaid) == "as-supplied"
