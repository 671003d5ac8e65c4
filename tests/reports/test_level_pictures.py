"""Numbers by level: drawn from their exhibits, to scale, a line for each condition or group; absent without them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pyarrow as pa
import pytest

from affidavit.disclosure.release import released
from affidavit.disclosure.rule import DisclosureRule
from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.report import AuditReport
from affidavit.run import audit
from affidavit.testing import predictions_frame
from reports.document import Figure
from reports.drawings import level_pictures
from reports.drawings.area_pictures import area_pictures
from reports.drawings.drawing import drawn_svg
from reports.drawings.level_chart import APART, HIGH_PX, LINES_AT_MOST, SIDE_PX, LevelMark, LevelPlate, levels_chart
from reports.drawings.level_pictures import corruption_pictures, robustness_pictures
from reports.formats.html import RENDERER

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
CONDITIONS = (
    "TAV", "A", "TAV/noise=10dB", "TAV/noise=-5dB", "A/noise=10dB", "TAV/codec=mp3",
    "TAV/early=0", "TAV/early=50%", "TAV/mistake=0.25", "TAV/filler",
)  # fmt: skip


def marks(svg: str) -> list[tuple[float, float]]:
    found = [e.get("transform") or "" for e in ET.fromstring(svg).iter(f"{SVG}path")]
    return [tuple(map(float, NUMBER.findall(text)[:2])) for text in found if "translate" in text]  # type: ignore[misc]


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def mark(
    line: str, at: float | None, value: float, ends: tuple[float, float] | None, beside: float | None = None
) -> LevelMark:
    return LevelMark(
        line=line, level="named" if at is None else f"{at:g}", at=at, value=value, ends=ends, beside=beside
    )


def picture(*given: LevelMark) -> str:
    plate = LevelPlate(title="noise", across="noise, dB", marks=given)
    return drawn_svg(levels_chart([plate], up="accuracy, %"), name="l", title="t", description="d")


def test_every_number_stands_where_level_and_value_put_it() -> None:
    svg = picture(mark("A", 0.0, 20.0, (0.0, 40.0)), mark("A", 10.0, 60.0, (40.0, 80.0)), mark("A", 20.0, 100.0, None))
    air, step = 0.05 * 20, SIDE_PX / (1.1 * 20)
    wanted = {
        (round(step * (at + air), 1), HIGH_PX * (1 - value / 100)) for at, value in ((0, 20), (10, 60), (20, 100))
    }
    placed = {(round(x, 1), y) for x, y in marks(svg)}
    assert wanted <= placed  # the legend has a mark of its own
    assert {"A", "noise", "noise, dB", "accuracy, %"} <= set(texts(svg))


def test_lines_stand_beside_one_another_and_are_told_apart_without_colour() -> None:
    svg = picture(*(mark(line, at, 50.0, (40.0, 60.0)) for line in ("TAV", "A") for at in (0.0, 10.0)))
    across = sorted({round(x, 2) for x, y in marks(svg) if y == pytest.approx(HIGH_PX / 2)})
    assert len(across) == 4
    assert across[1] - across[0] == pytest.approx(APART * SIDE_PX / 1.1, abs=0.1)
    dashes = {e.get("stroke-dasharray") for e in ET.fromstring(svg).iter(f"{SVG}path") if e.get("fill") is None}
    outlines = {(e.get("d") or "")[:12] for e in ET.fromstring(svg).iter(f"{SVG}path") if e.get("transform")}
    assert len(dashes | outlines) >= 3


def test_what_has_no_interval_is_hollow_and_levels_may_be_names() -> None:
    svg = picture(mark("A", None, 50.0, None, 60.0), mark("TAV", None, 40.0, (30.0, 50.0), 70.0))
    hollow = [
        e for e in ET.fromstring(svg).iter(f"{SVG}path") if e.get("transform") and e.get("fill") in (None, "none")
    ]
    assert len(hollow) >= 1
    assert "named" in texts(svg)


@pytest.fixture(scope="module")
def report() -> AuditReport:
    plan = AuditPlan(
        runs={"r": RunSource(table="t")},
        statistics=Statistics(n_resamples=100, n_permutations=99),
        examinations=(Choice(name="robustness"), Choice(name="rationale-corruption")),
    )
    return audit(predictions_frame(conditions=CONDITIONS, n_speakers=30), by=["accent"], plan=plan)


@pytest.fixture(scope="module")
def figures(report: AuditReport) -> dict[str, Figure]:
    return {figure.id: figure for figure in (*corruption_pictures(report), *robustness_pictures(report))}


def test_there_is_a_picture_of_everybody_and_of_each_feature(figures: dict[str, Figure]) -> None:
    assert list(figures) == ["corruption-0-0", "robustness-0", "robustness-0-0"]
    assert {"TAV", "A", "noise", "codec", "mp3", "noise, dB"} <= set(texts(figures["robustness-0"].svg))
    assert {"Irish", "Scottish", "Welsh"} <= set(texts(figures["robustness-0-0"].svg))
    said = texts(figures["corruption-0-0"].svg)
    assert {"the rest left out", "a mistake put in", "all of it filler", "reasoning before the fault, %"} <= set(said)


def test_pictures_are_of_the_exhibit_s_numbers(report: AuditReport, figures: dict[str, Figure]) -> None:
    (row,) = [
        row
        for row in report.exhibit("robustness-by-level").to_pylist()
        if (row["condition"], row["metric"], row["features"]) == ("TAV/noise=-5dB", "accuracy_degraded", "")
    ]
    said = str(ET.fromstring(figures["robustness-0"].svg).findtext(f"{SVG}desc"))
    assert f"noise: TAV: {100 * row['value']:.1f} % at -5dB" in said
    early = [
        row
        for row in report.exhibit("corruption-curves").to_pylist()
        if (row["metric"], row["features"]) == ("early_answering_aoc_at_level", "")
    ]
    ends = ", ".join(f"{100 * row['value']:.1f} % at {at}" for row, at in zip(early, ("0 %", "50 %"), strict=True))
    assert f"the rest left out: {ends}" in str(ET.fromstring(figures["corruption-0-0"].svg).findtext(f"{SVG}desc"))


def test_they_stand_at_the_head_of_their_examinations(report: AuditReport) -> None:
    drawn = area_pictures(report)
    page = RENDERER.render(report).decode()
    for area in ("robustness", "rationale-corruption"):
        assert drawn[area]
        assert all(page.index(figure.svg) > page.index(f'id="groups-{area}"') for figure in drawn[area])


def test_colours_are_the_page_s(figures: dict[str, Figure]) -> None:
    for figure in figures.values():
        paints = {e.get(p) for e in ET.fromstring(figure.svg).iter() for p in ("fill", "stroke")}
        assert all(str(p).startswith("var(--picture-") for p in paints - {None, "none", "transparent"}), paints


def test_a_released_report_draws_what_it_may_tell(report: AuditReport) -> None:
    for rule in (DisclosureRule(), DisclosureRule(intervals_only=True)):
        told = released(report, rule)
        assert all(ET.fromstring(figure.svg) is not None for figure in robustness_pictures(told))


def test_without_the_exhibits_there_is_no_picture(small: AuditReport) -> None:
    assert corruption_pictures(small) == robustness_pictures(small) == ()


def test_more_groups_than_can_be_told_apart_are_left_to_the_table(
    monkeypatch: pytest.MonkeyPatch, small: AuditReport
) -> None:
    def row(group: str, features: str, metric: str) -> dict[str, Any]:
        place = {"run": "r", "condition": "TAV/noise=10dB", "features": features, "group": group, "metric": metric}
        return place | {"operator": "noise", "level": "10dB", "dose": 10.0, "value": 0.5, "low": 0.4, "high": 0.6}

    def ids(n: int) -> list[str]:
        everybody = [row("everybody", "", metric) for metric in ("accuracy_clean", "accuracy_degraded")]
        groups = [row(f"g{i}", "site", "accuracy_degraded") for i in range(n)]
        monkeypatch.setattr(level_pictures, "attached", lambda *_: pa.Table.from_pylist([*everybody, *groups]))
        return [figure.id for figure in robustness_pictures(small)]

    assert ids(LINES_AT_MOST) == ["robustness-0", "robustness-0-0"]
    assert ids(LINES_AT_MOST + 1) == ["robustness-0"]


def test_hostile_names_stay_text(samples: Any) -> None:
    assert "<script" not in picture(mark(samples.HOSTILE, 1.0, 50.0, None), mark("A", 2.0, 40.0, None))
