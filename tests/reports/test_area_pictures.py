"""Reliability diagrams and what modalities bring: drawn from their exhibits, to scale, and absent without them."""

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
from reports.drawings.area_pictures import PLATES_AT_MOST, area_pictures
from reports.drawings.contributions_chart import COLUMN_PX
from reports.drawings.pictures import erasure_curves, modality_contributions, reliability_diagrams
from reports.drawings.reliability_chart import SIDE_PX
from reports.formats.html import RENDERER
from reports.formats.markdown import MarkdownRenderer

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def elements(svg: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(f"{SVG}{tag}"))


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in elements(svg, "text")]


def bins(*points: tuple[float, float | None, float | None], group: str = "everybody", features: str = "") -> list[Any]:
    """Return rows of `reliability-curves`: confidence, accuracy, half the width of its interval where it has one."""
    return [
        {
            "run": "r",
            "condition": "TAV",
            "features": features,
            "group": group,
            "bin": place,
            "mean_confidence": sure,
            "value": right,
            "low": None if half is None or right is None else right - half,
            "high": None if half is None or right is None else right + half,
            "n": 30,
            "n_clusters": 12,
        }
        for place, (sure, right, half) in enumerate(points, start=1)
    ]


def dots(svg: str) -> list[tuple[float, float]]:
    """Return where circles are drawn."""
    found = [
        e for e in elements(svg, "path") if "A" in (e.get("d") or "") and "translate" in (e.get("transform") or "")
    ]
    return [tuple(map(float, NUMBER.findall(e.get("transform") or "")[:2])) for e in found]  # type: ignore[misc]


def test_every_bin_stands_where_confidence_and_accuracy_put_it() -> None:
    points = ((0.25, 0.5, 0.1), (0.5, 0.25, 0.1), (1.0, 1.0, None))
    svg = reliability_diagrams(pa.Table.from_pylist(bins(*points)), run="r", condition="TAV")
    wanted = {(sure * SIDE_PX, (1 - right) * SIDE_PX) for sure, right, _ in points if right is not None}
    assert {(round(x, 3), round(y, 3)) for x, y in dots(svg)} == wanted
    fills = [e.get("fill") or "" for e in elements(svg, "path") if "A" in (e.get("d") or "")]
    assert sum("--picture-paper" in fill for fill in fills) == 1, "the one without an interval is hollow"


def test_a_plate_a_group_with_its_size_and_one_diagonal_each() -> None:
    rows = [
        *bins((0.5, 0.4, 0.1), (0.9, 0.8, 0.1), features="accent", group="unknown"),
        *bins((0.5, 0.4, 0.1), (0.9, 0.8, 0.1), features="accent", group="Welsh"),
    ]
    svg = reliability_diagrams(pa.Table.from_pylist(rows), run="r", condition="TAV", features="accent")
    assert [text for text in texts(svg) if "rows" in text] == ["Welsh, 60 rows", "unknown, 60 rows"]
    dashed = [e for e in elements(svg, "line") if e.get("stroke-dasharray")]
    assert len(dashed) == 2


def test_a_bin_without_a_value_is_not_drawn() -> None:
    table = pa.Table.from_pylist(bins((0.5, 0.4, 0.1), (0.9, None, None)))
    assert len(dots(reliability_diagrams(table, run="r", condition="TAV"))) == 1


def contributions(**by_group: tuple[float, float]) -> list[Any]:
    """Return rows of `modality-contributions` of text and audio, with intervals of half a point to each side."""
    return [
        {
            "run": "r",
            "condition": "TAV",
            "features": "" if group == "everybody" else "accent",
            "group": group,
            "metric": f"accuracy_contribution_of_{modality}",
            "value": value,
            "low": value - 0.005,
            "high": value + 0.005,
            "n": 100,
            "n_clusters": 20,
        }
        for place, modality in enumerate(("text", "audio"))
        for group, values in by_group.items()
        for value in (values[place],)
    ]


def test_bars_are_as_long_as_what_they_say_and_lean_to_its_side() -> None:
    table = pa.Table.from_pylist(contributions(everybody=(0.2, -0.1), Welsh=(0.4, 0.1)))
    svg = modality_contributions(table, run="r", condition="TAV", metric="accuracy")
    shapes = [e for e in elements(svg, "path") if (e.get("fill-opacity") or "") == "0.55"]
    numbers = [[float(x) for x in NUMBER.findall(e.get("d") or "")] for e in shapes]
    lengths = [abs(line[2]) for line in numbers]
    assert len(lengths) == 4
    scale = lengths[0] / 0.2
    assert lengths == pytest.approx([0.2 * scale, 0.4 * scale, 0.1 * scale, 0.1 * scale], rel=0.01)
    assert max(lengths) < COLUMN_PX
    hues = ["other" if "--picture-other" in (e.get("fill") or "") else "mark" for e in shapes]
    assert hues == ["mark", "mark", "other", "mark"]
    assert {"text", "audio", "Everybody", "Welsh (accent)"} <= set(texts(svg))
    said = "".join(elements(svg, "desc")[0].itertext())
    assert "Least: audio for Welsh, 10.0 points. Most: text for Welsh, 40.0 points." in said


