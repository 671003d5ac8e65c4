"""The same numbers stand in HTML, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from affidavit.protocols import Renderer
from affidavit.report import AuditReport, parse_report
from reports.formats import canonical, markdown

Page = Callable[[AuditReport], str]


@pytest.fixture(scope="module", params=["full", "hostile"])
def both(request: pytest.FixtureRequest, page: Page, reading: ModuleType) -> tuple[list[Any], list[Any]]:
    report = request.getfixturevalue(request.param)
    text = markdown.RENDERER.render(report).decode()
    return reading.read(report).tables, reading.markdown_tables(text)


def test_they_are_renderers() -> None:
    assert isinstance(markdown.RENDERER, Renderer)
    assert isinstance(canonical.RENDERER, Renderer)
    assert (markdown.RENDERER.name, markdown.RENDERER.suffix) == ("md", ".md")
    assert (canonical.RENDERER.name, canonical.RENDERER.suffix) == ("json", ".json")


def test_html_and_markdown_have_the_same_tables(both: tuple[list[Any], list[Any]], reading: ModuleType) -> None:
    html, md = both
    assert [reading.said(table.caption) for table in html] == [reading.said(table.caption) for table in md]
    for one, other in zip(html, md, strict=True):
        assert [[reading.said(c) for c in row] for row in one.rows] == [
            [reading.said(c) for c in row] for row in other.rows
        ]


def test_the_numbers_of_groups_are_those_of_the_json(full: AuditReport, page: Page, reading: ModuleType) -> None:
    """Formats the JSON's own numbers here, independently of the room's wording."""
    tables = {t.caption: t for t in reading.read(full).tables}
    every = json.loads(full.to_json())["findings"]
    findings = [
        f for f in every if (f["examination"], f["metric"], f["condition"]) == ("performance", "accuracy", "TAV")
    ]
    assert len(findings) == 35  # of the other conditions, test_aggregates
    for finding in findings:
        table = tables[f"Performance: run listener, condition {finding['condition']}"]
        column = next(n for n, title in enumerate(table.rows[0]) if title.startswith("Accuracy"))
        name = ", ".join(finding["groups"].values()) or "Everybody"
        row = next(r for r in table.rows if r[0] == f"{name} {' × '.join(finding['groups'])}".strip())
        assert _written(row[column]) == _expected(finding["estimate"])
        assert row[1].replace(",", "") == str(finding["estimate"]["n"])
        assert row[2].replace(",", "") == str(finding["estimate"]["n_clusters"])


def _written(cell: str) -> str:
    value, _, interval = cell.partition(" ")
    return f"{value} {interval}" if interval.startswith("[") else value


def _expected(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return "undefined"
    value = f"{100 * estimate['value']:.1f}"
    if "interval" not in estimate:
        return value
    return f"{value} [{100 * estimate['interval']['low']:.1f}, {100 * estimate['interval']['high']:.1f}]"


def test_gaps_stand_beside_chance(full: AuditReport, page: Page, reading: ModuleType) -> None:
    table = next(
        t for t in reading.read(full).tables if t.caption == "Fairness gaps: gaps in run listener, condition TAV"
    )  # fmt: skip
    finding = next(f for f in full.findings if f.metric == "accuracy_difference" and f.compared == ("accent",))
    row = dict(zip(table.rows[0], table.rows[1], strict=True))
    assert finding.estimate.value is not None
    assert row["Value with interval"].startswith(f"{100 * finding.estimate.value:.1f} points [")
    assert row["Chance alone mean"] == "4.1"
    assert row["Chance alone 95 % of draws"] == "≤ 7.8"
    assert row["Smallest detectable"] == "8.0"
    assert row["Between lowest and highest"] == "Nigerian English and Scottish"
    assert row["p"] == "< 0.001"
    assert row["n rows / units"] == "5,103 / 567"
    ratio = dict(zip(table.rows[0], table.rows[2], strict=True))
    assert ratio["Chance alone 95 % of draws"] == "≥ 0.880"


def test_a_criterion_prints_the_interval_that_decided(full: AuditReport, page: Page, reading: ModuleType) -> None:
    table = next(t for t in reading.read(full).tables if t.caption == "Findings bound by accuracy-floor")
    verdicts = [row[table.rows[0].index("Verdict")] for row in table.rows[1:]]
    assert verdicts == ["? inconclusive"] * 7 + ["✓ pass"] * 28
    finding = next(f for f in full.findings if f.criterion and f.criterion.id == "accuracy-floor" and not f.groups)
    assert finding.criterion is not None
    decided = finding.criterion.adjusted_interval
    assert decided is not None
    row = next(r for r in table.rows if r[0] == "Accuracy, Everybody")
    assert f"[{100 * decided.low:.1f}, {100 * decided.high:.1f}] 99.8571 %" in row
    assert "35" in row


def test_controls_are_printed_beside_their_finding(full: AuditReport, page: Page) -> None:
    for text in (page(full), markdown.RENDERER.render(full).decode().replace("\\", "")):
        assert "controls: Attack AUROC 0.500 (membership/control); gone (not in this report)" in text


def test_markdown_begins_with_the_decision(samples: ModuleType, full: AuditReport) -> None:
    without = samples.sample_report(with_policy=False, conditions=("TAV",))
    assert markdown.RENDERER.render(without).startswith(b"**No decision: no policy was given**")
    assert markdown.RENDERER.render(full).startswith(b"**Decision: fail**")


def test_markdown_escapes_everything(hostile: AuditReport, samples: ModuleType) -> None:
    from markdown_it import MarkdownIt

    text = markdown.RENDERER.render(hostile).decode()
    assert "<script" not in text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [part for token in tokens for part in token.children or ()]
    assert not [part for part in inline if part.type in {"html_inline", "link_open", "image", "code_inline"}]
    assert not [token for token in tokens if token.type == "html_block"]
    shown = [part.content for part in inline if part.type == "text"]
    assert samples.HOSTILE in shown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("<b>", "&lt;b&gt;"),
        ("two\nlines", "two lines"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("http://x.org www.x.org a@b", r"http\://x.org www\.x.org a\@b"),
        ("a\x00b", r"a\\x00b"),
        ("20.5 points [0.0, 53.5] of y_true", "20.5 points [0.0, 53.5] of y_true"),
        ("[−1.0, 2.0]", "[−1.0, 2.0]"),
        ("[x](y)", r"\[x\](y)"),
        ("[1](y) [1][2] [1]: y", r"[1\](y) [1\][2] [1\]: y"),
        ("_a_ b_c __d", r"\_a\_ b_c \_\_d"),
    ],
)
def test_escaping(text: str, escaped: str) -> None:
    assert markdown.escaped(text) == escaped


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert markdown._fenced(("a ```` b",)).startswith("`````\n")


def test_json_is_the_report(small: AuditReport) -> None:
    content = canonical.RENDERER.render(small)
    assert content == small.to_json()
    assert parse_report(content).report_digest == small.report_digest
