"""What a site keeps of its patients is nobody else's to read at any moment, and is on the disk before it counts."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from federated.sites.answers import ANSWER, Answers
from federated.sites.bounds import BOUND
from federated.sites.numbers import COUNT
from federated.updates.local import LocalUpdate
from tests.federated.sites.conftest import order_of


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, bool]]:
    """Record, for each file that takes its name, who could read it at that moment, and whether it was on the disk."""
    found: dict[str, tuple[int, bool]] = {}
    synced: set[int] = set()
    replace, fsync = Path.replace, os.fsync

    def replaced(self: Path, target: Any) -> Any:
        found[Path(target).name] = (stat.S_IMODE(self.stat().st_mode), self.stat().st_ino in synced)
        return replace(self, target)

    def noted(file: int) -> None:
        synced.add(os.fstat(file).st_ino)
        fsync(file)

    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(os, "fsync", noted)
    return found


def test_no_file_of_a_site_is_ever_anybody_elses_to_read(private: Any, named: dict[str, tuple[int, bool]]) -> None:
    """Not even between taking its name and being closed to others: a process may be killed in between."""
    old = os.umask(0)
    try:
        site = private(counted="noised", adaptive_clipping={})
        site.train(site.layout.gathered(site.reasoner), order_of(site))
    finally:
        os.umask(old)
    assert set(named) == {ANSWER, BOUND, COUNT}
    assert {mode for mode, _ in named.values()} == {0o600}
    assert all(on_disk for _, on_disk in named.values())
    assert stat.S_IMODE(site.folder.stat().st_mode) == 0o700


def test_an_answer_that_is_cut_short_leaves_the_one_before(
    private: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, answers = private(), Answers(tmp_path)
    first, second = (LocalUpdate(update=np.full(site.layout.size, value, np.float32)) for value in (1, 2))
    answers.keep(order_of(site), first)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        answers.keep(order_of(site, number=2), second)
    kept = answers.to(order_of(site), site.layout)
    assert kept is not None
    np.testing.assert_array_equal(kept.update, first.update)
    assert [path.name for path in tmp_path.iterdir()] == [ANSWER]
