"""Sites as `affidavit site init` makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from federated.deployment.house import House
from federated.deployment.opening import opened_site

TODAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> House:
    folder = tmp_path / "north"
    opened_site(folder, site="north", server="localhost:18000", clock=lambda: TODAY)
    return House(folder=folder)
