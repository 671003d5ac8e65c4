"""The report as OSCAL assessment results (NIST, version 1.1.3, JSON): for tools that file and compare assessments.

A finding of the audit is an `observation`; a criterion of the policy is what an OSCAL `finding` speaks of, and is
satisfied only where every answer passed; a criterion that was broken, or not shown to be kept, is an open `risk`; the
audited runs are components; the plan and report.json are resources.

Laws: every identifier follows from the report's digest (UUID version 5), so the same report gives the same bytes;
titles and descriptions are Markdown to OSCAL and are escaped; what was not assessed is an observation too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from affidavit.digests import canonical_json
from affidavit.metric_names import sentence_case
from affidavit.records import Finding, Refusal, Verdict
from reports.formats.markdown import escaped
from reports.ordering import distinct
from reports.speaking import sentence, subject
from reports.wording import bound_text, counted, decision_line, metric_label, plain, scale_of

if TYPE_CHECKING:
    from affidavit.policy import Criterion
    from affidavit.report import AuditReport, DataDescription

OSCAL_VERSION: Final = "1.1.3"
NAMESPACE: Final = "urn:affidavit:oscal"
"""Whose words the names of our properties are."""
_NO_TIME: Final = "1970-01-01T00:00:00Z"
_EXTENT: Final = 4_000
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Names:
    """Identifiers that follow from what they name."""

    digest: str

    @cached_property
    def root(self) -> UUID:
        """Return the identifier of the report."""
        return uuid5(NAMESPACE_URL, f"{NAMESPACE}:{self.digest}")

    def of(self, kind: str, name: str) -> str:
        """Return the identifier of one part of the report."""
        return str(uuid5(self.root, f"{kind}/{name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OscalRenderer:
    """The renderer `oscal`."""

    name: str = "oscal"
    suffix: str = ".oscal.json"

    def render(self, report: AuditReport) -> bytes:
        """Return canonical JSON."""
        return canonical_json({"assessment-results": _results(report, _Names(digest=report.report_digest))})


def _results(report: AuditReport, names: _Names) -> Json:
    return {
        "uuid": str(names.root),
        "metadata": {
            "title": _markup(report.title),
            "last-modified": _moment(report),
            "version": report.schema_version,
            "oscal-version": OSCAL_VERSION,
            "props": _properties(
                {
                    "marking": report.marking,
                    "report-digest": report.report_digest,
                    "claims-digest": report.claims_digest,
                    "made-by": f"affidavit {report.provenance.affidavit}",
                }
            ),
        },
        "import-ap": {"href": f"#{names.of('resource', 'plan.yaml')}"},
        "results": [_result(report, names)],
        "back-matter": {"resources": list(_resources(report, names))},
    }


def _result(report: AuditReport, names: _Names) -> Json:
    risks = [_risk(report, criterion, names) for criterion in _at_risk(report)]
    held = [_finding(report, criterion, names) for criterion in _criteria(report)]
    decision = decision_line(report.decision, has_policy=report.policy is not None)
    whole = {
        "uuid": names.of("result", "all"),
        "title": _markup(decision),
        "description": _markup(" ".join((decision, *report.summary)), at_most=4 * _EXTENT),
        "start": _moment(report),
        "props": _properties({"decision": report.decision.value}),
        "local-definitions": {"components": [_component(report, run, names) for run in _runs(report)]},
        "reviewed-controls": _reviewed(report),
        "observations": [*_observations(report, names), *_unanswered(report, names)],
        "risks": risks,
        "findings": held,
    }
    return {key: value for key, value in whole.items() if value}


def _runs(report: AuditReport) -> tuple[str, ...]:
    return distinct([*(data.run for data in report.data), *(finding.run for finding in report.findings)])


def _component(report: AuditReport, run: str, names: _Names) -> Json:
    data = next((data for data in report.data if data.run == run), None)
    said = "A comparison of runs." if data is None else f"Predictions {data.source}, {counted(data.n_rows, 'row')}."
    return {
        "uuid": names.of("component", run),
        "type": "software",
        "title": _markup(run),
        "description": _markup(said),
        "props": _properties(_origin(data)),
        "status": {"state": "other"},
    }


def _origin(data: DataDescription | None) -> dict[str, str]:
    if data is None:
        return {"data-digest": "none"}
    return {"data-digest": data.digest, "supplier": data.supplier or "not said"}


def _reviewed(report: AuditReport) -> Json:
    ids = [{"control-id": _control(criterion.id)} for criterion in _criteria(report)]
    if not ids:
        return {
            "description": "No policy was given, so no criterion was applied.",
            "control-selections": [{"include-all": {}}],
        }
    return {"description": "The criteria of the policy.", "control-selections": [{"include-controls": ids}]}


def _criteria(report: AuditReport) -> tuple[Criterion, ...]:
    return report.policy.criteria if report.policy else ()


def _control(criterion: str) -> str:
    """Return a criterion's id as a token: those begin with a letter."""
    return f"criterion-{criterion}"


