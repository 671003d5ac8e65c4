"""Rounds of plain Flower and of this project, on one in-process grid with the same updates and the same local work.

Flower's course is its own FedAvg with a site that adds its update to what it received, and keeps nothing. Ours is the
whole of it: the update cut to its bound, kept on the site's disk before it leaves, checked and noted at the server, the
model on disk after each round; in memory alone where a course says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp.strategy import FedAvg as FlowerFedAvg

from federated.in_process.clock import UnhurriedClock
from federated.in_process.grid import App, InProcessGrid, server_identity
from federated.record.log import RunLog
from federated.rounds.events import unnoted
from federated.rounds.federation import Federation
from federated.rounds.options import RoundOptions
from federated.rounds.plain import PlainGathering
from federated.rounds.terms import Terms
from federated.secure.rehearsal import roster_of, signing_keys
from federated.secured.agreement import Agreement, agreed
from federated.secured.app import secure_site_app
from federated.secured.gathering import SecureGathering
from federated.secured.options import SecureOptions
from federated.secured.site import SecureSite
from federated.sites.answers import Answers
from federated.sites.app import site_app
from federated.sites.clipped import ClippedTraining
from federated.strategies.options import FedAvg
from federated.updates.arrays import packed
from federated.updates.layout import Layout, Slot, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts

FIRST_NODE: Final = 2
BOUND: Final = 1.0
SPIN_SIDE: Final = 192
FLOWER, CLEAR, MEMORY, SECURE = "flower", "clear", "clear, in memory", "secure"
COURSES: Final = (FLOWER, MEMORY, CLEAR, SECURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every course has in common."""

    size: int
    n_sites: int
    n_rounds: int
    turns: int = 0
    """Matrix products of local work at each site: processor work, not sleep."""


@dataclass(slots=True)
class Lap:
    """When rounds ended, by the processor's clock and the wall's."""

    processor: list[float] = field(default_factory=lambda: [time.process_time()])
    wall: list[float] = field(default_factory=lambda: [time.perf_counter()])

    def note(self) -> None:
        """A round ended."""
        self.processor.append(time.process_time())
        self.wall.append(time.perf_counter())

    def told(self, what: str, done: int, total: int | None) -> None:
        """A round ended, as progress says it."""
        self.note()

    def rounds(self) -> tuple[list[float], list[float]]:
        """Return processor and wall seconds of each round but the first, in which sites join and memory is new."""
        return np.diff(self.processor).tolist()[1:], np.diff(self.wall).tolist()[1:]


def spin(turns: int) -> None:
    """Work for as long as so many matrix products take."""
    matrix = _matrix()
    for _ in range(turns):
        matrix @ matrix


@cache
def _matrix() -> Vector:
    return np.random.default_rng(0).normal(size=(SPIN_SIDE, SPIN_SIDE)).astype(np.float32)


def turns_of(seconds: float) -> int:
    """Return how many products take so long on this processor, now."""
    if not seconds:
        return 0
    spin(20)
    found = []
    for _ in range(5):
        start = time.process_time()
        spin(200)
        found.append((time.process_time() - start) / 200)
    return round(seconds / median(found))


def layout_of(size: int) -> Layout:
    """Return the layout of one parameter."""
    return Layout(slots=(Slot(name="head", shape=(size,)),))


