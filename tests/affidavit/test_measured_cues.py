"""Measured cues: what counts as a cue, and tables of them."""

from __future__ import annotations

import pytest

from affidavit.measured_cues import COLUMNS, MeasuredCue, measured_cues, measurement_table, noticed_from


@pytest.mark.parametrize(
    ("cue", "unit", "value", "direction"),
    [
        ("pitch", "st", 1.5, 1),
        ("pitch", "st", 1.49, 0),
        ("pitch", "st", -1.5, -1),
        ("AU15", "strength", 0.25, 1),
        ("AU15", "intensity 0-5", 0.9, 0),
        ("creak", "dB", 2.0, 1),
        ("creak", "depth", 0.29, 0),
    ],
)
def test_a_value_is_a_cue_from_its_tolerance_on(cue: str, unit: str, value: float, direction: int) -> None:
    found = MeasuredCue(utterance_id="u", aspect="tone", cue=cue, value=value, unit=unit)
    assert found.direction == direction


def test_an_unknown_unit_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"pitch is not measured in 'hertz'; its units are present, st$"):
        noticed_from("pitch", "hertz")


def test_how_strong_a_voice_is_says_not_which_way_it_went() -> None:
    with pytest.raises(ValueError, match=r"pitch is not measured in 'strength'"):
        noticed_from("pitch", "strength")
    assert noticed_from("tears", "strength") == 0.25


def test_a_table_keeps_what_was_measured_and_nothing_else() -> None:
    cue = MeasuredCue(utterance_id="u", aspect="face", cue="AU1", value=0.5, unit="strength")
    table = measurement_table([cue])
    assert tuple(table.column_names) == COLUMNS
    assert measured_cues(table) == [cue]
    assert measured_cues(measurement_table([])) == []
    empty = table.set_column(3, "value", [[None]])
    assert measured_cues(empty) == []
