"""What tests of plugins read findings with: nothing is overwritten in silence, nothing missing reads as a number."""

from __future__ import annotations

import pytest

from affidavit.registry import load
from affidavit.testing import case_of, findings_of, predictions_frame, value_of


def test_findings_stand_under_metric_and_group() -> None:
    frame = predictions_frame(conditions=("TAV",))
    told = findings_of(load("examinations", "performance"), case_of(frame, ("accent",)))
    assert value_of(told, "accuracy") == pytest.approx((frame["y_true"] == frame["y_pred"]).mean())
    irish = frame[frame["accent"] == "Irish"]
    assert value_of(told, "accuracy", "Irish") == pytest.approx((irish["y_true"] == irish["y_pred"]).mean())


def test_of_two_conditions_one_has_to_be_named() -> None:
    frame, performance = predictions_frame(), load("examinations", "performance")
    with pytest.raises(AssertionError, match="told twice, under TAV and A"):
        findings_of(performance, case_of(frame, ("accent",)))
    alone = frame[frame["condition"] == "A"]
    told = findings_of(performance, case_of(frame, ("accent",)), condition="A")
    assert value_of(told, "accuracy") == pytest.approx((alone["y_true"] == alone["y_pred"]).mean())


def test_a_refusal_and_a_number_that_is_not_there_are_no_numbers() -> None:
    frame = predictions_frame(conditions=("TAV",))
    with pytest.raises(AssertionError, match="hints refuses the case"):
        findings_of(load("examinations", "hints"), case_of(frame))
    absent = frame.assign(accent=frame["accent"].where(frame["speaker_id"] != "s0", "Manx")).query("accent == 'Manx'")
    told = findings_of(load("examinations", "performance"), case_of(absent[absent["y_true"] == "joy"], ("accent",)))
    without = next(key for key, finding in told.items() if finding.estimate.value is None)
    with pytest.raises(AssertionError, match="has no value"):
        value_of(told, *without)