@cache
def update_of(size: int) -> Vector:
    """Return what each site has learnt: the same in every course, and within the bound."""
    drawn = np.random.default_rng(1).normal(size=size)
    return np.asarray(0.9 * BOUND * drawn / np.linalg.norm(drawn), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A site of ours."""

    name: str
    layout: Layout
    turns: int
    answers: Answers | None

    def facts(self) -> SiteFacts:
        """Say who it is."""
        return SiteFacts(site=self.name, layout=self.layout.digest, n_units=10)

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        """Work, and return the update; where there is a disk, it is on it before it leaves."""
        known = None if self.answers is None else self.answers.to(order, self.layout)
        if known is not None:
            return known
        spin(self.turns)
        trained = received + update_of(self.layout.size)
        local = LocalUpdate(update=trained - received)
        if self.answers is not None:
            self.answers.keep(order, local)
        return local


def flower_app(setting: Setting) -> ClientApp:
    """Return a site of plain Flower."""
    app = ClientApp()

    @app.train()
    def _train(message: Message, context: Context) -> Message:
        arrays: Any = message.content["arrays"]
        received = arrays["vector"].numpy()
        spin(setting.turns)
        trained = ArrayRecord({"vector": Array(received + update_of(setting.size))})
        facts = MetricRecord({"num-examples": 10})
        return Message(RecordDict({"arrays": trained, "metrics": facts}), reply_to=message)

    return app


def flower(setting: Setting, folder: Path) -> Lap:
    """Take the rounds with Flower's FedAvg."""
    strategy = FlowerFedAvg(fraction_evaluate=0.0, min_available_nodes=setting.n_sites)
    grid, lap = _grid(flower_app(setting), setting), Lap()

    def ended(number: int, arrays: ArrayRecord) -> None:
        if number:
            lap.note()

    start = ArrayRecord({"vector": Array(np.zeros(setting.size, np.float32))})
    with server_identity():
        strategy.start(grid, start, num_rounds=setting.n_rounds, evaluate_fn=ended)
    return lap


def ours(setting: Setting, folder: Path, *, kept: bool, secure: bool) -> Lap:
    """Take the rounds with this project's Federation: on disk and in its record where `kept`."""
    names = tuple(f"site-{i:04}" for i in range(setting.n_sites))
    rounds = RoundOptions(rounds=setting.n_rounds, norm_bound=BOUND, deadline=3600)
    layout = layout_of(setting.size)
    terms = Terms(run="sha256:bench", layout=layout, rounds=rounds, strategy=FedAvg(), seed=1, sites=frozenset(names))
    workers = {
        node: ClippedTraining(
            training=Worker(
                name=name, layout=layout, turns=setting.turns, answers=Answers(folder / name) if kept else None
            ),
            bound=BOUND,
        )
        for node, name in enumerate(names, FIRST_NODE)
    }
    agreement, apps = None, {node: _app(one, layout) for node, one in workers.items()}
    if secure:
        keys = signing_keys(names)
        agreement = agreed(terms, options=SecureOptions(), roster=roster_of(keys))
        apps = {
            node: _secure_app(folder / name, name, keys[name], agreement, workers[node])
            for node, name in enumerate(names, FIRST_NODE)
        }

    def answer(message: Message, context: Context) -> Message:
        return apps[context.node_id](message, context)

    return _taken(terms, agreement, answer, setting, folder if kept else None)


def _app(worker: ClippedTraining, layout: Layout) -> ClientApp:
    return site_app(lambda _: (worker, layout))


def _secure_app(folder: Path, name: str, key: Any, agreement: Agreement, worker: ClippedTraining) -> ClientApp:  # noqa: ANN401 - a key of `cryptography`
    site = SecureSite(
        site=name,
        key=key,
        agreement=agreement,
        layout=layout_of_terms(agreement),
        training=lambda: worker,
        folder=folder,
    )
    return secure_site_app(lambda _: site)


def layout_of_terms(agreement: Agreement) -> Layout:
    """Return the layout of what is summed, but for the divisor."""
    return layout_of(agreement.terms.size - 1)


def _taken(terms: Terms, agreement: Agreement | None, app: App, setting: Setting, folder: Path | None) -> Lap:
    lap = Lap()
    with server_identity(), RunLog(folder / "log.jsonl") if folder else nullcontext() as log:
        federation = Federation(
            terms,
            gathering=PlainGathering if agreement is None else partial(SecureGathering, agreement=agreement),
            state=folder / "state.npz" if folder else None,
            note=log.note if log else unnoted,
            clock=UnhurriedClock(),
            progress=lap.told,
        )
        federation.start(_grid(app, setting), packed(np.zeros(setting.size, np.float32)))
    if federation.rounds_done != setting.n_rounds:
        raise SystemExit(f"{federation.rounds_done} of {setting.n_rounds} rounds happened")
    return lap


def _grid(app: App, setting: Setting) -> InProcessGrid:
    return InProcessGrid(app, {node: {} for node in range(FIRST_NODE, FIRST_NODE + setting.n_sites)})


def course_of(name: str) -> Callable[[Setting, Path], Lap]:
    """Return a course by its name."""
    if name == FLOWER:
        return flower
    return partial(ours, kept=name != MEMORY, secure=name == SECURE)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Flower from telling of every round."""
    logger, level = logging.getLogger("flwr"), logging.getLogger("flwr").level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
