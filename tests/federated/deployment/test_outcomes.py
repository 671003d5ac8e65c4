"""A run that failed never looks like one that succeeded, whatever Flower's command ends with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affidavit.errors import FederationError
from federated.deployment.outcomes import COMPLETED, run_to_its_end

STARTED = "Successfully started run 1234567890\n"
Answer = Callable[[list[str]], tuple[int, str]]


def listed(status: str, number: str = "1234567890") -> str:
    return json.dumps({"success": True, "runs": [{"run-id": number, "status": status}]})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Stand in for Flower's command; return what it is asked for."""

    def stand_in(*, run: str | None = STARTED, status: str = listed(COMPLETED)) -> list[list[str]]:
        commands: list[list[str]] = []

        def ran(command: list[str], **named: Any) -> subprocess.CompletedProcess[str]:
            commands.append(command[1:])
            if command[1] == "run" and run is None:
                raise subprocess.TimeoutExpired(command, named["timeout"], output=STARTED.encode())
            said = {"run": run or "", "list": status, "stop": ""}[command[1]]
            return subprocess.CompletedProcess(command, 0, stdout=said, stderr="")

        monkeypatch.setattr(subprocess, "run", ran)
        return commands

    return stand_in


def test_a_run_that_was_completed_is_returned(asked: Callable[..., list[list[str]]], tmp_path: Path) -> None:
    commands = asked()
    told = run_to_its_end(tmp_path, "trial", flower=tmp_path, deadline_s=1, config={"plan": 'a "b"', "out": "c"})
    assert told.number == "1234567890"
    assert commands[0][-2:] == ["--run-config", 'plan="a \\"b\\"" out="c"']


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (listed("finished:failed"), "finished:failed"),
        (listed("finished:stopped"), "finished:stopped"),
        (listed("running"), "running"),
        (listed(COMPLETED, number="999"), "unknown to the server"),
        ("no json", "nothing that can be read"),
        ("{}", "nothing that can be read"),
    ],
)
def test_whatever_is_not_completed_failed(
    asked: Callable[..., list[list[str]]], tmp_path: Path, status: str, words: str
) -> None:
    asked(status=status)
    with pytest.raises(FederationError, match=words) as raised:
        run_to_its_end(tmp_path, "trial", flower=tmp_path, deadline_s=1)
    assert raised.value.slug == "run-failed"


def test_a_server_that_took_no_run_has_none(asked: Callable[..., list[list[str]]], tmp_path: Path) -> None:
    asked(run="Error: connection refused")
    with pytest.raises(FederationError, match="took no run"):
        run_to_its_end(tmp_path, "trial", flower=tmp_path, deadline_s=1)


def test_a_run_that_does_not_end_is_stopped(asked: Callable[..., list[list[str]]], tmp_path: Path) -> None:
    commands = asked(run=None)
    with pytest.raises(FederationError, match="run 1234567890 was stopped"):
        run_to_its_end(tmp_path, "trial", flower=tmp_path, deadline_s=1)
    assert commands[-1] == ["stop", "1234567890", "trial"]
