"""Pictures of a report as SVG, drawn from its exhibits; a missing exhibit gives no picture.

Each function returns text that can stand in an HTML page or in a file of its own. Importing this module is cheap; the
drawing parts (Altair, vl-convert) are imported when the first picture is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.records import Verdict
from reports.charts import INK, MUTED, RULE, Row, conditions_chart, forest_chart, name_of, shares_chart, summary_of
from reports.svg import accessible_svg
from reports.tiles import confusion_chart, intersection_chart
from reports.wording import metric_label

if TYPE_CHECKING:
    import altair as alt
    import pyarrow as pa

    AnyChart = alt.LayerChart | alt.VConcatChart | alt.HConcatChart | alt.FacetChart

Verdicts = Mapping[tuple[str, str], Verdict]
FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"


def forest_plot(
    table: pa.Table, *, run: str, condition: str, metric: str, verdicts: Verdicts | None = None, name: str = "forest"
) -> str:
    """Return the forest plot of all groups: value, interval, units, verdict.

    Args:
        table: the exhibit `performance-by-group`.
        run: which run.
        condition: which condition.
        metric: which metric.
        verdicts: verdicts by features and group, as the exhibit writes them.
        name: starts every id in the SVG.
    """
    rows = _chosen(table, {"run": run, "condition": condition, "metric": metric})
    title = f"{metric_label(metric)} by group, run {run}, condition {condition}"
    description = f"{len(rows)} groups with intervals and units. {summary_of(rows)} The tables hold every number."
    return _svg(forest_chart(rows, verdicts or {}), name=name, title=title, description=description)


def conditions_forest_plot(table: pa.Table, *, run: str, metric: str, name: str = "conditions") -> str:
    """Return a narrow forest plot per condition, side by side, over the same groups.

    Args:
        table: the exhibit `performance-by-group`.
        run: which run.
        metric: which metric.
        name: starts every id in the SVG.
    """
    rows = _chosen(table, {"run": run, "metric": metric})
    title = f"{metric_label(metric)} by group and condition, run {run}"
    description = "One column per condition, one line per group, with intervals. The tables hold every number."
    return _svg(conditions_chart(rows), name=name, title=title, description=description)


def modality_shares(table: pa.Table, *, run: str, condition: str, metric: str, name: str = "shares") -> str:
    """Return differences between groups and the parts of them that each modality bears.

    Args:
        table: the exhibit `modality-shares`.
        run: which run.
        condition: the fullest condition.
        metric: which metric.
        name: starts every id in the SVG.
    """
    rows = _chosen(table, {"run": run, "condition": condition, "metric": metric})
    shown = [row for row in rows if row["kind"] in ("total", "share")]
    title = f"Which modality bears the difference in {metric_label(metric).lower()}, run {run}"
    description = "A block per feature: the whole difference and the part of each modality, with intervals."
    return _svg(shares_chart(shown), name=name, title=title, description=description)


def intersection_heat_map(
    table: pa.Table, *, run: str, condition: str, features: str, metric: str, name: str = "intersection"
) -> str:
    """Return the heat map of one intersection of two features.

    Args:
        table: the exhibit `performance-by-group`.
        run: which run.
        condition: which condition.
        features: the pair, as the exhibit writes it: `accent x age`.
        metric: which metric.
        name: starts every id in the SVG.
    """
    rows = _chosen(table, {"run": run, "condition": condition, "metric": metric})
    overall = next((row["value"] for row in rows if row["features"] == ""), None)
    cells = [row for row in rows if row["features"] == features]
    title = f"{metric_label(metric)} by {features.replace(' x ', ' and ')}, run {run}, condition {condition}"
    description = f"{len(cells)} cells, each with value and units. {summary_of(cells)} The tables hold every number."
    return _svg(intersection_chart(cells, overall=overall), name=name, title=title, description=description)


def confusion_matrices(
    table: pa.Table, *, run: str, condition: str, features: str = "", name: str = "confusion"
) -> str:
    """Return the row-normalised confusion matrices of all groups of one set of features.

    Args:
        table: the exhibit `confusion-matrices`.
        run: which run.
        condition: which condition.
        features: which features; empty for everybody.
        name: starts every id in the SVG.
    """
    rows = _chosen(table, {"run": run, "condition": condition, "features": features})
    groups = list(dict.fromkeys(name_of(row["group"]) for row in rows))
    title = f"Confusion matrices of {', '.join(groups[:12])}{' and others' if len(groups) > 12 else ''}"
    description = "Rows are truths, columns predictions; each row adds up to 100 percent. The table holds every number."
    return _svg(confusion_chart(rows), name=name, title=title, description=description)


def _chosen(table: pa.Table, where: Mapping[str, str]) -> list[Row]:
    rows: Sequence[dict[str, Any]] = table.to_pylist()
    return [row for row in rows if all(row[column] == value for column, value in where.items())]


def _svg(chart: AnyChart, *, name: str, title: str, description: str) -> str:
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(json.dumps(_dressed(chart)), vl_version=_grammar_version())
    return accessible_svg(drawn, name=name, title=title, description=description)


def _grammar_version() -> str:
    """Return the Vega-Lite version that Altair writes, as vl-convert names it."""
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


def _dressed(chart: AnyChart) -> dict[str, Any]:
    """Return the specification with the report's type and lines, and without a background."""
    specification: dict[str, Any] = chart.to_dict()
    axis = {"labelColor": INK, "titleColor": MUTED, "gridColor": RULE, "tickColor": RULE, "domainColor": RULE}
    specification["config"] = {
        "background": None,
        "font": FONT,
        "aria": False,
        "view": {"stroke": None},
        "axis": {**axis, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
        "axisY": {"grid": False},
        "text": {"fontSize": 12, "fill": INK},
        "header": {"labelColor": INK},
        "title": {"fontWeight": "bold"},
    }
    return specification
