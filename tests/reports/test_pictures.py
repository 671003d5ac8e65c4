from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from types import ModuleType

import pyarrow as pa
import pytest

from affidavit.records import Verdict
from affidavit.report import AuditReport
from reports.drawings import gallery, pictures
from reports.drawings.svg import accessible_svg
from reports.drawings.tiles import intersection_chart

SVG = "{http://www.w3.org/2000/svg}"


def _texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def drawn(small: AuditReport) -> dict[str, str]:
    performance, confusion = small.exhibit("performance-by-group"), small.exhibit("confusion-matrices")
    verdicts = {("", "everybody"): Verdict.PASS, ("accent", "Welsh"): Verdict.FAIL}
    return {
        "forest": pictures.forest_plot(
            performance, run="listener", condition="TAV", metric="accuracy", verdicts=verdicts, name="f"
        ),
        "cells": pictures.intersection_heat_map(
            performance, run="listener", condition="TAV", features="accent x age", metric="accuracy", name="c"
        ),
        "conditions": pictures.conditions_forest_plot(performance, run="listener", metric="accuracy", name="o"),
        "confusion": pictures.confusion_matrices(
            confusion, run="listener", condition="TAV", features="accent", name="m"
        ),
    }


def test_each_is_a_named_image_that_fetches_nothing(drawn: dict[str, str]) -> None:
    for name, svg in drawn.items():
        root = ET.fromstring(svg)
        labels = [child for child in root if child.tag in {f"{SVG}title", f"{SVG}desc"}]
        assert root.get("role") == "img", name
        assert [label.get("id") for label in labels] == str(root.get("aria-labelledby")).split()
        assert all(label.text for label in labels)
        assert "href" not in svg
        assert "style=" not in svg
        assert svg.count("http") == 1  # the name of the SVG language
        assert all(float(root.get(side, "0")) > 0 for side in ("width", "height"))


def test_colours_are_the_page_s(drawn: dict[str, str]) -> None:
    elements = [element for svg in drawn.values() for element in ET.fromstring(svg).iter()]
    paints = {e.get(paint) for e in elements for paint in ("fill", "stroke")} - {None, "none", "transparent"}
    assert all(str(paint).startswith("var(--picture-") for paint in paints), paints


def test_the_forest_writes_values_units_and_verdicts(drawn: dict[str, str], small: AuditReport) -> None:
    texts = _texts(drawn["forest"])
    everybody = next(f for f in small.findings if f.metric == "accuracy" and not f.groups)
    assert everybody.estimate.value is not None
    assert f"{100 * everybody.estimate.value:.1f} ✓ pass" in texts
    assert any(text.endswith("✗ fail") for text in texts)
    assert "518 units, n 4,662" in texts
    assert "undefined" in texts
    assert "unknown, 60+" in texts
    assert sum("unit" in text for text in texts) == 35


def test_the_heat_map_writes_every_cell(drawn: dict[str, str]) -> None:
    texts = _texts(drawn["cells"])
    assert sum(text.endswith((" unit", " units")) for text in texts) == 24
    assert "undefined" in texts


def test_confusions_are_rows_in_percent(drawn: dict[str, str]) -> None:
    numbers = [int(text) for text in _texts(drawn["confusion"]) if text.isdigit()]
    assert len(numbers) == 6 * 36
    assert abs(sum(numbers) - 6 * 6 * 100) <= 36 * 3  # each row adds up to 100, rounded


def test_a_truth_without_rows_is_not_zero(small: AuditReport) -> None:
    svg = pictures.confusion_matrices(
        small.exhibit("confusion-matrices"), run="listener", condition="TAV", features="accent x age"
    )
    assert _texts(svg).count("–") >= 36


def test_levels_of_one_name_stay_apart() -> None:
    from reports.drawings.charts import _names_apart

    rows = [{"features": f, "group": "unknown"} for f in ("accent", "sex")]
    assert set(_names_apart(rows).values()) == {"unknown (accent)", "unknown (sex)"}


def test_hostile_names_stay_text(hostile: AuditReport, samples: ModuleType) -> None:
    svg = pictures.forest_plot(
        hostile.exhibit("performance-by-group"), run="listener", condition="TAV", metric="accuracy"
    )
    assert "<script" not in svg
    assert any(samples.HOSTILE in text for text in _texts(svg))


