"""Performance: how good answers are for everybody, under each condition, class by class, and how well calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Fold, Notes, Paragraph, Table, tidied
from reports.ordering import conditions_in_order, distinct
from reports.sections.areas import MEASURE, Area, part_of
from reports.sections.case_file import CaseFile
from reports.sections.groups import label_sections
from reports.sections.measured import refused_block
from reports.sections.missing import Missing, Told, told
from reports.sections.seed_tables import of_seeds, seed_tables
from reports.wording import (
    NOTHING,
    PER_UNIT,
    figures,
    interval_text,
    metric_label,
    scale_of,
    verdict_text,
    worst,
)

EXPLANATION: Final = (
    "Of everybody together, under every condition that was judged. A condition is what the model was shown: T for "
    "text, A for audio, V for video. What groups met stands under Fairness."
)
NOT_MEASURED: Final = Missing(
    what="How good the answers are was not measured",
    supplied_by="whoever supplied the table",
    how="bring reference labels (`y_true`), or labels of several annotators, and audit again",
)
NOT_CALIBRATED: Final = Missing(
    what="Whether the model's probabilities can be believed was not measured",
    supplied_by="the provider",
    how="bring a probability for each label (`prob_LABEL`) and audit again",
)
ONE_CONDITION: Final = Missing(
    what="What the model makes of each modality alone was not measured: one condition was judged",
    supplied_by="the provider",
    how="judge the same items with modalities taken away, and put the conditions into the table",
)


def performance_section(case: CaseFile) -> Told:
    """Return everybody's numbers by condition, and what is told label by label."""
    report = case.report
    part = part_of(report, (Area.PERFORMANCE,))
    blocks: list[Block] = []
    if part.findings:
        blocks.append(Paragraph(text=EXPLANATION))
        blocks += seed_tables(part)
        blocks += [_folded(part, run) for run in distinct(f.run for f in part.findings if not of_seeds(f))]
    blocks += label_sections(report, case.gallery)
    blocks += refused_block(report, Area.PERFORMANCE)
    return told("performance", "Performance", blocks, _missing(report))


def _missing(report: AuditReport) -> list[Missing]:
    answered = {finding.examination for finding in report.findings}
    if not answered & MEASURE:
        return [NOT_MEASURED]
    missing = [] if "calibration" in answered else [NOT_CALIBRATED]
    return missing if any(len(data.conditions) > 1 for data in report.data) else [*missing, ONE_CONDITION]


def _folded(part: AuditReport, run: str) -> Block:
    table = _table([finding for finding in part.findings if finding.run == run], run)
    return Fold(summary=table.caption, blocks=(table,), opened=True)


def _table(findings: Sequence[Finding], run: str) -> Table:
    """Return a row for each metric, a column for each condition."""
    conditions = conditions_in_order(finding.condition for finding in findings)
    notes = Notes()
    metrics = distinct(finding.metric for finding in findings)
    rows = tuple(
        _row([finding for finding in findings if finding.metric == metric], conditions, notes) for metric in metrics
    )
    table = Table(
        id=f"performance-{run}",
        caption=f"Everybody in run {run}, by condition",
        columns=(
            Column(title="Metric", kind="heading"),
            *(Column(title=condition, kind="number") for condition in conditions),
            Column(title="n", detail="rows / units", kind="number"),
            Column(title="Verdict", detail="the worst", kind="verdict"),
            Column(title="Notes", kind="notes"),
        ),
        rows=rows,
        notes=notes.texts(),
    )
    return tidied(table)


def _row(findings: Sequence[Finding], conditions: Sequence[str], notes: Notes) -> tuple[Cell, ...]:
    first = findings[0]
    scale = scale_of(first.metric)
    by_condition = {finding.condition: finding for finding in findings}
    said = [f"{f.condition}: no interval: {f.estimate.why_no_interval}" for f in findings if f.estimate.why_no_interval]
    verdict = worst([finding.verdict for finding in findings])
    units = first.estimate.n_clusters
    return (
        Cell(
            text=metric_label(first.metric.removesuffix(PER_UNIT)),
            detail=", ".join(filter(None, ("mean over units" if first.metric.endswith(PER_UNIT) else "", scale.unit))),
        ),
        *(_value(by_condition.get(condition)) for condition in conditions),
        Cell(text=f"{first.estimate.n:,} / {NOTHING if units is None else f'{units:,}'}"),
        Cell(text=verdict_text(verdict), verdict=verdict),
        Cell(text="", notes=tuple(notes.number(text) for text in said)),
    )


def _value(finding: Finding | None) -> Cell:
    if finding is None:
        return Cell(text=NOTHING)
    scale = scale_of(finding.metric)
    return Cell(
        text=figures(finding.estimate.value, scale), detail=interval_text(finding.estimate.interval, scale)
    )  # fmt: skip
