"""axe-core, which reads the page as a screen reader would, finds nothing serious in it: WCAG 2.2 A and AA."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import pytest

from affidavit.report import AuditReport

TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
ON_PAPER: Final = {"target-size": {"enabled": False}}
"""Nobody points at paper."""
WITHOUT_POLICY: Final[dict[str, Any]] = {"bypass_csp": True}
"""axe is a script of its own, which the page's policy would rightly refuse."""
VIEWS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "light": ({"color_scheme": "light"}, "screen"),
    "dark": ({"color_scheme": "dark"}, "screen"),
    "print": ({"color_scheme": "dark"}, "print"),
    "narrow": ({"viewport": {"width": 320, "height": 640}}, "screen"),
}


def _violations(opened: Any, report: AuditReport, view: str) -> list[str]:
    options, medium = VIEWS[view]
    page = opened(report, {**WITHOUT_POLICY, **options}).page
    page.emulate_media(media=medium)
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    rules = ON_PAPER if medium == "print" else {}
    found = page.evaluate(
        "([values, rules]) => axe.run({resultTypes: ['violations'], runOnly: {type: 'tag', values}, rules})",
        [TAGS, rules],
    )
    assert found["testEngine"]["name"] == "axe-core"
    return [
        f"{v['impact']}: {v['id']}: {json.dumps([n['html'][:200] for n in v['nodes'][:3]])}"
        for v in found["violations"]
    ]


@pytest.mark.slow(minutes=2)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(opened: Callable[..., Any], modest: AuditReport, view: str) -> None:
    assert _violations(opened, modest, view) == []


@pytest.mark.slow
def test_axe_finds_nothing_in_a_report_of_hostile_texts(opened: Callable[..., Any], hostile: AuditReport) -> None:
    assert _violations(opened, hostile, "light") == []


@pytest.mark.slow  # a browser
def test_axe_finds_what_is_wrong(opened: Callable[..., Any], modest: AuditReport) -> None:
    """The tests above can fail: a picture without a text, a text that is too pale, a page without a language."""
    page = opened(modest, WITHOUT_POLICY).page
    page.set_content('<title>x</title><main><h1>y</h1><img src="data:,"><p style="color:#bbb">pale</p></main>')
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert {"image-alt", "color-contrast", "html-has-lang"} <= {violation["id"] for violation in found["violations"]}
