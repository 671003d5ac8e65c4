"""The report as a model card in the layout of the Hugging Face hub: YAML with a `model-index`, then sections to read.

The numbers of everybody and the widest gaps stand in the `model-index` in full, and in the text with their intervals.
What only people can say (use, oversight, training data) is said to be missing, and who must supply it.

Laws: the YAML is dumped by a library and the text is escaped as in `markdown`, so nothing in a report can end
the front matter or become markup; nothing is filled in that the report does not say.

Source of the layout: Mitchell et al. 2019, as the hub's annotated model card puts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from affidavit.metric_names import sentence_case
from affidavit.model_origins import Basis
from affidavit.plan import Task
from affidavit.records import Finding
from reports.formats.markdown import escaped
from reports.law.dossier import Question
from reports.law.testimony import Testimony
from reports.ordering import conditions_in_order, distinct
from reports.papers.papers import Papers, without_papers
from reports.sections.decision import NOT_PROVED
from reports.speaking import basis_line, criterion_line, subject, value_line, whom
from reports.wording import PRECISION, count_text, decision_line, metric_label, plain, verdict_text

if TYPE_CHECKING:
    from affidavit.report import AuditReport, DataDescription

TAGS: Final = ("emotion-recognition", "audit", "fairness")
_TASKS: Final[Mapping[Task, tuple[str, str]]] = MappingProxyType(
    {
        Task.MULTICLASS: ("emotion-classification", "Emotion classification"),
        Task.MULTILABEL: ("multi-label-emotion-classification", "Multi-label emotion classification"),
        Task.ORDINAL: ("emotion-intensity-rating", "Rating of emotion on ordered levels"),
        Task.REGRESSION: ("emotion-regression", "Regression of emotion dimensions"),
        Task.TRANSCRIPTION: ("automatic-speech-recognition", "Automatic speech recognition"),
        Task.OPEN_SET: ("open-vocabulary-emotion-recognition", "Open-vocabulary emotion recognition"),
    }
)
_PROVIDER: Final = "the provider of the model"
_DEPLOYER: Final = "whoever puts the model to use"
_GAPS_AT_MOST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCardRenderer:
    """The renderer `model-card`: the file is to be called README.md in the model's repository."""

    name: str = "model-card"
    suffix: str = ".model-card.md"

    def render(self, report: AuditReport) -> bytes:
        """Return the card as UTF-8."""
        return self.render_with(report, without_papers(report))

    def render_with(self, report: AuditReport, papers: Papers) -> bytes:
        """Return the card with what people said in a signed dossier."""
        body = "\n".join(_body(report, papers.testimony))
        return f"---\n{_front_matter(report)}---\n\n{body}\n".encode()


def _front_matter(report: AuditReport) -> str:
    import yaml

    metadata = {
        "tags": list(TAGS),
        "metrics": list(distinct(finding.metric for finding in _leading(report))),
        "model-index": [_model(report, data) for data in report.data],
    }
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)


def _model(report: AuditReport, data: DataDescription) -> dict[str, Any]:
    """Return one entry of the index: a run's findings as metrics of one task and data set, condition by condition."""
    own = [f for f in _leading(report) if f.run == data.run and f.estimate.value is not None]
    conditions = conditions_in_order(finding.condition for finding in own)
    results = [_result(report, data, [f for f in own if f.condition == condition]) for condition in conditions]
    return {"name": plain(data.run), "results": results}


def _result(report: AuditReport, data: DataDescription, findings: Sequence[Finding]) -> dict[str, Any]:
    kind, title = _TASKS[data.task]
    dataset = {
        "type": plain(data.source),
        "name": plain(data.source),
        "config": findings[0].condition,
        "revision": data.digest,
    }
    return {
        "task": {"type": kind, "name": title},
        "dataset": dataset,
        "metrics": [_metric(finding) for finding in findings],
        "source": {"name": f"affidavit {report.provenance.affidavit}", "url": f"urn:affidavit:{report.report_digest}"},
    }


def _metric(finding: Finding) -> dict[str, Any]:
    estimate, interval = finding.estimate, finding.estimate.interval
    arguments: dict[str, Any] = {"n": estimate.n, "units": estimate.n_clusters, "verdict": finding.verdict.value}
    if interval is not None:
        arguments |= {"low": interval.low, "high": interval.high, "level": interval.level}
    name = f"{metric_label(finding.metric)}, {whom(finding)}"
    return {"type": finding.metric, "value": estimate.value, "name": plain(name), "args": arguments, "verified": False}


def _leading(report: AuditReport) -> list[Finding]:
    """Return what a card tells: values of everybody, and gaps that were decided or tested."""
    everybody = [f for f in report.findings if f.compared is None and not f.groups]
    return [*everybody, *_gaps(report)]


def _gaps(report: AuditReport) -> list[Finding]:
    """Return gaps that a criterion bound; without any, those that were tested; at most `_GAPS_AT_MOST`."""
    gaps = [f for f in report.findings if f.compared is not None]
    decided = [f for f in gaps if f.criterion is not None]
    return (decided or [f for f in gaps if f.test is not None])[:_GAPS_AT_MOST]


def _body(report: AuditReport, testimony: Testimony) -> Iterator[str]:
    yield f"# Model card: {escaped(report.title)}\n"
    yield f"**{escaped(decision_line(report.decision, has_policy=report.policy is not None))}**\n"
    yield f"> **{escaped(report.marking)}** This card is made from an audit report, {_digest(report)}.\n"
    yield from _details(report, testimony)
    yield from _uses(report, testimony)
    yield from _limitations(report)
    yield from _training(report)
    yield from _evaluation(report)
    yield from _technical(report)


