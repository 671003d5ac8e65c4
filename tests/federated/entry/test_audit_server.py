"""The server's side of an audit across machines: the report of the files, a record that holds, no silent success."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from flwr.app import ConfigRecord, Context, Message

from affidavit.bundle import read_bundle, write_bundle
from affidavit.digests import file_digest
from affidavit.errors import FederationError, PlanError
from affidavit.federated_audits import AuditFlags
from affidavit.report import AuditReport
from federated.client_app import app as client_app
from federated.entry import audit_server
from federated.entry.audit_plan import read_federated_audit
from federated.entry.audit_server import serve_audit
from federated.entry.kinds import kind_of
from federated.entry.places import OWN_AUDIT, site_folder
from federated.in_process.grid import InProcessGrid, server_identity
from federated.pooled import commands
from federated.pooled.commands import federated_audit
from federated.record.audit_entries import (
    AuditAborted,
    AuditAnswered,
    AuditAsked,
    AuditEnded,
    AuditFailed,
    AuditOpened,
    AuditRefused,
    AuditSummed,
)
from federated.record.command import log as log_command
from federated.record.entries import Approved, Received
from federated.record.log import read_log
from tests.federated.entry.audits import NOISE, SITES, App, Audited, audited, counted, drafted

NOISED = {"told": "noised", "noise": NOISE}
BUDGET = {"epsilon": 3.0, "delta": 1e-3}


DRAWN = audit_server.written


@pytest.fixture(autouse=True)
def _no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages take seconds; one test draws them."""
    unpaged = partial(write_bundle, renderings=())
    monkeypatch.setattr(audit_server, "written", unpaged)
    monkeypatch.setattr(commands, "write_bundle", unpaged)


def by_file(one: Audited, plan: dict[str, Any]) -> AuditReport:
    """Return the report that the file commands make of the same tables."""
    desk = one.folder / "by-file"
    desk.mkdir()
    path = desk / "plan.yaml"
    path.write_text(yaml.safe_dump(plan), encoding="utf-8")
    files = []
    for site in SITES:
        files.append(desk / f"{site}.counts.json")
        flags = AuditFlags(site=site, out=files[-1])
        federated_audit("count", path, [one.house(site).folder / "judgements.csv"], flags=flags)
    federated_audit("pool", path, files, flags=AuditFlags(out=desk / "report"))
    return read_bundle(desk / "report")


def numbers(report: AuditReport) -> list[tuple[Any, ...]]:
    """Return everything that a report found, without the plan by which it was asked."""
    return [(f.metric, f.condition, sorted(f.groups.items()), f.estimate.model_dump()) for f in report.findings]


def unless(failing: Any) -> App:
    """Return the sites' app, in which a site fails as `failing(site, message type)` says."""

    def app(message: Message, context: Context) -> Message:
        folder = site_folder(context)
        assert folder is not None
        if failing(folder.name, message.metadata.message_type):
            raise RuntimeError("gone")
        return client_app(message, context)

    return app


@pytest.mark.parametrize("asked", [counted(), counted(floor=15, depth=1)])
def test_the_report_is_that_of_the_files(tmp_path: Path, asked: dict[str, Any]) -> None:
    one = audited(tmp_path, asked)
    one.deployed()
    report = one.run()
    files = by_file(one, asked)
    assert report.claims_digest == files.claims_digest
    assert len(report.findings) > 20


def test_secure_sums_give_the_numbers_of_the_files(tmp_path: Path) -> None:
    """With a floor that withholds nothing both know the same sums; what differs is who saw which."""
    one = audited(tmp_path, counted(told="secure", floor=2))
    one.deployed(floor=2, exact_sums="secure")
    report = one.run()
    assert numbers(report) == numbers(by_file(one, counted(floor=2)))
    assert not (tmp_path / "report.counts").exists()


@pytest.mark.parametrize("told", [{}, {"told": "secure"}])
def test_a_draft_is_asked_for_its_vocabulary_first(tmp_path: Path, told: dict[str, Any]) -> None:
    one = audited(tmp_path, drafted(**told))
    one.deployed()
    report = one.run()
    plan = yaml.safe_load((tmp_path / "report.plan.yaml").read_text(encoding="utf-8"))
    assert plan["features"] == {"accent": ["Irish", "Scottish", "Welsh"], "age": ["18-39", "40+"]}
    assert plan["conditions"] == ["TAV", "T"]
    assert {finding.condition for finding in report.findings} == {"TAV", "T"}
    assert [entry.what for entry in read_log(one.record).of(AuditAsked)] == ["vocabulary", "invitation", "counts"]


