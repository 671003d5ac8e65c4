"""Hundreds of rounds with faults at random: the record is lawful, the model is its contributors', and nothing hangs."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import ConfigRecord, Message

from federated.in_process.grid import App
from federated.record.laws import breaches
from federated.rounds.events import (
    Asked,
    AttemptAborted,
    ReplyRefused,
    ReplyTaken,
    RoundClosed,
    RoundFailed,
    RoundLost,
    RunEnded,
    Summed,
)
from federated.secure.fixed_point import FixedPoint
from federated.secure.rehearsal import roster_of
from federated.secure.stages import Stage
from federated.secured.agreement import Agreement, agreed
from federated.secured.app import secure_site_app
from federated.secured.gathering import SecureGathering
from federated.secured.options import SecureOptions
from federated.secured.site import SecureSite
from federated.sites.app import site_app
from federated.updates.layout import Vector, vector_digest
from tests.federated.soak.faults import (
    DEADLINE,
    FIRST_NODE,
    HARMLESS,
    LAYOUT,
    NAMES,
    QUORUM,
    START,
    Fault,
    Soak,
    Steady,
    fault,
    name_of,
    update_of,
)

ROUNDS = 200
KILLS = {90, 91, 777, 1500, 2222, 3000}
SECURE_ROUNDS = 20
SECURE_KILLS = {60, 150}
OPENED = 12
"""The round in which the server is killed when the sum is open, and before the model moves."""


def plain_app(node: int) -> App:
    return site_app(lambda _: (Steady(NAMES[node - FIRST_NODE]), LAYOUT))


def plain_fault(message: Message) -> Fault:
    """Return what becomes of a message: sites join without fault, for a table of whom the server knows is the point."""
    order = message.content.config_records.get("order", ConfigRecord())
    if message.metadata.message_type != "train.round":
        return Fault.NONE
    return fault(name_of(message), int(str(order["round"])), int(str(order["attempt"])))


@pytest.mark.slow
def test_two_hundred_rounds_with_random_faults_and_a_server_that_is_killed(tmp_path: Path) -> None:
    soak = Soak(folder=tmp_path, rounds=ROUNDS, app=plain_app, of=plain_fault)
    soak.dies = lambda n_events, event: n_events in KILLS

    model = soak.run()

    log = soak.log
    assert breaches(log) == []
    assert soak.lives == len(KILLS) + 1
    assert soak.late > ROUNDS
    closed = log.of(RoundClosed)
    assert [event.round for event in closed] == list(range(1, ROUNDS + 1))
    assert log.of(RoundFailed) == []
    assert log.of(RoundLost) == []
    assert log.of(RunEnded)[-1].because == "all rounds done"
    assert vector_digest(model) == closed[-1].model == log.of(RunEnded)[-1].model
    _require_the_model_of_the_record(soak)
    _require_the_faults_of_the_table(soak)
    _require_that_nothing_hung(soak)


def _require_the_model_of_the_record(soak: Soak) -> None:
    """Add up, as the record names them, whom each round counts: bit by bit the model that it tells."""
    model, taken, attempts = START, list[ReplyTaken](), 0
    for line in soak.log.lines:
        match line.entry:
            case Asked() as asked:
                attempts += 1
                if len(asked.sites) == len(NAMES):
                    taken = []  # it is the first attempt, or the server was killed and has nothing of the one before
            case ReplyTaken() as reply:
                assert reply.digest == vector_digest(update_of(reply.site, reply.round, model))
                taken.append(reply)
            case RoundClosed() as closed:
                model = _mean(model, [update_of(event.site, closed.round, model) for event in taken])
                assert sorted(event.site for event in taken) == list(closed.contributors)
                assert closed.model == vector_digest(model)
                taken = []
    assert attempts > 1.2 * ROUNDS


def _mean(model: Vector, updates: list[Vector]) -> Vector:
    total = np.zeros(len(model))
    for update in updates:
        total += update.astype(np.float64)
    return np.asarray(model + total / len(updates), dtype=np.float32)


def _require_the_faults_of_the_table(soak: Soak) -> None:
    """Whom the table lets through in an attempt is in it; whom it does not is not, and the record says why."""
    refused = Counter(event.because.split(" ")[0] for _, event in soak.heard if isinstance(event, ReplyRefused))
    assert len(refused) >= 3, refused
    taken = {(e.site, e.round, e.attempt) for _, e in soak.heard if isinstance(e, ReplyTaken)}
    assert all(fault(*key) in HARMLESS for key in taken)
    complete = {event.round: event for _, event in soak.heard if isinstance(event, RoundClosed)}
    for _, asked in soak.heard:
        if not isinstance(asked, Asked) or complete[asked.round].attempts != asked.attempt:
            continue
        through = {site for site in asked.sites if fault(site, asked.round, asked.attempt) in HARMLESS}
        assert through <= set(complete[asked.round].contributors)
        assert len(complete[asked.round].contributors) >= QUORUM
    drawn = Counter(
        fault(site, asked.round, asked.attempt)
        for _, asked in soak.heard
        if isinstance(asked, Asked)
        for site in asked.sites
    )
    assert set(drawn) == set(Fault), "a fault that never happened proves nothing"


def _require_that_nothing_hung(soak: Soak, *, stages: int = 1) -> None:
    """An attempt has a number of its own, and takes no longer than its deadlines and a look at each."""
    asked = [at for at, event in soak.heard if isinstance(event, Asked)]
    attempts = [(event.round, event.attempt) for _, event in soak.heard if isinstance(event, Asked)]
    assert len(set(attempts)) == len(attempts), "a server that was killed said a number twice"
    took = [after - before for before, after in pairwise([*asked, soak.clock.now()])]
    assert max(took) <= stages * (DEADLINE + 1)
    assert max(took) >= DEADLINE, "nobody was waited for"


def keys_of(names: tuple[str, ...]) -> dict[str, Ed25519PrivateKey]:
    return {name: Ed25519PrivateKey.from_private_bytes(bytes([at + 1]) * 32) for at, name in enumerate(names)}


def secure_fault(message: Message) -> Fault:
    """Return what becomes of a stage; one that answers nonsense is as good as silent, so faults are drawn by stage."""
    said = message.content.config_records.get("secure")
    if said is None:
        return Fault.NONE
    stage = message.metadata.message_type
    site, number, attempt = name_of(message), int(str(said["round"])), int(str(said["attempt"]))
    kind = fault(f"{site} {stage}", number, attempt)
    spared = int(np.random.default_rng(number * 1000 + attempt * 100 + len(stage)).integers(100)) < 60
    return Fault.NONE if spared and kind is not Fault.TWICE else kind


@pytest.mark.slow
def test_secure_rounds_with_random_faults_at_every_stage(tmp_path: Path) -> None:
    keys = keys_of(NAMES)
    soak = Soak(folder=tmp_path, rounds=SECURE_ROUNDS, app=plain_app, of=secure_fault, options={"attempts": 40})
    soak.dies = lambda n, event: n in SECURE_KILLS or (isinstance(event, Summed) and event.round == OPENED)
    options = SecureOptions(minimum=3, dropped=9, stage_deadline=DEADLINE)
    agreement = agreed(soak.terms, options=options, roster=roster_of(keys))
    soak.app = partial(secure_app, tmp_path, keys, agreement)
    soak.gathering = partial(SecureGathering, agreement=agreement)

    model = soak.run()

    log, events = soak.log, [event for _, event in soak.heard]
    assert breaches(log) == []
    summed, lost = log.of(Summed), {event.round for event in log.of(RoundLost)}
    closed = [event.round for event in log.of(RoundClosed)]
    assert sorted([*closed, *lost]) == list(range(1, SECURE_ROUNDS + 1))
    assert len(closed) >= SECURE_ROUNDS // 2
    assert OPENED in lost, "what sites gave opens a second sum of nearly the same sites"
    assert soak.lives == len(SECURE_KILLS) + 2
    assert any(isinstance(event, AttemptAborted) for event in events)
    assert any(event.dropped for event in summed)
    assert vector_digest(model) == log.of(RoundClosed)[-1].model
    twin = START
    for event in summed:
        if event.round in lost:
            assert event.round == OPENED
            continue
        twin = _mean(twin, [update_of(site, event.round, twin) for site in event.contributors])
    grid = agreement.terms.encoding
    assert isinstance(grid, FixedPoint)
    np.testing.assert_allclose(model, twin, atol=SECURE_ROUNDS * 2 * grid.step)
    _require_that_nothing_hung(soak, stages=len(Stage))


def secure_app(folder: Path, keys: dict[str, Ed25519PrivateKey], agreement: Agreement, node: int) -> App:
    name = NAMES[node - FIRST_NODE]
    site = SecureSite(
        site=name,
        key=keys[name],
        agreement=agreement,
        layout=LAYOUT,
        training=lambda: Steady(name),
        folder=folder / name,
    )
    return secure_site_app(lambda _: site)
