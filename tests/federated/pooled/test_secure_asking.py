"""A secure sum of counts through Flower's messages: dropouts, false names, another plan, deadlines, a second asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Context, Message

from affidavit.errors import FederationError, TableError
from federated.in_process.grid import InProcessGrid, server_identity
from federated.pooled.report import federated_report
from federated.pooled.secure_asking import Patience, ask_securely
from federated.pooled.secure_messages import rows_of
from federated.pooled.secure_site import MEMORY, VECTOR, CountingSite
from federated.pooled.secure_sums import counts_terms
from federated.rounds.waiting import MonotonicClock
from federated.secure.messages import carried
from federated.secure.rehearsal import roster_of
from federated.secure.stages import ORDER, Stage
from federated.updates.messages import UnusableReplyError
from tests.federated.pooled.conftest import SITES, plan_of, totals_of
from tests.federated.pooled.houses import FIVE, KEYS, NODES, PATIENCE, PLAN, TABLES, House, asked, terms_of

TERMS = terms_of(PLAN)


@pytest.fixture(autouse=True)
def _server() -> Iterator[None]:
    with server_identity():
        yield


def plain(sites: tuple[str, ...]) -> np.ndarray:
    plan = plan_of(floor=2, conditions=("TAV",), sites=FIVE)
    totals = totals_of({site: TABLES[site] for site in sites}, plan, floor=False)
    return np.concatenate([block.vector() for block in totals.blocks])


def test_five_stages_give_the_sums_of_all_patients_and_nothing_stays_at_the_sites(tmp_path: Path) -> None:
    house = House(tmp_path)
    answers = asked(house)
    assert answers.total.contributors == tuple(sorted(FIVE))
    totals = answers.totals(PLAN)
    assert np.array_equal(np.concatenate([block.vector() for block in totals.blocks]), plain(FIVE))
    assert not answers.refused
    assert not answers.rows
    for site in FIVE:
        assert not (tmp_path / site / VECTOR).exists()
        assert (tmp_path / site / MEMORY).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("stage", ORDER)
def test_two_sites_that_fall_silent_at_any_stage_leave_the_sum_of_the_others(tmp_path: Path, stage: Stage) -> None:
    def unless(site: str, at: Stage) -> None:
        if site in ("east", "upper") and ORDER.index(at) >= ORDER.index(stage):
            raise RuntimeError("gone")

    answers = asked(House(tmp_path, unless))
    there = SITES if ORDER.index(stage) <= ORDER.index(Stage.MASKED) else FIVE
    assert answers.total.contributors == tuple(sorted(there))
    vector = np.concatenate([block.vector() for block in answers.totals(PLAN).blocks])
    assert np.array_equal(vector, plain(tuple(there)))
    assert answers.total.dropped == {"east": stage, "upper": stage}


def test_an_attempt_that_failed_before_shares_were_given_is_made_again(tmp_path: Path) -> None:
    failed: set[str] = set()

    def unless(site: str, at: Stage) -> None:
        if at is Stage.MASKED and site not in failed and len(failed) < 3:
            failed.add(site)
            raise RuntimeError("a hiccup")

    answers = asked(House(tmp_path, unless))
    assert answers.attempt == 2
    assert answers.total.contributors == tuple(sorted(FIVE))


def test_after_shares_were_asked_for_nothing_is_asked_again(tmp_path: Path) -> None:
    def unless(site: str, at: Stage) -> None:
        if at is Stage.UNMASK:
            raise RuntimeError("gone")

    house = House(tmp_path, unless)
    with pytest.raises(FederationError, match="not summed") as caught:
        asked(house)
    assert caught.value.slug == "secure-aborted"
    assert [stage for site, stage in house.asked if site == "north"] == list(ORDER)


def test_a_plan_is_summed_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    asked(house)
    with pytest.raises(FederationError, match="secure-replayed"):
        asked(house)


def test_a_node_that_answers_under_anothers_name_is_refused_and_not_counted(tmp_path: Path) -> None:
    """East's node has not east's key: what it signs does not verify."""
    house = House(tmp_path)
    names = {node: site for site, node in NODES.items()} | {NODES["east"]: "upper"}
    answers = ask_securely(house.grid(names), TERMS, NODES, clock=MonotonicClock(), patience=PATIENCE)
    assert "east" not in answers.total.contributors
    assert answers.refused["east"].startswith("keys: secure-identity")


def test_sites_that_approved_another_plan_refuse_by_the_first_message_and_tell_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    other = counts_terms(PLAN.model_copy(update={"title": "another"}), roster=roster_of(KEYS), topology=TERMS.topology)
    house.terms = dict.fromkeys(FIVE, other)
    with pytest.raises(FederationError, match="secure-terms"):
        asked(house)
    assert {stage for _, stage in house.asked} == {Stage.KEYS}


def test_a_site_whose_table_cannot_be_counted_drops_out_and_quotes_nobody(tmp_path: Path) -> None:
    house = House(tmp_path)
    opened = house.opened

    def broken(context: Context) -> CountingSite:
        site = opened(context)
        if site.site != "east":
            return site

        def table() -> object:
            raise TableError("patient east-3 is odd", slug="file-unreadable")

        return CountingSite(**{name: getattr(site, name) for name in site.__dataclass_fields__} | {"table": table})

    house.opened = broken  # type: ignore[method-assign]
    answers = asked(house)
    assert "east" not in answers.total.contributors
    assert "file-unreadable" in answers.refused["east"]
    assert "east-3" not in answers.refused["east"]


class _Clock:
    """Every pause lets a minute pass."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def pause(self) -> None:
        self.time += 60


class _Deaf(InProcessGrid):
    """Nobody's reply ever comes."""

    def pull_messages(self, message_ids: object) -> list[Message]:
        return []


def test_nobody_is_waited_for_beyond_the_deadlines(tmp_path: Path) -> None:
    clock = _Clock()
    grid = _Deaf(lambda message, context: message, {node: {} for node in NODES.values()})
    with pytest.raises(FederationError, match="stage keys"):
        ask_securely(grid, TERMS, NODES, clock=clock, patience=Patience(first=300, attempts=2))
    assert clock.time <= 2 * 360


def test_own_estimates_travel_beside_the_sum_where_the_site_says_so(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.tell = frozenset({"east", "upper"})
    answers = asked(house)
    assert set(answers.rows) == {"east", "upper"}
    assert all(row.n_units >= PLAN.floor for rows in answers.rows.values() for row in rows)
    report = federated_report(answers.totals(PLAN))
    assert {"accuracy_tau", "accuracy_i_squared"} <= {finding.metric for finding in report.findings}


def test_own_estimates_that_are_none_are_refused(tmp_path: Path) -> None:
    from flwr.app import ConfigRecord, RecordDict

    for written in (b"{", b'[{"condition": "TAV"}]', b"[" * 5000, b" " * (5 * 2**20)):
        with pytest.raises(UnusableReplyError):
            rows_of(RecordDict({"rows": ConfigRecord({"json": written})}))
    assert rows_of(carried(Stage.KEYS, {})) == ()
