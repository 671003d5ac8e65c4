"""The decision page: a verdict for each area, the use, the signatures, the end date, and what the whole file lacks."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from affidavit.metric_names import sentence_case
from affidavit.records import Finding, Verdict
from affidavit.report import SMALL_CELLS, AuditReport, DataDescription, Decision
from reports.document import Block, Cell, Column, Facts, Fold, Listing, Paragraph, Section, Table
from reports.law.dossier import Question
from reports.law.pack import shipped_packs
from reports.law.scope import Outcome
from reports.ordering import distinct
from reports.sections.areas import TITLES, Area, area_of, area_of_examination
from reports.sections.case_file import CaseFile
from reports.sections.data_and_labels import unit_name
from reports.sections.missing import Missing, Told
from reports.trust.signatures import SignatureOutcome
from reports.wording import count_text, counted, decision_line, verdict_text, worst

SMALL_CELLS_MEANING: Final = (
    "This document shows groups of any size, down to single people. It is for those who supplied the data; "
    "make a release of it before it goes further."
)
_NOT_PROVED_START: Final = "Nothing in this report proves that the deployed model produced"
NOT_PROVED: Final = f"{_NOT_PROVED_START} these predictions."
SIGNED_LATER: Final = (
    "signatures are made over this page and come after it: `affidavit verify DIR --trust TRUST` says who signed, and "
    "`affidavit render DIR --as html --trust TRUST` prints it here"
)
PROHIBITED: Final = "Prohibited use: the scope gate is shut"
_OUTCOMES: Final = ((Verdict.FAIL, "failed"), (Verdict.INCONCLUSIVE, "inconclusive"), (Verdict.PASS, "passed"))
_SCOPE: Final = {
    Outcome.ALLOWED: "open: no prohibited use was found in the answers",
    Outcome.PROHIBITED: "shut: the use as it is described is prohibited",
    Outcome.UNANSWERED: "shut: what would open it was not answered",
}


def first_line(case: CaseFile) -> str:
    """Return the first line that anybody reads."""
    line = decision_line(case.report.decision, has_policy=case.report.policy is not None)
    return f"{PROHIBITED}. {line}" if case.scope.outcome is Outcome.PROHIBITED else line


def tone(case: CaseFile) -> str:
    """Return how the first line is dressed."""
    if case.scope.outcome is Outcome.PROHIBITED:
        return Decision.FAIL.value
    if case.report.policy is None or case.report.decision is Decision.NONE:
        return "none"
    return case.report.decision.value


def reckoning(report: AuditReport) -> str:
    """Return how the decision comes about, in a few words."""
    if report.policy is None:
        return "What follows measures and compares; it judges nothing."
    verdicts = Counter(f.verdict for f in report.findings if f.criterion is not None)
    parts = [f"{verdicts[verdict]:,} {word}" for verdict, word in _OUTCOMES]
    held = counted(len(report.policy.criteria), "criterion")
    return f"{held} held against {counted(verdicts.total(), 'finding')}: {', '.join(parts)}."


def marking_meaning(report: AuditReport) -> str:
    """Return what the marking asks of a reader."""
    return SMALL_CELLS_MEANING if report.marking == SMALL_CELLS else ""


def decision_section(case: CaseFile, others: Sequence[Told]) -> Section:
    """Return the first section, written after all others, so that it can say what they lack."""
    report = case.report
    blocks: list[Block] = [_by_area(report), Facts(items=tuple(_facts(case)))]
    if report.summary:
        blocks.append(Listing(lead="The main answers:", items=report.summary))
    if report.caveats:
        blocks.append(Listing(lead="Read with these caveats:", items=report.caveats))
    blocks += [_policy(report), _suppliers(report), _independence(report), *_lacking(others)]
    blocks.append(Fold(summary="Verdicts per examination", blocks=(_by_examination(report), *_silent(report))))
    return Section(id="decision", title="Decision", blocks=tuple(blocks))


def _by_area(report: AuditReport) -> Table:
    return Table(
        id="areas",
        caption="Verdict by area: the worst that any criterion met there",
        columns=(
            Column(title="Area", kind="heading"),
            Column(title="Verdict", kind="verdict"),
            *(Column(title=verdict_text(verdict), kind="count") for verdict in Verdict),
            Column(title="not assessed", kind="count"),
        ),
        rows=tuple(_area_row(report, area) for area in Area),
    )


def _area_row(report: AuditReport, area: Area) -> tuple[Cell, ...]:
    own = [finding for finding in report.findings if area_of(finding) is area]
    verdicts = Counter(finding.verdict for finding in own)
    refused = sum(area_of_examination(refusal.examination) is area for refusal in report.refusals)
    return (
        Cell(text=TITLES[area]),
        _verdict(own, refused),
        *(Cell(text=f"{verdicts[verdict]:,}") for verdict in Verdict),
        Cell(text=f"{refused:,}"),
    )


def _verdict(findings: Sequence[Finding], n_refused: int) -> Cell:
    if not findings:
        return Cell(text="not assessed" if n_refused else "nothing was asked")
    decided = [finding.verdict for finding in findings if finding.criterion is not None]
    if not decided:
        return Cell(text=verdict_text(Verdict.INFORMATIVE), detail="no criterion", verdict=Verdict.INFORMATIVE)
    return Cell(text=verdict_text(worst(decided)), verdict=worst(decided))


def _facts(case: CaseFile) -> Iterator[tuple[str, str]]:
    purpose = case.answer(Question.INTENDED_PURPOSE)
    yield "Audited for the use", purpose or "not said under a signature: no use is covered"
    yield "Scope gate", _SCOPE[case.scope.outcome]
    day = case.papers.filed_on.isoformat()
    yield "Filed", day if case.papers.are_filed else f"no papers were filed with it; judged as of {day}"
    yield "Holds until", _until(case)
    yield "Signed by", _signed_by(case.papers.signatures)
    if case.papers.waivers:
        in_force = [one for one in case.papers.waivers if one.in_force(case.papers.filed_on)]
        ends = f"; the first ends on {min(one.expires for one in in_force)}" if in_force else ""
        yield "Waivers in force", f"{len(in_force)} of {len(case.papers.waivers)}{ends}"


def _until(case: CaseFile) -> str:
    packs = min(pack.stale_after for pack in shipped_packs())
    review = f"law packs are to be looked at again from {(packs + datetime.timedelta(days=1)).isoformat()}"
    if case.papers.valid_until is None:
        return f"nobody named a last day (`affidavit file --valid-until`); {review}"
    return f"{case.papers.valid_until.isoformat()}, as whoever filed it says; {review}"


def _signed_by(signatures: Sequence[SignatureOutcome] | None) -> str:
    if signatures is None:
        return SIGNED_LATER
    lines = (f"{one.line()}, on {one.signed_at.date().isoformat()}" for one in signatures)
    return "; ".join(lines) or "nobody"


def _lacking(others: Sequence[Told]) -> list[Block]:
    sections: dict[Missing, list[str]] = {}
    for part in others:
        for one in part.missing:
            sections.setdefault(one, []).append(part.section.title)
    rows = [
        (Cell(text=one.what), Cell(text="; ".join(titles)), Cell(text=one.supplied_by), Cell(text=one.how))
        for one, titles in sections.items()
    ]
    if not rows:
        return []
    table = Table(
        id="lacking",
        caption="What this file lacks, and who must supply it",
        columns=(
            Column(title="Missing", kind="heading"),
            Column(title="Section"),
            Column(title="To be supplied by"),
            Column(title="How", kind="prose"),
        ),
        rows=tuple(rows),
    )
    return [Fold(summary=f"What this file lacks: {counted(len(rows), 'answer')}", blocks=(table,))]


def _policy(report: AuditReport) -> Paragraph:
    if report.policy is None:
        return Paragraph(text="No policy was given, so no criterion was applied: nothing below was passed or failed.")
    policy = report.policy
    frozen = (
        "It states that its criteria were fixed before anybody saw the results."
        if policy.frozen_before_results
        else "It states that its criteria were not fixed before the results were seen."
    )
    return Paragraph(text=f"Policy: {policy.title} ({policy.name}). {policy.statement} {frozen}")


def _by_examination(report: AuditReport) -> Table:
    """Return verdicts per examination that found something; what it refused beside that counts as not assessed."""
    titles = [verdict_text(verdict) for verdict in Verdict]
    return Table(
        id="verdicts",
        caption="Verdicts per examination",
        columns=(
            Column(title="Examination", kind="heading"),
            *(Column(title=title, kind="count") for title in titles),
            Column(title="not assessed", kind="count"),
        ),
        rows=tuple(_examination_row(report, name) for name in _examinations(report)),
    )


def _examinations(report: AuditReport) -> tuple[str, ...]:
    return distinct(finding.examination for finding in report.findings)


def _examination_row(report: AuditReport, name: str) -> tuple[Cell, ...]:
    verdicts = Counter(f.verdict for f in report.findings if f.examination == name)
    refused = sum(refusal.examination == name for refusal in report.refusals)
    counts = [*(verdicts[verdict] for verdict in Verdict), refused]
    return Cell(text=sentence_case(name)), *(Cell(text=f"{count:,}") for count in counts)


def _silent(report: AuditReport) -> list[Block]:
    """Name the examinations that could not answer at all."""
    names = distinct(r.examination for r in report.refusals if r.examination not in _examinations(report))
    if not names:
        return []
    said = f"Could not answer: {', '.join(map(sentence_case, names))}. Why, and what would let each, stands under"
    return [Paragraph(text=f"{said} Not assessed.")]


def _suppliers(report: AuditReport) -> Listing:
    items = [f"Run {data.run}: {data.source}{_supplier(data)}." for data in report.data]
    said = any(caveat.startswith(_NOT_PROVED_START) for caveat in report.caveats)
    return Listing(lead="Who supplied what was audited:", items=tuple(items) if said else (*items, NOT_PROVED))


def _supplier(data: DataDescription) -> str:
    return f", supplied by {data.supplier}" if data.supplier else "; who supplied it was not said"


def _independence(report: AuditReport) -> Facts:
    items = [(f"Unit of independence, run {data.run}", _unit_sentence(data)) for data in report.data]
    return Facts(items=tuple(items))


def _unit_sentence(data: DataDescription) -> str:
    rows = counted(data.n_rows, "row")
    if data.n_units is None:
        return f"the row, {rows}: the table has no unit ids, so intervals may be too narrow"
    return f"the {unit_name(data)}: {count_text(data.n_units)} of them, with {rows}"
