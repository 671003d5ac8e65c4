"""The control map: each requirement beside what the report and the dossier answer, a status, and what is missing.

Laws: `met by evidence` says that the evidence named in the row is there and, where a criterion was held against it,
passed; whether the law is complied with it does not say. Where a text asks only that something is measured or told, a
failed criterion is no failure of that, and the row names it all the same. An undefined value is no evidence, and an
unsigned statement no statement.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from affidavit.records import Finding, Verdict
from affidavit.report import AuditReport
from reports.law.applicability import Applicability, Applies, applicability
from reports.law.dossier import Question
from reports.law.pack import Basis, LawPack, Part, Requirement
from reports.law.parts import PARTS
from reports.law.scope import Outcome, ScopeDecision
from reports.law.testimony import Testimony


class Status(StrEnum):
    """What the evidence says of one requirement."""

    MET = "met by evidence"
    AGAINST = "evidence against it"
    UNDECIDED = "evidence present, not decided"
    MISSING = "missing"
    STATEMENT_MISSING = "human statement missing"
    NOT_APPLICABLE = "not applicable"


class Kind(StrEnum):
    """What a reference points to."""

    FINDING = "finding"
    EXHIBIT = "exhibit"
    SECTION = "section"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One piece of evidence: a finding or exhibit by its id, a section or a statement by its name."""

    kind: Kind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One requirement in the control map."""

    requirement: Requirement
    applicability: Applicability
    due: str
    """From when it binds, in words; empty where it does already or binds nobody."""
    status: Status
    evidence: tuple[Reference, ...]
    gap: str
    """What is missing or speaks against it, in words; empty where nothing is."""
    supplied_by: str
    """Who must supply what is missing; empty where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What requirements are held against."""

    report: AuditReport
    testimony: Testimony
    decision: ScopeDecision
    today: datetime.date


def control_map(packs: Sequence[LawPack], material: Material) -> tuple[tuple[LawPack, tuple[Row, ...]], ...]:
    """Return the rows of each pack, in the order of packs and requirements."""
    by_name = _by_name(material.report)
    return tuple((pack, tuple(_row(one, material, by_name) for one in pack.requirements)) for pack in packs)


def _by_name(report: AuditReport) -> dict[str, list[int]]:
    """Return the places of findings by the name of their examination, and by that of their metric."""
    places: dict[str, list[int]] = {}
    for place, finding in enumerate(report.findings):
        for name in {finding.examination, finding.metric}:
            places.setdefault(name, []).append(place)
    return places


def _row(requirement: Requirement, material: Material, by_name: Mapping[str, Sequence[int]]) -> Row:
    held = applicability(requirement, material.testimony.scope, material.decision)
    if held.applies is Applies.NO or requirement.basis is Basis.FRAME:
        return Row(
            requirement=requirement,
            applicability=held,
            due="",
            status=Status.NOT_APPLICABLE,
            evidence=(),
            gap="",
            supplied_by="",
        )
    found = _Found.of(requirement, material, by_name)
    status = _status(requirement, found, material.decision)
    gap = "; ".join(_gaps(requirement, found, material, status))
    if held.applies is Applies.UNKNOWN:
        gap = "; ".join(filter(None, (f"whether it applies is not known: {held.why}", gap)))
    return Row(
        requirement=requirement,
        applicability=held,
        due=_due(requirement, material.today),
        status=status,
        evidence=found.references,
        gap=gap,
        supplied_by=requirement.supplied_by.value if gap else "",
    )


def _due(requirement: Requirement, today: datetime.date) -> str:
    start = requirement.applies_from
    return f"binds from {start}" if start is not None and start > today else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What there is of the evidence that a requirement names."""

    findings: tuple[Finding, ...]
    exhibits: tuple[str, ...]
    sections: tuple[Part, ...]
    statements: tuple[Question, ...]

    @classmethod
    def of(cls, requirement: Requirement, material: Material, by_name: Mapping[str, Sequence[int]]) -> _Found:
        named, report = requirement.evidence, material.report
        named_places = {place for name in (*named.examinations, *named.metrics) for place in by_name.get(name, ())}
        answering = (report.findings[place] for place in sorted(named_places))
        findings = tuple(f for f in answering if _answers(requirement, f) and f.estimate.value is not None)
        cited = {exhibit for finding in findings for exhibit in finding.exhibits or ()}
        return cls(
            findings=findings,
            exhibits=tuple(exhibit.id for exhibit in report.exhibits if exhibit.id in cited),
            sections=tuple(section for section in named.sections if PARTS[section](report)),
            statements=tuple(one for one in named.statements if material.testimony.statement(one) is not None),
        )

    @property
    def references(self) -> tuple[Reference, ...]:
        """Everything found, findings first."""
        parts: tuple[tuple[Kind, tuple[str, ...]], ...] = (
            (Kind.FINDING, tuple(finding.id for finding in self.findings)),
            (Kind.EXHIBIT, self.exhibits),
            (Kind.SECTION, self.sections),
            (Kind.STATEMENT, self.statements),
        )
        return tuple(Reference(kind=kind, id=name) for kind, names in parts for name in names)


