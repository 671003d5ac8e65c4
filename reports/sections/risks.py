"""Findings, risks, mitigations and waivers: every criterion with what it met, and of what was not kept a register."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from affidavit.metric_names import sentence_case
from affidavit.records import Finding, Verdict
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Paragraph, Section, Table
from reports.gate.waivers import Waiver, first_in_force
from reports.law.dossier import Question
from reports.law.pack import Supplier
from reports.sections.case_file import CaseFile
from reports.sections.criteria import criteria_section
from reports.sections.missing import Missing, Told, told
from reports.wording import NOTHING, group_name, metric_label, verdict_text

MITIGATION: Final = "mitigation"
NAMED_AT_MOST: Final = 3
_OPEN: Final = (Verdict.FAIL, Verdict.INCONCLUSIVE)
REGISTER: Final = (
    "Each criterion that was not kept, or could not be decided, is a risk that somebody has to treat. A waiver lets a "
    "risk stand for a time; it changes no verdict. What the mitigations that were tried did stands under Fairness."
)
NO_POLICY: Final = Missing(
    what="No policy was applied, so no risk was told from what is tolerable",
    supplied_by=Supplier.DEPLOYER,
    how="fix criteria before results are seen (`affidavit run` with `policy:`, docs/policy.md)",
)
NO_MITIGATION: Final = Missing(
    what="No mitigation was tried on what was not kept",
    supplied_by=Supplier.PROVIDER,
    how="ask the examination `mitigation`, or say in the dossier how the risk is treated (`risk_management`)",
)


def risks_section(case: CaseFile) -> Told:
    """Return criteria, the register of risks, waivers, and what was not assessed."""
    report = case.report
    blocks: list[Block] = [criteria_section(report)]
    risks = _risks(report)
    if risks:
        blocks.append(_register(case, risks))
    managed = case.answer(Question.RISK_MANAGEMENT)
    blocks += [Paragraph(text=f"Risk management: {managed}")] if managed else []
    blocks += [_waivers(case)] if case.papers.waivers else []
    blocks.append(refusals_section(report))
    return told("risks", "Findings, risks, mitigations and waivers", blocks, tuple(_missing(case, risks)))


def _missing(case: CaseFile, risks: Sequence[str]) -> Iterator[Missing]:
    if case.report.policy is None:
        yield NO_POLICY
    if risks and not any(finding.examination == MITIGATION for finding in case.report.findings):
        yield NO_MITIGATION
    if case.answer(Question.RISK_MANAGEMENT) is None:
        yield case.unanswered(Question.RISK_MANAGEMENT, supplied_by=Supplier.PROVIDER)


def _risks(report: AuditReport) -> tuple[str, ...]:
    """Return the criteria that were not kept everywhere."""
    open_ones = [f.criterion.id for f in report.findings if f.criterion is not None and f.verdict in _OPEN]
    return tuple(dict.fromkeys(open_ones))


def _register(case: CaseFile, risks: Sequence[str]) -> Section:
    table = Table(
        id="risk-register",
        caption="Criteria that were not kept, and what is done about them",
        columns=(
            Column(title="Criterion", kind="heading"),
            Column(title="Metric"),
            *(Column(title=verdict_text(verdict), kind="count") for verdict in _OPEN),
            Column(title="Where it failed most often", kind="prose"),
            Column(title="Waived", kind="prose"),
        ),
        rows=tuple(_risk(case, name) for name in risks),
    )
    return Section(id="risk-register", title="Risks", blocks=(Paragraph(text=REGISTER), table))


def _risk(case: CaseFile, name: str) -> tuple[Cell, ...]:
    bound = [f for f in case.report.findings if f.criterion is not None and f.criterion.id == name]
    counts = Counter(finding.verdict for finding in bound)
    return (
        Cell(text=name),
        Cell(text=metric_label(bound[0].metric)),
        *(Cell(text=f"{counts[verdict]:,}") for verdict in _OPEN),
        Cell(text=_whom(bound)),
        Cell(text=_waived(case, name, [finding for finding in bound if finding.verdict in _OPEN])),
    )


def _whom(bound: Sequence[Finding]) -> str:
    """Return the groups that failing findings name most often: their own, or both ends of a gap."""
    failed = [finding for finding in bound if finding.verdict is Verdict.FAIL]
    named = Counter(name for name in map(_group, failed) if name)
    return "; ".join(name for name, _ in named.most_common(NAMED_AT_MOST)) or NOTHING


def _group(finding: Finding) -> str:
    if finding.compared is None:
        return group_name(finding.groups)
    return " and ".join(end for end in (finding.lowest, finding.highest) if end)


def _waived(case: CaseFile, criterion: str, open_ones: Sequence[Finding]) -> str:
    today = case.papers.filed_on
    let_through = [f for f in open_ones if first_in_force(case.papers.waivers, criterion, f.id, today=today)]
    if not let_through:
        return "no"
    return "all of it" if len(let_through) == len(open_ones) else f"{len(let_through)} of {len(open_ones)}"


def _waivers(case: CaseFile) -> Section:
    today = case.papers.filed_on
    table = Table(
        id="waivers",
        caption=f"Waivers, and which of them were in force on {today.isoformat()}",
        columns=(
            Column(title="Criterion", kind="heading"),
            Column(title="Finding"),
            Column(title="In force"),
            Column(title="Who answers for it"),
            Column(title="Agreed by"),
            Column(title="Reason", kind="prose"),
        ),
        rows=tuple(_waiver(waiver, today) for waiver in case.papers.waivers),
    )
    return Section(id="waivers", title="Waivers", blocks=(table,))


def _waiver(waiver: Waiver, today: datetime.date) -> tuple[Cell, ...]:
    return (
        Cell(text=waiver.criterion),
        Cell(text=waiver.finding or "all that it binds"),
        Cell(text="yes" if waiver.in_force(today) else "no", detail=f"{waiver.granted} until {waiver.expires}"),
        Cell(text=waiver.owner),
        Cell(text=waiver.approved_by),
        Cell(text=waiver.reason),
    )


def refusals_section(report: AuditReport) -> Section:
    """Return what was not assessed, why, and what would let it be."""
    if not report.refusals:
        blocks: tuple[Block, ...] = (Paragraph(text="Every examination of the plan gave an answer."),)
        return Section(id="not-assessed", title="Not assessed", blocks=blocks)
    rows = tuple(
        (Cell(text=sentence_case(r.examination)), Cell(text=r.run or "all"), Cell(text=r.because), Cell(text=r.remedy))
        for r in report.refusals
    )
    table = Table(
        id="refusals",
        caption="What was not assessed, and what would let it be",
        columns=(
            Column(title="What", kind="heading"),
            Column(title="Run"),
            Column(title="Because", kind="prose"),
            Column(title="Remedy", kind="prose"),
        ),
        rows=rows,
    )
    return Section(id="not-assessed", title="Not assessed", blocks=(table,))
