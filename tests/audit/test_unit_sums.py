"""Sums folded while a table is read are the sums of its rows, whatever the batches, and rows become blocks."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from affidavit.predictions import Predictions, Reading, predictions_from
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
    assert len(tally.sums) == 6 * BLOCKS
    assert tally.sums[:, 0].sum() == 3000
    assert tally.n_rows.min() >= 2, "dealt in turn"
    assert tally.by(("age",)).nested
    assert tally.n_units == 6 * BLOCKS