def test_svg_drops_what_runs_or_fetches() -> None:
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" onload="x()"><script>x()</script>'
        '<image href="http://x"/><foreignObject/><a href="http://x"><text>link</text></a>'
        '<defs><clipPath id="clip0"><rect width="1" height="1"/></clipPath></defs>'
        '<g clip-path="url(#clip0)"><text fill="#000" onclick="x()">kept</text></g></svg>'
    )
    svg = accessible_svg(drawn, name="n", title="<b>", description="d")
    assert _texts(svg) == ["kept"]
    assert "http://x" not in svg
    assert "onclick" not in svg
    assert 'id="n-clip0"' in svg
    assert "url(#n-clip0)" in svg
    assert "&lt;b&gt;" in svg


def test_the_leading_metric_is_drawn() -> None:
    assert gallery.drawn_metric([{"metric": "macro_f1"}, {"metric": "accuracy"}]) == "accuracy"
    assert gallery.drawn_metric([{"metric": "x_per_unit"}, {"metric": "x"}]) == "x"


def test_importing_a_renderer_draws_nothing_in() -> None:
    code = (
        "import sys, reports.formats.html, reports.formats.markdown, reports.formats.canonical, "
        "reports.signing, reports.drawings.pictures;"
        "heavy = {'altair', 'vl_convert', 'jinja2', 'cryptography', 'securesystemslib', 'pandas'} & set(sys.modules);"
        "print(*sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def by_group(*metrics: str, n_units: int = 8, times: int = 1) -> pa.Table:
    """Return an exhibit of groups: accuracy and its like for everybody and four cells, `times` values of each."""
    places: list[tuple[str, str, str | None, str | None]] = [("", "everybody", None, None)]
    places += [("accent x age", f"{a}, {b}", a, b) for a in ("Irish", "Welsh") for b in ("old", "young")]
    rows = [
        {"run": "listener", "condition": "TAV", "features": features, "group": group, "level_1": one, "level_2": two}
        | {"metric": metric, "value": 0.5 + 0.4 * bool(two == "old"), "low": 0.1, "high": 0.9, "method": "t"}
        | {"n": 99, "n_clusters": n_units}
        for metric in metrics
        for features, group, one, two in places
        for _ in range(times)
    ]
    return pa.Table.from_pylist(rows)


def test_a_picture_is_drawn_once_whatever_else_has_groups(
    small: AuditReport, monkeypatch: pytest.MonkeyPatch, reading: ModuleType
) -> None:
    """Shrunken values and prices of interventions are accuracies of groups too."""
    from reports.formats.html import RENDERER

    tables = (
        by_group("label_distance"),
        by_group("accuracy", times=2),
        small.exhibit("performance-by-group"),
        by_group("accuracy"),
    )
    monkeypatch.setattr(gallery, "attached_with", lambda *_: tables)
    drawn = [figure.id for figure in gallery.pictures_of(small).of_groups]
    assert drawn == ["forest-accuracy-0", "cells-accuracy-0-0", "conditions-accuracy-0"]
    ids = reading.Reader(RENDERER.render(small).decode()).attributes("id")
    assert len(ids) == len(set(ids))


def test_where_groups_are_too_many_those_of_one_feature_are_drawn(
    small: AuditReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "LINES_AT_MOST", 12)
    [forest] = gallery.pictures_of(small).of_groups
    lines = [text for text in _texts(forest.svg) if "unit" in text]
    assert 6 < len(lines) <= 12
    assert "Groups of several features are too many" in forest.caption
    monkeypatch.setattr(gallery, "LINES_AT_MOST", 3)
    assert gallery.pictures_of(small).of_groups == ()


def test_a_cell_of_very_few_has_no_tint() -> None:
    def tints(n_units: int) -> set[float]:
        rows = [row for row in by_group("accuracy", n_units=n_units).to_pylist() if row["features"]]
        chart = intersection_chart(rows, overall=0.5).to_dict()
        return {cell["tint"] for data in chart["datasets"].values() for cell in data}

    assert len(tints(5)) == 2
    assert tints(4) == {0.0}


def test_a_long_name_with_characters_of_two_units_can_be_drawn(samples: ModuleType) -> None:
    """Vega cuts a label by UTF-16 units, and half a character ends the drawing."""
    name = "x" * 30 + "\U0001f600" * 40
    report = samples.sample_report(conditions=("TAV",), accents=(name, "Welsh"))
    figures = gallery.pictures_of(report).of_groups
    assert figures
    assert all("\ufffd" in figure.svg or name not in figure.svg for figure in figures)
