"""One mapping of outcomes to elements, which report and gate share."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date

import pytest

from affidavit.report import AuditReport
from reports.formats.junit import RENDERER
from reports.formats.junit_cases import element_of, xml_text
from reports.gate.gating import Outcome, gate
from reports.gate.junit import junit_of


@pytest.mark.parametrize(
    ("outcome", "demanded", "waived", "element"),
    [
        (Outcome.PASSED, True, False, ""),
        (Outcome.PASSED, False, False, ""),
        (Outcome.FAILED, False, False, "failure"),
        (Outcome.FAILED, True, False, "failure"),
        (Outcome.INCONCLUSIVE, True, False, "error"),
        (Outcome.INCONCLUSIVE, False, False, "skipped"),
        (Outcome.NOT_ASSESSED, True, False, "error"),
        (Outcome.NOT_ASSESSED, False, False, "skipped"),
        *((outcome, demanded, True, "skipped") for outcome in Outcome for demanded in (True, False)),
    ],
)
def test_every_outcome_has_its_element(outcome: Outcome, demanded: bool, waived: bool, element: str) -> None:
    assert element_of(outcome, demanded=demanded, waived=waived) == element


def test_the_gate_s_file_and_the_report_s_say_the_same_of_each_bound_finding(small: AuditReport) -> None:
    assert small.policy is not None
    gated = ET.fromstring(junit_of(gate(small, small.policy, today=date(2026, 3, 1))))
    told = list(ET.fromstring(RENDERER.render(small)).iter("testcase"))
    bound = [_element(case) for case in told if ": " in case.attrib["name"]]
    assert sorted(bound) == sorted(_element(case) for case in gated.iter("testcase"))
    assert {"failure", "error", "skipped", ""} == set(bound)


def _element(case: ET.Element) -> str:
    return next((child.tag for child in case if child.tag != "system-out"), "")


def test_text_is_what_xml_can_hold() -> None:
    for text in ("\x00\x08\x1b", "\ufffe\uffff", "\u202e"):
        ET.fromstring(f"<a>{xml_text(text)}</a>")
        assert xml_text(text).isascii()