def _bound_by(report: AuditReport, criterion: Criterion) -> list[tuple[int, Finding]]:
    found = enumerate(report.findings)
    return [(n, f) for n, f in found if f.criterion is not None and f.criterion.id == criterion.id]


def _observation_id(place: int, finding: Finding, names: _Names) -> str:
    """Return an identifier that two findings of one id do not share."""
    return names.of("observation", f"{place}/{finding.id}")


def _observations(report: AuditReport, names: _Names) -> Iterator[Json]:
    collected, evidence = _moment(report), f"#{names.of('resource', 'report.json')}"
    for place, finding in enumerate(report.findings):
        yield {
            "uuid": _observation_id(place, finding, names),
            "title": _markup(subject(finding)),
            "description": _markup(sentence(finding)),
            "props": _properties(_facts(finding)),
            "methods": ["TEST"],
            "types": ["finding"],
            "subjects": [{"subject-uuid": names.of("component", finding.run), "type": "component"}],
            "relevant-evidence": [{"href": evidence, "description": _markup(f"Finding {finding.id}")}],
            "collected": collected,
        }


def _facts(finding: Finding) -> dict[str, str]:
    return {
        "examination": finding.examination,
        "metric": finding.metric,
        "condition": finding.condition,
        "verdict": finding.verdict.value,
        "source": finding.source,
    }


def _unanswered(report: AuditReport, names: _Names) -> Iterator[Json]:
    for place, refusal in enumerate(report.refusals):
        yield {
            "uuid": names.of("refusal", f"{place}/{refusal.examination}"),
            "title": _markup(f"{sentence_case(refusal.examination)}: not assessed"),
            "description": _markup(_because(refusal)),
            "props": _properties({"examination": refusal.examination, "verdict": "not assessed"}),
            "methods": ["UNKNOWN"],
            "types": ["not-assessed"],
            "collected": _moment(report),
        }


def _because(refusal: Refusal) -> str:
    return f"Not assessed: {refusal.because}. What would help: {refusal.remedy}"


def _finding(report: AuditReport, criterion: Criterion, names: _Names) -> Json:
    bound = _bound_by(report, criterion)
    verdicts = Counter(finding.verdict for _, finding in bound)
    whole = {
        "uuid": names.of("finding", criterion.id),
        "title": _markup(_criterion_title(criterion)),
        "description": _markup(_outcome(verdicts)),
        "props": _properties({"source": criterion.source}),
        "target": {
            "type": "objective-id",
            "target-id": _control(criterion.id),
            "status": _status(verdicts),
        },
        "related-observations": [{"observation-uuid": _observation_id(n, f, names)} for n, f in bound],
        "related-risks": [{"risk-uuid": names.of("risk", criterion.id)}] if criterion in _at_risk(report) else [],
    }
    return {key: value for key, value in whole.items() if value}


