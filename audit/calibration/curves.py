"""Reliability curves: in each bin of confidence, how often the answer was right, with its interval over units."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.claims import Place, group_name, level_cells
from affidavit.evidence import Evidence
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.records import ExhibitColumn
from affidavit.statistics.small_samples import degenerate_rate_bounds, logit_t_bounds
from affidavit.statistics.types import Bounds
from audit.calibration.sums import Layout
from audit.unit_sums import folded

FloatArray = NDArray[np.float64]
Cells = dict[str, list[str | int | float | None]]
RELIABILITY: Final = (
    *PLACE,
    ExhibitColumn(name="bin", type="integer", description="number of the bin, from the least confident"),
    ExhibitColumn(name="bin_low", type="number", description="where the bin begins", unit="probability"),
    ExhibitColumn(name="bin_high", type="number", description="where it ends, inclusive", unit="probability"),
    ExhibitColumn(name="mean_confidence", type="number", description="mean probability of the predicted label"),
    *(
        column.model_copy(update={"description": "share of right answers"}) if column.name == "value" else column
        for column in ESTIMATE
    ),
)


def add_curves(cells: Cells, place: Place, evidence: Evidence, *, places: Layout, edges: tuple[float, ...]) -> None:
    """Add every group's bins; one without rows in the group is there with none."""
    grouped, level = evidence.grouped, place.level
    rows, residual, confidence, count, *_ = places.top(grouped.sums)
    right = confidence - residual
    n, hits, stated, counted, units = (
        folded(part, grouped.group, len(grouped.groups))
        for part in (rows, right, confidence, count, (rows > 0).astype(np.float64))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy, mean = np.clip(hits / n, 0.0, 1.0), stated / n
        scatter = folded((right - np.nan_to_num(accuracy)[grouped.group] * rows) ** 2, grouped.group, len(n))
        error = np.sqrt(units / (units - 1) * scatter) / n
    bounds, spread = _bounds(accuracy, error, units, level=level)
    ends = (0.0, *edges, 1.0)
    for group, named in enumerate(grouped.groups):
        head = (place.run, place.condition, " x ".join(place.family), group_name(named), *level_cells(named).values())
        for b in range(len(ends) - 1):
            known = units[group, b] >= 2
            cell = (
                b + 1,
                ends[b],
                ends[b + 1],
                float(mean[group, b]),
                float(accuracy[group, b]),
                float(bounds.low[group, b]) if known else None,
                float(bounds.high[group, b]) if known else None,
                ("logit t over units" if spread[group, b] else "Clopper-Pearson over units") if known else None,
                int(counted[group, b]),
                int(units[group, b]) if place.has_units else None,
            )
            for column, value in zip(cells, (*head, *cell), strict=True):
                cells[column].append(value)


def _bounds(
    accuracy: FloatArray, error: FloatArray, units: FloatArray, *, level: float
) -> tuple[Bounds, NDArray[np.bool_]]:
    """Return bounds [G, B], and where units differ so that they could be made from how much."""
    spread = (error > 1e-12) & (accuracy > 0) & (accuracy < 1)
    low, high = logit_t_bounds(accuracy, np.where(spread, error, np.nan), degrees_of_freedom=units - 1, level=level)
    agreeing = degenerate_rate_bounds(accuracy, n_units=units, level=level)
    return Bounds(np.where(spread, low, agreeing.low), np.where(spread, high, agreeing.high)), spread
