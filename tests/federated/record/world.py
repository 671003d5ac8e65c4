"""A federation in this process whose sites fail as a test says, with its server's record and a log at each site."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from flwr.app import Context, Message

from affidavit.errors import FederationError
from affidavit.records import Record
from federated.deployment.node import FOLDER
from federated.entry.witness import witnessed
from federated.in_process.clock import UnhurriedClock
from federated.in_process.grid import InProcessGrid, server_identity
from federated.record.entries import RunOpened
from federated.record.log import LOG, RunLog, write_line
from federated.rounds.federation import Federation
from federated.rounds.options import RoundOptions
from federated.rounds.terms import Terms
from federated.sites.app import site_app
from federated.strategies.options import FedAvg
from federated.updates.arrays import packed
from federated.updates.layout import Layout, Slot, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts, SiteLeavesError, UpdateFacts
from tests.federated.record.logs import began, digest, keys

LAYOUT = Layout(slots=(Slot(name="head", shape=(6,)),))
Fault = Literal["silent", "too long", "refuses", "leaves", "stopped"]
App = Callable[[Message, Context], Message]


class Stopped(BaseException):
    """The server goes away."""


@dataclass
class Pull:
    """A site that moves a tenth of the way to its own target, spends half of an epsilon, and may fail."""

    name: str
    target: float
    n_units: int
    faults: Mapping[int, Fault]

    def facts(self) -> SiteFacts:
        return SiteFacts(site=self.name, layout=LAYOUT.digest, n_units=self.n_units)

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        fault = self.faults.get(order.round)
        if fault == "leaves":
            raise SiteLeavesError("budget-spent", "the budget of epsilon 3 is spent")
        if fault == "refuses" and order.attempt == 1:
            raise ValueError("a text that quotes a patient")
        update = np.asarray(0.1 * (self.target - received), np.float32)
        if fault == "too long":
            update *= 1000
        return LocalUpdate(update=update, facts=UpdateFacts(epsilon=0.5 * order.round))


@dataclass
class World:
    """Sites by name with their number of patients; `faults` by site and round."""

    folder: Path
    sites: Mapping[str, int] = field(default_factory=lambda: {"harbour": 40, "north": 9, "valley": 120})
    faults: Mapping[str, Mapping[int, Fault]] = field(default_factory=dict)
    rounds: int = 6
    quorum: int = 2
    run_id: str = digest("a run")

    @property
    def record(self) -> Path:
        return self.folder / "model.rounds.jsonl"

    @property
    def logs(self) -> list[Path]:
        return [self.folder / site / LOG for site in self.sites]

    def begin(self) -> None:
        """Write the first line of every site's log, and of the server's."""
        for site in self.sites:
            write_line(self.folder / site / LOG, began(site, keys()), clock=ticking())
        opened = RunOpened(
            run=self.run_id,
            app=digest("app"),
            plan=digest("plan"),
            layout=LAYOUT.digest,
            affidavit="0.1.0",
            sites=dict.fromkeys(self.sites, "no key: updates in clear"),
        )
        write_line(self.record, opened, clock=ticking())

    def train(self) -> bool:
        """Take the rounds that are left, and say whether the server came to its end."""
        options = RoundOptions(rounds=self.rounds, quorum=self.quorum, deadline=20, attempts=2, norm_bound=50.0)
        with RunLog(self.record, clock=ticking(hour=2)) as log, server_identity():
            federation = Federation(
                Terms(
                    run=self.run_id,
                    layout=LAYOUT,
                    rounds=options,
                    strategy=FedAvg(),
                    seed=7,
                    sites=frozenset(self.sites),
                ),
                state=self.folder / "state.npz",
                note=self._noted(log),
                clock=UnhurriedClock(),
            )
            try:
                federation.start(self._grid(), packed(np.zeros(6, np.float32)))
            except Stopped:
                return False
            except FederationError:
                return True
        return True

    def _noted(self, log: RunLog) -> Callable[[Any], None]:
        """Return what writes events down, and stops before the line that ends a round where that is the fault."""
        stops = {number for own in self.faults.values() for number, fault in own.items() if fault == "stopped"}

        def note(event: Record) -> None:
            if getattr(event, "kind", "") == "round-closed" and getattr(event, "round", 0) in stops:
                self.faults = {site: {} for site in self.faults}
                raise Stopped
            log.write(event)

        return note

    def _grid(self) -> InProcessGrid:
        apps = {node: self._app(site, 1.0 + node) for node, site in enumerate(sorted(self.sites), 2)}

        def answer(message: Message, context: Context) -> Message:
            return apps[context.node_id](message, context)

        places = {node: {FOLDER: str(self.folder / site)} for node, site in enumerate(sorted(self.sites), 2)}
        return _Silent(answer, places, silent=self._is_silent)

    def _app(self, site: str, target: float) -> App:
        own = site_app(lambda _: (Pull(site, target, self.sites[site], self.faults.get(site, {})), LAYOUT))
        return lambda message, context: witnessed(message, context, own)

    def _is_silent(self, message: Message) -> bool:
        site = sorted(self.sites)[message.metadata.dst_node_id - 2]
        order = message.content.config_records["order"]
        return self.faults.get(site, {}).get(int(str(order.get("round", 0)))) == "silent"


class _Silent(InProcessGrid):
    """Nodes that sometimes never reply."""

    def __init__(self, app: App, nodes: Mapping[int, Any], *, silent: Callable[[Message], bool]) -> None:
        super().__init__(app, nodes)
        self.silent = silent

    def pull_messages(self, message_ids: Any) -> Any:
        return super().pull_messages([n for n in message_ids if n in self._waiting and not self._lost(n)])

    def _lost(self, name: str) -> bool:
        return self.silent(self._waiting[name])


def ticking(*, hour: int = 1) -> Callable[[], datetime]:
    """Return a clock that goes a minute further at each look."""
    minutes = itertools.count()
    return lambda: datetime(2026, 1, 1, hour, tzinfo=UTC) + timedelta(minutes=next(minutes))


def faulty(folder: Path) -> World:
    """A run in which sites are silent, send too much, refuse once and leave, and which is stopped once."""
    world = World(
        folder,
        faults={
            "harbour": {2: "silent"},
            "north": {2: "refuses", 3: "too long", 4: "stopped"},
            "valley": {5: "leaves"},
        },
    )
    world.begin()
    world.train()
    world.faults = {"harbour": {}, "north": {}, "valley": {5: "leaves"}}
    world.train()
    return world
