"""`affidavit site run`: the node, started with what belongs to it and ended with us; its failure is our failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Final

from affidavit.errors import FederationError, MissingPartError, PlanError
from federated.deployment.approvals import standing
from federated.deployment.house import House
from federated.deployment.quiet import quiet_environment
from federated.deployment.site_file import read_site_file
from federated.record.entries import NodeEnded, NodeStarted
from federated.record.log import write_line

GRACE_S: Final = 20.0
"""How long a node that is asked to end may take."""
_REMEDY: Final = (
    "read its last lines above, and ask `affidavit site check`; where they say code 2004, the server does not know "
    "this node: ask its operator to register keys/node.pub"
)


def run_site(folder: Path) -> None:
    """Run a site's node until it is stopped by SIGINT or SIGTERM; its log says both.

    Raises:
        PlanError: the site took its leave, or its policy does not read.
        VerificationError: its log does not hold.
        MissingPartError: Flower is not installed.
        FederationError: the node ended by itself.
    """
    house = House(folder=folder)
    policy = read_site_file(house)
    if standing(folder).left:
        raise PlanError(
            "the site took its leave, and its log is countersigned",
            slug="plan-impossible",
            where=str(house.log),
            remedy="begin a new folder with `affidavit site init` to take part again",
        )
    if find_spec("flwr") is None:
        raise MissingPartError(
            "a node needs the package 'flwr'", slug="part-missing", remedy="install the extra `federated`"
        )
    write_line(house.log, NodeStarted(server=policy.server))
    code, asked = _run(house)
    write_line(house.log, NodeEnded(code=code, asked=asked))
    if not asked:
        raise FederationError(
            "the node ended by itself",
            slug="node-ended",
            where=str(folder),
            found=f"exit code {code}",
            remedy=_REMEDY,
        )


def _run(house: House) -> tuple[int, bool]:
    # -P: what lies in the folder that this was started in is not looked at for modules.
    command = [sys.executable, "-P", "-m", "federated.deployment.node", str(house.folder), str(os.getpid())]
    environment = quiet_environment(house.flower.resolve())
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (str(Path(__file__).resolve().parents[2]), environment.get("PYTHONPATH", "")) if part
    )
    # A group of its own: what a terminal sends on Ctrl-C reaches us, and we end the node, once.
    node = subprocess.Popen(command, env=environment, start_new_session=True)
    with _stopped_by_signals() as stopped:
        try:
            while node.poll() is None and not stopped:
                _wait(node, 0.5)
        finally:
            _ended(node)
    return node.returncode, bool(stopped)


def _wait(node: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        node.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _ended(node: subprocess.Popen[bytes]) -> None:
    """End the node, and then whatever of its processes is left: the group is its own."""
    if node.poll() is None:
        node.send_signal(signal.SIGINT)
        if not _wait(node, GRACE_S):
            node.kill()
            node.wait()
    try:
        os.killpg(node.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


@contextmanager
def _stopped_by_signals() -> Iterator[list[int]]:
    """Yield a list that the signals that ask us to end are put into."""
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
