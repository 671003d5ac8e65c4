"""The criteria that were applied, each with every finding it bound and the interval that decided."""

from __future__ import annotations

from collections import Counter

from affidavit.policy import Criterion
from affidavit.records import CriterionOutcome, Finding, Interval, Verdict
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Fold, Notes, Paragraph, Section, Table, tidied
from reports.ordering import distinct
from reports.sections.remarks import label_noise_remark
from reports.wording import (
    NOTHING,
    bound_text,
    counted,
    digits_apart,
    features_name,
    figures,
    group_name,
    interval_text,
    metric_label,
    scale_of,
    severity,
    verdict_text,
    with_unit,
)

EXPLANATION = (
    "Each bound is the policy's choice, from the source named beside it; keeping it shows agreement with the policy "
    "and nothing more. What decides is the adjusted interval, widened for all decisions that were taken together."
)
_DECIDED = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
_COLUMNS = (
    Column(title="Finding", kind="heading"),
    Column(title="Run"),
    Column(title="Condition"),
    Column(title="Bound", kind="number"),
    Column(title="Estimate", detail="with interval", kind="number"),
    Column(title="Deciding interval", detail="adjusted", kind="number"),
    Column(title="n", detail="rows / units", kind="number"),
    Column(title="Decided together", kind="number"),
    Column(title="Verdict", kind="verdict"),
    Column(title="Notes", kind="notes"),
)


def criteria_section(report: AuditReport) -> Section:
    """Return every criterion and what it met."""
    return Section(id="criteria", title="Criteria", blocks=_blocks(report))


def _blocks(report: AuditReport) -> tuple[Block, ...]:
    bound = [finding for finding in report.findings if finding.criterion is not None]
    if report.policy is None and not bound:
        return (Paragraph(text="No policy was given, so no criterion was applied and nothing was decided."),)
    criteria = report.policy.criteria if report.policy else ()
    names = distinct([*(criterion.id for criterion in criteria), *map(_criterion_id, bound)])
    folds = [_fold(name, [f for f in bound if _criterion_id(f) == name]) for name in names]
    overview = (_overview(report),) if report.policy else ()
    return Paragraph(text=EXPLANATION), *overview, *(fold for fold in folds if fold.blocks)


def _criterion_id(finding: Finding) -> str:
    return finding.criterion.id if finding.criterion else ""


def _overview(report: AuditReport) -> Table:
    criteria = report.policy.criteria if report.policy else ()
    return Table(
        id="criteria-overview",
        caption="The criteria of the policy",
        columns=(
            Column(title="Criterion", kind="heading"),
            Column(title="Metric"),
            Column(title="Bound", kind="number"),
            Column(title="Binds", kind="prose"),
            *(Column(title=verdict_text(v), kind="count") for v in _DECIDED),
            Column(title="Source", kind="prose"),
        ),
        rows=tuple(_overview_row(report, criterion) for criterion in criteria),
    )


def _overview_row(report: AuditReport, criterion: Criterion) -> tuple[Cell, ...]:
    counts = Counter(f.verdict for f in report.findings if _criterion_id(f) == criterion.id)
    note = f"; {criterion.note}" if criterion.note else ""
    return (
        Cell(text=criterion.id),
        Cell(text=metric_label(criterion.metric)),
        Cell(text=bound_text(criterion.at_most, criterion.at_least, scale_of(criterion.metric))),
        Cell(text=_binds(criterion, counts.total())),
        *(Cell(text=f"{counts[verdict]:,}") for verdict in _DECIDED),
        Cell(text=f"{criterion.source}{note}"),
    )


def _binds(criterion: Criterion, n_findings: int) -> str:
    where = [
        f"gaps across {features_name(criterion.compared)}" if criterion.compared else "",
        f"scope {criterion.scope}" if criterion.scope != "all" else "",
        _conditions(criterion),
        "" if criterion.intersections else "no intersections",
        "an answer is demanded" if criterion.answer_demanded else "",
        counted(n_findings, "finding") if n_findings else "met no finding",
    ]
    return "; ".join(part for part in where if part)


def _fold(name: str, findings: list[Finding]) -> Fold:
    verdicts = Counter(finding.verdict for finding in findings)
    counts = ", ".join(f"{verdicts[v]:,} {v.value}" for v in sorted(verdicts, key=severity))
    blocks = (_table(name, findings),) if findings else ()
    return Fold(summary=f"{name}: {counts}", blocks=blocks, opened=True)


def _table(name: str, findings: list[Finding]) -> Table:
    notes = Notes()
    rows = tuple(_row(finding, notes) for finding in sorted(findings, key=lambda f: severity(f.verdict)))
    table = Table(
        id=f"criterion-{name}",
        caption=f"Findings bound by {name}",
        columns=_COLUMNS,
        rows=rows,
        notes=notes.texts(),
    )
    return tidied(table)


def _row(finding: Finding, notes: Notes) -> tuple[Cell, ...]:
    scale, digits = scale_of(finding.metric), digits_apart(finding, scale_of(finding.metric))
    outcome, estimate = finding.criterion, finding.estimate
    value = with_unit(figures(estimate.value, scale, digits=digits), scale)
    deciding = outcome.adjusted_interval if outcome else None
    return (
        Cell(text=f"{metric_label(finding.metric)}, {_whom(finding)}"),
        Cell(text=finding.run),
        Cell(text=finding.condition),
        Cell(text=_bound(outcome, finding.metric)),
        Cell(text=value, detail=interval_text(estimate.interval, scale, digits=digits)),
        Cell(text=interval_text(deciding, scale, digits=digits) or NOTHING, detail=_level(deciding)),
        Cell(text=_counts(finding)),
        Cell(text=f"{outcome.family_size:,}" if outcome else NOTHING),
        Cell(text=verdict_text(finding.verdict), verdict=finding.verdict),
        Cell(text="", notes=_reasons(finding, notes)),
    )


def _whom(finding: Finding) -> str:
    if finding.compared is not None:
        return f"across {features_name(finding.compared)}"
    return group_name(finding.groups)


def _counts(finding: Finding) -> str:
    units = finding.estimate.n_clusters
    return f"{finding.estimate.n:,} / {NOTHING if units is None else f'{units:,}'}"


def _bound(outcome: CriterionOutcome | None, metric: str) -> str:
    return bound_text(outcome.at_most, outcome.at_least, scale_of(metric)) if outcome else NOTHING


def _level(interval: Interval | None) -> str:
    return f"{100 * interval.level:.4f}".rstrip("0").rstrip(".") + " %" if interval else ""


def _reasons(finding: Finding, notes: Notes) -> tuple[int, ...]:
    source = f"source of the bound: {finding.criterion.source}" if finding.criterion else ""
    why = f"no interval: {finding.estimate.why_no_interval}" if finding.estimate.why_no_interval else ""
    texts = [source, finding.because, why, label_noise_remark(finding), *finding.caveats]
    return tuple(notes.number(text) for text in texts if text)


def _conditions(criterion: Criterion) -> str:
    if criterion.conditions is None:
        return ""
    return "fullest condition" if criterion.conditions == "fullest" else f"conditions {', '.join(criterion.conditions)}"
