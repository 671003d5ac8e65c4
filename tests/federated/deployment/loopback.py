"""A federation across processes on loopback: a SuperLink over TLS, hospitals as `affidavit site run`, and their end.

Every process is started in a group of its own and ended, whatever happens; what it printed stays in a file beside it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from federated.deployment.bundles import Bundle, built
from federated.deployment.quiet import quiet_environment
from tests.federated.deployment.trial_authority import authority

ROOT = Path(__file__).parents[3]
ROOMS = ("affidavit", "corpora", "federated", "privacy", "reasoners")
CONNECTION = "trial"
NO_CACHE = "PYTHONDONTWRITEBYTECODE"
"""Each message is a process of its own: what it compiled the next one need not compile again."""


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


def snapshot(folder: Path) -> Path:
    """Copy what a bundle is made of, so that it stays one thing while the checkout changes."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", ".gitignore", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def plugin(folder: Path) -> Path:
    """Install the trial's reasoner where a process with this folder on its path finds it, as pip would."""
    about = folder / "trial_words-0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: trial-words\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[affidavit.reasoners]\ntrial-words = trial_words:REASONER\n")
    shutil.copy(Path(__file__).with_name("trial_words.py"), folder)
    return folder


@dataclass
class Running:
    """A process, and the file that it prints into."""

    process: subprocess.Popen[bytes]
    printed: Path

    def said(self) -> str:
        """Return what it printed so far."""
        return self.printed.read_text(encoding="utf-8", errors="replace")

    def ended(self, seconds: float) -> int:
        """Return its exit code, as soon as it has ended by itself."""
        return self.process.wait(seconds)

    def end(self) -> None:
        """Ask it to end, and see that it and its group do."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Loopback:
    """The server's side, and what hospitals need of it."""

    folder: Path
    ca: Path
    port: int
    app: Path
    bundle: Bundle
    environment: Mapping[str, str]
    running: list[Running] = field(default_factory=list)

    @property
    def server(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def flower(self) -> Path:
        """Flower's own folder of whoever operates the server."""
        return self.folder / "flower"

    def start(self, name: str, *command: str, **environment: str) -> Running:
        """Start a process that is ended with the federation."""
        printed = self.folder / f"{name}.txt"
        with printed.open("wb") as file:
            process = subprocess.Popen(
                command,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**self.environment, **environment},
                cwd=self.folder,
                start_new_session=True,
            )
        one = Running(process=process, printed=printed)
        self.running.append(one)
        return one

    def site(self, name: str, folder: Path, **environment: str) -> Running:
        """Start `affidavit site run`."""
        return self.start(name, sys.executable, "-m", "affidavit", "site", "run", str(folder), **environment)

    def flwr(self, *arguments: str) -> str:
        """Run Flower's command as the server's operator, and return what it printed."""
        command = [str(Path(sys.executable).parent / "flwr"), *arguments]
        environment = {**self.environment, "FLWR_HOME": str(self.flower)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def register(self, public: Path) -> None:
        """Let a node in."""
        self.flwr("supernode", "register", str(public), CONNECTION)


def until(true: Callable[[], Any], *, seconds: float, what: str) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it did not become so.
    """
    pause, end = threading.Event(), time.monotonic() + seconds
    while not true():
        if time.monotonic() >= end:
            raise TimeoutError(what)
        pause.wait(0.1)


@contextmanager
def loopback(folder: Path) -> Iterator[Loopback]:
    """Run a SuperLink until the block ends, and with it everything that was started."""
    (port,) = free_ports(1)
    ca, pem = authority(folder / "authority", names=("127.0.0.1", "localhost"))
    app = snapshot(folder / "app")
    path = os.pathsep.join((str(plugin(folder / "plugin")), str(ROOT)))
    bare = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and key != NO_CACHE}
    environment = {
        **bare,
        **{key: value for key, value in quiet_environment(folder).items() if key not in os.environ},
        "FLWR_HOME": str(folder / "flower"),
        "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.1",
        "PYTHONPATH": path,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    made = Loopback(folder=folder, ca=ca, port=port, app=app, bundle=built(app), environment=environment)
    made.flower.mkdir()
    (made.flower / "config.toml").write_text(
        f'[superlink]\ndefault = "{CONNECTION}"\n[superlink.{CONNECTION}]\naddress = "{made.server}"\n'
        f'root-certificates = "{ca}"\n'
    )
    try:
        link = made.start(
            "superlink",
            str(Path(sys.executable).parent / "flower-superlink"),
            *("--host", "127.0.0.1", "--port", str(port), "--enable-supernode-auth"),
            *("--ssl-ca-certfile", str(ca), "--ssl-certfile", str(pem), "--ssl-keyfile", str(pem)),
            "--disable-runtime-dependency-installation",
        )
        until(lambda: link.process.poll() is not None or _speaks_tls(made), seconds=60, what=link.said()[-2000:])
        yield made
    finally:
        for one in reversed(made.running):
            one.end()


def _speaks_tls(server: Loopback) -> bool:
    context = ssl.create_default_context(cafile=str(server.ca))
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
            context.wrap_socket(plain, server_hostname="127.0.0.1").close()
    except OSError:
        return False
    return True


def patients(folder: Path, site: int) -> None:
    """Write a hospital's patients: thirty, each with three turns."""
    said = {"anger": ("no", "never", "again"), "joy": ("yes", "great", "lovely")}
    rows = ["utterance_id,unit_id,label,text"]
    for patient in range(30):
        for turn in range(3):
            label = ("anger", "joy")[(patient + turn + site) % 2]
            rows.append(f"s{site}p{patient}t{turn},s{site}p{patient},{label},{' '.join(said[label])}")
    (folder / "patients.csv").write_text("\n".join(rows) + "\n")


def judgements(folder: Path, site: int) -> None:
    """Write what a model said of a hospital's patients: thirty, of two sexes, each with three turns."""
    rows = ["utterance_id,unit_id,sex,y_true,y_pred"]
    for patient in range(30):
        for turn in range(3):
            said = (patient + turn + site) % 2
            called = said if (7 * patient + 5 * turn + site) % 4 else 1 - said
            who = f"s{site}p{patient}t{turn},s{site}p{patient},{('Female', 'Male')[patient % 2]}"
            rows.append(f"{who},{('anger', 'joy')[said]},{('anger', 'joy')[called]}")
    (folder / "judgements.csv").write_text("\n".join(rows) + "\n")


def policy(folder: Path, **said: Any) -> None:
    """Change what a site's policy says."""
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text(encoding="utf-8")), **said}), encoding="utf-8")
