"""The page in a browser: silent, asking nothing of anybody, whole without its script, and open to the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from affidavit.report import AuditReport

Open = Callable[..., Any]


@pytest.mark.parametrize("sample", ["modest", "hostile"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_nothing_of_the_network_and_complains_of_nothing(
    opened: Open, sample: str, scheme: str, request: pytest.FixtureRequest
) -> None:
    found = opened(request.getfixturevalue(sample), {"color_scheme": scheme})
    found.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    found.page.emulate_media(media="print")
    found.page.wait_for_load_state("networkidle")
    assert [url for url in found.requests if not url.startswith(("file://", "data:"))] == []
    assert len([url for url in found.requests if url.startswith("file://")]) == 1
    assert found.complaints == []


def test_a_forbidden_script_would_have_been_noticed(opened: Open, modest: AuditReport) -> None:
    """The test above can fail: the page's policy refuses what is not the page's own, and says so."""
    found = opened(modest)
    found.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    found.page.evaluate("new Image().src = 'http://127.0.0.1:9/x.png'")
    assert len(found.complaints) == 2
    assert all("Content Security Policy" in complaint for complaint in found.complaints)


def test_hostile_texts_do_nothing(opened: Open, hostile: AuditReport) -> None:
    page = opened(hostile).page
    assert page.evaluate("document.scripts.length") == 1
    assert page.evaluate("[...document.links].every((link) => link.getAttribute('href').startsWith('#'))")


def test_it_says_its_language_and_its_title(opened: Open, modest: AuditReport) -> None:
    page = opened(modest).page
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == f"Decision: fail · {modest.title}"


def test_headings_go_down_by_one(opened: Open, modest: AuditReport) -> None:
    page = opened(modest).page
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_first_stop_of_the_keyboard_skips_to_the_report(opened: Open, modest: AuditReport) -> None:
    page = opened(modest).page
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to the report"
    box = focused.bounding_box()
    assert box["x"] >= 0
    assert box["height"] >= 24
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.slow  # a browser
def test_the_keyboard_reaches_and_opens_every_fold(opened: Open, modest: AuditReport) -> None:
    """Every stop is visible, has a visible outline, and none of them holds the focus back."""
    page = opened(modest).page
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = false")
    n_folds = page.locator("summary").count()
    assert n_folds > 10
    reached, stops = set(), 0
    while True:
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
              const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
              const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
              const place = [...document.querySelectorAll("summary")].indexOf(at);
              return {body: at === document.body, place, outlined, seen: box.width > 0 && box.height > 0};
            }"""
        )
        if stop["body"]:
            break
        stops += 1
        assert stop["outlined"], page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        assert stop["seen"]
        if stop["place"] >= 0 and stop["place"] not in reached:
            reached.add(stop["place"])
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.parentElement.open")
        assert stops < 5_000
    assert len(reached) == n_folds


def test_the_keyboard_sorts_and_a_voice_says_how_many_rows_are_left(opened: Open, modest: AuditReport) -> None:
    page = opened(modest).page
    table = page.locator("#group-performance-listener-tav")
    heading = table.locator("th[scope=col] [role=button]").nth(1)
    heading.focus()
    page.keyboard.press("Enter")
    assert heading.locator("..").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert heading.locator("..").get_attribute("aria-sort") == "descending"
    counts = [int(text.replace(",", "")) for text in table.locator("tbody tr td:nth-child(2)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    tools = page.locator(".tools", has=page.get_by_label("Show rows with")).filter(
        has=page.locator("xpath=following-sibling::*[1][.//table[@id='group-performance-listener-tav']]")
    )
    tools.get_by_label("Show rows with").fill("welsh")
    assert tools.locator("output").inner_text() == f"5 of {len(counts)} rows"
    assert table.locator("tbody tr:visible").count() == 5


def test_every_table_has_a_caption_and_names_its_rows_and_columns(opened: Open, modest: AuditReport) -> None:
    page = opened(modest).page
    faults = page.evaluate(
        """() => [...document.querySelectorAll("table")].filter((table) =>
          !table.caption?.textContent.trim()
          || [...table.tHead.rows[0].cells].some((cell) => cell.scope !== "col")
          || [...table.tBodies[0].rows].some((row) => row.cells[0].scope !== "row")).map((table) => table.id)"""
    )
    assert page.locator("table").count() > 20
    assert faults == []


def test_every_picture_has_a_text(opened: Open, modest: AuditReport) -> None:
    page = opened(modest).page
    told = page.evaluate(
        """() => [...document.querySelectorAll("svg")].map((svg) => svg.getAttribute("role") === "img"
          && svg.getAttribute("aria-labelledby").split(" ").every((id) => document.getElementById(id)?.textContent))"""
    )
    assert len(told) >= 4
    assert all(told)


def test_a_narrow_page_does_not_scroll_sideways(opened: Open, modest: AuditReport) -> None:
    """At 320 pixels, which is 1280 enlarged four times, only tables and pictures scroll, each in its own place."""
    page = opened(modest, {"viewport": {"width": 320, "height": 640}}).page
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_targets_are_24_pixels(opened: Open, modest: AuditReport) -> None:
    """WCAG 2.5.8; a link within a sentence or a list of notes is excepted."""
    page = opened(modest).page
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    small = page.evaluate(
        """() => [...document.querySelectorAll("summary, nav a, input, [role=button]")].filter((target) => {
          const box = target.getBoundingClientRect();
          return box.width < 24 || box.height < 24;
        }).map((target) => target.outerHTML.slice(0, 120))"""
    )
    assert small == []


def test_nothing_moves_for_whom_motion_is_too_much(opened: Open, modest: AuditReport) -> None:
    page = opened(modest, {"reduced_motion": "reduce"}).page
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => {
          const style = getComputedStyle(one);
          return style.animationName !== "none" || style.transitionDuration !== "0s";
        }).length"""
    )
    assert moving == 0


def test_it_is_whole_without_its_script(chromium: Browser, modest: AuditReport, file_of: Callable[..., Path]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file_of(modest).as_uri())
    assert page.locator("table").count() > 20
    assert page.locator("summary").first.is_visible()
    context.close()


def test_printing_opens_every_fold_and_closes_it_again(opened: Open, modest: AuditReport) -> None:
    page = opened(modest).page
    before = page.locator("details:not([open])").count()
    assert before > 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == before
