"""How a site's epsilon grew: each entry with all before it, as the accountants compose them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from affidavit.case import Case
from affidavit.exhibits import ExhibitTable
from affidavit.testing import case_of, predictions_frame
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.ledger import timeline as timelines
from privacy.ledger.book import read_chains
from privacy.ledger.events import Budget, RunFacts, SearchEvent, StepEvent
from privacy.ledger.examination import EXAMINATION
from privacy.ledger.ledger import Ledger
from privacy.ledger.timeline import SpentAfter, timeline

DELTA = 1e-5
COUNT = StepEvent(noise_multiplier=5.0, sample_rate=1.0, clip_norm=1.0, sampler="full", neighbours="add-remove")
ROUND = StepEvent(
    noise_multiplier=2.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove", n_times=6
)
BUDGET = Budget(epsilon=8.0, delta=DELTA)


def wrote(
    path: Path,
    entries: Sequence[StepEvent | SearchEvent],
    *,
    site: str = "north",
    run: str = "training",
    budget: Budget | None = BUDGET,
) -> Path:
    with Ledger.opened(path, site=site, unit="patient", run=run, budget=budget, facts=RunFacts(n_units=900)) as ledger:
        for entry in entries:
            if isinstance(entry, SearchEvent):
                ledger.search(entry)
            else:
                ledger.confirm(ledger.intend(entry))
    return path


def told(*places: Path, delta: float = DELTA) -> tuple[SpentAfter, ...]:
    return timeline({name: chain for place in places for name, chain in read_chains(place).items()}, delta=delta)


def composed(*steps: StepEvent) -> float:
    answer = account(tuple(step.mechanism for step in steps), delta=DELTA)
    assert isinstance(answer, Bounded)
    return answer.epsilon


def test_each_entry_is_composed_with_all_before_it(tmp_path: Path) -> None:
    path = wrote(tmp_path / "north.jsonl", [COUNT], run="number of patients")
    wrote(path, [ROUND, ROUND])
    found = told(path)
    assert [(one.entry, one.training) for one in found] == [
        (1, "number of patients"),
        (2, "training"),
        (3, "training"),
    ]
    wanted = [composed(COUNT), composed(COUNT, ROUND), composed(COUNT, ROUND, ROUND)]
    assert [one.spent.epsilon for one in found] == pytest.approx(wanted, rel=1e-9)
    assert wanted[0] < wanted[1] < wanted[2]
    assert [one.spent.n_steps for one in found] == [1, 7, 13]
    assert {one.budget for one in found} == {8.0}


def test_each_site_has_a_course_of_its_own_and_several_ledgers_of_one_site_add_up(tmp_path: Path) -> None:
    places = [
        wrote(tmp_path / "a.jsonl", [ROUND]),
        wrote(tmp_path / "b.jsonl", [ROUND], run="second"),
        wrote(tmp_path / "c.jsonl", [COUNT], site="south"),
    ]
    found = {(one.site, one.entry): one.spent.epsilon for one in told(*places)}
    assert found == {
        ("north", 1): pytest.approx(composed(ROUND)),
        ("north", 2): pytest.approx(composed(ROUND, ROUND)),
        ("south", 1): pytest.approx(composed(COUNT)),
    }


def test_a_budget_at_another_delta_is_no_line_in_the_picture(tmp_path: Path) -> None:
    path = wrote(tmp_path / "north.jsonl", [ROUND])
    assert [one.budget for one in told(path, delta=1e-6)] == [None]


def test_what_nothing_bounds_is_no_number(tmp_path: Path) -> None:
    open_ended = replace(ROUND, noise_multiplier=0.0)
    path = wrote(tmp_path / "north.jsonl", [ROUND, open_ended], budget=None)
    first, second = told(path)
    assert first.spent.epsilon is not None
    assert second.spent.epsilon is None
    assert second.budget is None


def test_a_search_is_an_entry_of_its_own_kind(tmp_path: Path) -> None:
    search = SearchEvent(steps=(replace(ROUND, noise_multiplier=8.0),), mean=3.0, shape=1.0)
    found = told(wrote(tmp_path / "north.jsonl", [search, ROUND], budget=None))
    assert [one.searching for one in found] == [True, False]
    first, second = (one.spent.epsilon for one in found)
    assert first is not None
    assert second is not None
    assert first < second


def test_of_many_entries_some_are_told_and_the_first_and_last_among_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "MOST_TOLD", 3)
    found = told(wrote(tmp_path / "north.jsonl", [COUNT] * 9, budget=None))
    assert [one.entry for one in found] == [1, 5, 9]
    assert {one.n_entries for one in found} == {9}
    assert found[-1].spent.epsilon == pytest.approx(composed(*[COUNT] * 9))


def spending(tmp_path: Path, **options: Any) -> ExhibitTable:
    case: Case = replace(case_of(predictions_frame(n_speakers=6, per_speaker=3), options=options), folder=tmp_path)
    testimony = EXAMINATION.examine(case)
    (exhibit,) = [exhibit for exhibit in testimony.exhibits if exhibit.id == "privacy-spending"]
    last = {claim.finding.groups.get("site", "all"): claim.finding.estimate.value for claim in testimony.claims}
    assert exhibit.values["epsilon"][-1] == pytest.approx(last.get("south", last["all"]))
    return exhibit


def test_the_exhibit_ends_where_the_finding_stands(tmp_path: Path) -> None:
    wrote(tmp_path / "one.jsonl", [COUNT, ROUND])
    exhibit = spending(tmp_path, ledger="one.jsonl")
    assert exhibit.values["site"] == ["north", "north"]
    assert exhibit.values["delta"] == [DELTA, DELTA]
    assert exhibit.values["kind"] == ["steps", "steps"]


def test_a_folder_of_ledgers_is_told_site_by_site(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    wrote(tmp_path / "sites" / "north.jsonl", [COUNT])
    wrote(tmp_path / "sites" / "south.jsonl", [COUNT, ROUND], site="south")
    exhibit = spending(tmp_path, ledger="sites")
    assert list(zip(exhibit.values["site"], exhibit.values["entry"], strict=True)) == [
        ("north", 1),
        ("south", 1),
        ("south", 2),
    ]
