"""Cohorts are kept for whoever named them, lose nothing between two windows, and never mix in other people."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from affidavit.cohorts import Cohort
from affidavit.errors import PlanError
from affidavit.testing.tables import small_report
from dashboards.cohorts.narrowing import groups_within, known_levels, same_people
from dashboards.cohorts.saved import AT_MOST, FOLDER, SavedCohorts

OLDER = Cohort(name="older", levels={"age": ("40+",)})


def test_what_is_saved_is_there_after_a_restart_and_for_nobody_else(tmp_path: Path) -> None:
    mine = SavedCohorts(workspace=tmp_path, person="../../A. Khan")
    mine.save(OLDER)
    mine.save(Cohort(name="Welsh", levels={"accent": ("Welsh",)}))
    mine.save(OLDER.model_copy(update={"levels": {"age": ("18-39",)}}))
    again = SavedCohorts(workspace=tmp_path, person="../../A. Khan").all()
    assert [(cohort.name, cohort.told()) for cohort in again] == [("older", "age 18-39"), ("Welsh", "accent Welsh")]
    assert SavedCohorts(workspace=tmp_path, person="B. Lee").all() == ()
    mine.delete("older")
    mine.delete("nobody")
    assert [cohort.name for cohort in mine.all()] == ["Welsh"]
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / FOLDER}, "a name is no path"


def test_two_windows_at_once_lose_nothing(tmp_path: Path) -> None:
    def save(number: int) -> None:
        SavedCohorts(workspace=tmp_path, person="x").save(OLDER.model_copy(update={"name": f"c{number}"}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(40)))
    assert {c.name for c in SavedCohorts(workspace=tmp_path, person="x").all()} == {f"c{i}" for i in range(40)}


def test_a_file_that_does_not_read_and_too_many_are_refused(tmp_path: Path) -> None:
    shelf = SavedCohorts(workspace=tmp_path, person="x")
    shelf.save(OLDER)
    (file,) = tmp_path.rglob("*.json")
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({"cohorts": [{**whole["cohorts"][0], "name": f"{i}"} for i in range(AT_MOST)]}))
    with pytest.raises(PlanError, match="no further cohort"):
        shelf.save(OLDER)
    file.write_text('{"cohorts": "<script>"}')
    with pytest.raises(PlanError, match="does not read"):
        shelf.all()


def test_only_groups_that_lie_in_a_cohort_as_a_whole_are_in_it() -> None:
    report = small_report()
    assert known_levels(report) == {"accent": ("Irish", "Scottish", "Welsh"), "age": ("18-39", "40+")}
    rows = [
        row
        for row in report.exhibit("performance-by-group").to_pylist()
        if (row["condition"], row["metric"]) == ("TAV", "accuracy")
    ]
    inside = groups_within(rows, OLDER)
    assert [row["group"] for row in inside] == ["everybody", "40+", "Irish, 40+", "Scottish, 40+", "Welsh, 40+"]
    assert [row["group"] for row in inside if same_people(row, OLDER)] == ["40+"]
    both = Cohort(name="b", levels={"accent": ("Irish", "Welsh"), "age": ("40+",)})
    assert [row["group"] for row in groups_within(rows, both)] == ["everybody", "Irish, 40+", "Welsh, 40+"]
    assert not any(same_people(row, both) for row in rows), "no number of two groups together is made up"
    assert groups_within(rows, Cohort(name="all")) == tuple(rows)
