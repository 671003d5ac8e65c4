from collections import Counter

import numpy as np
import pandas as pd
import pytest

from affidavit.plan import Feature
from affidavit.predictions import Reading, predictions_from
from affidavit.tables import from_frame
from affidavit.tally import OutcomeCounter, outcome_columns, tally, tally_outcomes
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


def test_a_level_without_rows_under_a_condition_is_listed_there_with_none() -> None:
    frame = predictions_frame()
    frame = frame[~((frame["condition"] == "A") & (frame["accent"] == "Welsh"))]
    _, tallies = counted(frame)
    for family in ((), ("accent",), ("age",), ("accent", "age")):
        full, less = tallies["TAV"].by(family), tallies["A"].by(family)
        assert full.groups == less.groups
        for group, n_rows, n_units, totals in zip(less.groups, less.rows(), less.units(), less.totals(), strict=True):
            assert (n_rows == 0) == (n_units == 0) == (group.get("accent") == "Welsh")
            assert totals.any() == (n_rows > 0)


def test_a_combination_that_never_occurs_is_no_group() -> None:
    frame = predictions_frame()
    frame = frame[~((frame["age"] == "40+") & (frame["accent"] == "Welsh"))]
    _, tallies = counted(frame)
    assert len(tallies["A"].by(("accent", "age")).groups) == 5


@pytest.mark.parametrize("unit", ["speaker_id", "row"])
@pytest.mark.parametrize("weighted", [False, True])
def test_outcomes_are_counted_alike_in_one_batch_or_many(unit: str, weighted: bool) -> None:
    frame = predictions_frame(conditions=("TAV",))
    frame = frame if unit == "speaker_id" else frame.drop(columns="speaker_id")
    frame = frame.assign(weight=np.arange(len(frame)) % 3 + 0.5) if weighted else frame
    by = ("accent", "age")
    predictions = predictions_from(from_frame(frame), Reading(run="run", by=by))
    rows = next(predictions.coded_batches(outcome_columns(predictions, by)))
    sums = np.stack([np.arange(len(frame)) % 4, np.ones(len(frame))], axis=1)
    whole = tally_outcomes(predictions, by, condition="TAV", rows=rows, sums=sums)
    counter = OutcomeCounter(predictions, by, condition="TAV")
    for piece in np.array_split(np.arange(len(frame))[::-1], 7):
        counter.add({name: values[piece] for name, values in rows.items()}, sums[piece])
    pieces = counter.tally()
    weight = frame["weight"].to_numpy() if weighted else np.ones(len(frame))
    for family in ((), ("accent",), ("accent", "age")):
        one, other = whole.by(family), pieces.by(family)
        assert np.array_equal(one.sums, other.sums)
        assert np.array_equal(one.units(), other.units())
        assert one.weighted is weighted
    totals = whole.by(("accent",)).totals()
    for accent, expected in zip(predictions.levels["group_accent"], totals, strict=True):
        here = (frame["accent"] == accent).to_numpy()
        assert expected == pytest.approx((sums * weight[:, None])[here].sum(axis=0))
    if unit == "row" and not weighted:
        assert len(whole.sums) <= 6 * 4, "rows that are alike are counted together"


def test_weights_that_were_not_read_are_not_passed_over() -> None:
    predictions = predictions_from(from_frame(predictions_frame().assign(weight=2.0)), Reading(run="run"))
    rows = next(predictions.coded_batches(["condition", "unit"]))
    with pytest.raises(ValueError, match="outcome_columns"):
        tally_outcomes(predictions, (), condition="TAV", rows=rows, sums=np.ones((len(rows["unit"]), 2)))


def test_sums_with_weights_are_known_for_what_they_are() -> None:
    assert counted(predictions_frame().assign(weight=2.5))[1]["TAV"].by(("accent",)).weighted
    assert not counted(predictions_frame())[1]["TAV"].by(("accent",)).weighted


def test_what_is_in_order_is_not_copied() -> None:
    counts = counted(predictions_frame())[1]["TAV"]
    grouped = counts.by(("accent",))
    assert np.shares_memory(grouped.sums, counts.sums)
    assert "nested" not in vars(grouped)
    assert grouped.nested
    assert vars(grouped)["nested"] is True, "found out once"
