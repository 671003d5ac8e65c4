from collections import Counter

import numpy as np
import pandas as pd
import pytest

from affidavit.plan import Feature
from affidavit.predictions import Reading, predictions_from
from affidavit.tables import from_frame
from affidavit.tally import tally
from affidavit.testing import predictions_frame

KEYS = ["condition", "speaker_id", "accent", "age", "y_true", "y_pred"]


def counted(frame: pd.DataFrame, **reading: object):  # noqa: ANN201
    by = ("accent", "age")
    predictions = predictions_from(from_frame(frame), Reading(run="run", by=by, **reading))  # type: ignore[arg-type]
    return predictions, tally(predictions, by)


@pytest.mark.parametrize("family", [(), ("accent",), ("age",), ("accent", "age"), ("age", "accent")])
def test_counts_what_a_dictionary_counts(family: tuple[str, ...]) -> None:
    frame = predictions_frame()
    predictions, tallies = counted(frame)
    naive = Counter(map(tuple, frame[["condition", *family, "y_true", "y_pred"]].to_numpy()))
    for condition, counts in tallies.items():
        grouped = counts.by(family)
        for group, matrix in zip(grouped.groups, grouped.totals(), strict=True):
            for cell, value in zip(np.ndindex(3, 3), matrix, strict=True):
                labels = (predictions.labels[cell[0]], predictions.labels[cell[1]])
                assert value == naive[(condition, *(group[f] for f in family), *labels)]
        assert grouped.rows().sum() == (frame["condition"] == condition).sum()
        assert grouped.units().sum() == frame["speaker_id"].nunique()


def test_does_not_depend_on_the_order_of_rows_or_the_size_of_batches() -> None:
    frame = predictions_frame()
    _, ordered = counted(frame)
    _, shuffled = counted(frame.sample(frac=1.0, random_state=1))
    for condition in ordered:
        assert np.array_equal(ordered[condition].sums, shuffled[condition].sums)
        assert np.array_equal(ordered[condition].unit, shuffled[condition].unit)


def test_weights_weigh_rows() -> None:
    frame = predictions_frame().assign(weight=2.5)
    plain, weighted = counted(predictions_frame())[1]["TAV"], counted(frame)[1]["TAV"]
    assert np.allclose(weighted.sums, 2.5 * plain.sums)
    assert np.array_equal(weighted.n_rows, plain.n_rows)


def test_rows_as_units_are_kept_by_pattern() -> None:
    frame = predictions_frame().drop(columns="speaker_id")
    _, alike = counted(frame)
    _, by_speaker = counted(predictions_frame())
    assert len(alike["TAV"].sums) <= 6 * 9
    for family in ((), ("accent",), ("accent", "age")):
        few, many = alike["TAV"].by(family), by_speaker["TAV"].by(family)
        assert np.array_equal(few.totals(), many.totals())
        assert np.array_equal(few.rows(), many.rows())
        assert np.array_equal(few.units(), few.rows())


def test_a_unit_may_be_in_several_groups_of_an_utterance_level_feature() -> None:
    frame = predictions_frame()
    frame["age"] = np.where(np.arange(len(frame)) % 2 == 0, "day", "night")
    _, tallies = counted(frame, features={"age": Feature(level="utterance")})
    grouped = tallies["TAV"].by(("age",))
    assert not grouped.nested
    assert grouped.units().tolist() == [48, 48]
    assert tallies["TAV"].by(("accent",)).nested
