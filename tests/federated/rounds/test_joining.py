"""Who takes part: sites that are late, away, back, taken for others, or gone; nobody waits for them for long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Context, Error, Message
from flwr.common.constant import ErrorCode

from affidavit.errors import FederationError, PlanError
from federated.in_process.grid import InProcessGrid
from federated.rounds.events import RoundClosed, RoundFailed, RunEnded, SiteJoined, SiteLeft, SiteRefused
from federated.rounds.kept import read_kept
from federated.rounds.options import RoundOptions
from federated.rounds.terms import Terms
from federated.sites.app import site_app
from federated.strategies.options import FedAvg, Krum, QFair, StrategyOptions, TrimmedMean
from federated.updates.layout import Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteLeavesError
from tests.federated.rounds.conftest import LAYOUT, House, Pull, Unreachable

ALL = frozenset({"east", "north", "west"})


class Coming(Unreachable):
    """Nodes that are connected at some times; who is not is answered for with an error, as Flower does."""

    there: Callable[[int], bool]

    def get_node_ids(self) -> Iterable[int]:
        return [node for node in super().get_node_ids() if self.there(node)]

    def pull_messages(self, message_ids: Any) -> Any:
        for name in list(message_ids):
            if name in self._waiting and not self.there(self._to(name)):
                return [Message(Error(ErrorCode.NODE_UNAVAILABLE, "away"), reply_to=self._waiting.pop(name))]
        return super().pull_messages(message_ids)


def _coming(house: House, there: Callable[[int], bool]) -> None:
    def laid(grid: InProcessGrid) -> InProcessGrid:
        made = Coming(grid._app, {node: {} for node in grid.get_node_ids()}, silent=house.unreachable)
        made.there = there
        return made

    house.laid = laid


def _contributors(house: House) -> list[tuple[str, ...]]:
    return [event.contributors for event in house.of(RoundClosed)]


def test_sites_that_are_away_when_the_server_comes_back_do_not_end_the_run(house: House, tmp_path: Path) -> None:
    """Two rounds of four happened; a run that ended there would pass for one that was finished."""
    house.run(rounds=2, sites=ALL, state=tmp_path / "state")
    _coming(house, lambda node: node == 10)
    with pytest.raises(FederationError, match="round 3 could not begin"):
        house.run(rounds=4, sites=ALL, state=tmp_path / "state")

    kept = read_kept(tmp_path / "state", run="sha256:run")
    assert kept is not None
    assert kept.rounds_done == 2
    assert house.of(RunEnded)[-1].because == "a round failed"
    _coming(house, lambda node: True)
    resumed = house.run(rounds=4, sites=ALL, state=tmp_path / "state")
    np.testing.assert_array_equal(resumed, House([Pull("east", 1), Pull("north", 2), Pull("west", 3)]).run(rounds=4))


def test_one_that_left_and_one_that_is_away_do_not_end_the_run(house: House, tmp_path: Path) -> None:
    class Spent(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            if order.round > 1:
                raise SiteLeavesError("budget-spent", "spent")
            return super().train(received, order)

    house.sites[0] = Spent("east", 1.0)
    _coming(house, lambda node: node != 11 or len(house.of(RoundClosed)) < 1)
    with pytest.raises(FederationError, match="round 2"):
        house.run(rounds=3, sites=ALL, state=tmp_path / "state")
    _coming(house, lambda node: True)
    house.run(rounds=3, sites=ALL, state=tmp_path / "state")

    assert _contributors(house) == [("east", "north", "west"), ("north", "west"), ("north", "west")]


def test_where_too_few_can_be_left_nobody_is_waited_for(house: House) -> None:
    class Spent(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            if order.round > 1:
                raise SiteLeavesError("budget-spent", "spent")
            return super().train(received, order)

    house.sites = [Spent("east", 1.0), Spent("north", 2.0), Pull("west", 3.0)]
    house.run(rounds=3, sites=ALL)

    assert house.of(RunEnded)[0].because == "too few sites left"
    assert house.of(RunEnded)[0].rounds_done == 1
    assert house.clock.seconds == 0


def test_the_next_attempt_waits_until_enough_are_connected(house: House) -> None:
    """North is away for seven seconds: attempts that follow at once would all find it away."""
    gone: list[float] = []

    def there(node: int) -> bool:
        if node == 11 and house.of(SiteJoined) and len(house.events) > 4:
            gone.append(house.clock.seconds)
            return house.clock.seconds - gone[0] >= 7
        return True

    _coming(house, there)
    house.run(rounds=1, quorum=3, attempts=2)

    assert house.of(RoundClosed)[0].attempts == 2
    assert house.clock.seconds == 7


def test_an_attempt_and_the_wait_before_it_are_no_longer_than_the_deadline_each(house: House) -> None:
    _coming(house, lambda node: node != 11 or len(house.of(SiteJoined)) < 3)
    with pytest.raises(FederationError, match="round 1 did not come together"):
        house.run(rounds=1, quorum=3, attempts=2, deadline=30)

    assert house.clock.seconds <= 2 * 2 * 30
    assert house.of(RoundFailed)[0].replied == ("east", "west")


def test_nobody_waits_for_a_new_node_once_the_rounds_have_begun(house: House) -> None:
    house.unreachable = {12}
    _coming(house, lambda node: node != 12 or bool(house.of(RoundClosed)))
    house.run(rounds=3)

    assert house.clock.seconds == 0
    assert _contributors(house) == [("east", "north")] * 3


def test_who_says_late_who_they_are_is_in_the_next_round(house: House) -> None:
    """West was asked before the first round and answers after it; nobody asks or waits for it twice."""
    asked: list[str] = []

    class Slow(Unreachable):
        def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
            sent = list(messages)
            asked.extend(f"{message.metadata.message_type} {message.metadata.dst_node_id}" for message in sent)
            return super().push_messages(sent)

        def pull_messages(self, message_ids: Any) -> Any:
            self.silent = set() if house.of(RoundClosed) else {12}
            return super().pull_messages(message_ids)

    house.laid = lambda grid: Slow(grid._app, {node: {} for node in grid.get_node_ids()}, silent=set())
    house.run(rounds=3, sites=ALL)

    assert _contributors(house) == [("east", "north"), ("east", "north", "west"), ("east", "north", "west")]
    assert asked.count("query.hello 12") == 1
    assert house.clock.seconds == 20, "the first wait, and no other"
    assert [event.because for event in house.of(SiteRefused)] == ["it did not say who it is in time"]


def test_who_failed_to_say_who_they_are_is_asked_again_before_the_next_round(house: House) -> None:
    failed: list[int] = []
    honest = site_app(lambda _: (house.sites[2], LAYOUT))

    def once(message: Message, context: Context) -> Message:
        if message.metadata.message_type == "query.hello" and not failed:
            failed.append(1)
            raise RuntimeError("the disk is not there yet")
        return honest(message, context)

    house.broken = {12: once}
    house.run(rounds=2)

    assert _contributors(house) == [("east", "north"), ("east", "north", "west")]


def test_a_hospital_that_comes_back_as_another_node_has_its_name_again(house: House) -> None:
    house.sites += [Pull("west", 3.0)]
    _coming(house, lambda node: node != (12 if len(house.of(RoundClosed)) else 13))
    model = house.run(rounds=3, sites=ALL)

    assert _contributors(house) == [("east", "north", "west")] * 3
    assert [(event.site, event.node) for event in house.of(SiteJoined)][3:] == [("west", "13")]
    np.testing.assert_array_equal(model, House([Pull("east", 1), Pull("north", 2), Pull("west", 3)]).run(rounds=3))


def test_while_a_hospital_is_there_nobody_else_has_its_name(house: House) -> None:
    house.sites += [Pull("west", 1000.0)]
    model = house.run(rounds=3)

    np.testing.assert_array_equal(model, House([Pull("east", 1), Pull("north", 2), Pull("west", 3)]).run(rounds=3))
    assert [event.because for event in house.of(SiteRefused)] == ["another node joined under this name"]


def test_who_is_refused_for_good_is_noted_once(house: House) -> None:
    house.sites += [Pull("stranger", 1000.0)]
    house.run(rounds=4, sites=ALL)

    assert [(event.site, event.because) for event in house.of(SiteRefused)] == [
        ("stranger", "the plan does not name it")
    ]


def test_who_leaves_when_it_is_asked_who_it_is_is_not_asked_again(house: House) -> None:
    asked: list[int] = []

    class Gone(Pull):
        def facts(self) -> Any:
            asked.append(1)
            raise SiteLeavesError("officer-refused", "not this plan")

    house.sites[2] = Gone("west", 3.0)
    house.run(rounds=3)

    assert asked == [1]
    assert [event.slug for event in house.of(SiteLeft)] == ["officer-refused"]


def test_who_left_stays_away_after_a_restart(house: House, tmp_path: Path) -> None:
    class Spent(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            raise SiteLeavesError("budget-spent", "spent")

    honest, house.sites[1] = house.sites[1], Spent("north", 2.0)
    house.run(rounds=1, sites=ALL, state=tmp_path / "state")
    house.sites[1] = honest
    house.run(rounds=2, sites=ALL, state=tmp_path / "state")

    assert _contributors(house) == [("east", "west")] * 2
    assert not honest.orders


@pytest.mark.parametrize(
    ("strategy", "options", "words"),
    [
        (QFair(local_learning_rate=0.1), {"weights": "capped", "cap": 9}, "looks at no weights"),
        (TrimmedMean(), {"weights": "capped", "cap": 9}, "looks at no weights"),
        (FedAvg(), {"quorum": 4}, "more sites than the plan names"),
        (Krum(most_faulty=1), {}, "more sites than the plan names"),
        (TrimmedMean(trimmed=0.2), {}, "more sites than the plan names"),
    ],
)
def test_what_would_be_said_and_not_done_is_refused(
    strategy: StrategyOptions, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(PlanError, match=words):
        Terms(run="r", layout=LAYOUT, rounds=RoundOptions(rounds=1, **options), strategy=strategy, seed=0, sites=ALL)
