"""A desk of the test's own: a workspace, a bundle of a small audit, and somebody who sits there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

import streamlit as st
from streamlit.testing.v1 import AppTest

from affidavit.bundle import write_bundle
from affidavit.testing.tables import small_report
from dashboards.access.people import Person, Role
from dashboards.launching import APP
from dashboards.settings import ENVIRONMENT, DeskSettings, handed_over

SitDown = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """Streamlit puts the script of a test in the place of `__main__`, where a process that is started anew looks."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a small audit without a policy."""
    return write_bundle(small_report(), tmp_path_factory.mktemp("bundles") / "small", renderings=("html",))


@pytest.fixture
def sit_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SitDown]:
    """Return the app as somebody finds it who was given these places."""
    handed: list[Path] = []

    def seated(*places: Path, role: Role = Role.REVIEWER, name: str = "A. Khan") -> AppTest:
        settings = DeskSettings(
            places=tuple(map(str, places)), workspace=str(tmp_path / "desk"), person=Person(name=name, role=role)
        )
        handed.append(handed_over(settings))
        monkeypatch.setenv(ENVIRONMENT, str(handed[-1]))
        return AppTest.from_file(str(APP), default_timeout=60)

    st.cache_resource.clear()
    yield seated
    for place in handed:
        place.unlink()
