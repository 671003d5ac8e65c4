"""A page and its pictures in a real browser: nothing of a hostile text runs, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser

from affidavit.registry import Door, load
from affidavit.report import AuditReport

ACTING = ("script", "image", "svg", "attribute", "link", "ended", "comment", "template", "entity", "markdown image")
QUICK = frozenset({"script", "attribute"})
"""Those that are opened at every run; the others take half a minute together."""
RAN = "() => window.ran ?? null"


def _opened(chromium: Browser, file: Path) -> tuple[object, list[str], list[str]]:
    """Open a file with every fold open; return what ran, what was asked of a network, and every complaint."""
    context = chromium.new_context(bypass_csp=True)  # the page is inert without the help of its policy
    asked: list[str] = []
    complaints: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    ran = page.evaluate(RAN)
    context.close()
    return ran, [url for url in asked if url != file.as_uri() and not url.startswith("data:,")], complaints


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in ACTING]
)
def test_nothing_runs_and_nothing_is_fetched(
    chromium: Browser, hostile_reports: Mapping[str, AuditReport], kind: str, tmp_path: Path
) -> None:
    report = hostile_reports[kind]
    (tmp_path / "page.html").write_bytes(load(Door.RENDERERS, "html").render(report))
    for name, content in load(Door.RENDERERS, "figures").files(report).items():
        (tmp_path / name).write_bytes(content)
    files = sorted(tmp_path.iterdir())
    assert len(files) > 1
    for file in files[:3] if kind != "svg" else files:
        assert _opened(chromium, file) == (None, [], []), file.name


def test_what_runs_is_found(chromium: Browser, hostile_texts: ModuleType, tmp_path: Path) -> None:
    """The test above can fail: the same texts in a page that does not escape them."""
    for kind in ("script", "image", "svg"):
        file = tmp_path / f"{kind}.html"
        file.write_text(f"<!doctype html><meta charset=utf-8><body>{hostile_texts.TEXTS[kind]}", encoding="utf-8")
        ran, asked, _ = _opened(chromium, file)
        assert (ran == kind) or asked, kind
