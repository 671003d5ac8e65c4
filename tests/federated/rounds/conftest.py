"""Sites on an in-process grid: honest ones, those that break, and those that nobody reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Context, Message, RecordDict

from federated.in_process.grid import InProcessGrid, server_identity
from federated.rounds.events import Event
from federated.rounds.federation import Federation
from federated.rounds.options import RoundOptions
from federated.rounds.terms import Terms
from federated.sites.app import site_app
from federated.strategies.options import FedAvg, StrategyOptions
from federated.updates.arrays import packed
from federated.updates.layout import Layout, Slot, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts, UpdateFacts

LAYOUT = Layout(slots=(Slot(name="head", shape=(5,)),))
START = np.zeros(5, np.float32)


class Pull:
    """A site that moves a tenth of the way to its own target, and remembers what it answered."""

    def __init__(self, name: str, target: float, *, n_units: int | None = None) -> None:
        self.name, self.target, self.n_units = name, target, n_units
        self.orders: list[RoundOrder] = []

    def facts(self) -> SiteFacts:
        return SiteFacts(site=self.name, layout=LAYOUT.digest, n_units=self.n_units)

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        self.orders.append(order)
        update = np.asarray(0.1 * (self.target - received), np.float32)
        return LocalUpdate(update=update, facts=UpdateFacts(loss=1.0 if order.loss_wanted else None))


@dataclass
class Steps:
    """A clock on which each look takes a second."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def pause(self) -> None:
        self.seconds += 1


App = Callable[[Message, Context], Message]


class Killed(BaseException):
    """The server goes away."""


@dataclass
class House:
    """Sites, a grid of them, and what the server writes down."""

    sites: list[Any]
    events: list[Event] = field(default_factory=list)
    broken: dict[int, App] = field(default_factory=dict)
    unreachable: set[int] = field(default_factory=set)
    clock: Steps = field(default_factory=Steps)
    killed_at: Callable[[Event], bool] = lambda event: False
    """Says whether the server is killed when it would write this down."""
    laid: Callable[[InProcessGrid], InProcessGrid] = lambda grid: grid
    """What the grid becomes."""

    def note(self, event: Event) -> None:
        if self.killed_at(event):
            raise Killed
        self.events.append(event)

    def run(
        self,
        *,
        rounds: int = 3,
        strategy: StrategyOptions | None = None,
        state: Path | None = None,
        sites: frozenset[str] | None = None,
        **options: Any,
    ) -> Vector:
        federation = Federation(
            Terms(
                run="sha256:run",
                layout=LAYOUT,
                rounds=RoundOptions(rounds=rounds, **{"deadline": 20, **options}),
                strategy=strategy or FedAvg(),
                seed=7,
                sites=sites,
            ),
            state=state,
            note=self.note,
            clock=self.clock,
        )
        with server_identity():
            result = federation.start(self.laid(self.grid()), packed(START))
        return np.asarray(result.arrays["vector"].numpy())

    def grid(self) -> InProcessGrid:
        apps = {node: site_app(lambda _, one=one: (one, LAYOUT)) for node, one in enumerate(self.sites, 10)}

        def answer(message: Message, context: Context) -> Message:
            return self.broken.get(context.node_id, apps[context.node_id])(message, context)

        return Unreachable(answer, {node: {} for node in apps}, silent=self.unreachable)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Unreachable(InProcessGrid):
    """Nodes that never reply."""

    def __init__(self, app: App, nodes: Mapping[int, Any], *, silent: set[int]) -> None:
        super().__init__(app, nodes)
        self.silent = silent

    def pull_messages(self, message_ids: Any) -> Any:
        reachable = [n for n in message_ids if n in self._waiting and self._to(n) not in self.silent]
        return super().pull_messages(reachable)

    def _to(self, name: str) -> int:
        return self._waiting[name].metadata.dst_node_id


def answering(site: Pull, content: RecordDict) -> App:
    """Return an app that joins as a site would, and answers every round with this."""
    joining = site_app(lambda _: (site, LAYOUT))

    def answer(message: Message, context: Context) -> Message:
        if message.metadata.message_type.startswith("query"):
            return joining(message, context)
        return Message(content, reply_to=message)

    return answer


def says(content: RecordDict) -> App:
    return answering(Pull("north", 2.0), content)


@pytest.fixture
def house() -> House:
    return House([Pull("east", 1.0), Pull("north", 2.0), Pull("west", 3.0)])


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level("CRITICAL", logger="affidavit.site"):
        yield
