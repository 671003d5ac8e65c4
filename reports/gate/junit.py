"""The gate as JUnit XML, which every CI server shows: one test case for each finding that a criterion binds.

| gate | JUnit |
|---|---|
| passed | a case that passes |
| failed | `failure` |
| inconclusive or not assessed, where the policy demands an answer | `error` |
| inconclusive or not assessed otherwise | `skipped`, with the reason |
| waived | `skipped`, with the waiver |
"""

from __future__ import annotations

import re
from typing import Final

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from reports.gate.gating import Gate, Held, Outcome
from reports.gate.words import named, sentence

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(gate: Gate) -> bytes:
    """Return the XML; the order is that of the policy, and no clock is read."""
    document = JUnitXml("affidavit gate")
    for criterion in gate.policy.criteria:
        suite = TestSuite(_text(criterion.id))
        for held in gate.held:
            if held.criterion.id == criterion.id:
                suite.add_testcase(_case(held))
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written


def _case(held: Held) -> TestCase:
    case = TestCase(_text(named(held)), classname=_text(held.criterion.id), time=0)
    told = _text(sentence(held))
    if held.waiver is not None:
        case.result = [Skipped(f"{held.outcome.value}, and waived: {_text(held.waiver.told())}", "waived")]
    elif held.outcome is Outcome.FAILED:
        case.result = [Failure(told, "failed")]
    elif held.demanded:
        case.result = [Error(told, held.outcome.value)]
    elif held.outcome is not Outcome.PASSED:
        case.result = [Skipped(told, held.outcome.value)]
    case.system_out = told
    return case


def _text(text: str) -> str:
    """Return text without what XML 1.0 cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