@pytest.fixture(scope="module")
def report() -> AuditReport:
    examinations = (Choice(name="performance"), Choice(name="calibration"), Choice(name="modality-disparity"))
    plan = AuditPlan(
        runs={"r": RunSource(table="t")},
        statistics=Statistics(n_resamples=100, n_permutations=99),
        examinations=examinations,
    )
    frame = predictions_frame(conditions=("TA", "T", "A"))
    sure = 0.5 + 0.4 * (frame.index % 5) / 4
    for label in sorted(frame["y_true"].unique()):
        others = (1 - sure) / (frame["y_true"].nunique() - 1)
        frame[f"prob_{label}"] = sure.where(frame["y_pred"] == label, others)
    return audit(frame, by=["accent", "age"], plan=plan)


def test_pictures_stand_at_the_head_of_their_examinations(report: AuditReport) -> None:
    figures = area_pictures(report)
    assert {area: [figure.id for figure in found] for area, found in figures.items()} == {
        "calibration": ["reliability-0-0", "reliability-0-1", "reliability-0-2"],
        "modality-disparity": ["contributions-0"],
    }
    page = RENDERER.render(report).decode()
    for area, found in figures.items():
        start = page.index(f'id="groups-{area}"')
        assert all(page.index(figure.svg) > start for figure in found)
    assert "reliability-0-0" not in MarkdownRenderer().render(report).decode()


def test_a_released_report_draws_what_it_may_tell(report: AuditReport) -> None:
    told = released(report, rule=DisclosureRule(floor=11))
    for found in area_pictures(told).values():
        assert all(ET.fromstring(figure.svg) is not None for figure in found)


def erased(**by_condition: float) -> list[Any]:
    """Return rows of `erasure-curves` of everybody: `without_rationale_20=0.3` is the loss without the first 20 %."""
    rows = []
    for named, value in by_condition.items():
        operator, _, size = named.rpartition("_")
        test = "comprehensiveness" if operator.startswith("without") else "sufficiency"
        rows.append(
            {
                "run": "r",
                "condition": f"T/{operator.replace('_', '-')}={size}%",
                "features": "",
                "group": "everybody",
                "metric": f"{test}_at_size",
                "value": value,
                "low": value - 0.01,
                "high": value + 0.01,
                "n": 100,
                "n_clusters": 20,
            }
        )
    return rows


def test_losses_are_drawn_to_one_scale_with_the_control_beside_them() -> None:
    rows = erased(
        without_rationale_20=0.4, without_rationale_50=0.5, without_random_20=0.1, without_random_50=0.2,
        only_rationale_20=0.1, only_rationale_50=0.05, only_random_20=0.4, only_random_50=0.3,
    )  # fmt: skip
    svg = erasure_curves(pa.Table.from_pylist(rows), run="r", base="T")
    heights = [float(y) for _, y in dots(svg)]
    wanted = [0.1, 0.2, 0.4, 0.5, 0.4, 0.3, 0.1, 0.05]
    slope = (heights[0] - heights[3]) / 0.4
    assert heights == pytest.approx([heights[0] - slope * (value - 0.1) for value in wanted], abs=0.01)
    assert {"without the cited part", "with the cited part alone"} <= set(texts(svg))
    dashed = [e for e in elements(svg, "path") if (e.get("stroke-dasharray") or "").startswith("4")]
    assert len(dashed) == 2
    said = "".join(elements(svg, "desc")[0].itertext())
    assert "comprehensiveness at 20 %: 40.0 points; comprehensiveness at 20 % at random: 10.0 points" in said


def test_without_the_exhibits_there_is_no_picture(small: AuditReport) -> None:
    assert area_pictures(small) == {}


def test_too_many_groups_are_left_to_the_table() -> None:
    rows = [r for i in range(PLATES_AT_MOST + 1) for r in bins((0.5, 0.4, 0.1), features="site", group=f"s{i}")]
    from reports.drawings.area_pictures import _reliability_pictures

    assert list(_reliability_pictures(pa.Table.from_pylist(rows))) == []
    assert len(list(_reliability_pictures(pa.Table.from_pylist(rows[:-1])))) == 1