@pytest.mark.parametrize("asked", [counted(), counted(told="secure"), counted(**NOISED), drafted()])
def test_the_record_holds_and_server_and_sites_tell_one_story(
    tmp_path: Path, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    one = audited(tmp_path, asked)
    one.deployed(budget=BUDGET)
    report = one.run()
    logs = [tmp_path / site for site in SITES]
    assert log_command("verify", one.record, against=logs) == 0
    answers = len(read_log(one.record).of(AuditAnswered))
    assert answers == 3 * (1 + (asked.get("told") != "secure") + ("labels" not in asked))
    assert f"{answers} answers to audits are named alike by server and site" in capsys.readouterr().out
    (ended,) = read_log(one.record).of(AuditEnded)
    assert (ended.sites, ended.report) == (SITES, report.report_digest)
    assert log_command("show", one.record) == 0
    for place in logs:
        assert log_command("verify", place) == 0


def test_what_a_site_did_not_send_is_a_contradiction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """North's log is that of another north, which was never asked."""
    one = audited(tmp_path)
    one.deployed()
    one.run()
    other = audited(tmp_path / "other")
    other.folder.mkdir()
    other.deployed()
    logs = [other.folder / "north", tmp_path / "south", tmp_path / "west"]
    assert log_command("verify", one.record, against=logs) == 1
    assert "contradiction: audit, counts: the server took" in capsys.readouterr().out
    assert log_command("verify", one.record, against=logs[1:]) == 0
    assert "not held against: north" in capsys.readouterr().out


def test_a_sum_that_a_site_sent_nothing_for_is_a_contradiction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = audited(tmp_path, counted(told="secure"))
    one.deployed()
    one.run()
    other = audited(tmp_path / "other")
    other.folder.mkdir()
    other.deployed()
    assert log_command("verify", one.record, against=[other.folder / "north", tmp_path / "south"]) == 1
    assert "north is in the server's sum, and its log says that it sent no masked counts" in capsys.readouterr().out


def test_one_digest_is_approved_recorded_and_in_every_message(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    one.run()
    (opened,) = read_log(one.record).of(AuditOpened)
    for site in SITES:
        assert [entry.digest for entry in one.log(site).of(Approved)] == [opened.plan]
        assert file_digest(one.house(site).folder / OWN_AUDIT) == opened.plan
        assert {entry.run for entry in one.log(site).of(Received)} == {opened.run}


def test_a_quorum_that_is_missed_is_an_error_and_leaves_no_report(tmp_path: Path) -> None:
    one = audited(tmp_path, quorum=3)
    one.deployed()
    one.allow("south", exact_sums="never")
    with pytest.raises(FederationError, match="too few sites") as raised:
        one.run()
    assert raised.value.slug == "quorum-missed"
    assert "plan-unprotected" in str(raised.value)
    assert not (tmp_path / "report").exists()
    (failed,) = read_log(one.record).of(AuditFailed)
    assert failed.because.startswith("quorum-missed")
    assert not read_log(one.record).of(AuditEnded)
    assert log_command("verify", one.record, against=[tmp_path / site for site in SITES]) == 0


def test_a_site_that_never_answers_is_not_in_the_report_and_named(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.plan["attempts"] = 3
    one.site_app = unless(lambda site, kind: site == "west" and kind == "evaluate.counts")
    one.deployed()
    report = one.run()
    assert any("nothing of them came: west" in caveat for caveat in report.caveats)
    assert [entry.sites for entry in read_log(one.record).of(AuditAsked)[1:]] == [SITES, ("west",), ("west",)]
    refused = read_log(one.record).of(AuditRefused)
    assert [(entry.site, entry.attempt) for entry in refused] == [("west", 1), ("west", 2), ("west", 3)]


def test_a_site_that_failed_once_is_asked_again(tmp_path: Path) -> None:
    seen: list[str] = []

    def failing(site: str, kind: str) -> bool:
        seen.append(f"{site} {kind}")
        return kind == "evaluate.counts" and seen.count(f"{site} {kind}") == 1 and site == "south"

    one = audited(tmp_path)
    one.site_app = unless(failing)
    one.deployed()
    assert one.run().claims_digest == by_file(one, counted()).claims_digest
    assert seen.count("south evaluate.counts") == 2
    assert seen.count("north evaluate.counts") == 1


def test_a_site_that_leaves_is_not_asked_again(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(floor=21))
    one.deployed(floor=21)
    one.run()
    asked = [entry.sites for entry in read_log(one.record).of(AuditAsked) if entry.what == "counts"]
    assert asked == [SITES], "south has too few patients, and will not have more"


def test_what_failed_can_be_asked_for_again_and_sites_say_the_same(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(**NOISED), quorum=3)
    one.site_app = unless(lambda site, kind: site == "west" and kind == "evaluate.counts")
    one.deployed(budget=BUDGET)
    with pytest.raises(FederationError):
        one.run()
    first = {path.name: path.read_bytes() for path in (tmp_path / "report.counts").iterdir()}
    assert set(first) == {"north.counts.json", "south.counts.json"}
    one.site_app = client_app
    one.run()
    assert {name: (tmp_path / "report.counts" / name).read_bytes() for name in first} == first
    assert len(read_log(one.record).of(AuditOpened)) == 2
    assert log_command("verify", one.record, against=[tmp_path / site for site in SITES]) == 0


def test_a_secure_sum_that_two_are_left_for_is_no_report_and_is_asked_for_again(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(told="secure"))
    one.site_app = unless(lambda site, kind: site == "west" and kind == "evaluate.counts_masked")
    one.deployed()
    with pytest.raises(FederationError, match="not summed"):
        one.run()
    assert not (tmp_path / "report").exists()
    record = read_log(one.record)
    assert [entry.stage for entry in record.of(AuditAborted)] == ["masked", "masked"]
    assert not record.of(AuditSummed)
    assert log_command("verify", one.record, against=[tmp_path / site for site in SITES]) == 0
    one.site_app = client_app
    one.run()
    (summed,) = read_log(one.record).of(AuditSummed)
    assert (summed.attempt, summed.contributors) == (3, SITES), "nothing was opened, so that it is asked for again"


def test_a_node_that_answers_as_another_site_is_refused(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    nodes = list(one.nodes)
    one.nodes = {**one.nodes, 99: one.nodes[nodes[0]]}
    report = one.run()
    assert report.claims_digest == by_file(one, counted()).claims_digest
    (refused,) = read_log(one.record).of(AuditRefused)
    assert (refused.site, refused.because) == ("node 99", "another node answered as north")


@pytest.mark.parametrize("asked", [counted(), drafted()])
def test_an_answer_with_more_in_it_than_was_asked_for_is_not_taken(tmp_path: Path, asked: dict[str, Any]) -> None:
    def talkative(message: Message, context: Context) -> Message:
        reply = client_app(message, context)
        folder = site_folder(context)
        if folder is not None and folder.name == "west":
            reply.content["more"] = ConfigRecord({"patient": "west-1"})
        return reply

    one = audited(tmp_path, asked)
    one.site_app = talkative
    one.deployed()
    one.run()
    refused = read_log(one.record).of(AuditRefused)
    assert {entry.because for entry in refused} == {"it carries 1 records that nobody asked for"}
    assert "west" not in read_log(one.record).of(AuditEnded)[0].sites


class _Late(InProcessGrid):
    """Each time that somebody looks, one more node is there."""

    looked = 0

    def get_node_ids(self) -> Iterable[int]:
        self.looked += 1
        return list(super().get_node_ids())[: self.looked]


class _Clock:
    """Every pause lets a minute pass."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def pause(self) -> None:
        self.time += 60


@pytest.fixture
def _server() -> Iterator[None]:
    with server_identity():
        yield


@pytest.mark.usefixtures("_server")
def test_sites_that_connect_late_are_waited_for_and_no_longer_than_the_deadline(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.plan["deadline"] = 600
    one.deployed()
    clock = _Clock()
    report = serve_audit(_Late(client_app, one.nodes), one.context, clock=clock)
    assert not any("nothing of them came" in caveat for caveat in report.caveats)
    assert clock.time == 120

    short = audited(tmp_path / "short")
    short.folder.mkdir()
    short.plan["deadline"] = 60
    short.deployed()
    report = serve_audit(_Late(client_app, short.nodes), short.context, clock=_Clock())
    assert any("nothing of them came: west" in caveat for caveat in report.caveats)


class _Deaf(InProcessGrid):
    """Nobody's reply ever comes."""

    def pull_messages(self, message_ids: object) -> list[Message]:
        return []


@pytest.mark.usefixtures("_server")
def test_nobody_is_waited_for_beyond_the_deadline(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    one.plan["deadline"] = 300
    clock = _Clock()
    with pytest.raises(FederationError, match="3 did not answer"):
        serve_audit(_Deaf(client_app, one.nodes), one.context, clock=clock)
    assert clock.time <= 360


def test_a_server_with_another_plan_than_the_sites_gets_nothing(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    one.plan["audit"]["depth"] = 1
    with pytest.raises(FederationError, match="plan-not-approved"):
        one.run()
    assert [one.sent(site) for site in SITES] == [[], [], []]


def test_a_report_does_not_replace_what_is_there(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    before = one.run().report_digest
    with pytest.raises(PlanError, match="holds something"):
        one.run()
    assert read_bundle(tmp_path / "report").report_digest == before


def test_pages_are_drawn_and_what_is_signed_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_server, "written", DRAWN)
    one = audited(tmp_path, counted(depth=1, features={}))
    one.deployed()
    one.run()
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    (tmp_path / "report").rename(tmp_path / "first")

    def fails(self: object, report: AuditReport) -> bytes:
        raise OSError("no fonts here")

    monkeypatch.setattr("reports.formats.html.HtmlRenderer.render", fails)
    assert one.run().claims_digest == read_bundle(tmp_path / "first").claims_digest
    assert not (tmp_path / "report" / "report.html").exists()


def test_a_sites_own_report_is_made_from_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = audited(tmp_path, drafted())
    one.deployed()
    one.run()
    house = one.house("north")
    (kept,) = (house.private / "audits").iterdir()
    flags = AuditFlags(
        site="north",
        sent=kept / "north.counts.json",
        everywhere=tmp_path / "report",
        out=tmp_path / "own",
        key=house.folder,
    )
    assert federated_audit("site", kept / "plan.yaml", [house.folder / "judgements.csv"], flags=flags) == 0
    assert "All sites, TAV" in capsys.readouterr().out
    own = read_bundle(tmp_path / "own")
    facts = {row["fact"]: row["words"] for row in own.exhibit("what-left-this-site").to_pylist()}
    assert facts["digest of what left"] == json.loads((kept / "north.counts.json").read_bytes())["digest"]


def test_an_approved_file_is_a_plan_for_the_file_commands_too(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    report = one.run()
    own = one.house("north").folder / OWN_AUDIT
    files = sorted((tmp_path / "report.counts").iterdir())
    federated_audit("pool", own, files, flags=AuditFlags(out=tmp_path / "again"))
    assert read_bundle(tmp_path / "again").claims_digest == report.claims_digest


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "for no training and no audit"),
        ({"run": "model", "sites": ["north"]}, "for no training and no audit"),
        ([1], "for no training and no audit"),
        ({"audit": {}, "training": {}}, "for a training and for an audit"),
    ],
)
def test_a_plan_that_is_for_neither_or_both_is_refused(tmp_path: Path, document: object, words: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(PlanError, match=words):
        kind_of(path)


def test_what_a_plan_is_for_stands_in_its_keys(tmp_path: Path) -> None:
    for kind, document in (("audit", {"audit": {}}), ("training", {"reasoner": {}})):
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quorum": 4}, "quorum"),
        ({"deadline": 0}, "deadline"),
        ({"keys": {"east": "0" * 64}}, "east"),
        ({"audit": counted(told="secure")}, "every site needs its public key"),
        ({"audit": drafted(told="secure")}, "every site needs its public key"),
        ({"audit": counted(labels=["joy"])}, "labels"),
        ({"audit": {"run": "model"}}, "sites"),
        ({"patients": []}, "patients"),
    ],
)
def test_a_plan_at_fault_is_refused_by_name(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    one = audited(tmp_path)
    one.plan |= change
    with pytest.raises(PlanError, match=words):
        read_federated_audit(one.written())
