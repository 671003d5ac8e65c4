"""Rows matched between conditions, held against a dictionary; the order of rows and of batches has no say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affidavit.matched_rows import NONE, MatchedRows, read_rows
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame

KEY = ["utterance_id", "reasoner", "instruction", "repeat"]
ASKED = ("TAV", "TAV/filler", "A")


def gappy() -> pd.DataFrame:
    """Return judgements of two reasoners under two instructions, three times over, a third of them missing."""
    plain = predictions_frame(n_speakers=6, per_speaker=3, conditions=(*ASKED, "V"))
    copies = [
        plain.assign(reasoner=reasoner, instruction=instruction, repeat=repeat)
        for reasoner in ("one", "two")
        for instruction in ("say", "tell")
        for repeat in range(3)
    ]
    frame = pd.concat(copies, ignore_index=True)
    return frame.sample(frac=2 / 3, random_state=1).reset_index(drop=True)


def predictions(frame: pd.DataFrame) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", by=("accent",)))


def read(run: Predictions) -> tuple[MatchedRows, pd.DataFrame]:
    """Return the rows, and the same as a frame from the canonical table."""
    table = run.to_frame()
    return read_rows(run, ASKED, ["y_pred"]), table[table["condition"].isin(ASKED)].reset_index(drop=True)


def test_twins_are_what_a_dictionary_finds() -> None:
    rows, table = read(predictions(gappy()))
    keys = [tuple(key) for key in table[KEY].astype(str).to_numpy().tolist()]
    for place, condition in enumerate(ASKED):
        there = {key: i for i, key in enumerate(keys) if table["condition"][i] == condition}
        assert rows.under(place).tolist() == sorted(there.values())
        expected = [there.get(keys[row], NONE) for row in rows.under(0)]
        assert rows.twins(rows.under(0), place).tolist() == expected
        assert place == 0 or {NONE} < set(expected)


def test_the_same_judgement_has_one_code_whatever_condition_and_repetition() -> None:
    rows, table = read(predictions(gappy()))
    judged = table[KEY[:-1]].astype(str).agg("/".join, axis=1)
    assert pd.Series(judged).groupby(rows.judgement).nunique().eq(1).all()
    assert len(set(rows.judgement.tolist())) == judged.nunique()


def test_columns_are_those_of_the_rows() -> None:
    run = predictions(gappy())
    rows, table = read(run)
    assert rows.texts["utterance_id"].to_pylist() == table["utterance_id"].tolist()
    told = np.array(run.levels["y_pred"], dtype=object)[rows.columns["y_pred"]]
    assert told.tolist() == table["y_pred"].tolist()
    assert rows.stacked([]) is None
    both = rows.stacked(["y_pred", "repeat"])
    assert both is not None
    assert both.shape == (len(table), 2)


def test_an_utterance_that_is_not_there_has_no_twin() -> None:
    frame = predictions_frame(n_speakers=4, per_speaker=2, conditions=ASKED)
    first = frame["utterance_id"] == frame["utterance_id"][0]
    rows, _ = read(predictions(frame[(frame["condition"] == "A") | ~first].reset_index(drop=True)))
    assert NONE not in rows.twins(rows.under(0), 2)
    assert rows.twins(rows.under(2), 0).tolist().count(NONE) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_has_no_say(seed: int) -> None:
    def pairs(frame: pd.DataFrame) -> set[tuple[str, ...]]:
        rows, table = read(predictions(frame))
        names = table[["condition", *KEY]].astype(str).agg("/".join, axis=1)
        own = rows.under(0)
        twins = rows.twins(own, 1)
        return {(names[a], names[b]) if b != NONE else (names[a],) for a, b in zip(own, twins, strict=True)}

    frame = gappy()
    assert pairs(frame.sample(frac=1, random_state=seed).reset_index(drop=True)) == pairs(frame)