def _answers(requirement: Requirement, finding: Finding) -> bool:
    return finding.examination in requirement.evidence.examinations or finding.metric in requirement.evidence.metrics


def _is_measured(requirement: Requirement) -> bool:
    return bool(requirement.evidence.examinations or requirement.evidence.metrics)


def _status(requirement: Requirement, found: _Found, decision: ScopeDecision) -> Status:
    if requirement.basis is Basis.GATE:
        return _of_gate(decision.outcome)
    if requirement.basis is Basis.NOWHERE:
        return Status.MISSING
    decided = [finding for finding in found.findings if finding.criterion is not None]
    if requirement.basis is Basis.DECIDED and any(finding.verdict is Verdict.FAIL for finding in decided):
        return Status.AGAINST
    if _is_measured(requirement) and not found.findings:
        return Status.MISSING
    if len(found.sections) < len(requirement.evidence.sections):
        return Status.MISSING
    if len(found.statements) < len(requirement.evidence.statements):
        return Status.STATEMENT_MISSING
    if requirement.basis is Basis.DECIDED and not _passed(decided):
        return Status.UNDECIDED
    return Status.MET


def _passed(decided: Sequence[Finding]) -> bool:
    return bool(decided) and all(finding.verdict is Verdict.PASS for finding in decided)


def _of_gate(outcome: Outcome) -> Status:
    return {
        Outcome.ALLOWED: Status.MET,
        Outcome.PROHIBITED: Status.AGAINST,
        Outcome.UNANSWERED: Status.STATEMENT_MISSING,
    }[outcome]


def _gaps(requirement: Requirement, found: _Found, material: Material, status: Status) -> Iterator[str]:
    """Say in words what is missing, what is undecided and what speaks against it."""
    if requirement.basis is Basis.GATE:
        if status is not Status.MET:
            yield f"the scope gate says {material.decision.outcome}: {material.decision.reasons[0].text}"
        return
    if requirement.basis is Basis.NOWHERE:
        yield requirement.note or "nothing in an audit by affidavit answers this"
        return
    yield from _of_verdicts(requirement, found, status)
    if _is_measured(requirement) and not found.findings:
        yield _not_measured(requirement, material.report)
    for section in requirement.evidence.sections:
        if section not in found.sections:
            yield f"the section {section} of the report says nothing"
    untold = [question for question in requirement.evidence.statements if question not in found.statements]
    if untold:
        why = "no dossier" if material.testimony.dossier is None else _why_untold(material.testimony)
        yield f"{why}: {', '.join(untold)}"


def _why_untold(testimony: Testimony) -> str:
    return "the dossier is not under a verified signature" if testimony.key_id is None else "nobody answered"


def _of_verdicts(requirement: Requirement, found: _Found, status: Status) -> Iterator[str]:
    decided = [finding for finding in found.findings if finding.criterion is not None]
    failed = [finding.id for finding in decided if finding.verdict is Verdict.FAIL]
    if failed:
        yield f"{_counted(failed)} failed: {_first(failed)}"
    if requirement.basis is not Basis.DECIDED or status in {Status.MET, Status.MISSING}:
        return
    open_ones = [finding.id for finding in decided if finding.verdict is Verdict.INCONCLUSIVE]
    if open_ones:
        yield f"{_counted(open_ones)} could not be decided: {_first(open_ones)}"
    if not decided and found.findings:
        yield "no criterion of a policy was held against this evidence"


def _counted(ids: Sequence[str]) -> str:
    return f"{len(ids):,} finding{'s' if len(ids) != 1 else ''} held against a criterion"


def _first(ids: Sequence[str], most: int = 3) -> str:
    more = f" and {len(ids) - most:,} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more


def _not_measured(requirement: Requirement, report: AuditReport) -> str:
    """Say why no measurement is there: refused, undefined, or not asked for."""
    refused = [one for one in report.refusals if one.examination in requirement.evidence.examinations]
    if refused:
        return f"{refused[0].examination} could not answer: {refused[0].because}; {refused[0].remedy}"
    if any(_answers(requirement, finding) for finding in report.findings):
        return "every value that was measured is undefined"
    wanted = (*requirement.evidence.examinations, *requirement.evidence.metrics)
    return f"not measured: none of {', '.join(wanted)}"
