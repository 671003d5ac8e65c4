"""Every group a row: its metrics as columns, its rows and units always beside them, and why a number is missing.

The fullest condition of a run stands in full; the others in short, with what a criterion bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from affidavit.metric_names import sentence_case
from affidavit.records import Estimate, Finding, Verdict
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Figure, Fold, Notes, Paragraph, Section, Table, tidied
from reports.drawings.gallery import Gallery
from reports.ordering import GroupKey, distinct, group_key, groups_in_order
from reports.sections.aggregates import STANDING_OUT, groups_aggregate, shared_out
from reports.sections.remarks import remarks_of
from reports.sections.shrunken import NAME as SHRUNKEN
from reports.sections.shrunken import shrunken_section
from reports.sections.tabulated import exhibit_tables
from reports.wording import (
    NOTHING,
    PER_UNIT,
    features_name,
    figures,
    group_name,
    interval_text,
    metric_label,
    scale_of,
    severity,
    verdict_text,
    worst,
)

EXPLANATION = (
    "No group is left out: each stands in the fullest condition of its run; the other conditions are told in short. "
    "Where a value is undefined or has no interval, a note says why. "
    f"“{NOTHING}” means that this metric was not computed for this group."
)
WITHHELD = (
    "Groups that are too small to be told of, and those that protect them, are withheld (exhibit “withheld”). Where a "
    f"value is undefined or has no interval, a note says why. “{NOTHING}” means that a metric is not told of a group."
)
NAMED_AT_MOST = 2
MetricKey = tuple[str, str]
ById = Mapping[str, Finding]


def groups_section(report: AuditReport, gallery: Gallery) -> Section:
    """Return every finding about a group, with the pictures of the groups first."""
    findings = [finding for finding in report.findings if finding.compared is None]
    if not findings:
        return Section(id="groups", title="Groups", blocks=(Paragraph(text="No group was measured."),))
    areas = distinct(finding.examination for finding in findings)
    parts = [_area(report, findings, area, gallery.of_areas.get(area, ())) for area in areas]
    told = WITHHELD if report.has_exhibit("withheld") else EXPLANATION
    blocks: tuple[Block, ...] = (Paragraph(text=told), *gallery.of_groups, *parts)
    return Section(id="groups", title="Groups", blocks=blocks)


def label_sections(report: AuditReport, gallery: Gallery) -> tuple[Section, ...]:
    """Return confusions and rates class by class, with their pictures first; nothing where none were kept."""
    blocks: tuple[Block, ...] = (*gallery.of_confusions, *exhibit_tables(report))
    return (Section(id="confusions", title="Label by label", blocks=blocks),) if blocks else ()


def _area(report: AuditReport, findings: Sequence[Finding], area: str, figures: tuple[Figure, ...]) -> Section:
    if area == SHRUNKEN and (beside := shrunken_section(report)) is not None:
        return beside
    own = [finding for finding in findings if finding.examination == area]
    by_id = {finding.id: finding for finding in report.findings}
    folds = [fold for run in distinct(f.run for f in own) for fold in _run_folds(report, own, by_id, run)]
    return Section(id=f"groups-{area}", title=sentence_case(area), blocks=(*figures, *folds))


def _run_folds(report: AuditReport, findings: Sequence[Finding], by_id: ById, run: str) -> list[Block]:
    """Return the fullest condition in full, and the others in short with what stands out in them."""
    shared = shared_out([f for f in findings if f.run == run], row=group_key, place=group_key)
    folds: list[Block] = []
    for place, (condition, own) in enumerate(shared.whole):
        table = _table(report, own, by_id, f"condition {condition}")
        folds.append(Fold(summary=table.caption, blocks=(table,), opened=place == 0))
    if shared.standing_out:
        table = _table(report, shared.standing_out, by_id, STANDING_OUT)
        folds.append(Fold(summary=table.caption, blocks=(table,)))
    if shared.aggregated:
        table = groups_aggregate(sentence_case(shared.aggregated[0].examination), shared.aggregated)
        folds.append(Fold(summary=table.caption, blocks=(table,)))
    return folds


def _table(report: AuditReport, findings: Sequence[Finding], by_id: ById, where: str) -> Table:
    notes, first = Notes(), findings[0]
    metrics = tuple(dict.fromkeys(map(_metric_key, findings)))
    several = len({finding.condition for finding in findings}) > 1
    by_place: dict[tuple[GroupKey, str], list[Finding]] = {}
    for finding in findings:
        by_place.setdefault((group_key(finding), finding.condition), []).append(finding)
    conditions = distinct(finding.condition for finding in findings)
    rows = [
        _row(metrics, row, condition if several else "", by_id, notes)
        for key in groups_in_order(report, findings)
        for condition in conditions
        for row in _rows_of_group(by_place.get((key, condition), []))
    ]
    table = Table(
        id=f"group-{first.examination}-{first.run}-{'standing-out' if several else first.condition}",
        caption=f"{sentence_case(first.examination)}: run {first.run}, {where}",
        columns=_columns(metrics),
        rows=tuple(rows),
        notes=notes.texts(),
    )
    return tidied(table)


def _metric_key(finding: Finding) -> MetricKey:
    return finding.metric, finding.property.value if finding.property else ""


def _rows_of_group(findings: Sequence[Finding]) -> list[dict[MetricKey, Finding]]:
    """Return one row, or more where a metric was given twice: nothing is overwritten."""
    rows: list[dict[MetricKey, Finding]] = []
    for finding in findings:
        key = _metric_key(finding)
        free = next((row for row in rows if key not in row), None)
        if free is None:
            rows.append(free := {})
        free[key] = finding
    return rows


def _columns(metrics: tuple[MetricKey, ...]) -> tuple[Column, ...]:
    return (
        Column(title="Group", kind="heading"),
        Column(title="Condition"),
        Column(title="n rows", kind="number"),
        Column(title="n units", kind="number"),
        Column(title="Verdict", kind="verdict"),
        Column(title="Notes", kind="notes"),
        *(_metric_column(*key) for key in metrics),
    )


def _metric_column(metric: str, explains: str) -> Column:
    per_unit = "mean over units" if metric.endswith(PER_UNIT) else ""
    details = (per_unit, explains, scale_of(metric).unit)
    title = metric_label(metric.removesuffix(PER_UNIT))
    return Column(title=title, detail=", ".join(d for d in details if d), kind="number")


def _row(
    metrics: tuple[MetricKey, ...], row: Mapping[MetricKey, Finding], condition: str, by_id: ById, notes: Notes
) -> tuple[Cell, ...]:
    """Return the cells of a row; the condition is empty where a whole table is of one, and its column falls away."""
    findings = list(row.values())
    n, n_clusters = Counter((f.estimate.n, f.estimate.n_clusters) for f in findings).most_common(1)[0][0]
    key: GroupKey = group_key(findings[0])
    return (
        Cell(text=group_name(dict(key)), detail=features_name(tuple(feature for feature, _ in key)) if key else ""),
        Cell(text=condition),
        Cell(text=f"{n:,}"),
        Cell(text=NOTHING if n_clusters is None else f"{n_clusters:,}"),
        _verdict_cell(findings),
        Cell(text="", notes=_row_notes(findings, by_id, notes)),
        *(_value_cell(row.get(metric), (n, n_clusters), notes) for metric in metrics),
    )


def _value_cell(finding: Finding | None, counts: tuple[int, int | None], notes: Notes) -> Cell:
    if finding is None:
        return Cell(text=NOTHING)
    scale, estimate = scale_of(finding.metric), finding.estimate
    why = (notes.number(f"no interval: {estimate.why_no_interval}"),) if estimate.why_no_interval else ()
    detail = f"{interval_text(estimate.interval, scale)} {_own_counts(estimate, counts)}".strip()
    return Cell(text=figures(estimate.value, scale), detail=detail, notes=why, verdict=_decided(finding))


def _own_counts(estimate: Estimate, counts: tuple[int, int | None]) -> str:
    """Return n where it is not that of the row."""
    if (estimate.n, estimate.n_clusters) == counts:
        return ""
    units = "" if estimate.n_clusters is None else f", {estimate.n_clusters:,} units"
    return f"n {estimate.n:,}{units}"


def _decided(finding: Finding) -> Verdict | None:
    return None if finding.verdict is Verdict.INFORMATIVE else finding.verdict


def _verdict_cell(findings: Sequence[Finding]) -> Cell:
    """Return the verdict that must be read first, and which metrics got which."""
    first = worst([finding.verdict for finding in findings])
    decided = sorted({f.verdict for f in findings if _decided(f)}, key=severity)
    said = [_said([f for f in findings if f.verdict is verdict], len(findings), first) for verdict in decided]
    return Cell(text=verdict_text(first), detail="; ".join(said), verdict=first)


def _said(findings: Sequence[Finding], n_metrics: int, first: Verdict) -> str:
    """Return which metrics got a verdict; the verdict itself only where it is not the cell's."""
    verdict = findings[0].verdict
    prefix = "" if verdict is first else f"{verdict.value}: "
    if len(findings) == n_metrics:
        return "every metric"
    if len(findings) > NAMED_AT_MOST:
        return f"{prefix}{len(findings)} of {n_metrics} metrics, see notes"
    return f"{prefix}{', '.join(metric_label(finding.metric) for finding in findings)}"


def _verdict_remarks(findings: Sequence[Finding]) -> list[str]:
    """Return which metrics got a verdict, where the verdict's cell has no room to name them."""
    decided = sorted({f.verdict for f in findings if _decided(f)}, key=severity)
    named = {verdict: [metric_label(f.metric) for f in findings if f.verdict is verdict] for verdict in decided}
    return [
        f"{verdict.value}: {', '.join(names)}"
        for verdict, names in named.items()
        if NAMED_AT_MOST < len(names) < len(findings)
    ]


def _row_notes(findings: Sequence[Finding], by_id: ById, notes: Notes) -> tuple[int, ...]:
    """Return the notes of a row; one that speaks of some metrics only names them."""
    speakers: dict[str, list[str]] = {}
    for finding in findings:
        for text in remarks_of(finding, by_id):
            speakers.setdefault(text, []).append(metric_label(finding.metric))
    said = [text if len(who) == len(findings) else f"{text} ({', '.join(who)})" for text, who in speakers.items()]
    return tuple(notes.number(text) for text in (*_verdict_remarks(findings), *said))
