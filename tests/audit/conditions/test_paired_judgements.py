import numpy as np
import pandas as pd
import pytest

from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame
from audit.conditions.paired_judgements import paired_judgements
from audit.conditions.paired_statistics import sums_for, weighted_conditions

BOTH = ("TAV", "A")


def read(frame: pd.DataFrame) -> Predictions:
    return predictions_from(from_frame(frame), Reading(run="run", by=("accent",)))


def test_the_tally_is_a_pivot_by_hand() -> None:
    frame = predictions_frame().sample(frac=0.9, random_state=1)
    run = read(frame)
    tally = paired_judgements(run, ("accent",), BOTH).tally(BOTH, name="TAV")
    frame["right"] = (frame["y_true"] == frame["y_pred"]).astype(float)
    wide = frame.pivot_table(
        index=["speaker_id", "accent", "y_true", "utterance_id"], columns="condition", values="right"
    )
    wide = wide.dropna().reset_index()
    grouped = tally.by(("accent",))
    for row, unit, group in zip(grouped.sums, grouped.unit, grouped.group, strict=True):
        mine = wide[
            (wide["speaker_id"] == run.levels["unit"][unit]) & (wide["accent"] == grouped.groups[group]["accent"])
        ]
        for k, label in enumerate(run.labels):
            of_label = mine[mine["y_true"] == label]
            assert row[[k, 3 + k, 6 + k]] == pytest.approx([len(of_label), of_label["TAV"].sum(), of_label["A"].sum()])
    assert grouped.n_rows.sum() == len(wide)


def test_the_same_whether_read_at_once_or_in_pieces() -> None:
    frame = predictions_frame(n_speakers=300)
    table = from_frame(frame)
    whole = predictions_from(table, Reading(run="run", by=("accent",)))
    pieces = predictions_from(table, Reading(run="run", by=("accent",), in_memory_rows=0, batch_rows=1024))
    first, second = (paired_judgements(run, ("accent",), BOTH).tally(BOTH, name="TAV") for run in (whole, pieces))
    assert np.array_equal(first.sums, second.sums)
    assert np.array_equal(first.unit, second.unit)


def test_a_pair_weighs_what_its_fullest_judgement_weighs_whatever_the_order_of_rows() -> None:
    frame = predictions_frame(conditions=("A", "TAV"))
    frame["weight"] = np.where(frame["condition"] == "TAV", 1.0, 3.0)
    for rows in (frame, frame.iloc[::-1]):
        paired = paired_judgements(read(rows), ("accent",), BOTH)
        assert set(paired.weight) == {1.0}
        assert paired.tally(BOTH, name="TAV").by(()).totals()[0, :3].sum() == 480


def test_reasoners_and_instructions_are_not_paired_with_each_other() -> None:
    frame = predictions_frame()
    frame["instruction"] = np.where(frame["condition"] == "A", "other", "one")
    paired = paired_judgements(read(frame), ("accent",), BOTH)
    assert not paired.complete(BOTH).any()
    assert paired.left_out(BOTH) == ("960 of 960 utterances were not judged under each of TAV, A",)


def test_average_recall_runs_over_the_classes_of_the_reference() -> None:
    statistic = weighted_conditions(
        "x", "unweighted_average_recall", np.array([1.0, -1.0]), n_labels=3, bounds=(-1.0, 1.0)
    )
    sums = np.array([4.0, 2.0, 0.0, 2.0, 2.0, 0.0, 1.0, 0.0, 0.0])
    assert statistic.value(sums, sums) == pytest.approx(((2 - 1) / 4 + (2 - 0) / 2) / 2)
    other = np.array([4.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert np.isnan(statistic.value(sums, other)), "a class of the reference that is not there leaves it undefined"
    assert np.isnan(statistic.value(sums, np.zeros(9)))
    assert statistic.common is not None
    common = statistic.common(np.stack([sums, other]))
    assert (common[:, :3] > 0).tolist() == [[True, False, False]] * 2
    plain = weighted_conditions("x", "accuracy", np.array([1.0, -1.0]), n_labels=3, bounds=(-1.0, 1.0))
    folded = sums_for("accuracy", sums, 3)
    assert plain.value(folded, folded) == pytest.approx((4 - 1) / 6)
