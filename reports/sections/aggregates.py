"""Conditions beside the fullest one, in few rows: everybody, the lowest and the highest, and what is left out.

Laws: a run's fullest condition stands in full, and so does in every other condition what a criterion bound and what the
fullest condition has not; an aggregate says how many findings it leaves out, and where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.records import Finding, Verdict
from reports.document import Cell, Column, Notes, Table, tidied
from reports.ordering import conditions_in_order, distinct
from reports.wording import (
    NOTHING,
    PER_UNIT,
    chance_limit_text,
    counted,
    features_name,
    figures,
    group_name,
    interval_text,
    metric_label,
    p_text,
    quantity,
    scale_of,
    verdict_text,
    worst,
)

FEW_ROWS: Final = 4
"""A table of no more rows stands in full in every condition: an aggregate of it would be no shorter."""
STANDING_OUT: Final = "the other conditions, what a criterion bound and what the fullest condition has not"
"""Ends the caption of a table that has only these rows of them."""
WHERE: Final = "report.json holds every one, and `affidavit render --as tables` writes them to findings.csv."
_ENDS: Final = "The lowest and the highest are those of the groups with an interval, where a group has one."
_WIDEST: Final = "Of the gaps of each metric the widest is told."
Key = Callable[[Finding], Hashable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What of one examination in one run is printed in full, and what in aggregates."""

    whole: tuple[tuple[str, tuple[Finding, ...]], ...]
    """Conditions printed in full with their findings: the fullest one first, then those of few rows."""
    standing_out: tuple[Finding, ...]
    """Of the other conditions what a criterion bound, and what the fullest condition has not: printed in full too."""
    aggregated: tuple[Finding, ...]
    """Everything of the other conditions."""


def shared_out(findings: Sequence[Finding], *, row: Key, place: Key) -> Shared:
    """Return which findings are printed in full and which in aggregates.

    Args:
        findings: those of one run and one examination, of every condition; at least one.
        row: what makes a row of the full table.
        place: what the fullest condition has or has not, such as a group.
    """
    by_condition: dict[str, tuple[Finding, ...]] = {}
    for condition in conditions_in_order(finding.condition for finding in findings):
        by_condition[condition] = tuple(finding for finding in findings if finding.condition == condition)
    first = next(iter(by_condition))
    known = {place(finding) for finding in by_condition[first]}
    short = [c for c, own in by_condition.items() if c != first and len({row(f) for f in own}) > FEW_ROWS]
    aggregated = tuple(finding for condition in short for finding in by_condition[condition])
    return Shared(
        whole=tuple((condition, own) for condition, own in by_condition.items() if condition not in short),
        standing_out=tuple(f for f in aggregated if f.criterion is not None or place(f) not in known),
        aggregated=aggregated,
    )


def groups_aggregate(area: str, findings: Sequence[Finding]) -> Table:
    """Return a row for each metric and condition: everybody, the lowest and the highest group.

    Args:
        area: how the examination is called.
        findings: those that are aggregated, of one run.
    """
    notes, told = Notes(), set[str]()
    rows = [_groups_row(own, notes, told) for own in _by_metric(findings)]
    return _aggregate(
        f"group-{area}-{findings[0].run}",
        f"{area}: run {findings[0].run}, the other conditions in short",
        (
            Column(title="Metric", kind="heading"),
            Column(title="Condition"),
            Column(title="Everybody", kind="number"),
            Column(title="Lowest group", kind="prose"),
            Column(title="Highest group", kind="prose"),
            Column(title="Groups"),
            Column(title="Verdict", detail="worst", kind="verdict"),
            Column(title="Notes", kind="notes"),
        ),
        rows,
        notes,
        (_ENDS, _left_out(findings, told)),
    )


def gaps_aggregate(area: str, findings: Sequence[Finding]) -> Table:
    """Return a row for each metric and condition: the widest gap beside what chance alone gives.

    Args:
        area: how the examination is called.
        findings: those that are aggregated, of one run.
    """
    notes, told = Notes(), set[str]()
    rows = [_gaps_row(own, notes, told) for own in _by_metric(findings)]
    return _aggregate(
        f"gaps-{area}-{findings[0].run}",
        f"{area}: gaps in run {findings[0].run}, the other conditions in short",
        (
            Column(title="Gap", kind="heading"),
            Column(title="Condition"),
            Column(title="Widest across"),
            Column(title="Between", detail="lowest and highest", kind="prose"),
            Column(title="Value", detail="with interval", kind="number"),
            Column(title="Chance alone", detail="95 % of draws", kind="number"),
            Column(title="p adjusted", kind="number"),
            Column(title="n", detail="rows / units", kind="number"),
            Column(title="Gaps"),
            Column(title="Verdict", detail="worst", kind="verdict"),
            Column(title="Notes", kind="notes"),
        ),
        rows,
        notes,
        (_WIDEST, _left_out(findings, told)),
    )


def _aggregate(
    name: str,
    caption: str,
    columns: tuple[Column, ...],
    rows: Sequence[tuple[Cell, ...]],
    notes: Notes,
    remarks: tuple[str, ...],
) -> Table:
    table = tidied(Table(id=f"{name}-others", caption=caption, columns=columns, rows=tuple(rows), notes=notes.texts()))
    return Table(
        id=table.id,
        caption=table.caption,
        columns=table.columns,
        rows=table.rows,
        remarks=(*remarks, *table.remarks),
        notes=table.notes,
    )


