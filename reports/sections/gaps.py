"""Gaps between groups, each printed beside the gap that chance alone gives and the smallest that could be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from affidavit.metric_names import sentence_case
from affidavit.records import Finding, SignificanceTest
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Fold, Notes, Paragraph, Section, Table, tidied
from reports.drawings.gallery import Gallery
from reports.ordering import conditions_in_order, distinct
from reports.sections.aggregates import STANDING_OUT, Shared, gaps_aggregate, shared_out
from reports.sections.remarks import controls_remark, interval_remark
from reports.wording import (
    NOTHING,
    chance_limit_text,
    detectable_text,
    features_name,
    figures,
    interval_text,
    metric_label,
    p_text,
    quantity,
    scale_of,
    verdict_text,
)

EXPLANATION = (
    "A gap between groups is never zero, even where a model treats everybody alike. Each gap therefore stands beside "
    "what chance alone gives with these groups, and beside the smallest true effect that this sample would find."
)
ById = Mapping[str, Finding]
_COLUMNS = (
    Column(title="Gap", kind="heading"),
    Column(title="Condition"),
    Column(title="Features"),
    Column(title="Between", detail="lowest and highest", kind="prose"),
    Column(title="Value", detail="with interval", kind="number"),
    Column(title="Chance alone", detail="mean", kind="number"),
    Column(title="Chance alone", detail="95 % of draws", kind="number"),
    Column(title="Smallest detectable", kind="number"),
    Column(title="p", kind="number"),
    Column(title="p adjusted", kind="number"),
    Column(title="n", detail="rows / units", kind="number"),
    Column(title="Verdict", kind="verdict"),
    Column(title="Notes", kind="notes"),
)


def gaps_section(report: AuditReport, gallery: Gallery) -> Section:
    """Return all gaps, run by run, with their pictures first: the fullest condition open, the others in short."""
    gaps = [finding for finding in report.findings if finding.compared is not None]
    if not gaps:
        return Section(id="gaps", title="Gaps between groups", blocks=(Paragraph(text="No gaps were measured."),))
    by_id = {finding.id: finding for finding in report.findings}
    folds = [fold for run in distinct(f.run for f in gaps) for fold in _run_folds(gaps, by_id, run)]
    return Section(
        id="gaps", title="Gaps between groups", blocks=(Paragraph(text=EXPLANATION), *gallery.of_gaps, *folds)
    )


def _run_folds(gaps: list[Finding], by_id: ById, run: str) -> list[Block]:
    """Return the fullest condition in full, and the others in short with what stands out in them."""
    own = [finding for finding in gaps if finding.run == run]
    areas = [_shared([f for f in own if f.examination == area]) for area in distinct(f.examination for f in own)]
    conditions = conditions_in_order(finding.condition for finding in own)
    folds = [_condition(run, c, areas, by_id, opened=c == conditions[0]) for c in conditions]
    short = tuple(fold for shared in areas for fold in _in_short(shared, by_id))
    others = (Fold(summary=f"Gaps in run {run}, the other conditions in short", blocks=short),) if short else ()
    return [*(fold for fold in folds if fold.blocks), *others]


def _shared(findings: list[Finding]) -> Shared:
    return shared_out(findings, row=lambda f: f.id, place=lambda f: (f.metric, f.compared))


def _condition(run: str, condition: str, areas: list[Shared], by_id: ById, *, opened: bool) -> Fold:
    """Return a table for each examination; open where something was tested or decided, for that is read first."""
    folds = []
    for own in (dict(shared.whole).get(condition) for shared in areas):
        if own is not None:
            table = _table(own, by_id, f"condition {condition}")
            weighed = any(finding.test is not None or finding.criterion is not None for finding in own)
            folds.append(Fold(summary=table.caption, opened=weighed, blocks=(table,)))
    return Fold(summary=f"Gaps in run {run}, condition {condition}", opened=opened, blocks=tuple(folds))


def _in_short(shared: Shared, by_id: ById) -> Iterator[Fold]:
    if shared.standing_out:
        table = _table(shared.standing_out, by_id, STANDING_OUT)
        yield Fold(summary=table.caption, opened=True, blocks=(table,))
    if shared.aggregated:
        table = gaps_aggregate(sentence_case(shared.aggregated[0].examination), shared.aggregated)
        yield Fold(summary=table.caption, opened=True, blocks=(table,))


def _table(findings: Sequence[Finding], by_id: ById, where: str) -> Table:
    notes, first = Notes(), findings[0]
    several = len({finding.condition for finding in findings}) > 1
    return tidied(
        Table(
            id=f"gaps-{first.examination}-{first.run}-{'standing-out' if several else first.condition}",
            caption=f"{sentence_case(first.examination)}: gaps in run {first.run}, {where}",
            columns=_COLUMNS,
            rows=tuple(_row(finding, finding.condition if several else "", by_id, notes) for finding in findings),
            notes=notes.texts(),
        )
    )


def _row(finding: Finding, condition: str, by_id: ById, notes: Notes) -> tuple[Cell, ...]:
    scale, estimate, test = scale_of(finding.metric), finding.estimate, finding.test
    null, effect = finding.null_expectation, finding.minimum_detectable_effect
    why = (notes.number(f"no interval: {estimate.why_no_interval}"),) if estimate.why_no_interval else ()
    return (
        Cell(text=metric_label(finding.metric)),
        Cell(text=condition),
        Cell(text=features_name(finding.compared or ())),
        Cell(text=_between(finding)),
        Cell(text=quantity(estimate.value, scale), detail=interval_text(estimate.interval, scale), notes=why),
        Cell(text=figures(null.value, scale) if null else NOTHING),
        Cell(text=chance_limit_text(null, scale) if null else NOTHING),
        Cell(text=detectable_text(effect, scale) if effect else NOTHING),
        Cell(text=p_text(test.p_value if test else None)),
        Cell(text=p_text(test.p_adjusted if test else None)),
        Cell(text=_counts(finding)),
        Cell(text=verdict_text(finding.verdict), verdict=finding.verdict),
        Cell(text="", notes=tuple(notes.number(text) for text in _remarks(finding, by_id))),
    )


def _between(finding: Finding) -> str:
    """Return the groups at both ends of a gap; nothing where the gap has no two ends."""
    ends = [end for end in (finding.lowest, finding.highest) if end is not None]
    return " and ".join(ends)


def _counts(finding: Finding) -> str:
    units = finding.estimate.n_clusters
    return f"{finding.estimate.n:,} / {NOTHING if units is None else f'{units:,}'}"


def _remarks(finding: Finding, by_id: ById) -> list[str]:
    """Return what has no column of its own: methods, the family, controls, reasons and caveats."""
    test, null, effect = finding.test, finding.null_expectation, finding.minimum_detectable_effect
    texts = [
        finding.because,
        interval_remark(finding.estimate.interval),
        f"chance alone: {null.method}" if null else "",
        f"smallest detectable at power {effect.power:.6g}, alpha {effect.alpha:.6g}: {effect.method}" if effect else "",
        f"test: {test.method}; null: {test.null}" if test else "",
        _adjustment(test) if test else "",
        controls_remark(finding, by_id),
        f"source: {finding.source}",
        *finding.caveats,
    ]
    return [text for text in texts if text]


def _adjustment(test: SignificanceTest) -> str:
    over = f" over {test.family}" if test.family else ""
    return f"p adjusted by {test.correction}{over}" if test.correction else ""
