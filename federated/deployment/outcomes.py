"""Did the run at the server come to its end? Flower's own command ends with 0 where its ServerApp failed; this asks.

outcome = run_to_its_end(app, "trial", flower=Path("flower"), deadline_s=3600, config={"plan": "plan.yaml"})
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from affidavit.errors import FederationError
from federated.deployment.quiet import quiet_environment

COMPLETED: Final = "finished:completed"
_SHORT_S: Final = 60.0
"""How long the server may take to say something of itself."""
NO_CONFIG: Final[Mapping[str, str]] = MappingProxyType({})
_NUMBER: Final = re.compile(r"[Rr]un (\d{6,})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run that came to its end."""

    number: str
    """The run's number at the server's Flower."""
    output: str
    """What was printed while it went on."""


def run_to_its_end(
    app: Path, connection: str, *, flower: Path, deadline_s: float, config: Mapping[str, str] = NO_CONFIG
) -> Outcome:
    """Hand an app to a server, follow the run, and return only where it was completed.

    Args:
        app: folder of the app.
        connection: its name in `config.toml` of the folder `flower`.
        flower: Flower's own folder (FLWR_HOME).
        deadline_s: after which the run counts as failed.
        config: what the run's configuration says in place of what the app does.

    Raises:
        FederationError: it was not completed, whatever Flower's exit code says.
    """
    overrides = " ".join(f"{key}={json.dumps(value)}" for key, value in config.items())
    configured = ["--run-config", overrides] if overrides else []
    try:
        said = _flwr(["run", str(app), connection, "--stream", *configured], flower, deadline_s)
    except subprocess.TimeoutExpired as late:
        raise _stopped(late, app, connection, flower) from None
    number = _NUMBER.search(said.stdout + said.stderr)
    if number is None:
        raise _failed("the server took no run", app, said.stdout + said.stderr)
    try:
        status = _status(_flwr(["list", connection, "--format", "json"], flower, _SHORT_S).stdout, number[1])
    except subprocess.TimeoutExpired:
        status = "nobody knows what: the server did not say in time"
    if status != COMPLETED:
        raise _failed(f"the run ended as {status}", app, said.stdout + said.stderr)
    return Outcome(number=number[1], output=said.stdout)


def _status(listed: str, number: str) -> str:
    try:
        runs: list[dict[str, Any]] = json.loads(listed)["runs"]
    except (ValueError, KeyError, TypeError):
        return "nothing that can be read"
    return next((str(run.get("status")) for run in runs if str(run.get("run-id")) == number), "unknown to the server")


def _flwr(arguments: list[str], flower: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "flwr"), *arguments]
    return subprocess.run(
        command, env=quiet_environment(flower), capture_output=True, text=True, timeout=seconds, check=False
    )


def _stopped(late: subprocess.TimeoutExpired, app: Path, connection: str, flower: Path) -> FederationError:
    """Stop the run that did not end in time, for it would go on at the server, and return what to say of it."""
    printed: object = late.stdout or b""
    output = printed.decode(errors="replace") if isinstance(printed, bytes) else str(printed)
    number = _NUMBER.search(output)
    what = f"it did not end within {late.timeout:.0f} s"
    if number is None:
        return _failed(f"{what}, and the server named no run", app, output)
    try:
        done = _flwr(["stop", number[1], connection], flower, _SHORT_S).returncode == 0
    except subprocess.TimeoutExpired:
        done = False
    after = "was stopped" if done else "did not let itself be stopped: `flwr list` says what became of it"
    return _failed(f"{what}; run {number[1]} {after}", app, output)


def _failed(what: str, app: Path, output: str) -> FederationError:
    return FederationError(
        what,
        slug="run-failed",
        where=str(app),
        found=" ".join(output.split())[-400:] or None,
        remedy="read the server's log; what sites answered is in their own",
    )
