"""Sites under secure sums in this process, each with a folder and a key of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Context, Message

from federated.in_process.grid import InProcessGrid, server_identity
from federated.rounds.events import Event
from federated.rounds.federation import Federation
from federated.rounds.options import RoundOptions
from federated.rounds.terms import Terms
from federated.secure.rehearsal import roster_of, signing_keys
from federated.secured.agreement import Agreement, agreed
from federated.secured.app import secure_site_app
from federated.secured.gathering import SecureGathering
from federated.secured.options import SecureOptions
from federated.secured.site import SecureSite
from federated.strategies.options import FedAvg, StrategyOptions
from federated.updates.arrays import packed
from federated.updates.layout import Layout, Slot, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts, UpdateFacts

LAYOUT = Layout(slots=(Slot(name="head", shape=(5,)),))
START = np.zeros(5, np.float32)
App = Callable[[Message, Context], Message]


class Pull:
    """A site that moves a tenth of the way to its own target; it counts how often it really trained."""

    def __init__(self, name: str, target: float, *, n_units: int = 10, loss: float = 1.0) -> None:
        self.name, self.target, self.n_units, self.loss = name, target, n_units, loss
        self.trained: list[int] = []
        self._known: dict[int, LocalUpdate] = {}

    def facts(self) -> SiteFacts:
        return SiteFacts(site=self.name, layout=LAYOUT.digest)

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        if order.round not in self._known:
            self.trained.append(order.round)
            direction = np.array([1, -1, 0.5, 0.1, 2], np.float32)
            update = np.asarray(0.1 * (self.target * direction - received), np.float32)
            facts = UpdateFacts(loss=self.loss if order.loss_wanted else None)
            self._known[order.round] = LocalUpdate(update=update, facts=facts)
        return self._known[order.round]


@dataclass
class Steps:
    """A clock on which each look takes a second."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def pause(self) -> None:
        self.seconds += 1


class Reachable(InProcessGrid):
    """Nodes, some of which do not reply to some messages."""

    silent: Callable[[int, str], bool]

    def pull_messages(self, message_ids: Any) -> Any:
        return super().pull_messages([n for n in message_ids if n in self._waiting and self._hears(n)])

    def _hears(self, name: str) -> bool:
        told = self._waiting[name].metadata
        return not self.silent(told.dst_node_id, told.message_type)


@dataclass
class SecureHouse:
    """Sites, a grid of them, and what the server writes down."""

    folder: Path
    sites: list[Any]
    events: list[Event] = field(default_factory=list)
    secure: SecureOptions = field(default_factory=SecureOptions)
    silent: Callable[[int, str], bool] = lambda node, kind: False
    wrapped: dict[int, Callable[[App], App]] = field(default_factory=dict)
    minimum: int = 3
    passed: list[Message] = field(default_factory=list)
    """Every reply as it left a site."""

    def __post_init__(self) -> None:
        self.keys = signing_keys(tuple(site.name for site in self.sites))

    def terms(self, *, strategy: StrategyOptions | None = None, rounds: int = 2, **options: Any) -> Terms:
        chosen = RoundOptions(rounds=rounds, **{"deadline": 20, "norm_bound": 10.0, **options})
        names = frozenset(self.keys)
        return Terms(run="sha256:run", layout=LAYOUT, rounds=chosen, strategy=strategy or FedAvg(), seed=7, sites=names)

    def agreement(self, terms: Terms) -> Agreement:
        return agreed(terms, options=self.secure, roster=roster_of(self.keys))

    def run(self, *, state: Path | None = None, **options: Any) -> Vector:
        terms = self.terms(**options)
        agreement = self.agreement(terms)
        federation = Federation(
            terms,
            gathering=partial(SecureGathering, agreement=agreement),
            state=state,
            note=self.events.append,
            clock=Steps(),
        )
        with server_identity():
            result = federation.start(self.grid(terms, agreement), packed(START))
        return np.asarray(result.arrays["vector"].numpy())

    def grid(self, terms: Terms, agreement: Agreement) -> InProcessGrid:
        apps: dict[int, App] = {}
        for node, one in enumerate(self.sites, 10):
            apps[node] = secure_site_app(lambda _, one=one: self.site(one, terms, agreement))
            apps[node] = self.wrapped.get(node, lambda app: app)(apps[node])

        def answer(message: Message, context: Context) -> Message:
            reply = apps[context.node_id](message, context)
            self.passed.append(reply)
            return reply

        grid = Reachable(answer, {node: {} for node in apps})
        grid.silent = lambda node, kind: self.silent(node, kind)
        return grid

    def site(self, one: Any, terms: Terms, agreement: Agreement) -> SecureSite:
        """Open a site as a new process would: from what is on its disk."""
        return SecureSite(
            site=one.name,
            key=self.keys[one.name],
            agreement=agreement,
            layout=LAYOUT,
            training=lambda: one,
            folder=self.folder / one.name,
            weight=terms.rounds.weight(one.n_units) or 1.0,
            minimum=self.minimum,
        )

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def make_house(tmp_path: Path) -> Callable[..., SecureHouse]:
    def made(n_sites: int = 5, *, name: str = "sites", **options: Any) -> SecureHouse:
        sites = [Pull(f"site-{i}", float(i + 1), n_units=10 * (i + 1)) for i in range(n_sites)]
        return SecureHouse(folder=tmp_path / name, sites=sites, **options)

    return made


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level("CRITICAL", logger="affidavit.site"):
        yield
