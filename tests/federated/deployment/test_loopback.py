"""A real deployment on loopback: a SuperLink over TLS, three hospitals as processes of their own, and a stranger.

Three runs. The first one trains under secure sums and ends with a model. The next one audits: the sites name what they
have and sum their counts securely. The last one brings another bundle and another plan, which east's officer approved
half, north's never saw and west's approved and took back: nothing of it runs.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.bundle import read_bundle
from affidavit.digests import file_digest
from affidavit.errors import FederationError
from affidavit.federated_audits import AuditFlags
from federated.deployment.approvals import Word, approve, refuse
from federated.deployment.bundles import built
from federated.deployment.house import House
from federated.deployment.keys import officer_key
from federated.deployment.opening import opened_site
from federated.deployment.outcomes import COMPLETED, run_to_its_end
from federated.entry.places import OWN_AUDIT, OWN_PLAN
from federated.pooled.commands import federated_audit
from federated.record.audit_entries import AuditEnded, AuditOpened
from federated.record.command import log as log_command
from federated.record.entries import Admitted, Declined, NodeEnded, NodeStarted, Received, RunOpened, Sent, Withheld
from federated.record.log import Log, read_log
from federated.rounds.events import SiteJoined, Summed
from federated.secure.stages import ORDER
from tests.federated.deployment.loopback import (
    CONNECTION,
    Loopback,
    Running,
    free_ports,
    judgements,
    loopback,
    patients,
    policy,
    until,
)
from tests.federated.deployment.trial_proxy import Proxy, proxying

pytestmark = [
    pytest.mark.slow(minutes=6),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
]
SITES = ("east", "north", "west")
WORD = Word(by="A. Officer", because="a trial")
PATIENCE_S = 1200.0
"""Every step ends when it is done; this is only for a machine that does nothing else for us."""


@dataclass
class Deployed:
    """What the deployment left."""

    net: Loopback
    proxy: Proxy
    plan: Path
    out: Path
    stranger: Running
    stranger_code: int
    audit: Path
    report: Path
    second: FederationError
    second_bundle: str
    sites: dict[str, Running] = field(default_factory=dict)
    exit_codes: dict[str, int] = field(default_factory=dict)

    def log(self, site: str) -> Log:
        return read_log(self.net.folder / site)

    @property
    def server_log(self) -> Log:
        return read_log(self.out.parent / f"{self.out.name}.rounds.jsonl")

    @property
    def card(self) -> dict[str, Any]:
        return dict(json.loads((self.out / "card.json").read_text(encoding="utf-8")))


def _house(net: Loopback, site: str, number: int, port: int) -> House:
    place = net.folder / site
    server = f"localhost:{net.port}" if site == "east" else net.server
    opened_site(place, site=site, server=server)
    patients(place, number)
    judgements(place, number)
    shutil.copy(net.ca, place / "ca.crt")
    corpus = {"name": "manifest", "options": {"path": "patients.csv"}}
    audit = {"table": "judgements.csv", "exact_sums": "secure"}
    policy(place, corpus=corpus, unprotected_training=True, port=port, audit=audit, examinations=["federated-audit"])
    return House(folder=place)


def _written(net: Loopback, name: str, keys: dict[str, str], *, nonce: str, deadline: float) -> Path:
    plan = {
        "nonce": nonce,
        "reasoner": {"name": "trial-words"},
        "label_space": ["anger", "joy"],
        "training": {
            "rounds": {"rounds": 2, "norm_bound": 5.0, "deadline": deadline, "attempts": 1},
            "secure": {"stage_deadline": deadline},
            "local": {"learning_rate": 0.2, "rows_per_step": 100},
            "held_out": 0,
        },
        "sites": keys,
        "seed": 3,
    }
    path = net.folder / name
    path.write_text(yaml.safe_dump(plan), encoding="utf-8")
    return path


def _public(house: House) -> str:
    key = officer_key(house.key("signing"))
    assert isinstance(key, Ed25519PrivateKey)
    return key.public_key().public_bytes_raw().hex()


def _first_run(net: Loopback, houses: dict[str, House]) -> tuple[Path, Path]:
    """Let everybody approve bundle and plan, and see the run to its end."""
    keys = {site: _public(house) for site, house in houses.items()}
    plan = _written(net, "plan.yaml", keys, nonce="spring", deadline=PATIENCE_S / 2)
    for house in houses.values():
        shutil.copy(plan, house.folder / OWN_PLAN)
        approve(house, str(plan), word=WORD)
        approve(house, net.bundle.digest, word=WORD)
    out = net.folder / "out" / "model"
    _run(net, net.app, plan, out)
    return plan, out


def _audit_run(net: Loopback, houses: dict[str, House]) -> tuple[Path, Path]:
    """Let everybody approve an audit, and see it to its end."""
    draft = {"run": "model", "sites": list(SITES), "features": ["sex"], "told": "secure", "title": "A trial"}
    keys = {site: _public(house) for site, house in houses.items()}
    patience = {"deadline": PATIENCE_S / 4, "stage_deadline": PATIENCE_S / 4, "attempts": 1}
    plan = net.folder / "audit.yaml"
    plan.write_text(yaml.safe_dump({"audit": draft, "keys": keys, **patience}), encoding="utf-8")
    for house in houses.values():
        shutil.copy(plan, house.folder / OWN_AUDIT)
        approve(house, str(plan), word=WORD)
    out = net.folder / "out" / "report"
    _run(net, net.app, plan, out)
    return plan, out


def _second_run(net: Loopback, houses: dict[str, House]) -> tuple[FederationError, str]:
    """Run what nobody approved whole, and return how it failed, and the digest of its bundle."""
    keys = {site: _public(house) for site, house in houses.items()}
    plan = _written(net, "other.yaml", keys, nonce="summer", deadline=10)
    with (net.app / "federated" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write("# another bundle\n")
    digest = built(net.app).digest
    for site, house in houses.items():
        shutil.copy(plan, house.folder / OWN_PLAN)
        if site != "north":
            approve(house, digest, word=WORD)
    refuse(houses["west"], digest, word=WORD)
    with pytest.raises(FederationError) as raised:
        _run(net, net.app, plan, net.folder / "out" / "other")
    until(lambda: read_log(houses["east"].log).of(Declined), seconds=PATIENCE_S, what="east answers the second run")
    return raised.value, digest


def _run(net: Loopback, app: Path, plan: Path, out: Path) -> None:
    config = {"plan": str(plan), "out": str(out)}
    run_to_its_end(app, CONNECTION, flower=net.flower, deadline_s=PATIENCE_S, config=config)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with proxying() as proxy, loopback(tmp_path_factory.mktemp("loopback")) as net:
        ports = free_ports(4)
        houses = {site: _house(net, site, number, ports[number]) for number, site in enumerate(SITES)}
        for house in houses.values():
            net.register(house.public("node"))
        stranger = net.site("south", _house(net, "south", 3, ports[3]).folder)
        # East is behind a proxy, and its other proxy is none: what stays on the machine must not be sent there.
        behind = {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": "http://127.0.0.1:9"}
        sites = {site: net.site(site, houses[site].folder, **(behind if site == "east" else {})) for site in SITES}
        code = stranger.ended(PATIENCE_S)
        plan, out = _first_run(net, houses)
        audit, report = _audit_run(net, houses)
        second, digest = _second_run(net, houses)
        for site, one in sites.items():
            one.process.send_signal(signal.SIGKILL if site == "west" else signal.SIGTERM)
        codes = {site: one.ended(60) for site, one in sites.items()}
        yield Deployed(
            net=net,
            proxy=proxy,
            plan=plan,
            out=out,
            audit=audit,
            report=report,
            stranger=stranger,
            stranger_code=code,
            second=second,
            second_bundle=digest,
            sites=sites,
            exit_codes=codes,
        )


def test_three_hospitals_train_a_model_whose_updates_nobody_saw(deployed: Deployed) -> None:
    told = deployed.card["federated"]
    assert told["rounds"]["done"] == 2
    assert {site: one["rounds"] for site, one in told["sites"].items()} == dict.fromkeys(SITES, 2)
    assert told["secure"]["minimum"] == 3
    assert (deployed.out / "model.pt").is_file()
    assert [one.contributors for one in deployed.server_log.of(Summed)] == [SITES, SITES]
    for site in SITES:
        left = {one.what for one in deployed.log(site).of(Sent) if one.what.partition(".")[0] != "evaluate"}
        assert left - {"query.audit"} == {
            "query.hello",
            "query.keys",
            "query.shares",
            "train.masked",
            "query.agree",
            "query.unmask",
        }


def test_one_digest_is_approved_admitted_recorded_and_on_the_card(deployed: Deployed) -> None:
    bundle, plan = deployed.net.bundle.digest, file_digest(deployed.plan)
    (opened,) = deployed.server_log.of(RunOpened)
    assert (opened.app, opened.plan) == (bundle, plan)
    assert (deployed.card["app"], deployed.card["plan"]) == (bundle, plan)
    for site in SITES:
        assert deployed.log(site).of(Admitted)[0].app == bundle
        assert {one.run for one in deployed.log(site).of(Sent) if one.what == "train.masked"} == {opened.run}


def test_code_comes_from_the_bundle_and_not_from_the_machine(deployed: Deployed) -> None:
    hash_8 = deployed.net.bundle.digest.removeprefix("sha256:")[:8]
    for place in (deployed.net.flower, *(deployed.net.folder / site / "flower" for site in SITES)):
        (unpacked,) = place.glob(f"apps/*.{hash_8}")
        assert list(unpacked.glob("federated/__pycache__/client_app.*")) or place == deployed.net.flower
        assert list(unpacked.glob("affidavit/__pycache__/plan.*"))


def test_server_and_sites_tell_one_story(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    logs = [deployed.net.folder / site for site in SITES]
    code = log_command("verify", deployed.out.parent / f"{deployed.out.name}.rounds.jsonl", against=logs)
    said = capsys.readouterr().out
    assert code == 0, said
    assert "2 rounds sent one model" in said
    code = log_command("verify", deployed.report.parent / f"{deployed.report.name}.audit.jsonl", against=logs)
    said = capsys.readouterr().out
    assert code == 0, said
    assert "6 answers to audits are named alike by server and site" in said
    for place in logs:
        assert log_command("verify", place) == 0


def test_what_came_and_what_left_is_written_in_order(deployed: Deployed) -> None:
    for site in SITES:
        kinds = [line.entry for line in deployed.log(site).lines if isinstance(line.entry, Received | Sent)]
        assert len(kinds) >= 36
        for came, left in zip(kinds[0:36:2], kinds[1:36:2], strict=True):
            assert isinstance(came, Received)
            assert isinstance(left, Sent)
            assert (came.what, came.round, came.attempt) == (left.what, left.round, left.attempt)


def test_three_hospitals_are_audited_and_nobody_saw_the_counts_of_one(deployed: Deployed, tmp_path: Path) -> None:
    """The report has the numbers of the one that is pooled by file, where each hospital's sums are seen."""
    report = read_bundle(deployed.report)
    by_file = yaml.safe_load((deployed.report.parent / "report.plan.yaml").read_text(encoding="utf-8"))
    assert by_file["features"] == {"sex": ["Female", "Male"]}
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump({**by_file, "told": "plain"}), encoding="utf-8")
    files = []
    for site in SITES:
        files.append(tmp_path / f"{site}.counts.json")
        table = deployed.net.folder / site / "judgements.csv"
        federated_audit("count", plan, [table], flags=AuditFlags(site=site, out=files[-1]))
    federated_audit("pool", plan, files, flags=AuditFlags(out=tmp_path / "pooled"))
    pooled = read_bundle(tmp_path / "pooled")
    found = [(one.metric, one.groups, one.estimate) for one in report.findings]
    assert found == [(one.metric, one.groups, one.estimate) for one in pooled.findings]
    assert len(found) > 10
    (ended,) = read_log(deployed.report.parent / "report.audit.jsonl").of(AuditEnded)
    assert (ended.sites, ended.report) == (SITES, report.report_digest)


