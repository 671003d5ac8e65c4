"""JUnit XML: read back by two readers, one case a bound finding, inert whatever the texts say."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from affidavit.protocols import Renderer
from affidavit.records import Verdict
from affidavit.report import AuditReport
from reports.formats.junit import RENDERER

# What Jenkins' junit-10.xsd knows of the elements that are used: attributes (required first), children.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


@pytest.fixture(scope="module")
def root(small: AuditReport) -> ET.Element:
    return ET.fromstring(RENDERER.render(small))


def _check(element: ET.Element) -> None:
    required, allowed, children = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= required | allowed, element.tag
    assert {child.tag for child in element} <= children, element.tag
    for child in element:
        _check(child)


def test_it_is_a_renderer() -> None:
    assert isinstance(RENDERER, Renderer)
    assert (RENDERER.name, RENDERER.suffix) == ("junit", ".junit.xml")


@pytest.mark.parametrize("name", ["small", "hostile", "full"])
def test_elements_and_attributes_are_those_of_the_schema(name: str, request: pytest.FixtureRequest) -> None:
    _check(ET.fromstring(RENDERER.render(request.getfixturevalue(name))))


def test_every_bound_finding_is_a_case_with_its_verdict(root: ET.Element, small: AuditReport) -> None:
    """The policy demands an answer of the floor and not of the gap."""
    bound = [(f.verdict, f.criterion.id) for f in small.findings if f.criterion is not None]
    counts = Counter(bound)
    outcomes = Counter(case[0].tag for case in root.iter("testcase"))
    assert outcomes == {
        "system-out": sum(verdict is Verdict.PASS for verdict, _ in bound),
        "failure": sum(verdict is Verdict.FAIL for verdict, _ in bound),
        "error": counts[Verdict.INCONCLUSIVE, "accuracy-floor"],
        "skipped": counts[Verdict.INCONCLUSIVE, "accuracy-gap"] + len(small.refusals) + 1,  # a criterion met nothing
    }
    assert min(outcomes.values()) > 2
    assert counts[Verdict.INCONCLUSIVE, "accuracy-gap"] > 0


def test_a_demanded_criterion_that_met_nothing_is_an_error(small: AuditReport) -> None:
    assert small.policy is not None
    criteria = tuple(c.model_copy(update={"answer_demanded": True}) for c in small.policy.criteria)
    report = small.model_copy(update={"policy": small.policy.model_copy(update={"criteria": criteria})})
    root = ET.fromstring(RENDERER.render(report))
    assert {case[0].tag for case in root.iter("testcase") if case.attrib["classname"] == "policy"} == {"error"}
    assert len(list(root.iter("skipped"))) == len(small.refusals)


def test_counts_add_up(root: ET.Element) -> None:
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == len(suite.findall(f"testcase/{tag}"))
    for name in ("tests", "failures", "errors"):
        assert int(root.attrib[name]) == sum(int(suite.attrib[name]) for suite in root) > 0


def test_another_reader_reads_the_same(small: AuditReport) -> None:
    read = JUnitXml.fromroot(ET.parse(io.BytesIO(RENDERER.render(small))).getroot())
    cases = [case for suite in read for case in suite]
    failed = [case for case in cases if any(isinstance(result, Failure) for result in case.result)]
    assert len(failed) == read.failures == small.count(Verdict.FAIL)
    assert failed[0].result[0].type == "fail"
    assert any(isinstance(result, Error) for case in cases for result in case.result)
    assert sum(isinstance(result, Skipped) for case in cases for result in case.result) == 6


def test_a_failure_says_estimate_bound_and_source(root: ET.Element) -> None:
    failure = next(root.iter("failure"))
    assert failure.attrib["type"] == "fail"
    assert failure.attrib["message"].startswith("fail: 18.35 points [13.35, 24.35]")
    assert "criterion accuracy-gap: at most 10 points, deciding interval [10.05, 27.65]" in (failure.text or "")
    assert "Starter policy, after Hardt et al. 2016" in (failure.text or "")


def test_refusals_say_what_would_help(root: ET.Element, small: AuditReport) -> None:
    skipped = {element.attrib["message"]: element.text for element in root.iter("skipped")}
    for refusal in small.refusals:
        assert skipped[f"not assessed: {refusal.because}"] == refusal.remedy
    assert skipped["not assessed: the criterion (at most 1.25) met no finding"]


def test_without_a_policy_nothing_is_judged(samples: Any) -> None:
    root = ET.fromstring(RENDERER.render(samples.sample_report(with_policy=False, conditions=("TAV",))))
    assert {case[0].tag for case in root.iter("testcase")} == {"skipped"}
    said = {element.attrib["value"] for element in root.iter("property") if element.attrib["name"] == "decision"}
    assert said == {"No decision: no policy was given"}


def test_hostile_texts_are_texts(hostile: AuditReport, samples: Any) -> None:
    content = RENDERER.render(hostile)
    assert b"<script" not in content
    root = ET.fromstring(content)
    assert samples.HOSTILE in {element.text for element in root.iter("skipped")}
    assert {element.tag for element in root.iter()} <= set(SCHEMA)


def test_characters_that_xml_forbids_and_endless_texts_do_not_break_it(small: AuditReport) -> None:
    evil = "\x00\x08\x1b\ufffe\uffff]]>" + "A" * 2**20
    refusal = small.refusals[0].model_copy(update={"because": evil, "remedy": evil})
    content = RENDERER.render(small.model_copy(update={"refusals": (refusal,), "title": evil}))
    root = ET.fromstring(content)
    (message,) = [e.attrib["message"] for e in root.iter("skipped") if "\\x00" in e.attrib["message"]]
    assert message.startswith(r"not assessed: \x00\x08\x1b\ufffe\uffff]]>AAAA")
    assert "report.json has them all" in message
    assert len(content) < 200_000


def test_the_same_report_gives_the_same_bytes(small: AuditReport, samples: Any) -> None:
    assert RENDERER.render(samples.small_report()) == RENDERER.render(small)
