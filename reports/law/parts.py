"""Parts of a report that can answer a requirement, and when each of them says something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from affidavit.disclosure.legend import RULE
from affidavit.disclosure.rule import FLOOR
from affidavit.report import AuditReport
from reports.law.pack import Part
from reports.sections.federated_section import EXAMINATION as FEDERATED_RUN
from reports.sections.privacy_section import EXAMINATIONS as OF_PRIVACY


def _is_released(report: AuditReport) -> bool:
    """Say whether a report was released with small cells withheld, by a rule at least as strict as ours."""
    exhibit = next((one for one in report.exhibits if one.id == RULE), None)
    rows = exhibit.rows or () if exhibit is not None else ()
    floors = [str(row[1]) for row in rows if len(row) == 2 and row[0] == "floor"]
    return bool(floors) and all(floor.isdecimal() and int(floor) >= FLOOR for floor in floors)


def _measured(report: AuditReport, examinations: tuple[str, ...]) -> bool:
    return any(finding.examination in examinations for finding in report.findings)


PARTS: Final[Mapping[Part, Callable[[AuditReport], bool]]] = MappingProxyType(
    {
        "data": lambda report: bool(report.data),
        "criteria": lambda report: report.policy is not None,
        "frozen-criteria": lambda report: report.policy is not None and report.policy.frozen_before_results,
        "methods": lambda report: bool(report.findings),
        "privacy": lambda report: _measured(report, OF_PRIVACY),
        "federated-run": lambda report: _measured(report, (FEDERATED_RUN,)),
        "not-assessed": lambda report: bool(report.plan.runs),
        "provenance": lambda report: bool(report.claims_digest),
        "release": _is_released,
    }
)
"""`not-assessed` always says something: that nothing was left out is an answer too. Two are no sections of their own:
`frozen-criteria` is a policy that was fixed before the results, `release` the rule that a released report states."""
