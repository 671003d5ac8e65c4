"""A hospital's whole course through the command line: init, check, approve, refuse, rotate-key, leave, and its log."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.cli import main
from federated.deployment.house import House
from federated.deployment.keys import officer_key
from federated.record.entries import Farewell, KeyRotated
from federated.record.log import read_log
from tests.federated.deployment.loopback import patients, policy
from tests.federated.deployment.test_connection import serving
from tests.federated.deployment.trial_authority import authority

WORD = ("--by", "A. Officer", "--because", "read its code")
Affidavit = Callable[..., tuple[int, str]]


@pytest.fixture
def affidavit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Affidavit:
    """Run a command as a terminal does, and return its exit code and all that it printed."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["affidavit", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return run


def prepared(folder: Path, ca: Path) -> None:
    """Do what an IT department does after `site init`."""
    patients(folder, 0)
    shutil.copy(ca, folder / "ca.crt")
    policy(folder, corpus={"name": "manifest", "options": {"path": "patients.csv"}})


def test_a_hospital_from_its_first_day_to_its_last(affidavit: Affidavit, tmp_path: Path) -> None:
    ca, server = authority(tmp_path / "authority")
    folder, bundle = tmp_path / "north", tmp_path / "affidavit.fab"
    bundle.write_bytes(b"a bundle")
    with serving(server) as port:
        code, said = affidavit("site", "init", folder, "north", "--server", f"localhost:{port}")
        assert code == 0
        assert "keys/node.pub" in said
        prepared(folder, ca)
        code, said = affidavit("site", "check", folder)
    assert code == 0, said
    assert "FAULT" not in said
    for part in (
        "folder",
        "node key",
        "signing key",
        "officer key",
        "log",
        "corpus",
        "name",
        "port",
        "authority",
        "tls",
    ):
        assert any(line.startswith(f"{part} ") and " fine " in line for line in said.splitlines()), part
    assert "patients                22 to 32" in said

    code, said = affidavit("site", "approve", folder, bundle, *WORD, "--until", "2999-12-31")
    assert code == 0
    assert "until the end of 2999-12-31" in said
    code, said = affidavit("site", "refuse", folder, bundle, *WORD)
    assert code == 0
    for key in ("node", "signing", "officer"):
        assert affidavit("site", "rotate-key", folder, key, "--because", "yearly")[0] == 0
    assert affidavit("site", "approve", folder, bundle, *WORD)[0] == 0
    code, said = affidavit("site", "leave", folder, "--by", "A. Director", "--because", "the study ended")
    assert code == 0
    assert "0 rounds" in said
    assert "nothing takes it out again" in said

    log = read_log(folder)
    assert len(log.of(KeyRotated)) == 3
    (farewell,) = log.of(Farewell)
    (statement,) = folder.glob("farewell-*.json")
    assert json.loads(statement.read_text(encoding="utf-8"))["farewell"]["head"] == farewell.head
    code, said = affidavit("log", "verify", folder)
    assert code == 0, said
    assert affidavit("log", "show", folder)[0] == 0


def test_nothing_of_it_goes_on_after_its_leave(affidavit: Affidavit, tmp_path: Path) -> None:
    folder = tmp_path / "north"
    affidavit("site", "init", folder, "north", "--server", "localhost:1")
    affidavit("site", "leave", folder, "--by", "A. Director", "--because", "the study ended")
    for again in (("run", folder), ("leave", folder, "--by", "A", "--because", "b")):
        code, said = affidavit("site", *again)
        assert code == 2
        assert "took its leave" in said


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("port", "port"),
        ("authority", "tls"),
        ("key", "node key"),
        ("corpus", "corpus"),
        ("proxy", "proxy"),
        ("open", "folder"),
    ],
)
def test_each_fault_is_named_apart_and_alone(
    affidavit: Affidavit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, name: str
) -> None:
    ca, server = authority(tmp_path / "authority")
    folder = tmp_path / "north"
    with serving(server) as port, socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
        unused.close()
        affidavit("site", "init", folder, "north", "--server", f"localhost:{closed if fault == 'port' else port}")
        prepared(folder, ca)
        house = House(folder=folder)
        match fault:
            case "authority":
                shutil.copy(authority(tmp_path / "other")[0], folder / "ca.crt")
            case "key":
                house.public("node").write_bytes(b"another")
            case "corpus":
                (folder / "patients.csv").unlink()
            case "proxy":
                monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
            case "open":
                folder.chmod(0o755)
        code, said = affidavit("site", "check", folder)
    faults = [line for line in said.splitlines() if " FAULT " in line]
    assert code == 1
    assert [line[: len(name)] for line in faults] == [name], said
    assert "remedy" in said


def test_what_is_typed_wrong_is_said(affidavit: Affidavit, tmp_path: Path) -> None:
    affidavit("site", "init", tmp_path / "north", "north", "--server", "localhost:1")
    for wrong in (
        ("install", tmp_path / "north"),
        ("init", tmp_path / "south", "South!", "--server", "localhost:1"),
        ("approve", tmp_path / "north", "abc", *WORD),
        ("approve", tmp_path / "north", "ab" * 32),
        ("rotate-key", tmp_path / "north", "master", "--because", "x"),
        ("check", tmp_path / "nowhere"),
    ):
        code, said = affidavit("site", *wrong)
        assert code in (1, 2), wrong
        assert "Traceback" not in said


def test_what_is_printed_for_the_plan_is_the_key_that_signs(affidavit: Affidavit, tmp_path: Path) -> None:
    folder = tmp_path / "north"
    for action in (
        ("init", folder, "north", "--server", "localhost:1"),
        ("rotate-key", folder, "signing", "--because", "x"),
    ):
        _, said = affidavit("site", *action)
        (line,) = (line.strip() for line in said.splitlines() if line.startswith("  north: "))
        key = officer_key(House(folder=folder).key("signing")).public_key().public_bytes_raw().hex()
        assert line == f"north: {key}"
