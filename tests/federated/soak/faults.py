"""Twenty sites that fail at random, from a table of faults drawn beforehand, so that a twin knows what must happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict

from affidavit.seeds import seed_of
from federated.in_process.grid import App, InProcessGrid, server_identity
from federated.record.log import Log, RunLog, read_log
from federated.rounds.events import Event
from federated.rounds.federation import Federation
from federated.rounds.gathering import Gatherings
from federated.rounds.options import RoundOptions
from federated.rounds.plain import PlainGathering
from federated.rounds.terms import Terms
from federated.strategies.options import FedAvg
from federated.updates.arrays import packed
from federated.updates.layout import Layout, Slot, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts

N_SITES = 20
FIRST_NODE = 10
LAYOUT = Layout(slots=(Slot(name="head", shape=(16,)),))
START = np.zeros(16, np.float32)
DEADLINE = 15.0
QUORUM = 11
ATTEMPTS = 12
"""So many that no draw of this seed fails a round."""
NAMES = tuple(f"site-{i:02}" for i in range(N_SITES))


class Fault(StrEnum):
    """What becomes of one site's part in one attempt."""

    NONE = "none"
    TWICE = "twice"
    CRASH = "crash"
    NAN = "nan"
    SHAPE = "shape"
    HUGE = "huge"
    SILENT = "silent"
    LATE = "late"


HARMLESS = {Fault.NONE, Fault.TWICE}
SHARES = {
    Fault.NONE: 0.5,
    Fault.TWICE: 0.1,
    Fault.CRASH: 0.08,
    Fault.NAN: 0.08,
    Fault.SHAPE: 0.04,
    Fault.HUGE: 0.04,
    Fault.SILENT: 0.08,
    Fault.LATE: 0.08,
}


def fault(site: str, number: int, attempt: int) -> Fault:
    """Return what becomes of it, from a fixed seed."""
    rng = np.random.default_rng(seed_of(20, "fault", site, number, attempt))
    return list(SHARES)[int(rng.choice(len(SHARES), p=list(SHARES.values())))]


def update_of(site: str, number: int, received: Vector) -> Vector:
    """Return what a site has learnt in a round, whatever the attempt."""
    drawn = np.random.default_rng(seed_of(21, "update", site, number)).normal(size=len(received))
    return np.asarray(0.05 * drawn - 0.1 * received, dtype=np.float32)


@dataclass(frozen=True)
class Steady:
    """The training of a site: what it sends follows from the round."""

    name: str

    def facts(self) -> SiteFacts:
        return SiteFacts(site=self.name, layout=LAYOUT.digest)

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        return LocalUpdate(update=update_of(self.name, order.round, received))


@dataclass
class Steps:
    """A clock on which each look takes a second; it never goes back, whoever is killed."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def pause(self) -> None:
        self.seconds += 1


class Killed(BaseException):
    """The server's process ends here."""


class Rude(InProcessGrid):
    """Nodes of which some never reply, reply twice, or reply when nobody waits any more."""

    def __init__(self, app: App, clock: Steps, of: Callable[[Message], Fault]) -> None:
        super().__init__(app, {node: {} for node in range(FIRST_NODE, FIRST_NODE + N_SITES)})
        self._clock, self._of = clock, of
        self._late: list[tuple[float, str]] = []
        self._again: list[Message] = []
        self.late: list[Message] = []
        """What was answered when nobody waited any more."""

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        names = list(super().push_messages(messages))
        for name in names:
            if self._of(self._waiting[name]) is Fault.LATE:
                self._late.append((self._clock.now() + DEADLINE + 3, name))
        return names

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return what was asked for, and what was not: replies to another attempt, and second ones."""
        came, self._again = self._again, []
        for due, name in [pair for pair in self._late if pair[0] <= self._clock.now()]:
            self._late.remove((due, name))
            self.late.append(self._answered(self._waiting.pop(name)))
            came.append(self.late[-1])
        heard = [n for n in message_ids if n in self._waiting and self._hears(n)]
        for reply in super().pull_messages(heard):
            came.append(reply)
            if not reply.has_error() and "twice" in reply.content:
                del reply.content["twice"]
                self._again.append(reply)
        return came

    def _hears(self, name: str) -> bool:
        return self._of(self._waiting[name]) not in (Fault.SILENT, Fault.LATE)


@dataclass
class Soak:
    """A server that is killed and started again, its record, and the clock of all of it."""

    folder: Path
    rounds: int
    app: Callable[[int], App]
    """The honest app of a node."""
    of: Callable[[Message], Fault]
    """What becomes of a message."""
    gathering: Gatherings = PlainGathering
    dies: Callable[[int, Event], bool] = lambda n_events, event: False
    """Whether the server ends after this event, which is the n-th over all of its lives."""
    clock: Steps = field(default_factory=Steps)
    heard: list[tuple[float, Event]] = field(default_factory=list)
    lives: int = 0
    late: int = 0
    """Replies that came after their attempt."""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def terms(self) -> Terms:
        told = {"quorum": QUORUM, "attempts": ATTEMPTS, "deadline": DEADLINE, "norm_bound": 100.0, **self.options}
        rounds = RoundOptions(rounds=self.rounds, **told)
        return Terms(run="sha256:soak", layout=LAYOUT, rounds=rounds, strategy=FedAvg(), seed=5, sites=frozenset(NAMES))

    def run(self) -> Vector:
        """Start the server as often as it is killed, and return the model that is left."""
        while True:
            self.lives += 1
            try:
                return self._life()
            except Killed:
                continue

    def _life(self) -> Vector:
        grid = Rude(self._broken, self.clock, self.of)
        try:
            return self._served(grid)
        finally:
            self.late += len(grid.late)

    def _served(self, grid: Rude) -> Vector:
        with RunLog(self.folder / "log.jsonl") as log, server_identity():

            def note(event: Event) -> None:
                log.note(event)
                self.heard.append((self.clock.now(), event))
                if self.dies(len(self.heard), event):
                    raise Killed

            federation = Federation(
                self.terms, gathering=self.gathering, state=self.folder / "state.npz", note=note, clock=self.clock
            )
            return np.asarray(federation.start(grid, packed(START)).arrays["vector"].numpy())

    def _broken(self, message: Message, context: Context) -> Message:
        match self.of(message):
            case Fault.CRASH:
                raise ValueError("patient 4711")
            case Fault.TWICE:
                reply = self.app(context.node_id)(message, context)
                reply.content["twice"] = ConfigRecord()
                return reply
            case Fault.NAN | Fault.SHAPE | Fault.HUGE as kind:
                return Message(_unusable(kind), reply_to=message)
            case _:
                return self.app(context.node_id)(message, context)

    @property
    def log(self) -> Log:
        """Return the record as it is on disk."""
        return read_log(self.folder / "log.jsonl")


def _unusable(kind: Fault) -> RecordDict:
    value = {
        Fault.NAN: np.full(16, np.nan, np.float32),
        Fault.SHAPE: np.ones(17, np.float32),
        Fault.HUGE: np.full(16, 1e6, np.float32),
    }[kind]
    return RecordDict({"facts": ConfigRecord(), "vector": ArrayRecord({"vector": Array(value)})})


def name_of(message: Message) -> str:
    """Return whom a message is for."""
    return NAMES[message.metadata.dst_node_id - FIRST_NODE]
