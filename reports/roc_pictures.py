"""Which curves of attacks on membership a report shows: a plate a run where runs are few, else one plate of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.report import AuditReport
from reports.document import Figure
from reports.ordering import distinct
from reports.roc_chart import MARKED, untold_below
from reports.tabulated import Row, attached, records
from reports.wording import plain

if TYPE_CHECKING:
    import pyarrow as pa

ROC: Final = "membership-roc"
RUNS_IN_FULL: Final = 3
"""With more runs than these all stand in one plate, and groups in the exhibit."""
RUNS_AT_MOST: Final = 40
GROUPS_AT_MOST: Final = 20
CURVE_COLUMNS: Final = frozenset(
    {"run", "attack", "leads", "features", "group", "fpr", "tpr", "tpr_low", "tpr_high", "n_members", "n_non_members"}
)
HOW: Final = (
    "Both axes are logarithmic; dashed diagonal: chance; tinted band: interval at each threshold; on the grey ground "
    "there are too few non-members to tell a rate of false alarms, and the line is thin."
)


def roc_pictures(report: AuditReport) -> Iterator[Figure]:
    """Draw the exhibit of curves, where there is one; a released report has none, for each step is somebody."""
    table = attached(report, ROC)
    if table is None or not set(table.column_names) >= CURVE_COLUMNS:
        return
    rows = records(table)
    runs = distinct(row["run"] for row in rows)
    if len(runs) > RUNS_IN_FULL:
        if len(runs) <= RUNS_AT_MOST:
            yield _of_runs(table, rows)
        return
    for place, run in enumerate(runs):
        own = [row for row in rows if row["run"] == run]
        yield _of_attacks(table, run, own, f"roc-{place}")
        if 0 < len({(row["features"], row["group"]) for row in own if row["features"]}) <= GROUPS_AT_MOST:
            yield _of_groups(table, run, own, f"roc-groups-{place}")


def _of_attacks(table: pa.Table, run: str, rows: Sequence[Row], name: str) -> Figure:
    from reports.pictures import attack_curves

    lead = next(row["attack"] for row in rows if row["leads"] == "yes")
    return Figure(
        id=name,
        caption=(
            f"Members found against false alarms, run {plain(run)}; {lead} leads, as was fixed before scoring. {HOW} "
            f"{_marks(rows)}"
        ),
        svg=attack_curves(table, run=run, name=name),
    )


def _of_groups(table: pa.Table, run: str, rows: Sequence[Row], name: str) -> Figure:
    from reports.pictures import attack_curves_by_group

    return Figure(
        id=name,
        caption=(
            f"The same by group, run {plain(run)}: each group at thresholds of its own non-members, beside everybody "
            "(thin grey line). A group's own false alarms need its own non-members: the grey ground is wider."
        ),
        svg=attack_curves_by_group(table, run=run, name=name),
    )


def _of_runs(table: pa.Table, rows: Sequence[dict[str, Any]]) -> Figure:
    from reports.pictures import attack_curves_by_run

    return Figure(
        id="roc-runs",
        caption=f"Members found against false alarms, run by run, by the attack that leads there. {HOW} {_marks(rows)}",
        svg=attack_curves_by_run(table, name="roc-runs"),
    )


def _marks(rows: Sequence[Row]) -> str:
    """Say of each rate that findings are of whether it is told."""
    everybody = [row for row in rows if row["features"] == "" and row["leads"] == "yes"]
    untold = [rate for rate in MARKED if rate < untold_below(everybody)]
    if not untold:
        return "Upright lines: 0.1 % and 1 % false alarms."
    needed = " and ".join(f"{rate:.1%} takes {round(10 / rate):,}".replace("%", " %") for rate in untold)
    n = min(row["n_non_members"] for row in everybody)
    return f"There are {n:,} non-members: a rate of {needed}. Where the axes reach them, both are upright lines."
