"""What comes to a site and what leaves it is in its log first; what cannot be written down does not leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, RecordDict

from affidavit.errors import FederationError
from affidavit.records import Record
from federated.client_app import app as client_app
from federated.deployment.house import House
from federated.deployment.node import FOLDER
from federated.deployment.opening import opened_site
from federated.entry import witness
from federated.entry.witness import UNWRITTEN, witnessed
from federated.record.command import log as log_command
from federated.record.entries import Declined, Received, RunOpened, Sent
from federated.record.log import read_log
from federated.rounds.events import ReplyTaken, RoundClosed, SiteRefused
from federated.updates.layout import vector_digest
from tests.federated.entry.conftest import NAMES, Federated

Make = Callable[..., Federated]
WHOLE = {"learning_rate": 0.2, "rows_per_step": 100}
VECTOR = np.arange(4, dtype=np.float32)


@pytest.fixture
def house(tmp_path: Path) -> House:
    opened_site(tmp_path / "site", site="north", server="localhost:1")
    return House(folder=tmp_path / "site")


def context(house: House | None) -> Context:
    config: dict[str, bool | float | int | str] = {} if house is None else {FOLDER: str(house.folder)}
    return Context(run_id=1, node_id=2, node_config=config, state=RecordDict(), run_config={})


def asked(**records: Any) -> Message:
    message = Message(RecordDict(records), 2, "train.round")
    message.metadata.__dict__["_message_id"] = "1"
    return message


def order(**said: Any) -> ConfigRecord:
    return ConfigRecord({"run": "r", "round": 2, "attempt": 3, "layout": "l", **said})


def updating(message: Message, context: Context) -> Message:
    facts = ConfigRecord({"epsilon": 0.5, "loss": 1.5, "site": "north"})
    return Message(RecordDict({"facts": facts, "vector": packed(VECTOR)}), reply_to=message)


def packed(vector: np.ndarray) -> ArrayRecord:
    return ArrayRecord({"vector": Array(vector)})


def declined(reply: Message) -> str:
    return str(reply.content.config_records["refuses"]["slug"])


@pytest.mark.parametrize("secure", [{}, {"secure": {}}])
def test_the_logs_of_server_and_sites_agree(federated: Make, tmp_path: Path, secure: Any) -> None:
    one = federated(local=WHOLE, **secure)
    one.deployed()
    one.run()

    record = tmp_path / "model.rounds.jsonl"
    assert log_command("verify", record, against=[tmp_path / name for name in NAMES]) == 0
    closed = {event.round: event.model for event in read_log(record).of(RoundClosed)}
    for name in NAMES:
        log = read_log(tmp_path / name)
        carrying = "query.keys" if secure else "train.round"
        (second,) = (one for one in log.of(Received) if one.what == carrying and one.round == 2)
        assert second.digest == closed[1], "what a site began with is what closed the round before"
        if not secure:
            taken = [event.digest for event in read_log(record).of(ReplyTaken) if event.site == name]
            assert [sent.digest for sent in log.of(Sent) if sent.what == "train.round"] == taken


def test_every_stage_of_a_sum_is_of_the_run_that_its_first_one_named(federated: Make, tmp_path: Path) -> None:
    one = federated(local=WHOLE, secure={})
    one.deployed()
    one.run()
    (opened,) = read_log(tmp_path / "model.rounds.jsonl").of(RunOpened)
    for name in NAMES:
        lines = [line.entry for line in read_log(tmp_path / name).lines if isinstance(line.entry, Received | Sent)]
        assert {entry.run for entry in lines if entry.round} == {opened.run}
        assert len(lines) == 2 * (1 + 2 * 5)


def test_what_came_is_on_disk_before_anything_is_done_and_what_leaves_before_it_does(house: House) -> None:
    def answer(message: Message, context: Context) -> Message:
        log = read_log(house.log)
        assert [one.digest for one in log.of(Received)] == [vector_digest(VECTOR)]
        assert not log.of(Sent)
        return updating(message, context)

    reply = witnessed(asked(order=order(), vector=packed(VECTOR)), context(house), answer)
    assert "vector" in reply.content
    (sent,) = read_log(house.log).of(Sent)
    assert (sent.run, sent.round, sent.attempt, sent.what) == ("r", 2, 3, "train.round")
    assert sent.digest == vector_digest(VECTOR)
    assert sent.norm == pytest.approx(np.linalg.norm(VECTOR))
    assert sent.epsilon == 0.5
    assert sent.facts == ("epsilon", "loss")
    assert sent.bytes > VECTOR.nbytes


@pytest.mark.parametrize("kind", [Received, Sent])
def test_what_cannot_be_written_down_does_not_leave(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: type[Record]
) -> None:
    done = []

    def full(path: Path, entry: Record) -> None:
        if isinstance(entry, kind):
            raise OSError(28, "No space left on device")

    def answer(message: Message, context: Context) -> Message:
        done.append(1)
        return updating(message, context)

    monkeypatch.setattr(witness, "write_line", full)
    reply = witnessed(asked(order=order()), context(house), answer)
    assert declined(reply) == UNWRITTEN
    assert "vector" not in reply.content
    assert len(done) == (kind is Sent)


def test_a_log_that_does_not_hold_lets_nothing_out(federated: Make, tmp_path: Path) -> None:
    one = federated(deadline=0.2, local=WHOLE)
    one.deployed()
    log = tmp_path / "east" / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"a test", b"A test"))
    one.plan["training"]["rounds"]["quorum"] = 3
    with pytest.raises(FederationError):
        one.run()
    refused = read_log(tmp_path / "model.rounds.jsonl").of(SiteRefused)
    assert any(UNWRITTEN in event.because for event in refused)


def test_no_text_of_an_exception_gets_past(house: House) -> None:
    def answer(message: Message, context: Context) -> Message:
        raise RuntimeError("patient 17 said: I cannot sleep")

    reply = witnessed(asked(order=order()), context(house), answer)
    assert declined(reply) == "site-failed"
    assert "patient" not in str(dict(reply.content.config_records["refuses"]))
    assert "patient" not in house.log.read_text(encoding="utf-8")
    assert [one.slug for one in read_log(house.log).of(Declined)] == ["site-failed"]


@pytest.mark.parametrize(
    "records",
    [
        {},
        {"order": ConfigRecord({"run": 7, "round": "two", "attempt": -1})},
        {"order": ConfigRecord({"run": "x" * 10_000, "round": 1 << 60, "attempt": 0})},
        {"order": ArrayRecord({"vector": Array(VECTOR)})},
        {"secure": ConfigRecord({"round": True, "attempt": [1, 2], "dead": list[str]()})},
        {"vector": ArrayRecord({"a": Array(VECTOR), "b": Array(VECTOR)})},
        {"vector": ArrayRecord({"vector": Array(np.array(["x"]))})},
        {"vector": ArrayRecord({"vector": Array(dtype="float32", shape=(4,), stype="numpy.ndarray", data=b"none")})},
    ],
)
def test_whatever_comes_is_written_down(house: House, records: dict[str, Any]) -> None:
    reply = witnessed(asked(**records), context(house), updating)
    assert "vector" in reply.content
    (came,) = read_log(house.log).of(Received)
    assert came.round == 0
    assert came.attempt == 1
    assert len(came.run) <= 500


def test_an_answer_that_is_an_error_is_written_as_none(house: House) -> None:
    def answer(message: Message, context: Context) -> Message:
        return Message(Error(1, "patient 17 said"), reply_to=message)

    witnessed(asked(order=order()), context(house), answer)
    (told,) = read_log(house.log).of(Declined)
    assert told.slug
    assert "patient" not in told.because


def test_a_simulated_site_has_no_log(tmp_path: Path) -> None:
    reply = witnessed(asked(order=order()), context(None), updating)
    assert "vector" in reply.content
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["evaluate.other", "train.other", "query"])
def test_a_message_that_nobody_answers_is_written_down_and_declined(house: House, kind: str) -> None:
    message = Message(RecordDict({"order": order()}), 2, kind)
    message.metadata.__dict__["_message_id"] = "1"
    reply = client_app(message, context(house))
    assert declined(reply) == "site-failed"
    log = read_log(house.log)
    assert [one.what for one in log.of(Received)] == [kind]
    assert len(log.of(Declined)) == 1
    assert log.of(Sent) == []
