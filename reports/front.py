"""The first page: what was decided, what was found, who supplied what, and what this does not prove."""

from __future__ import annotations

from collections import Counter

from affidavit.metric_names import sentence_case
from affidavit.records import Verdict
from affidavit.report import SMALL_CELLS, AuditReport, DataDescription, Decision
from reports.document import Block, Cell, Column, Facts, Listing, Paragraph, Section, Table
from reports.ordering import distinct
from reports.wording import count_text, counted, verdict_text

SMALL_CELLS_MEANING = (
    "This document shows groups of any size, down to single people. It is for those who supplied the data; "
    "make a release of it before it goes further."
)
_NOT_PROVED_START = "Nothing in this report proves that the deployed model produced"
NOT_PROVED = f"{_NOT_PROVED_START} these predictions."
_UNITS = {"unit_id": "unit (patient)", "speaker_id": "speaker", "utterance_id": "utterance (no speaker ids)"}
_OUTCOMES = (
    (Verdict.FAIL, "failed"),
    (Verdict.INCONCLUSIVE, "inconclusive"),
    (Verdict.PASS, "passed"),
)


def front_page(report: AuditReport) -> Section:
    """Return the first page below the decision."""
    blocks: list[Block] = [Listing(items=report.summary)] if report.summary else []
    if report.caveats:
        blocks.append(Listing(lead="Read with these caveats:", items=report.caveats))
    blocks += [_policy_paragraph(report), _suppliers(report), _independence(report), verdict_counts(report)]
    blocks += _silent(report)
    return Section(id="glance", title="At a glance", blocks=tuple(blocks))


def reckoning(report: AuditReport) -> str:
    """Return how the decision comes about, in a few words."""
    if report.policy is None:
        return "What follows measures and compares; it judges nothing."
    verdicts = Counter(f.verdict for f in report.findings if f.criterion is not None)
    parts = [f"{verdicts[verdict]:,} {word}" for verdict, word in _OUTCOMES]
    held = counted(len(report.policy.criteria), "criterion")
    return f"{held} held against {counted(verdicts.total(), 'finding')}: {', '.join(parts)}."


def tone(report: AuditReport) -> str:
    """Return how the first line is dressed."""
    if report.policy is None or report.decision is Decision.NONE:
        return "none"
    return report.decision.value


def marking_meaning(report: AuditReport) -> str:
    """Return what the marking asks of a reader."""
    return SMALL_CELLS_MEANING if report.marking == SMALL_CELLS else ""


def _policy_paragraph(report: AuditReport) -> Paragraph:
    if report.policy is None:
        return Paragraph(text="No policy was given, so no criterion was applied: nothing below was passed or failed.")
    policy = report.policy
    frozen = (
        "It states that its criteria were fixed before anybody saw the results."
        if policy.frozen_before_results
        else "It states that its criteria were not fixed before the results were seen."
    )
    return Paragraph(text=f"Policy: {policy.title} ({policy.name}). {policy.statement} {frozen}")


def verdict_counts(report: AuditReport) -> Table:
    """Return verdicts per examination that found something; what it refused beside that counts as not assessed."""
    areas = _areas(report)
    titles = [verdict_text(verdict) for verdict in Verdict]
    return Table(
        id="verdicts",
        caption="Verdicts per examination",
        columns=(
            Column(title="Examination", kind="heading"),
            *(Column(title=title, kind="count") for title in titles),
            Column(title="not assessed", kind="count"),
        ),
        rows=tuple(_area_row(report, area) for area in areas),
    )


def _areas(report: AuditReport) -> tuple[str, ...]:
    return distinct(finding.examination for finding in report.findings)


def _silent(report: AuditReport) -> list[Block]:
    """Name the examinations that could not answer at all."""
    names = distinct(r.examination for r in report.refusals if r.examination not in _areas(report))
    if not names:
        return []
    said = f"Could not answer: {', '.join(map(sentence_case, names))}. Why, and what would let each, stands under"
    return [Paragraph(text=f"{said} Not assessed.")]


def _area_row(report: AuditReport, area: str) -> tuple[Cell, ...]:
    verdicts = Counter(f.verdict for f in report.findings if f.examination == area)
    refused = sum(refusal.examination == area for refusal in report.refusals)
    counts = [*(verdicts[verdict] for verdict in Verdict), refused]
    return Cell(text=sentence_case(area)), *(Cell(text=f"{count:,}") for count in counts)


def _suppliers(report: AuditReport) -> Listing:
    items = [f"Run {data.run}: {data.source}{_supplier(data)}." for data in report.data]
    said = any(caveat.startswith(_NOT_PROVED_START) for caveat in report.caveats)
    return Listing(lead="Who supplied what was audited:", items=tuple(items) if said else (*items, NOT_PROVED))


def _supplier(data: DataDescription) -> str:
    return f", supplied by {data.supplier}" if data.supplier else "; who supplied it was not said"


def unit_name(data: DataDescription) -> str:
    """Return what the independent unit is."""
    return _UNITS.get(data.unit, data.unit)


def _independence(report: AuditReport) -> Facts:
    items = [(f"Unit of independence, run {data.run}", _unit_sentence(data)) for data in report.data]
    return Facts(items=tuple(items))


def _unit_sentence(data: DataDescription) -> str:
    rows = counted(data.n_rows, "row")
    if data.n_units is None:
        return f"the row, {rows}: the table has no unit ids, so intervals may be too narrow"
    return f"the {unit_name(data)}: {count_text(data.n_units)} of them, with {rows}"
