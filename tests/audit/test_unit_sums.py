"""Sums folded while a table is read are the sums of its rows, whatever the batches, and rows become blocks."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.statistics.jackknife import jackknife_standard_error
from affidavit.tables import from_frame
from affidavit.tally import outcome_columns
from affidavit.testing import predictions_frame
from audit.unit_sums import BLOCKS, UnitSums, folded

BY = ("accent", "age")


def read(frame: pd.DataFrame) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", by=BY))


def counted(predictions: Predictions, n_batches: int) -> UnitSums:
    counter = UnitSums(predictions, BY)
    for batch in predictions.coded_batches([*outcome_columns(predictions, BY), "y_pred"]):
        parts = np.array_split(np.arange(len(batch["unit"])), n_batches)
        for rows in parts:
            part = {name: values[rows] for name, values in batch.items()}
            values = np.stack([np.ones(len(rows)), part["y_pred"].astype(float)], axis=1)
            counter.add(part, partial(folded, values))
    return counter


@pytest.mark.parametrize("n_batches", [1, 7])
def test_sums_by_unit_and_cell(n_batches: int) -> None:
    frame = predictions_frame()
    predictions = read(frame)
    tallies = counted(predictions, n_batches).tallies()
    code = {label: i for i, label in enumerate(predictions.labels)}
    for condition, tally in tallies.items():
        here = frame[frame["condition"] == condition]
        by_speaker = here["y_pred"].map(code).groupby(here["speaker_id"]).sum()
        units = predictions.levels["unit"]
        assert {units[u]: s for u, s in zip(tally.unit, tally.sums[:, 1], strict=True)} == by_speaker.to_dict()
        assert tally.n_rows.sum() == len(here)
        groups = tally.by(("accent",))
        expected = here["y_pred"].map(code).groupby(here["accent"]).sum()
        assert groups.totals()[:, 1].tolist() == expected.tolist()
        assert groups.nested


def test_rows_that_are_units_become_blocks_once_there_are_many() -> None:
    few = read(predictions_frame(n_speakers=12).drop(columns="speaker_id"))
    tally = counted(few, 1).tallies()["TAV"]
    assert tally.n_rows.max() == 1, "each row is its own block"
    many = read(predictions_frame(n_speakers=300).drop(columns="speaker_id"))
    tally = counted(many, 3).tallies()["TAV"]
    assert 5 * BLOCKS < len(tally.sums) <= 6 * BLOCKS
    assert tally.sums[:, 0].sum() == 3000
    assert tally.n_rows.sum() == 3000
    assert tally.n_rows.max() < 15, "as many to one block as chance gives"
    assert tally.by(("age",)).nested
    assert tally.n_units == len(tally.sums)


def test_batches_change_no_block() -> None:
    many = read(predictions_frame(n_speakers=300).drop(columns="speaker_id"))
    one, seven = (counted(many, n).tallies()["A"] for n in (1, 7))
    np.testing.assert_array_equal(one.sums, seven.sums)
    np.testing.assert_array_equal(one.unit, seven.unit)


@pytest.mark.parametrize("n_rows", [BLOCKS, 3 * BLOCKS, 40 * BLOCKS])
@pytest.mark.parametrize("order", ["as drawn", "sorted"])
def test_a_sorted_table_gives_no_narrower_an_error(n_rows: int, order: str) -> None:
    """Dealt in turn, the blocks of a sorted table agree far too well: an error seven times too small was seen."""
    errors = []
    for seed in range(4):
        value = np.random.default_rng([seed, n_rows]).normal(size=n_rows)
        frame = pd.DataFrame(
            {
                "utterance_id": [f"u{i}" for i in range(n_rows)],
                "y_true": "joy",
                "y_pred": "joy",
                "weight": 1.0,
                "size": np.sort(value) if order == "sorted" else value,
            }
        )
        predictions = predictions_from(from_frame(frame.drop(columns="size")), Reading(run="run"))
        counter = UnitSums(predictions, ())
        for batch in predictions.coded_batches(outcome_columns(predictions, ())):
            values = np.stack([np.ones(n_rows), frame["size"].to_numpy()], axis=1)
            counter.add(batch, partial(folded, values))
        sums = counter.tallies()["as-supplied"].sums
        left = (sums[:, 1].sum() - sums[:, 1]) / (sums[:, 0].sum() - sums[:, 0])
        errors.append(float(jackknife_standard_error(left)) / (value.std(ddof=1) / np.sqrt(n_rows)))
    assert np.mean(errors) == pytest.approx(1.0, abs=0.15), "200 blocks know an error to a twentieth"
