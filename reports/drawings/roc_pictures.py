"""Which curves of attacks on membership a report shows: a plate a run where runs are few, else one plate of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.report import AuditReport
from reports.document import Figure
from reports.drawings.privacy_bound import ACCOUNTS, PrivacyBound, bound_of
from reports.drawings.roc_chart import MARKED, untold_below
from reports.ordering import distinct
from reports.sections.tabulated import Row, attached, records
from reports.wording import PERCENT, plain, quantity

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


ALLOWED: Final = (
    "Line of long and short dashes: the most that any attack can find of each patient where the ledger's promise "
    "({words}) is kept; at {rate} false alarms that is {most} of members. A curve that lies above it with its whole "
    "interval speaks against the promise."
)
ALLOWED_HERE: Final = " Line of long and short dashes: the most that the ledger's promise lets any attack find."


def roc_pictures(report: AuditReport) -> Iterator[Figure]:
    """Draw the exhibit of curves, where there is one; a released report has none, for each step is somebody."""
    table = attached(report, ROC)
    if table is None or not set(table.column_names) >= CURVE_COLUMNS:
        return
    rows, accounts = records(table), records(attached(report, ACCOUNTS))
    runs = distinct(row["run"] for row in rows)
    bounds = {run: bound for run in runs if (bound := bound_of(accounts, run)) is not None}
    if len(runs) > RUNS_IN_FULL:
        if len(runs) <= RUNS_AT_MOST:
            yield _of_runs(table, rows, bounds)
        return
    for place, run in enumerate(runs):
        own = [row for row in rows if row["run"] == run]
        yield _of_attacks(table, run, own, bounds.get(run), f"roc-{place}")
        if 0 < len({(row["features"], row["group"]) for row in own if row["features"]}) <= GROUPS_AT_MOST:
            yield _of_groups(table, run, bounds.get(run), f"roc-groups-{place}")


def _of_attacks(table: pa.Table, run: str, rows: Sequence[Row], bound: PrivacyBound | None, name: str) -> Figure:
    from reports.drawings.pictures import attack_curves

    lead = next(row["attack"] for row in rows if row["leads"] == "yes")
    return Figure(
        id=name,
        caption=(
            f"Members found against false alarms, run {plain(run)}; {lead} leads, as was fixed before scoring. {HOW} "
            f"{_marks(rows)}{_allowed(rows, bound)}"
        ),
        svg=attack_curves(table, run=run, bound=bound, name=name),
    )


def _of_groups(table: pa.Table, run: str, bound: PrivacyBound | None, name: str) -> Figure:
    from reports.drawings.pictures import attack_curves_by_group

    return Figure(
        id=name,
        caption=(
            f"The same by group, run {plain(run)}: each group at thresholds of its own non-members, beside everybody "
            "(thin grey line). A group's own false alarms need its own non-members: the grey ground is wider."
            f"{ALLOWED_HERE if bound is not None else ''}"
        ),
        svg=attack_curves_by_group(table, run=run, bound=bound, name=name),
    )


def _of_runs(table: pa.Table, rows: Sequence[dict[str, Any]], bounds: Mapping[str, PrivacyBound]) -> Figure:
    from reports.drawings.pictures import attack_curves_by_run

    return Figure(
        id="roc-runs",
        caption=(
            f"Members found against false alarms, run by run, by the attack that leads there. {HOW} {_marks(rows)}"
            f"{ALLOWED_HERE if bounds else ''}"
        ),
        svg=attack_curves_by_run(table, bounds=bounds, name="roc-runs"),
    )


def _allowed(rows: Sequence[Row], bound: PrivacyBound | None) -> str:
    """Say what the promise allows at the least rate of false alarms that can be told."""
    if bound is None:
        return ""
    rate = untold_below([row for row in rows if row["features"] == ""])
    return " " + ALLOWED.format(
        words=bound.words(), rate=quantity(rate, PERCENT), most=quantity(bound.most_found(rate), PERCENT)
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
