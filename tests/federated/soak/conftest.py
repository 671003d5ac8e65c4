"""What every soak has: sites that keep quiet, and a disk that is not waited for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep sites from telling of every fault, and the disk from syncing each of thousands of lines."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    with caplog.at_level("CRITICAL", logger="affidavit.site"):
        yield