def test_of_an_audit_what_leaves_a_hospital_is_words_keys_and_masked_numbers(deployed: Deployed) -> None:
    (opened,) = read_log(deployed.report.parent / "report.audit.jsonl").of(AuditOpened)
    assert (opened.app, opened.plan) == (deployed.net.bundle.digest, file_digest(deployed.audit))
    for site in SITES:
        left = [one.what for one in deployed.log(site).of(Sent) if one.run == opened.run]
        assert left == ["evaluate.vocabulary", "query.audit", *(f"evaluate.counts_{stage}" for stage in ORDER)]


def test_a_node_that_the_server_does_not_know_is_refused_and_says_so(deployed: Deployed) -> None:
    assert deployed.stranger_code == 3
    said = deployed.stranger.said()
    assert "code: 2004" in said
    assert "docs/errors/node-ended.md" in said
    (ended,) = deployed.log("south").of(NodeEnded)
    assert not ended.asked
    assert ended.code != 0
    assert not deployed.log("south").of(Received)
    assert not any(one.site == "south" for one in deployed.server_log.of(SiteJoined))


def test_what_an_officer_did_not_approve_runs_nowhere(deployed: Deployed) -> None:
    assert deployed.second.slug == "run-failed"
    assert COMPLETED not in str(deployed.second)
    assert not (deployed.net.folder / "out" / "other" / "card.json").exists()
    assert {one.slug for one in deployed.log("east").of(Declined)} == {"plan-not-approved"}
    withheld = {site: deployed.log(site).of(Withheld) for site in ("north", "west")}
    assert {one.digest for told in withheld.values() for one in told} == {deployed.second_bundle}
    assert {one.because for one in withheld["north"]} == {"nobody approved it"}
    assert {one.because for one in withheld["west"]} == {"the officer refused it"}
    for site in ("north", "west"):
        assert not list((deployed.net.folder / site / "flower").glob(f"apps/*{deployed.second_bundle[7:15]}*"))


def test_a_hospital_behind_a_proxy_takes_part(deployed: Deployed) -> None:
    assert set(deployed.proxy.opened) == {f"localhost:{deployed.net.port}"}


def test_stopped_nodes_end_with_everything_that_they_started(deployed: Deployed) -> None:
    """East and north are asked to end; west's `affidavit site run` was killed, and could ask nobody."""
    assert deployed.exit_codes == {"east": 0, "north": 0, "west": -signal.SIGKILL}
    for site in SITES:
        assert len(deployed.log(site).of(NodeStarted)) == 1
        assert [one.asked for one in deployed.log(site).of(NodeEnded)] == ([] if site == "west" else [True])
        gone = partial(_nothing_runs_in, deployed.net.folder / site)
        until(gone, seconds=60, what=f"{site} is still there")


def _nothing_runs_in(place: Path) -> bool:
    return not any(str(place).encode() in _command(one) for one in Path("/proc").glob("[0-9]*"))


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
