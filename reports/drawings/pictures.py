"""Pictures of a report as SVG, drawn from its exhibits; a missing exhibit gives no picture.

Each function returns text that can stand in an HTML page or in a file of its own. Importing this module is cheap; the
drawing parts (Altair, vl-convert) are imported when the first picture is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from affidavit.records import Verdict
from reports.drawings.charts import (
    Row,
    conditions_chart,
    forest_chart,
    in_reading_order,
    name_of,
    shares_chart,
    summary_of,
)
from reports.drawings.contributions_chart import OF, contributions_chart, modality_of
from reports.drawings.drawing import drawn_svg
from reports.drawings.erasure_chart import AT_SIZE, at_random, base_of, erasure_chart, size_of
from reports.drawings.federated_chart import attendance_chart, attendance_in_words, parts
from reports.drawings.privacy_bound import PrivacyBound
from reports.drawings.reliability_chart import is_drawn, reliability_chart
from reports.drawings.roc_chart import attacks_chart, group_panels, panels_chart, run_panels, untold_below
from reports.drawings.tiles import confusion_chart, intersection_chart
from reports.wording import PERCENT, POINTS, metric_label, quantity

if TYPE_CHECKING:
    import pyarrow as pa

Verdicts = Mapping[tuple[str, str], Verdict]
_EXHIBITED: Final = "The exhibit membership-roc holds every point."


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
    return drawn_svg(forest_chart(rows, verdicts or {}), name=name, title=title, description=description)


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
    return drawn_svg(conditions_chart(rows), name=name, title=title, description=description)


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
    return drawn_svg(shares_chart(shown), name=name, title=title, description=description)


def modality_contributions(
    table: pa.Table, *, run: str, condition: str, metric: str, name: str = "contributions"
) -> str:
    """Return what each modality contributes to each group of single features, as bars.

    Args:
        table: the exhibit `modality-contributions`.
        run: which run.
        condition: the fullest condition.
        metric: what is contributed to: `accuracy`.
        name: starts every id in the SVG.
    """
    own = _chosen(table, {"run": run, "condition": condition})
    rows = [row for row in own if row["metric"].startswith(f"{metric}{OF}") and " x " not in row["features"]]
    title = f"What each modality contributes to {metric_label(metric).lower()}, run {run}, condition {condition}"
    description = f"A column per modality, a bar per group. {_of_bars(rows)} The tables hold every number."
    return drawn_svg(contributions_chart(in_reading_order(rows)), name=name, title=title, description=description)


def reliability_diagrams(
    table: pa.Table, *, run: str, condition: str, features: str = "", name: str = "reliability"
) -> str:
    """Return a reliability diagram for each group of one set of features.

    Args:
        table: the exhibit `reliability-curves`.
        run: which run.
        condition: which condition.
        features: which features; empty for everybody.
        name: starts every id in the SVG.
    """
    rows = _chosen(table, {"run": run, "condition": condition, "features": features})
    title = f"Accuracy against confidence{f' by {features}' if features else ''}, run {run}, condition {condition}"
    return drawn_svg(reliability_chart(rows), name=name, title=title, description=_of_reliability(rows))


def erasure_curves(table: pa.Table, *, run: str, base: str, name: str = "erasure") -> str:
    """Return what is lost without the cited evidence, and with it alone, by size, for everybody.

    Args:
        table: the exhibit `erasure-curves`.
        run: which run.
        base: the modalities that were shown in full before anything was erased: `T`.
        name: starts every id in the SVG.
    """
    rows = [row for row in _chosen(table, {"run": run, "features": ""}) if base_of(row) == base]
    title = f"Probability lost by size of the erased or kept part, run {run}, condition {base}"
    return drawn_svg(erasure_chart(rows), name=name, title=title, description=_of_erasure(rows))


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
    return drawn_svg(intersection_chart(cells, overall=overall), name=name, title=title, description=description)


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
    return drawn_svg(confusion_chart(rows), name=name, title=title, description=description)


def attack_curves(table: pa.Table, *, run: str, bound: PrivacyBound | None = None, name: str = "roc") -> str:
    """Return the curves of all attacks on one run's membership, both axes logarithmic.

    Args:
        table: the exhibit `membership-roc`.
        run: which run.
        bound: what its ledger promises each patient, where there is one.
        name: starts every id in the SVG.
    """
    rows = _chosen(table, {"run": run, "features": ""})
    title = f"Members found against false alarms, run {run}"
    return drawn_svg(attacks_chart(rows, bound), name=name, title=title, description=_of_curves(rows, bound))


def attack_curves_by_group(
    table: pa.Table, *, run: str, bound: PrivacyBound | None = None, name: str = "roc-groups"
) -> str:
    """Return the curve of each group beside everybody's, by the attack that leads.

    Args:
        table: the exhibit `membership-roc`, with groups of this run.
        run: which run.
        bound: what its ledger promises each patient, where there is one.
        name: starts every id in the SVG.
    """
    panels = group_panels(_chosen(table, {"run": run}))
    title = f"Members found against false alarms by group, run {run}"
    named = ", ".join(title for title, _, _ in panels[:12])
    description = f"{len(panels)} groups beside everybody: {named}. {_allowed(bound)}{_EXHIBITED}"
    return drawn_svg(
        panels_chart(panels, {} if bound is None else {run: bound}), name=name, title=title, description=description
    )


def attack_curves_by_run(
    table: pa.Table, *, bounds: Mapping[str, PrivacyBound] | None = None, name: str = "roc-runs"
) -> str:
    """Return the curve of the attack that leads, for each run.

    Args:
        table: the exhibit `membership-roc`.
        bounds: by run, what its ledger promises each patient.
        name: starts every id in the SVG.
    """
    panels = run_panels(_chosen(table, {"features": "", "leads": "yes"}))
    said = " ".join(f"{run}: {_of_curve(rows)}" for run, rows, _ in panels[:12])
    return drawn_svg(
        panels_chart(panels, bounds),
        name=name,
        title="Members found against false alarms, run by run",
        description=f"{len(panels)} runs. {said} {_EXHIBITED}",
    )


def round_attendance(
    rounds: Sequence[Row], sites: Sequence[Row], missing: Sequence[Row], *, name: str = "attendance"
) -> str:
    """Return who was in which round of a federated training.

    Args:
        rounds: rows of the exhibit `federated-rounds` of one run.
        sites: rows of `federated-sites` of it.
        missing: rows of `federated-missing` of it.
        name: starts every id in the SVG.
    """
    marks = parts(rounds, sites, missing)
    return drawn_svg(
        attendance_chart(marks, rounds, sites),
        name=name,
        title="Who was in which round",
        description=attendance_in_words(marks, rounds, sites),
    )


def _allowed(bound: PrivacyBound | None, rate: float = 0.01) -> str:
    """Say what a promise lets any attack find."""
    if bound is None:
        return ""
    most = f"{100 * bound.most_found(rate):.1f} % of members"
    return f"At {100 * rate:g} % false alarms {bound.words()} lets any attack find {most} at most. "


def _of_curves(rows: Sequence[Row], bound: PrivacyBound | None) -> str:
    """Say in words what each attack finds at the fewest false alarms that can be told."""
    attacks = dict.fromkeys(row["attack"] for row in rows)
    said = " ".join(f"{attack}: {_of_curve([row for row in rows if row['attack'] == attack])}" for attack in attacks)
    return f"{said} {_allowed(bound)}{_EXHIBITED}"


def _of_curve(rows: Sequence[Row]) -> str:
    first = next((row for row in rows if row["fpr"] >= untold_below(rows)), rows[-1])
    return f"{100 * first['tpr']:.1f} % of members found at {100 * first['fpr']:.1f} % false alarms."


def _of_erasure(rows: Sequence[Row]) -> str:
    """Say what each size costs by the rationale and at random."""
    told = [row for row in rows if row["value"] is not None]
    ordered = sorted(told, key=lambda row: (row["metric"], size_of(row), at_random(row)))
    words = [
        f"{row['metric'].removesuffix(AT_SIZE)} at {size_of(row):g} %{' at random' if at_random(row) else ''}: "
        f"{quantity(row['value'], POINTS)}"
        for row in ordered
    ]
    return f"{'; '.join(words)}. The exhibit holds every number." if words else "No size has a defined value."


def _of_bars(rows: Sequence[Row]) -> str:
    """Say which group gains least and most from a modality."""
    told = [row for row in rows if row["value"] is not None and row["features"]]
    if not told:
        return "No group has a defined value."
    low, high = min(told, key=lambda row: row["value"]), max(told, key=lambda row: row["value"])
    return f"Least: {_of_bar(low)}. Most: {_of_bar(high)}."


def _of_bar(row: Row) -> str:
    return f"{modality_of(row['metric'])} for {name_of(row['group'])}, {quantity(row['value'], POINTS)}"


def _of_reliability(rows: Sequence[Row]) -> str:
    """Say in which groups the surest bin is right most seldom and most often."""
    drawn = [row for row in rows if is_drawn(row)]
    surest = {row["group"]: row for row in sorted(drawn, key=lambda row: row["mean_confidence"])}
    if not surest:
        return "No bin has a defined value."
    told = [
        f"{name_of(group)} is right in {quantity(row['value'], PERCENT)} of its surest bin, where confidence is "
        f"{quantity(row['mean_confidence'], PERCENT)}"
        for group, row in surest.items()
    ]
    return f"A dot per bin, the diagonal is perfect calibration. {'; '.join(told)}. The table holds every number."


def _chosen(table: pa.Table, where: Mapping[str, str]) -> list[Row]:
    rows: Sequence[dict[str, Any]] = table.to_pylist()
    return [row for row in rows if all(row[column] == value for column, value in where.items())]
