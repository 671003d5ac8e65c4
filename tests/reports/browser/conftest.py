"""A headless Chromium, and a report's page opened in it as a reader would open the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from affidavit.report import AuditReport
from reports.formats.html import RENDERER


@dataclass
class Opened:
    """A page in the browser, everything that it asked of the network, and everything that it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def modest(samples: ModuleType) -> AuditReport:
    """A report of every kind of part, with few groups: what looks at every element takes its time."""
    report: AuditReport = samples.sample_report(conditions=("TAV", "A"), accents=("Scottish", "Welsh"))
    return report


@pytest.fixture(scope="session")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[AuditReport], Path]:
    """Write a report's page, once per report."""
    folder, files = tmp_path_factory.mktemp("pages"), dict[str, Path]()

    def written(report: AuditReport) -> Path:
        if report.report_digest not in files:
            path = folder / f"{len(files)}.html"
            path.write_bytes(RENDERER.render(report))
            files[report.report_digest] = path
        return files[report.report_digest]

    return written


@pytest.fixture
def opened(chromium: Browser, file_of: Callable[[AuditReport], Path]) -> Iterator[Callable[..., Opened]]:
    """Open a report's page in a fresh context; `options` are playwright's of a context."""
    contexts = []

    def go(report: AuditReport, options: dict[str, Any] | None = None) -> Opened:
        context = chromium.new_context(**(options or {}))
        contexts.append(context)
        found = Opened(page=context.new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.goto(file_of(report).as_uri())
        return found

    yield go
    for context in contexts:
        context.close()
