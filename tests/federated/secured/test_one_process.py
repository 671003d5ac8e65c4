"""One process at a time answers from a site's folder, whoever started the others."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from federated.private_files import LOCK, held
from federated.secure.stages import Stage
from federated.secured.site import SecureSite


def _is_held(folder: Path) -> bool:
    with (folder / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_who_comes_second_waits_until_the_first_is_done(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with held(tmp_path):
            order.append("second")

    with held(tmp_path):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert _is_held(tmp_path)
        order.append("first")
    waiting.join(timeout=30)
    assert order == ["first", "second"]
    assert not _is_held(tmp_path)


def test_a_site_reads_and_writes_what_it_remembers_under_the_lock(
    make_house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    answer = SecureSite._answer

    def watched(site: SecureSite, stage: Stage, *given: Any) -> Any:
        seen.append(_is_held(site.folder))
        return answer(site, stage, *given)

    monkeypatch.setattr(SecureSite, "_answer", watched)
    house = make_house(3)
    house.run()
    assert len(seen) >= 3 * len(Stage)
    assert all(seen)


def test_a_lock_ends_with_an_answer_that_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), held(tmp_path):
        raise RuntimeError
    assert not _is_held(tmp_path)
