"""Raw and shrunken values of groups side by side, so that neither is read without the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from affidavit.metric_names import sentence_case
from affidavit.report import AuditReport
from reports.document import Cell, Column, Fold, Section, Table
from reports.ordering import distinct
from reports.sections.tabulated import Row, attached, fullest, others_remark, records
from reports.wording import NOTHING, PERCENT, figures, metric_label, scale_of

NAME: Final = "small-groups"
REMARK: Final = (
    "A shrunken value borrows from groups that share a level. It is nearer to the truth on average over groups, has no "
    "honest interval, and hides a small group that truly is worse: nothing is decided by it."
)


def shrunken_section(report: AuditReport) -> Section | None:
    """Return the groups of the exhibit `small-groups`; None where it is not at hand."""
    rows = records(attached(report, NAME))
    if not rows:
        return None
    runs = distinct(row["run"] for row in rows)
    folds = tuple(_fold(rows, run, opened=run == runs[0]) for run in runs)
    return Section(id=f"groups-{NAME}", title=sentence_case(NAME), blocks=folds)


def _fold(everything: Sequence[Row], run: str, *, opened: bool) -> Fold:
    """Return the fullest condition of a run, and a remark that says what the exhibit holds of others."""
    condition = fullest(everything, run)
    rows = [row for row in everything if (row["run"], row["condition"]) == (run, condition)]
    metrics = distinct(row["metric"] for row in rows)
    lines: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        lines.setdefault((row["features"], row["group"]), {})[row["metric"]] = row
    table = Table(
        id=f"group-{NAME}-{run}-{condition}",
        caption=f"{sentence_case(NAME)}: run {run}, condition {condition}",
        columns=(
            Column(title="Group", kind="heading"),
            Column(title="n rows", kind="number"),
            Column(title="n units", kind="number"),
            *(column for metric in metrics for column in _columns(metric)),
        ),
        rows=tuple(_line(found, metrics) for found in lines.values()),
        remarks=(REMARK, *others_remark(everything, run, NAME)),
    )
    return Fold(summary=table.caption, blocks=(table,), opened=opened)


def _columns(metric: str) -> tuple[Column, Column, Column]:
    label, unit = metric_label(metric), scale_of(metric).unit
    return (
        Column(title=label, detail=f"raw, {unit}", kind="number"),
        Column(title=label, detail=f"shrunken, {unit}", kind="number"),
        Column(title="Own data", detail="share of the shrunken value, %", kind="number"),
    )


def _line(found: Mapping[str, Row], metrics: Sequence[str]) -> tuple[Cell, ...]:
    first = next(iter(found.values()))
    units = NOTHING if first["n_clusters"] is None else f"{first['n_clusters']:,}"
    return (
        Cell(text=first["group"], detail=first["features"].replace(" x ", " × ")),
        Cell(text=f"{first['n']:,}"),
        Cell(text=units),
        *(cell for metric in metrics for cell in _cells(found.get(metric))),
    )


def _cells(row: Row | None) -> tuple[Cell, Cell, Cell]:
    if row is None:
        return (Cell(text=NOTHING),) * 3
    scale = scale_of(row["metric"])
    bounded = row["low"] is not None and row["high"] is not None
    bounds = f"[{figures(row['low'], scale)}, {figures(row['high'], scale)}]" if bounded else ""
    return (
        Cell(text=figures(row["value"], scale), detail=bounds),
        Cell(text=figures(row["shrunken"], scale)),
        Cell(text=figures(row["own_share"], PERCENT, digits=0)),
    )
