"""A cohort cut out of counts says what an audit of its rows alone says."""

from __future__ import annotations

import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.cohorts import Cohort, cohort_case
from affidavit.errors import PlanError
from affidavit.records import Finding
from affidavit.registry import Door, load
from affidavit.testing.tables import case_of, predictions_frame


def findings(case: Case) -> dict[tuple[object, ...], Finding]:
    claims = load(Door.EXAMINATIONS, "performance").examine(case).claims
    return {
        (f.metric, f.condition, tuple(sorted(f.groups.items())), f.compared): f for f in (c.finding for c in claims)
    }


def frame(*, units: bool) -> pd.DataFrame:
    table = predictions_frame()
    return table if units else table.drop(columns=[c for c in ("unit_id", "speaker_id") if c in table])


@pytest.mark.parametrize("units", [True, False], ids=["speakers", "rows"])
def test_points_and_counts_are_those_of_the_rows_alone(*, units: bool) -> None:
    table = frame(units=units)
    cohort = Cohort(name="some", levels={"accent": ("Irish", "Welsh"), "age": ("40+",)})
    chosen = table["accent"].isin(["Irish", "Welsh"]) & (table["age"] == "40+")
    cut, alone = findings(cohort_case(case_of(table), cohort)), findings(case_of(table[chosen]))
    shared = [key for key in alone if key in cut]
    assert len(shared) > 20
    for key in shared:
        mine, twin = cut[key].estimate, alone[key].estimate
        assert (mine.n, mine.n_clusters) == (twin.n, twin.n_clusters), key
        assert (mine.value is None) == (twin.value is None), key
        if mine.value is not None:
            assert mine.value == pytest.approx(twin.value, abs=1e-12), key
        assert (mine.interval is None) == (twin.interval is None), key
        if mine.interval is not None and twin.interval is not None:
            assert mine.interval.low == pytest.approx(twin.interval.low, abs=0.03), key
            assert mine.interval.high == pytest.approx(twin.interval.high, abs=0.03), key


def test_everybody_is_everybody() -> None:
    case = case_of(predictions_frame())
    assert findings(cohort_case(case, Cohort(name="all"))) == findings(case)
    assert Cohort(name="all").everybody


def test_a_group_without_anybody_of_the_cohort_is_there_with_none() -> None:
    cut = findings(cohort_case(case_of(predictions_frame()), Cohort(name="Irish", levels={"accent": ("Irish",)})))
    absent = cut["accuracy", "TAV", (("accent", "Welsh"),), None].estimate
    assert (absent.value, absent.n) == (None, 0)


def test_tables_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(predictions_frame())
    findings(case)
    monkeypatch.setattr("affidavit.case.tally", lambda *_, **__: pytest.fail("rows were read again"))
    for accent in ("Irish", "Scottish"):
        findings(cohort_case(case, Cohort(name=accent, levels={"accent": (accent,)})))


@pytest.mark.parametrize(
    ("levels", "told"),
    [({"acent": ("Irish",)}, "did you mean 'accent'"), ({"accent": ("irish",)}, "did you mean 'Irish'")],
)
def test_what_the_audit_does_not_know_is_refused(levels: dict[str, tuple[str, ...]], told: str) -> None:
    with pytest.raises(PlanError) as raised:
        cohort_case(case_of(predictions_frame()), Cohort(name="some", levels=levels))
    assert told in str(raised.value)