def _criterion_title(criterion: Criterion) -> str:
    bound = bound_text(criterion.at_most, criterion.at_least, scale_of(criterion.metric))
    return f"{criterion.id}: {metric_label(criterion.metric)} {bound}"


def _outcome(verdicts: Counter[Verdict]) -> str:
    if not verdicts:
        return "Not assessed: the criterion met no finding."
    counts = ", ".join(f"{verdicts[verdict]:,} {verdict.value}" for verdict in Verdict if verdicts[verdict])
    return f"{counted(verdicts.total(), 'finding')}: {counts}."


def _status(verdicts: Counter[Verdict]) -> Json:
    """Return the state: satisfied only where something was found and all of it passed."""
    if verdicts[Verdict.FAIL]:
        return {"state": "not-satisfied", "reason": "fail"}
    if verdicts and verdicts[Verdict.PASS] == verdicts.total():
        return {"state": "satisfied", "reason": "pass"}
    return {"state": "not-satisfied", "reason": "other", "remarks": "Inconclusive or not assessed."}


def _at_risk(report: AuditReport) -> tuple[Criterion, ...]:
    """Return the criteria that were met by a finding and not kept by every one of them."""
    bound = {c.id: [finding.verdict for _, finding in _bound_by(report, c)] for c in _criteria(report)}
    return tuple(c for c in _criteria(report) if any(verdict is not Verdict.PASS for verdict in bound[c.id]))


def _risk(report: AuditReport, criterion: Criterion, names: _Names) -> Json:
    open_ones = [(n, f) for n, f in _bound_by(report, criterion) if f.verdict is not Verdict.PASS]
    first = min((f for _, f in open_ones), key=lambda f: f.verdict is not Verdict.FAIL)
    broken = any(finding.verdict is Verdict.FAIL for _, finding in open_ones)
    return {
        "uuid": names.of("risk", criterion.id),
        "title": _markup(f"{criterion.id} {'is broken' if broken else 'is not shown to be kept'}"),
        "description": _markup(_criterion_title(criterion)),
        "statement": _markup(f"{_outcome(Counter(f.verdict for _, f in open_ones))} First: {sentence(first)}"),
        "status": "open",
        "related-observations": [{"observation-uuid": _observation_id(n, f, names)} for n, f in open_ones],
    }


def _resources(report: AuditReport, names: _Names) -> Iterator[Json]:
    digests = {"plan.yaml": "", "report.json": report.report_digest}
    for name, digest in digests.items():
        said = f"{name} of the bundle that this was made from" + (f"; report digest {digest}" if digest else "")
        yield {
            "uuid": names.of("resource", name),
            "title": name,
            "description": _markup(said),
            "rlinks": [
                {"href": name, "media-type": "application/json" if name.endswith("json") else "application/yaml"}
            ],
        }


def _properties(said: dict[str, str]) -> list[Json]:
    """Return properties: names are ours, values on one line; what is empty is left out, for OSCAL knows none."""
    texts = {name: _line(value) for name, value in said.items()}
    return [{"name": name, "ns": NAMESPACE, "value": text} for name, text in texts.items() if text]


def _line(text: str) -> str:
    return _shortened(plain(text), _EXTENT)


def _markup(text: str, at_most: int = _EXTENT) -> str:
    """Return text that shows as it is where Markdown is read; never empty."""
    return escaped(_shortened(plain(text), at_most)) or "–"


def _shortened(text: str, at_most: int) -> str:
    return text if len(text) <= at_most else f"{text[:at_most]} … ({len(text):,} characters; report.json has them all)"


def _moment(report: AuditReport) -> str:
    """Return when the report was made, with its time zone, as OSCAL asks."""
    try:
        zoned = datetime.fromisoformat(report.provenance.created_at).tzinfo is not None
    except ValueError:
        return _NO_TIME
    return report.provenance.created_at if zoned else f"{report.provenance.created_at}Z"


RENDERER: Final = OscalRenderer()