def _by_metric(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Yield the findings of each metric in each condition, metric by metric."""
    places: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        explains = finding.property.value if finding.property else ""
        places.setdefault((finding.metric, explains, finding.condition), []).append(finding)
    metrics = list(dict.fromkeys((metric, explains) for metric, explains, _ in places))
    conditions = conditions_in_order(finding.condition for finding in findings)
    for metric, explains in metrics:
        for condition in conditions:
            if (metric, explains, condition) in places:
                yield places[metric, explains, condition]


def _groups_row(findings: list[Finding], notes: Notes, told: set[str]) -> tuple[Cell, ...]:
    everybody = next((finding for finding in findings if not finding.groups), None)
    groups = [finding for finding in findings if finding.groups]
    ends = _ends(groups)
    shown = [finding for finding in (everybody, *ends) if finding is not None]
    told.update(finding.id for finding in shown)
    return (
        _metric_cell(findings[0]),
        Cell(text=findings[0].condition),
        _everybody(everybody),
        *map(_end, ends),
        Cell(text=f"{len(groups):,}", detail=_lacking(groups)),
        _verdict(findings),
        Cell(text="", notes=_reasons(shown, notes)),
    )


def _metric_cell(finding: Finding) -> Cell:
    per_unit = "mean over units" if finding.metric.endswith(PER_UNIT) else ""
    details = (per_unit, finding.property.value if finding.property else "", scale_of(finding.metric).unit)
    title = metric_label(finding.metric.removesuffix(PER_UNIT))
    return Cell(text=title, detail=", ".join(detail for detail in details if detail))


def _ends(groups: Sequence[Finding]) -> tuple[Finding | None, Finding | None]:
    """Return the lowest and the highest group: of those with an interval, where there are any."""
    defined = [finding for finding in groups if finding.estimate.value is not None]
    sure = [finding for finding in defined if finding.estimate.interval is not None] or defined
    if not sure:
        return None, None
    return min(sure, key=_value), max(sure, key=_value)


def _value(finding: Finding) -> float:
    return 0.0 if finding.estimate.value is None else finding.estimate.value


def _everybody(finding: Finding | None) -> Cell:
    if finding is None:
        return Cell(text=NOTHING)
    scale, estimate = scale_of(finding.metric), finding.estimate
    detail = f"{interval_text(estimate.interval, scale)} {_n(finding)}".strip()
    return Cell(text=figures(estimate.value, scale), detail=detail)


def _end(finding: Finding | None) -> Cell:
    if finding is None:
        return Cell(text=NOTHING)
    scale, estimate = scale_of(finding.metric), finding.estimate
    said = f"{figures(estimate.value, scale)} {interval_text(estimate.interval, scale)}".strip()
    return Cell(text=group_name(finding.groups), detail=f"{said}, {_n(finding)}")


def _n(finding: Finding) -> str:
    units = finding.estimate.n_clusters
    return f"n {finding.estimate.n:,}{'' if units is None else f' / {units:,}'}"


def _lacking(groups: Sequence[Finding]) -> str:
    undefined = sum(finding.estimate.value is None for finding in groups)
    unsure = sum(finding.estimate.value is not None and finding.estimate.interval is None for finding in groups)
    said = (f"{unsure:,} without interval" if unsure else "", f"{undefined:,} undefined" if undefined else "")
    return ", ".join(words for words in said if words)


def _verdict(findings: Sequence[Finding]) -> Cell:
    """Return the verdict that must be read first, and of how many it is where it is not that of all."""
    verdicts = [finding.verdict for finding in findings]
    first = worst(verdicts)
    partly = first is not Verdict.INFORMATIVE and verdicts.count(first) < len(verdicts)
    detail = f"{verdicts.count(first):,} of {len(verdicts):,}" if partly else ""
    return Cell(text=verdict_text(first), detail=detail, verdict=first)


def _reasons(findings: Sequence[Finding], notes: Notes) -> tuple[int, ...]:
    """Return the notes of what is told: why it has no interval, what the verdict rests on, and caveats."""
    lacking = [f"no interval: {why}" for why in (finding.estimate.why_no_interval for finding in findings) if why]
    said = [text for finding in findings for text in (finding.because, *finding.caveats) if text]
    return tuple(notes.number(text) for text in distinct([*lacking, *said]))


def _gaps_row(findings: list[Finding], notes: Notes, told: set[str]) -> tuple[Cell, ...]:
    widest = max(findings, key=_width)
    told.add(widest.id)
    scale, estimate, null, test = scale_of(widest.metric), widest.estimate, widest.null_expectation, widest.test
    ends = [end for end in (widest.lowest, widest.highest) if end is not None]
    undefined = sum(finding.estimate.value is None for finding in findings)
    return (
        Cell(text=metric_label(widest.metric)),
        Cell(text=widest.condition),
        Cell(text=features_name(widest.compared or ())),
        Cell(text=" and ".join(ends)),
        Cell(text=quantity(estimate.value, scale), detail=interval_text(estimate.interval, scale)),
        Cell(text=chance_limit_text(null, scale) if null else NOTHING),
        Cell(text=p_text(test.p_adjusted if test else None)),
        Cell(text=_n(widest).removeprefix("n ")),
        Cell(text=f"{len(findings):,}", detail=f"{undefined:,} undefined" if undefined else ""),
        _verdict(findings),
        Cell(text="", notes=_reasons([widest], notes)),
    )


def _width(finding: Finding) -> float:
    """Return how far a gap is from none: a ratio the wider the lower it is, a difference by its size."""
    value = finding.estimate.value
    if value is None:
        return float("-inf")
    return -value if finding.higher_is_better else abs(value)


def _left_out(findings: Sequence[Finding], told: set[str]) -> str:
    """Return how many findings an aggregate leaves out, and where they are."""
    left = sum(finding.id not in told for finding in findings)
    conditions = distinct(finding.condition for finding in findings)
    of_all = f"{left:,} of {counted(len(findings), 'finding')} in {counted(len(conditions), 'condition')}"
    return f"Left out here: {of_all}, each with its own notes. {WHERE}"
