"""The heat map of two features as a page shows it: the report's picture, with cells to choose and withheld ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from dashboards.choosing.group_numbers import Row
from dashboards.choosing.withheld import WithheldGroup, levels_of
from reports.drawings.charts import MUTED, inline
from reports.drawings.tiles import intersection_chart
from reports.ordering import distinct
from reports.wording import UNKNOWN, plain

if TYPE_CHECKING:
    from reports.drawings.charts import AnyLayers
    from reports.drawings.drawing import AnyChart

SELECTED: Final = "cell"


def cells_chart(cells: Sequence[Row], withheld: Sequence[WithheldGroup], *, overall: float | None) -> AnyLayers:
    """Return the picture; a cell that is withheld reads its mark and has no colour.

    Args:
        cells: rows of one run, condition, metric and pair of features; at least one.
        withheld: cells of the same pair without numbers.
        overall: the value of everybody.
    """
    import altair as alt

    chart = intersection_chart(cells, overall=overall)
    marked = _marked(cells, withheld)
    if not marked:
        return chart
    text = alt.Chart(inline(marked)).mark_text(color=MUTED, fontSize=11)
    layer = text.encode(
        x=alt.X("second:N", sort=_levels(cells, "level_2")),
        y=alt.Y("first:N", sort=_levels(cells, "level_1")),
        text=alt.Text("mark:N"),
    )
    return alt.layer(chart, layer)


def chosen_by_click(chart: AnyChart) -> AnyChart:
    """Return the picture with cells that can be clicked; a page reads the levels under `SELECTED`."""
    import altair as alt

    clicked: AnyChart = chart.add_params(alt.selection_point(name=SELECTED, fields=["first", "second"]))
    return clicked


def group_clicked(picked: Sequence[Mapping[str, Any]], cells: Sequence[Row]) -> str | None:
    """Return the group whose cell was clicked, as exhibits write it; None where none was."""
    for one in picked:
        for row in cells:
            if (plain(row["level_1"] or ""), plain(row["level_2"] or "")) == (one.get("first"), one.get("second")):
                return str(row["group"])
    return None


def _marked(cells: Sequence[Row], withheld: Sequence[WithheldGroup]) -> list[dict[str, str]]:
    found = [(group.mark, levels_of(group, cells)) for group in withheld]
    return [
        {"first": plain(levels[0]), "second": plain(levels[1]), "mark": mark}
        for mark, levels in found
        if levels is not None
    ]


def _levels(cells: Sequence[Row], part: str) -> list[str]:
    """Return levels in the order in which the picture has them."""
    names = distinct(plain(row[part] or "") for row in cells)
    return sorted(names, key=lambda name: name == UNKNOWN)
