"""The gate as JUnit XML, which every CI server shows: one test case for each finding that a criterion binds.

Which element an outcome is says `reports.formats.junit_cases`, as for the report; a waived one says who answers for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from reports.formats.junit_cases import element_of, xml_text
from reports.gate.gating import Gate, Held
from reports.gate.words import named, sentence

_ELEMENTS: Final[Mapping[str, type[Failure | Error | Skipped]]] = {
    "failure": Failure,
    "error": Error,
    "skipped": Skipped,
}


def junit_of(gate: Gate) -> bytes:
    """Return the XML; the order is that of the policy, and no clock is read."""
    document = JUnitXml("affidavit gate")
    for criterion in gate.policy.criteria:
        suite = TestSuite(xml_text(criterion.id))
        for held in gate.held:
            if held.criterion.id == criterion.id:
                suite.add_testcase(_case(held))
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written


def _case(held: Held) -> TestCase:
    case = TestCase(xml_text(named(held)), classname=xml_text(held.criterion.id), time=0)
    told = xml_text(sentence(held))
    element = element_of(held.outcome, demanded=held.demanded, waived=held.waiver is not None)
    if held.waiver is not None:
        waived = f"{held.outcome.value}, and waived: {xml_text(held.waiver.told())}"
        case.result = [_ELEMENTS[element](waived, "waived")]
    elif element:
        case.result = [_ELEMENTS[element](told, held.outcome.value)]
    case.system_out = told
    return case
