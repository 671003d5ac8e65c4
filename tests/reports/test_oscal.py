"""OSCAL assessment results: valid by models made from NIST's own schema, identifiers that follow from the report."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import pytest
from oscal_bindings.v1.models import AssessmentResultsDocument

from affidavit.protocols import Renderer
from affidavit.records import Verdict
from affidavit.report import AuditReport
from reports.formats.oscal import OSCAL_VERSION, RENDERER


@pytest.fixture(scope="module")
def written(small: AuditReport) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(RENDERER.render(small))["assessment-results"]
    return read


@pytest.fixture(scope="module")
def result(written: dict[str, Any]) -> dict[str, Any]:
    (only,) = written["results"]
    found: dict[str, Any] = only
    return found


def test_it_is_a_renderer() -> None:
    assert isinstance(RENDERER, Renderer)
    assert (RENDERER.name, RENDERER.suffix) == ("oscal", ".oscal.json")


@pytest.mark.parametrize("name", ["small", "hostile", "full"])
def test_it_is_valid_by_the_schema_of_nist(name: str, request: pytest.FixtureRequest) -> None:
    AssessmentResultsDocument.model_validate_json(RENDERER.render(request.getfixturevalue(name)))


def test_it_is_valid_without_policy_and_without_refusals(samples: Any) -> None:
    report = samples.sample_report(with_policy=False, conditions=("TAV",)).model_copy(update={"refusals": ()})
    document = AssessmentResultsDocument.model_validate_json(RENDERER.render(report))
    assert document.assessment_results.results[0].findings is None


def test_the_validator_can_refuse(written: dict[str, Any]) -> None:
    broken = {"assessment-results": {**written, "uuid": "no uuid"}}
    with pytest.raises(ValueError, match="uuid"):
        AssessmentResultsDocument.model_validate_json(json.dumps(broken))


def test_the_version_is_said(written: dict[str, Any]) -> None:
    assert written["metadata"]["oscal-version"] == OSCAL_VERSION
    assert re.fullmatch(r"1\.1\.\d", OSCAL_VERSION)


def test_every_finding_is_an_observation(result: dict[str, Any], small: AuditReport) -> None:
    observations = result["observations"]
    assert len(observations) == len(small.findings) + len(small.refusals)
    for observation, finding in zip(observations, small.findings, strict=False):
        facts = {fact["name"]: fact["value"] for fact in observation["props"]}
        assert facts["metric"] == finding.metric
        assert facts["verdict"] == finding.verdict.value
    unanswered = observations[len(small.findings) :]
    assert [each["methods"] for each in unanswered] == [["UNKNOWN"]] * len(small.refusals)
    assert small.refusals[0].remedy in unanswered[0]["description"]


def test_a_criterion_is_satisfied_only_where_all_passed(result: dict[str, Any], small: AuditReport) -> None:
    states = {f["target"]["target-id"]: f["target"]["status"] for f in result["findings"]}
    assert states["criterion-accuracy-gap"] == {"state": "not-satisfied", "reason": "fail"}
    assert states["criterion-accuracy-floor"]["reason"] == "other"
    assert states["criterion-word-errors"]["state"] == "not-satisfied"
    passing = tuple(
        f.model_copy(update={"verdict": Verdict.PASS}) if f.criterion is not None else f for f in small.findings
    )
    kept = json.loads(RENDERER.render(small.model_copy(update={"findings": passing})))
    (only,) = kept["assessment-results"]["results"]
    assert {f["target"]["target-id"]: f["target"]["status"]["state"] for f in only["findings"]} == {
        "criterion-accuracy-gap": "satisfied",
        "criterion-accuracy-floor": "satisfied",
        "criterion-word-errors": "not-satisfied",
    }
    assert "risks" not in only


def test_risks_are_the_criteria_not_kept_with_what_was_observed(result: dict[str, Any], small: AuditReport) -> None:
    risks = {risk["title"]: risk for risk in result["risks"]}
    assert set(risks) == {"accuracy-gap is broken", "accuracy-floor is not shown to be kept"}
    gap = [f for f in small.findings if f.criterion is not None and f.criterion.id == "accuracy-gap"]
    open_ones = [f for f in gap if f.verdict is not Verdict.PASS]
    assert len(risks["accuracy-gap is broken"]["related-observations"]) == len(open_ones)
    assert all(risk["status"] == "open" for risk in result["risks"])


def test_every_reference_leads_somewhere(written: dict[str, Any], result: dict[str, Any]) -> None:
    resources = {f"#{resource['uuid']}" for resource in written["back-matter"]["resources"]}
    assert written["import-ap"]["href"] in resources
    observations = {each["uuid"] for each in result["observations"]}
    risks = {each["uuid"] for each in result["risks"]}
    components = {each["uuid"] for each in result["local-definitions"]["components"]}
    assert len(observations) == len(result["observations"])
    for each in result["observations"]:
        assert {subject["subject-uuid"] for subject in each.get("subjects", ())} <= components
        assert {evidence["href"] for evidence in each.get("relevant-evidence", ())} <= resources
    for each in (*result["findings"], *result["risks"]):
        assert {r["observation-uuid"] for r in each.get("related-observations", ())} <= observations
        assert {r["risk-uuid"] for r in each.get("related-risks", ())} <= risks
    controls = {c["control-id"] for c in result["reviewed-controls"]["control-selections"][0]["include-controls"]}
    assert {each["target"]["target-id"] for each in result["findings"]} == controls


def test_identifiers_follow_from_the_report(small: AuditReport, hostile: AuditReport, samples: Any) -> None:
    content = RENDERER.render(small)
    assert RENDERER.render(samples.small_report()) == content
    ids = set(re.findall(r'"uuid":"([^"]+)"', content.decode()))
    assert len(ids) > 900
    assert {UUID(each).version for each in ids} == {5}
    others = set(re.findall(r'"uuid":"([^"]+)"', RENDERER.render(hostile).decode()))
    assert not ids & others


def test_hostile_texts_are_escaped_where_oscal_reads_markdown(hostile: AuditReport) -> None:
    written = json.loads(RENDERER.render(hostile))["assessment-results"]
    markup = [written["metadata"]["title"], *_texts(written["results"], {"title", "description", "statement"})]
    assert not [text for text in markup if "<" in text or "\n" in text]
    assert any("&lt;script&gt;" in text for text in markup)


def _texts(node: Any, keys: set[str]) -> list[str]:
    if isinstance(node, list):
        return [text for each in node for text in _texts(each, keys)]
    if isinstance(node, dict):
        own = [value for key, value in node.items() if key in keys and isinstance(value, str)]
        return own + [text for value in node.values() for text in _texts(value, keys)]
    return []


def test_endless_texts_end(small: AuditReport) -> None:
    refusal = small.refusals[0].model_copy(update={"because": "A" * 2**20})
    content = RENDERER.render(small.model_copy(update={"refusals": (refusal,)}))
    AssessmentResultsDocument.model_validate_json(content)
    assert len(content) < len(RENDERER.render(small)) + 10_000


def test_a_moment_without_zone_gets_one(small: AuditReport) -> None:
    for told, expected in (("2031-10-02T09:14:00", "2031-10-02T09:14:00Z"), ("yesterday", "1970-01-01T00:00:00Z")):
        origin = small.provenance.model_copy(update={"created_at": told})
        content = RENDERER.render(small.model_copy(update={"provenance": origin}))
        AssessmentResultsDocument.model_validate_json(content)
        assert json.loads(content)["assessment-results"]["metadata"]["last-modified"] == expected
