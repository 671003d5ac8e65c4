"""Action units move the face, each its own part; films keep every pixel and differ in nothing from run to run."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from corpora.clinic.drawing import SIZE, frame
from corpora.clinic.faces import ACTION_UNITS, EXPRESSIONS, FRAMES, FRAMES_PER_S, expression
from corpora.clinic.films import frames, write_film
from corpora.clinic.looks import look
from corpora.clinic.options import LABELS, ClinicOptions
from corpora.clinic.people import patient

LOOK = look(patient(0, ClinicOptions()))
STILL = (0.0, 0.0, 0.0)
DRAWN_BELOW = {"AU12", "AU15", "AU20", "AU23", "AU25", "AU26"}
"""Action units of the mouth; all others move the upper half of the face."""


def drawn(**units: float) -> np.ndarray:
    return frame(LOOK, units, eyes_shut=False, sway=STILL).astype(int)


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_each_action_unit_moves_its_part(unit: str) -> None:
    change = np.abs(drawn(**{unit: 1.0}) - drawn()).sum(axis=2)
    upper, lower = change[: SIZE * 58 // 100].sum(), change[SIZE * 58 // 100 :].sum()
    assert change.max() > 40
    assert (lower > upper) == (unit in DRAWN_BELOW), (upper, lower)


def test_a_stronger_expression_is_further_from_neutral() -> None:
    for label in set(LABELS) - {"neutral"}:
        apex = EXPRESSIONS[label]
        weak, strong = (
            np.abs(drawn(**{unit: share * strength for unit, strength in apex.items()}) - drawn()).sum()
            for share in (0.5, 1.0)
        )
        assert strong > weak > 0


def test_a_neutral_face_has_no_action_units() -> None:
    shown = expression("neutral", 9.0, np.random.default_rng(0))
    assert shown.units == {}
    assert shown.descriptors() == ()


@pytest.mark.parametrize("label", sorted(set(LABELS) - {"neutral"}))
def test_an_expression_shows_the_units_of_its_emotion(label: str) -> None:
    for seed in range(20):
        shown = expression(label, 3.0 + seed / 3, np.random.default_rng(seed))
        assert set(shown.units) == set(EXPRESSIONS[label])
        assert max(shown.course) == 1.0
        assert len(shown.course) == FRAMES
        assert sum(shown.blinks) <= 1
        start_s, end_s = shown.span()
        assert 0 <= start_s < end_s <= FRAMES / FRAMES_PER_S
        assert len(shown.descriptors()) >= 2
        assert all("(AU" in words for words in shown.descriptors())


def test_people_look_different_and_old_ones_old() -> None:
    people = [look(patient(i, ClinicOptions())) for i in range(40)]
    assert len(set(people)) >= 35
    grey = {
        age: look(patient(i, ClinicOptions(ages={age: 1}))).wrinkles for i, age in enumerate(("18-34", "75 and over"))
    }
    assert grey["18-34"] < grey["75 and over"]


def test_a_film_keeps_every_pixel_and_every_byte(tmp_path: Path) -> None:
    pictures = frames(LOOK, expression("fear", 8.0, np.random.default_rng(1)))
    for name in ("a.mkv", "b.mkv"):
        write_film(tmp_path / name, pictures)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()
    with av.open(str(tmp_path / "a.mkv")) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == FRAMES_PER_S
        read = [picture.to_ndarray(format="rgb24") for picture in film.decode(stream)]
    assert np.array_equal(np.stack(read), np.stack(pictures))
    assert np.stack(read).shape == (FRAMES, SIZE, SIZE, 3)
