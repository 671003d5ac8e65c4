"""What is not approved is handed on without the one signature that the node trusts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flwr.supercore.fab import Fab
from flwr.supernode.start_client_internal import _verify_fab

from affidavit.records import Record
from federated.deployment.approvals import Word, approve, refuse, standing
from federated.deployment.gate import Gate
from federated.deployment.house import House
from federated.record.entries import Admitted, Withheld
from federated.record.log import read_log, write_line

WORD = Word(by="A. Officer", because="read it")
CONTENT = b"the bytes of a bundle"
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
FAB = Fab(hash_str=DIGEST[7:], content=CONTENT, verifications={})


@pytest.fixture
def gate(house: House) -> Gate:
    def note(entry: Record) -> object:
        return write_line(house.log, entry)

    return Gate(asked=lambda: standing(house.folder), note=note)


def runs(gate: Gate, fab: Fab) -> bool:
    """Say what Flower itself makes of a bundle that came through the gate."""
    return bool(fab.verifications.get("valid_license", "")) and _verify_fab(fab, gate.trusted)


def test_flower_runs_what_was_approved_and_nothing_else(house: House, gate: Gate) -> None:
    assert not runs(gate, gate.fab(FAB, 1))
    approve(house, DIGEST, word=WORD)
    assert runs(gate, gate.fab(FAB, 1))
    other = Fab(hash_str=FAB.hash_str, content=b"other bytes under the same name", verifications={})
    assert not runs(gate, gate.fab(other, 2))
    assert [one.app for one in read_log(house.log).of(Admitted)] == [DIGEST]
    assert len(read_log(house.log).of(Withheld)) == 2


def test_a_server_cannot_sign_in_the_gates_place(house: House, gate: Gate) -> None:
    approve(house, DIGEST, word=WORD)
    other_gate = Gate(asked=lambda: standing(house.folder), note=lambda entry: None)
    assert not runs(gate, other_gate.fab(FAB, 1))
    brought = Fab(hash_str=FAB.hash_str, content=b"x", verifications=other_gate.fab(FAB, 1).verifications)
    assert gate.fab(brought, 1).verifications == {}


def test_a_log_that_does_not_hold_lets_nothing_through(house: House, gate: Gate) -> None:
    approve(house, DIGEST, word=WORD)
    closed = Gate(asked=gate.asked, note=lambda entry: None)
    house.log.write_bytes(house.log.read_bytes().replace(b"read it", b"read xx"))
    assert not closed.lets(DIGEST)


def test_an_approval_taken_back_binds_within_a_run(house: House, gate: Gate) -> None:
    approve(house, DIGEST, word=WORD)
    message = (SimpleNamespace(metadata=SimpleNamespace(run_id=7)), "tree")

    @contextmanager
    def flower(*_: Any) -> Iterator[tuple[Any, ...]]:
        yield 5, lambda: message, "send", "get_run", lambda digest, run: FAB, "pull", "push", "confirm"

    with gate.between(flower)("address") as (node, receive, _send, _run, get_fab, *rest):
        assert node == 5
        assert rest == ["pull", "push", "confirm"]
        assert receive() is message
        assert runs(gate, get_fab(DIGEST[7:], 7))
        assert receive() is message
        refuse(house, DIGEST, word=WORD)
        assert receive() is None
        assert receive() is None
    assert len(read_log(house.log).of(Withheld)) == 1