def _digest(report: AuditReport) -> str:
    return escaped(report.report_digest or "not sealed")


def _details(report: AuditReport, testimony: Testimony) -> Iterator[str]:
    yield "## Model details\n"
    for data in report.data:
        supplier = data.supplier or "not said"
        yield f"- **Run {escaped(data.run)}:** predictions supplied by: {escaped(supplier)}"
        yield from _weights(data)
    yield f"- **Developed by:** {_said(testimony, Question.PROVIDER) or _missing(_PROVIDER)}"
    yield f"- **Model description, contact:** {_missing(_PROVIDER)}\n"


def _weights(data: DataDescription) -> Iterator[str]:
    for model in data.models or ():
        told = (
            model.name if model.part is None else f"{model.name} (the part {model.part})",
            model.source,
            model.licence or "licence not stated",
            model.digest or "no digest was seen",
        )
        yield f"  - weights: {escaped(', '.join(told))}"
    if not data.models:
        yield f"  - weights, licence and digest: {_missing(_PROVIDER)}"


def _uses(report: AuditReport, testimony: Testimony) -> Iterator[str]:
    """Say what a signed dossier says; else of the purpose what the plan says, and that nobody signed that."""
    yield "## Uses\n"
    purpose = report.plan.purpose
    planned = f"The audit plan says: {escaped(purpose)} No signed dossier confirms it." if purpose else ""
    yield f"- **Intended use:** {_said(testimony, Question.INTENDED_PURPOSE) or planned or _missing(_DEPLOYER)}"
    misuse = _said(testimony, Question.FORESEEABLE_MISUSE) or _missing(_DEPLOYER)
    yield f"- **Foreseeable misuse and out-of-scope use:** {misuse}"
    overseen = (Question.OVERSIGHT_PERSON, Question.OVERSIGHT_MEANS)
    oversight = " ".join(said for question in overseen if (said := _said(testimony, question)))
    yield f"- **Human oversight:** {oversight or _missing(_DEPLOYER)}\n"


def _said(testimony: Testimony, question: Question) -> str:
    return escaped(testimony.said(question) or "")


def _missing(who: str) -> str:
    return f"not stated in a signed dossier; {who} must supply it."


def _limitations(report: AuditReport) -> Iterator[str]:
    yield "## Bias, risks and limitations\n"
    yield from (f"- {escaped(caveat)}" for caveat in report.caveats)
    yield f"- {escaped(NOT_PROVED)}\n"
    gaps = _gaps(report)
    if not gaps:
        yield "No gap between groups was measured.\n"
        return
    yield from _findings_table("Gaps between groups", gaps)
    left = sum(f.compared is not None for f in report.findings) - len(gaps)
    if left:
        yield f"{left:,} further gaps stand in the report.\n"


def _training(report: AuditReport) -> Iterator[str]:
    """Say of each model that a checkpoint's card tells of how it was trained; else who must."""
    yield "## Training details\n"
    models = [model for data in report.data for model in data.models or () if model.basis is Basis.CARD]
    own = distinct(f"{model.name}: {model.source}" for model in models if model.part is None)
    yield from (f"- {escaped(line)}" for line in own)
    yield "" if own else f"{_missing(_PROVIDER).capitalize()}\n"


def _evaluation(report: AuditReport) -> Iterator[str]:
    yield "## Evaluation\n"
    yield "### Testing data\n"
    for data in report.data:
        units = f"{count_text(data.n_units)} independent units"
        licence = data.licence or "licence not said"
        facts = f"{data.source}, {data.n_rows:,} rows, {units}, {licence}, {data.digest}"
        yield f"- **Run {escaped(data.run)}:** {escaped(facts)}"
    yield "\n### Results\n"
    yield from (f"- {escaped(line)}" for line in report.summary)
    yield ""
    everybody = [f for f in report.findings if f.compared is None and not f.groups]
    for condition in conditions_in_order(finding.condition for finding in everybody):
        yield from _findings_table(
            f"Everybody, condition {condition}", [f for f in everybody if f.condition == condition]
        )
    yield f"{escaped(PRECISION)}\n"
    if report.refusals:
        yield "### Not assessed\n"
        yield from (
            f"- **{escaped(sentence_case(r.examination))}:** {escaped(r.because)}. {escaped(r.remedy)}"
            for r in report.refusals
        )
        yield ""


def _findings_table(caption: str, findings: Sequence[Finding]) -> Iterator[str]:
    yield f"*{escaped(caption)}*\n"
    yield "| Finding | Estimate with interval | Behind it | Criterion | Verdict |"
    yield "| --- | ---: | --- | --- | --- |"
    for finding in findings:
        cells = (
            subject(finding),
            value_line(finding),
            basis_line(finding),
            criterion_line(finding) or "–",
            verdict_text(finding.verdict),
        )
        yield f"| {' | '.join(map(escaped, cells))} |"
    yield ""


def _technical(report: AuditReport) -> Iterator[str]:
    origin = report.provenance
    yield "## How this card was made\n"
    yield f"- **Made by:** affidavit {escaped(origin.affidavit)}, {escaped(origin.created_at)}"
    yield f"- **Claims:** {escaped(report.claims_digest or 'not sealed')}"
    yield f"- **Report:** {_digest(report)}"
    yield "- **Environmental impact of training:** not measured"


RENDERER: Final = ModelCardRenderer()
