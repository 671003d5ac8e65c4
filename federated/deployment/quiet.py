"""What is off wherever this project starts Flower: telemetry, update checks, and code that arrives at run time.

And what stays on this machine: a node's own processes meet at 127.0.0.1, which no proxy is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

QUIET: Final[Mapping[str, str]] = MappingProxyType(
    {
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "HF_HUB_OFFLINE": "1",
    }
)
HERE: Final = "127.0.0.1"
"""Where a node's own processes meet."""


def quiet_environment(flower: Path) -> dict[str, str]:
    """Return the environment of a Flower process whose own files go to a folder of the site's."""
    near = _without_proxy()
    return {**os.environ, **QUIET, "NO_PROXY": near, "no_proxy": near, "FLWR_HOME": str(flower)}


def _without_proxy() -> str:
    """Return the hosts that no proxy is asked for, this machine among them; `no_proxy` before `NO_PROXY`."""
    said = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    hosts = [host.strip() for host in said.split(",") if host.strip()]
    return ",".join(hosts if {"*", HERE} & set(hosts) else [*hosts, HERE])
