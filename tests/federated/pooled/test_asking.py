"""The federated audit through Flower's messages: the same totals, refusals in words, nobody waited for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from flwr.app import Context, Message
from flwr.app.user_config import UserConfig
from flwr.clientapp import ClientApp

from affidavit.errors import TableError
from federated.in_process.grid import InProcessGrid, server_identity
from federated.pooled.asking import add_counts, approved, ask
from federated.pooled.at_site import SiteTerms, site_counts
from federated.pooled.contribution import SiteCounts
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.totals import added
from federated.rounds.waiting import MonotonicClock
from tests.federated.pooled.conftest import SITES, counts_of, plan_of, read, three_hospitals

TABLES = three_hospitals()
PLAN = plan_of(floor=11)
NODES: dict[int, UserConfig] = {11: {"site": "north"}, 12: {"site": "south"}, 13: {"site": "west"}}
AT = {"north": 11, "south": 12, "west": 13}


@pytest.fixture(autouse=True)
def _server() -> Iterator[None]:
    with server_identity():
        yield


def _count(plan: CountsPlan, context: Context) -> SiteCounts:
    site = str(context.node_config["site"])
    return site_counts(read(TABLES[site], plan), plan, SiteTerms(site=site))


def _app(count: object) -> ClientApp:
    app = ClientApp()
    add_counts(app, count)  # type: ignore[arg-type]
    return app


def test_what_comes_through_flower_is_what_the_files_say() -> None:
    grid = InProcessGrid(_app(_count), NODES)
    answers = ask(grid, PLAN, AT, deadline=30, clock=MonotonicClock())
    assert not answers.refused
    assert not answers.silent
    files = added(PLAN, [counts_of(TABLES[site], PLAN, site=site) for site in SITES])
    for one, other in zip(added(PLAN, answers.contributions).blocks, files.blocks, strict=True):
        assert np.array_equal(one.vector(), other.vector())


def test_a_plan_that_nobody_approved_is_not_answered() -> None:
    grid = InProcessGrid(_app(approved(frozenset({"sha256:other"}), _count)), NODES)
    answers = ask(grid, PLAN, AT, deadline=30, clock=MonotonicClock())
    assert not answers.contributions
    assert all("plan-not-approved" in words for words in answers.refused.values())
    allowed = InProcessGrid(_app(approved(frozenset({PLAN.digest}), _count)), NODES)
    assert len(ask(allowed, PLAN, AT, deadline=30, clock=MonotonicClock()).contributions) == 3


def test_a_site_that_fails_says_so_without_quoting_a_patient() -> None:
    def failing(plan: CountsPlan, context: Context) -> SiteCounts:
        if context.node_config["site"] == "north":
            raise TableError("patient north-17 is odd", slug="file-unreadable")
        if context.node_config["site"] == "south":
            raise RuntimeError("patient south-3")
        return _count(plan, context)

    answers = ask(InProcessGrid(_app(failing), NODES), PLAN, {**AT, "east": 99}, deadline=30, clock=MonotonicClock())
    assert [counts.site for counts in answers.contributions] == ["west"]
    assert set(answers.refused) | set(answers.silent) == {11, 12, 99}
    assert not any("north-17" in words or "south-3" in words for words in answers.refused.values())


def test_a_node_that_speaks_for_another_site_is_refused() -> None:
    """South's node sends north's sums, as north, beside north's own: neither adds to the other."""

    def lying(plan: CountsPlan, context: Context) -> SiteCounts:
        site = str(context.node_config["site"])
        return _count(plan, context) if site != "south" else counts_of(TABLES["north"], plan, site="north")

    answers = ask(InProcessGrid(_app(lying), NODES), PLAN, AT, deadline=30, clock=MonotonicClock())
    assert sorted(counts.site for counts in answers.contributions) == ["north", "west"]
    assert "said to be of north, and it is south" in answers.refused[12]


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


def test_nobody_is_waited_for_beyond_the_deadline() -> None:
    clock = _Clock()
    answers = ask(_Deaf(_app(_count), NODES), PLAN, AT, deadline=300, clock=clock)
    assert answers.silent == tuple(NODES)
    assert clock.time <= 360


def test_an_order_that_is_no_plan_is_refused() -> None:
    from flwr.app import ConfigRecord, RecordDict

    grid = InProcessGrid(_app(_count), NODES)
    for content in (RecordDict(), RecordDict({"plan": ConfigRecord({"json": b"{}"})}),
                    RecordDict({"plan": ConfigRecord({"json": b"{"})})):  # fmt: skip
        (reply,) = grid.send_and_receive([Message(content, 11, "evaluate.counts")])
        assert "refuses" in reply.content
