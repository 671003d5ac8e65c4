"""Fixtures for every room: where the real data lie, and a registry that forgets what a test registered."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from affidavit import registry

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("any-machine", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("any-machine")
"""How long an example takes says something of the machine and its other work, and nothing of the code."""

PYTHONS_OWN = gc.get_threshold()


def pytest_collection_finish() -> None:
    """Collect garbage seldom: with all that the tests import, each whole collection takes a fifth of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, as their marks say: at the end nobody waits for one of them alone."""
    minutes: dict[Path, float] = {}
    for item in items:
        for mark in item.iter_markers("slow"):
            minutes[item.path] = max(minutes.get(item.path, 0), mark.kwargs.get("minutes", 0))
    items.sort(key=lambda item: -minutes.get(item.path, 0))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under AFFIDAVIT_REQUIRE_ALL a skip is a failure, unless it is for public data or a GPU that are not there."""
    report = yield
    wanted = os.environ.get("AFFIDAVIT_REQUIRE_ALL") == "1"
    if wanted and report.skipped and not hasattr(report, "wasxfail") and not _excused(report):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped, and AFFIDAVIT_REQUIRE_ALL forbids it: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same of a file or a folder that would be left out whole, for want of a package."""
    report = yield
    if os.environ.get("AFFIDAVIT_REQUIRE_ALL") == "1" and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} left out, and AFFIDAVIT_REQUIRE_ALL forbids it: {report.longrepr}"
    return report


def _excused(report: pytest.TestReport) -> bool:
    """Say whether a skip is for what no installation brings."""
    return any(reason in str(report.longrepr) for reason in ("public data", "needs a GPU"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data beside the project; the test is skipped where it is absent."""
    folder = Path(os.environ.get("AFFIDAVIT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public data are not there ({folder}); docs/walkthrough.md says what they are")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the cache, or the list of who withdrew, of whoever runs the tests.

    The list stays empty: a test in which somebody withdraws has one of its own, or those after it would miss people.
    """
    listed = tmp_path_factory.mktemp("withdrawals")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFIDAVIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("AFFIDAVIT_WITHDRAWALS", str(listed))
        yield
    assert not any(listed.iterdir()), "a test left somebody withdrawn for those after it"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium without a window, once for all tests of a process: playwright cannot be started twice."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed; Debian's package chromium brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-quic"])
        yield browser
        browser.close()


@pytest.fixture
def collected_as_ever() -> Iterator[None]:
    """Garbage is collected as often as Python does by itself: what a test says of memory is said of users' programs."""
    seldom = gc.get_threshold()
    gc.set_threshold(*PYTHONS_OWN)
    yield
    gc.set_threshold(*seldom)


@pytest.fixture(autouse=True)
def _clean_registry() -> Iterator[None]:
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)
