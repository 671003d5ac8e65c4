"""One finding at one place, and numbers that are exact: what is said of them, and what a criterion decides by."""

from __future__ import annotations

import pytest

from affidavit.claims import Place, exactly, first_names, place_finding
from affidavit.examinations import finding_id
from affidavit.records import Estimate, Finding, Interval, Verdict

PLACE = Place(
    examination="consent",
    method_version="3",
    run="run",
    condition="TAV",
    family=("accent",),
    has_units=True,
    level=0.9,
)


def test_a_finding_stands_where_it_was_measured() -> None:
    estimate = Estimate(value=0.25, interval=exactly(0.25, method="counted")(0.9), n=8, n_clusters=4)
    found = place_finding(
        PLACE, "rate", estimate, groups={"accent": "Irish"}, higher_is_better=False, source="a definition"
    )
    assert found == Finding(
        id=finding_id("run", "TAV", "consent", "rate", groups={"accent": "Irish"}),
        examination="consent",
        method_version="3",
        metric="rate",
        higher_is_better=False,
        run="run",
        condition="TAV",
        groups={"accent": "Irish"},
        estimate=estimate,
        verdict=Verdict.INFORMATIVE,
        source="a definition",
    )


def test_without_an_interval_it_is_inconclusive_and_says_why() -> None:
    estimate = Estimate(value=None, why_no_interval="nobody was asked", n=0, n_clusters=None)
    found = place_finding(PLACE, "rate", estimate, groups={}, higher_is_better=None, source="a definition")
    assert (found.verdict, found.because) == (Verdict.INCONCLUSIVE, "nobody was asked")
    assert found.id == "run/TAV/consent/rate"


@pytest.mark.parametrize("level", [0.5, 0.95, 0.9999])
@pytest.mark.parametrize("value", [0.0, 1 / 3, 12.0, -2.5])
def test_what_is_counted_is_its_own_interval_at_every_level(value: float, level: float) -> None:
    found = exactly(value, method="counted")(level)
    assert found == Interval(low=value, high=value, level=level, method="counted")


@pytest.mark.parametrize(
    ("n", "said"),
    [(1, "g0"), (6, "g0; g1; g2; g3; g4; g5"), (7, "g0; g1; g2; g3; g4; g5 and 1 more")],
)
def test_names_are_not_left_away_in_silence(n: int, said: str) -> None:
    assert first_names([f"g{i}" for i in range(n)]) == said
