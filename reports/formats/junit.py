"""The verdicts as JUnit XML, for a build server: one suite an examination, one case a finding that a criterion bound.

Which element a verdict is says `junit_cases`, as for the gate; a case that passes has its numbers as output; a
criterion that met no finding is not assessed; what an examination refused is `skipped`, with what would help.

Laws: nothing that was put to a criterion is missing; only characters that XML 1.0 allows are written; no time is
claimed, for none was measured. Elements and attributes are those that Jenkins' junit-10.xsd knows.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from affidavit.metric_names import sentence_case
from affidavit.records import Finding, Refusal
from reports.formats.junit_cases import element_of, xml_text
from reports.gate.gating import OF_VERDICT, Outcome
from reports.ordering import distinct
from reports.speaking import sentence, subject, value_line
from reports.wording import bound_text, decision_line, metric_label, scale_of

if TYPE_CHECKING:
    from affidavit.policy import Criterion
    from affidavit.report import AuditReport

_POLICY: Final = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case; `outcome` names its element, none for what passed, whose text is its output."""

    name: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JUnitRenderer:
    """The renderer `junit`."""

    name: str = "junit"
    suffix: str = ".junit.xml"

    def render(self, report: AuditReport) -> bytes:
        """Return the XML as UTF-8."""
        root = _suites(report)
        ET.indent(root)
        text = ET.tostring(root, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _suites(report: AuditReport) -> ET.Element:
    areas = distinct([*(f.examination for f in report.findings), *(r.examination for r in report.refusals)])
    suites = [_suite(report, area, tuple(_cases(report, area))) for area in areas]
    unmet = tuple(map(_unmet, _criteria_without_findings(report)))
    if unmet:
        suites.append(_suite(report, _POLICY, unmet))
    root = ET.Element("testsuites", {"name": xml_text(report.title)})
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.extend(suites)
    return root


def _suite(report: AuditReport, area: str, cases: Sequence[Case]) -> ET.Element:
    counts = {name: sum(case.outcome == name for case in cases) for name in ("failure", "error", "skipped")}
    suite = ET.Element(
        "testsuite",
        {
            "name": xml_text(sentence_case(area)),
            "tests": str(len(cases)),
            "failures": str(counts["failure"]),
            "errors": str(counts["error"]),
            "skipped": str(counts["skipped"]),
            "timestamp": xml_text(report.provenance.created_at),
        },
    )
    suite.append(_properties(report, area))
    suite.extend(_case(area, case) for case in cases)
    return suite


def _properties(report: AuditReport, area: str) -> ET.Element:
    """Return what a case has no room for: the decision, the marking, the digest, and how much nobody judged."""
    informative = sum(f.examination == area and f.criterion is None for f in report.findings)
    said = {
        "decision": decision_line(report.decision, has_policy=report.policy is not None),
        "marking": report.marking,
        "report_digest": report.report_digest,
        "findings_without_criterion": f"{informative}",
    }
    properties = ET.Element("properties")
    for name, value in said.items():
        ET.SubElement(properties, "property", {"name": name, "value": xml_text(value)})
    return properties


def _cases(report: AuditReport, area: str) -> Iterator[Case]:
    demanded = {criterion.id for criterion in _criteria(report) if criterion.answer_demanded}
    for finding in report.findings:
        if finding.examination == area and finding.criterion is not None:
            yield _held(finding, finding.criterion.id, demanded=demanded)
    yield from (_refused(refusal) for refusal in report.refusals if refusal.examination == area)


def _held(finding: Finding, criterion: str, *, demanded: Set[str]) -> Case:
    name = f"{criterion}: {subject(finding)}"
    outcome = element_of(OF_VERDICT[finding.verdict], demanded=criterion in demanded)
    if not outcome:
        return Case(name=name, text=sentence(finding))
    message = f"{finding.verdict.value}: {value_line(finding)}"
    return Case(name=name, outcome=outcome, kind=finding.verdict.value, message=message, text=sentence(finding))


def _refused(refusal: Refusal) -> Case:
    of_run = f", run {refusal.run}" if refusal.run else ""
    return Case(
        name=f"{sentence_case(refusal.examination)}{of_run}",
        outcome=element_of(Outcome.NOT_ASSESSED, demanded=False),
        kind="not assessed",
        message=f"not assessed: {refusal.because}",
        text=refusal.remedy,
    )


def _criteria_without_findings(report: AuditReport) -> tuple[Criterion, ...]:
    met = {finding.criterion.id for finding in report.findings if finding.criterion is not None}
    return tuple(criterion for criterion in _criteria(report) if criterion.id not in met)


def _criteria(report: AuditReport) -> tuple[Criterion, ...]:
    return report.policy.criteria if report.policy else ()


def _unmet(criterion: Criterion) -> Case:
    bound = bound_text(criterion.at_most, criterion.at_least, scale_of(criterion.metric))
    return Case(
        name=f"{criterion.id}: {metric_label(criterion.metric)}",
        outcome=element_of(Outcome.NOT_ASSESSED, demanded=criterion.answer_demanded),
        kind="not assessed",
        message=f"not assessed: the criterion ({bound}) met no finding",
        text=f"source of the bound: {criterion.source}",
    )


def _case(area: str, case: Case) -> ET.Element:
    element = ET.Element("testcase", {"name": xml_text(case.name), "classname": xml_text(area)})
    if case.outcome:
        said = {"type": xml_text(case.kind), "message": xml_text(case.message)}
        ET.SubElement(element, case.outcome, said).text = xml_text(case.text)
    else:
        ET.SubElement(element, "system-out").text = xml_text(case.text)
    return element


RENDERER: Final = JUnitRenderer()
