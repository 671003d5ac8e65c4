"""`flwr run` on one machine: Ray runs the sites, and the model is there when, and only when, the run finished."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FLWR = Path(sys.executable).parent / "flwr"
PYPROJECT = """\
[project]
name = "affidavit-trial"
version = "0.1.0"
description = "A trial of the entry points"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "affidavit"

[tool.flwr.app.components]
serverapp = "trial.apps:server"
clientapp = "trial.apps:client"

[tool.flwr.app.config]
plan = ""
out = ""
sites = ""
"""
APPS = """\
from federated import client_app, server_app

client = client_app.app
server = server_app.app
"""


def _free() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of Flower's own; what it leaves running there is ended."""
    place = tmp_path / "home"
    place.mkdir()
    (place / "config.toml").write_text(
        '[superlink]\ndefault = "local"\n[superlink.local]\naddress = ":local-in-memory:"\n'
    )
    yield place
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(place).encode() in told:  # the SuperLink that `flwr run` detaches names its log, which lies here
            os.kill(int(process.name), signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.skipif(not FLWR.exists() or sys.platform != "linux", reason="Flower's command is not installed")
def test_flwr_run_simulates_three_hospitals_under_secure_sums(home: Path, tmp_path: Path) -> None:
    app, out = tmp_path / "app", tmp_path / "out" / "model"
    (app / "trial").mkdir(parents=True)
    (app / "pyproject.toml").write_text(PYPROJECT)
    (app / "trial" / "__init__.py").touch()
    (app / "trial" / "apps.py").write_text(APPS)
    text = {"size": "tiny", "audio": False, "visual": False, "rationales": False}
    plan = {
        "nonce": "trial",
        "label_space": ["anger", "disgust", "fear", "joy", "neutral", "sadness"],
        "reasoner": {"name": "instructed", "options": {**text, "augmentation": {"degraded_share": 0}}},
        "training": {"rounds": {"rounds": 2, "norm_bound": 50.0, "deadline": 120}, "secure": {}, "local": {}},
        "corpus": {"name": "clinic", "options": {"seed": 1, "n_utterances": 120, "media": "none"}},
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    config = {"plan": tmp_path / "plan.yaml", "out": out, "sites": tmp_path / "sites"}
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{FLWR.parent}{os.pathsep}{os.environ['PATH']}",
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "FLWR_LOCAL_SUPERLINK_HTTP_API_PORT": _free(),
        "FLWR_LOCAL_CONTROL_API_PORT": _free(),
        "OMP_NUM_THREADS": "1",
    }
    command = [str(FLWR), "run", ".", "local", "--stream"]
    command += ["--federation-config", "num-supernodes=3 client-resources-num-cpus=1 init-args-num-cpus=2"]
    command += ["--run-config", " ".join(f"{key}='{value}'" for key, value in config.items())]
    done = subprocess.run(command, cwd=app, env=environment, capture_output=True, timeout=280, text=True, check=False)

    assert (out / "card.json").is_file(), done.stdout[-3000:] + done.stderr[-2000:]
    told = json.loads((out / "card.json").read_text(encoding="utf-8"))["federated"]
    assert told["rounds"]["done"] == 2
    assert {site["rounds"] for site in told["sites"].values()} == {2}
    assert told["secure"]["minimum"] == 3
    assert (out / "model.safetensors").is_file()
    shutil.rmtree(home / "apps", ignore_errors=True)
