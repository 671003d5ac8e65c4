"""Private sites in rounds: exhausted ones take their leave, and noise at the server is by who really came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from federated.central.options import CentralOptions
from federated.central.server import CentralNoise
from federated.in_process.grid import InProcessGrid, server_identity
from federated.rounds.events import Event, ReplyTaken, RoundClosed, RunEnded, SiteLeft
from federated.rounds.federation import Federation, Terms
from federated.rounds.options import RoundOptions
from federated.sites.account import round_event
from federated.sites.app import site_app
from federated.sites.clipped import ClippedTraining
from federated.sites.private import PrivateTraining
from federated.sites.private_options import SitePolicy
from federated.strategies.options import FedAvg
from federated.updates.arrays import packed
from federated.updates.local import LocalTraining
from privacy.ledger.book import read_book
from privacy.ledger.events import RunFacts


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level("CRITICAL", logger="affidavit.site"):
        yield


def _run(sites: list[PrivateTraining], *, rounds: int, clip: float | None = None, **more: Any) -> list[Event]:
    layout = sites[0].layout
    events: list[Event] = []

    def app_of(one: PrivateTraining) -> ClientApp:
        training: LocalTraining = one if clip is None else ClippedTraining(training=one, bound=clip)
        return site_app(lambda _: (training, layout))

    apps = {node: app_of(one) for node, one in enumerate(sites, 10)}

    def answer(message: Message, context: Context) -> Message:
        return apps[context.node_id](message, context)

    terms = Terms(run="run", layout=layout, rounds=RoundOptions(rounds=rounds), strategy=FedAvg(), seed=1)
    federation = Federation(terms, note=events.append, **more)
    start = layout.gathered(sites[0].reasoner)
    with server_identity():
        federation.start(InProcessGrid(answer, {node: {} for node in apps}), packed(start))
    return events


def test_an_exhausted_site_leaves_and_the_others_go_on(private: Any) -> None:
    sites = [
        private(site=name, epsilon=4.0, sample_rate=1.0, policy=SitePolicy(tells_epsilon=name == "east"))
        for name in ("east", "north", "west")
    ]
    north = sites[1]
    assert north._account is not None
    with north._account.opened("an earlier run", RunFacts()) as ledger:  # nine of twelve steps of the budget
        for _ in range(3):
            ledger.intend(round_event(north.options, noise_multiplier=north.noise_multiplier, clip_norm=1.0))

    events = _run(sites, rounds=2)

    closed = [event for event in events if isinstance(event, RoundClosed)]
    left = [event for event in events if isinstance(event, SiteLeft)]
    assert [len(event.contributors) for event in closed] == [3, 2]
    assert [(event.site, event.round, event.slug) for event in left] == [("north", 2, "budget-spent")]
    assert "epsilon" not in left[0].because
    told = {event.site: event.epsilon for event in events if isinstance(event, ReplyTaken) and event.round == 1}
    assert told["west"] is None
    assert told["east"] is not None
    assert sites[0].told()["epsilon"] <= 4.0


def test_rounds_under_noise_at_the_server_are_counted_and_end_with_its_budget(private: Any, tmp_path: Path) -> None:
    """Sites clip to the order's bound; the server's ledger has room for two of three rounds."""
    sites = [private(site=name) for name in ("east", "north", "west")]
    options = CentralOptions(rounds=2, clip_norm=0.05, epsilon=4.5, noise_multiplier=3.0, delta=1e-5)
    mechanism = CentralNoise(options, folder=tmp_path / "server", run="run")
    try:
        events = _run(sites, rounds=3, clip=1.0, mechanism=mechanism)
        told = mechanism.told()
    finally:
        mechanism.close()

    norms = [event.norm for event in events if isinstance(event, ReplyTaken)]
    assert all(norm <= 0.05 for norm in norms)
    closed = [event for event in events if isinstance(event, RoundClosed)]
    assert len(closed) == 2
    size = sites[0].layout.size
    expected = mechanism.noise_multiplier * 0.05 / 3 * np.sqrt(size)
    for event in closed:
        assert event.moved == pytest.approx(expected, rel=0.6)  # noise, and three updates of at most 0.05
    ended = [event for event in events if isinstance(event, RunEnded)]
    assert ended[0].because == "budget spent"
    assert told["releases_counted"] == 2
    assert 4.0 < told["epsilon"] <= 4.5
    assert read_book(tmp_path / "server" / "federation.ledger.jsonl").sites == ("federation",)
