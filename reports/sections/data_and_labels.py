"""Data and labels: each table, whom it covers and who is unknown, its labels, licences, overlap and consent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from affidavit.model_origins import Basis, ModelOrigin
from affidavit.records import Finding
from affidavit.report import AuditReport, DataDescription
from reports.document import Block, Cell, Column, Facts, Listing, Section, Table
from reports.law.dossier import Question
from reports.law.pack import Supplier
from reports.ordering import conditions_in_order
from reports.sections.areas import Area
from reports.sections.case_file import CaseFile
from reports.sections.measured import measured_blocks, refused_block
from reports.sections.missing import Missing, Told, told
from reports.wording import NOTHING, UNKNOWN, count_text, estimate_text, metric_label, scale_of

OVERLAP: Final = "also_in_training_share"
CONSENT: Final = "consent"
AGREEMENT: Final = frozenset({"annotators", "soft-labels"})
_UNITS: Final = {
    "unit_id": "unit (patient)",
    "speaker_id": "speaker",
    "utterance_id": "utterance (no speaker ids)",
}
_BASES: Final[Mapping[Basis, str]] = MappingProxyType(
    {
        Basis.FILES: "the files themselves",
        Basis.CARD: "the checkpoint's card",
        Basis.PLAN: "the plan's word",
        Basis.CODE: "the code",
    }
)
NO_AGREEMENT: Final = Missing(
    what="How far those who labelled agree with each other was not measured",
    supplied_by=Supplier.DATA_OWNER,
    how="bring the labels of each annotator, or shares of votes (`soft_LABEL`)",
)
NO_OVERLAP: Final = Missing(
    what="Whether audited people were in the training data was not measured",
    supplied_by=Supplier.PROVIDER,
    how="name the training table in the options of `representation`",
)
NO_CONSENT: Final = Missing(
    what="Whether people consented to each modality was not examined",
    supplied_by=Supplier.DATA_OWNER,
    how="bring consent by modality and ask the examination `consent`",
)


def unit_name(data: DataDescription) -> str:
    """Return what the independent unit is."""
    return _UNITS.get(data.unit, data.unit)


def data_section(case: CaseFile) -> Told:
    """Return the tables that were audited, whom they cover, and what is known of labels, licences and consent."""
    report = case.report
    parts = [_data(number, data) for number, data in enumerate(report.data)]
    label_process = case.answer(Question.LABEL_SUPPLIER)
    facts = [("Label process", label_process)] if label_process else []
    facts += [(f"Audited people in the training data, {f.run}", _told(f)) for f in _of_metric(report, OVERLAP)]
    blocks: list[Block] = [*parts, *_coverage(report)]
    blocks += [Facts(items=tuple(facts))] if facts else []
    blocks += measured_blocks(case, (Area.DATA,))
    blocks += refused_block(report, Area.DATA)
    return told("data", "Data and labels", blocks, tuple(_missing(case)))


def _missing(case: CaseFile) -> Iterator[Missing]:
    report = case.report
    answered = {finding.examination for finding in report.findings}
    for data in report.data:
        if not data.licence:
            what = f"The licence of the table of run {data.run} was not stated"
            yield Missing(what=what, supplied_by=Supplier.DATA_OWNER, how="name `licence` in the plan's run")
        yield from _models_missing(data)
        if not data.supplier:
            what = f"Who supplied the table of run {data.run} was not said"
            yield Missing(what=what, supplied_by=Supplier.AUDITOR, how="name `supplier` in the plan, or `--supplier`")
    if case.answer(Question.LABEL_SUPPLIER) is None:
        yield case.unanswered(Question.LABEL_SUPPLIER, supplied_by=Supplier.DATA_OWNER)
    if not answered & AGREEMENT:
        yield NO_AGREEMENT
    if not _of_metric(report, OVERLAP):
        yield NO_OVERLAP
    if CONSENT not in answered:
        yield NO_CONSENT


def _models_missing(data: DataDescription) -> Iterator[Missing]:
    """Yield what is not known of the weights behind a run: whose they are, or under which licence."""
    if not data.models:
        what = f"Whose weights gave the answers of run {data.run} was not stated"
        yield Missing(what=what, supplied_by=Supplier.PROVIDER, how="judge by the reasoner `recorded` with `weights`")
        return
    unlicensed = [model.name for model in data.models if model.licence is None]
    if unlicensed:
        what = f"Under which licence the weights of run {data.run} may be used was not stated ({', '.join(unlicensed)})"
        yield Missing(what=what, supplied_by=Supplier.PROVIDER, how="state it in the dossier or in the model's README")


def _of_metric(report: AuditReport, metric: str) -> list[Finding]:
    return [f for f in report.findings if f.metric == metric and not f.groups and f.compared is None]


def _told(finding: Finding) -> str:
    scale = scale_of(finding.metric)
    value = estimate_text(finding.estimate, scale)
    return f"{metric_label(finding.metric)}: {value}"


def _data(number: int, data: DataDescription) -> Section:
    facts = (
        ("Source", data.source),
        ("Supplied by", data.supplier or "not named"),
        ("Task", data.task.value),
        ("Content digest", data.digest),
        ("File digest (as sha256sum prints it)", data.file_digest or "none: there was no single file"),
        ("Rows", f"{data.n_rows:,}"),
        ("Independent units", f"{count_text(data.n_units)} ({unit_name(data)})"),
        ("Conditions", ", ".join(data.conditions)),
        ("Label space", ", ".join(data.label_space) if data.label_space else "none"),
        ("Columns", "; ".join(f"{part} from {name}" for part, name in data.columns.items()) or "as named"),
        ("Licence", data.licence or "not stated"),
    )
    assumed = (Listing(lead="Assumed:", items=data.assumptions),) if data.assumptions else ()
    models = (_models(data.run, data.models),) if data.models else ()
    return Section(id=f"data-{number}", title=f"Run {data.run}", blocks=(Facts(items=facts), *models, *assumed))


def _models(run: str, models: Sequence[ModelOrigin]) -> Table:
    """Return whose weights judged, part by part, and on whose word that rests."""
    return Table(
        id=f"models-{run}",
        caption=f"Whose weights judged in run {run}",
        columns=tuple(
            Column(title=title, kind="heading" if title == "Model" else "text")
            for title in ("Model", "Part", "From", "Licence", "Digest", "Known from")
        ),
        rows=tuple(
            tuple(
                Cell(text=text)
                for text in (
                    model.name,
                    model.part or "the whole",
                    model.source,
                    model.licence or "not stated",
                    model.digest or "none seen",
                    _BASES[model.basis],
                )
            )
            for model in models
        ),
    )


def _coverage(report: AuditReport) -> tuple[Table, ...]:
    """Return, of each run, how many rows and units each level of a feature has; `unknown` is a level like others."""
    return tuple(table for data in report.data for table in _coverage_of(report, data.run))


def _coverage_of(report: AuditReport, run: str) -> Iterator[Table]:
    single = [f for f in report.findings if f.run == run and len(f.groups) == 1 and f.compared is None]
    if not single:
        return
    condition = conditions_in_order(finding.condition for finding in single)[0]
    own = [finding for finding in single if finding.condition == condition]
    levels = dict.fromkeys(place for finding in own for place in finding.groups.items())
    rows = [_level(own, feature, level) for feature, level in levels]
    yield Table(
        id=f"coverage-{run}",
        caption=f"Whom run {run} covers, condition {condition}",
        columns=(
            Column(title="Level", kind="heading"),
            Column(title="Feature"),
            Column(title="Rows", kind="number"),
            Column(title="Units", kind="number"),
        ),
        rows=tuple(sorted(rows, key=lambda row: (row[1].text, row[0].text == UNKNOWN))),
        remarks=(
            "Rows and units are the most that any number was measured on. That nobody is unknown under a feature says "
            "that nobody was left without a level, not that levels are right.",
        ),
    )


def _level(findings: Sequence[Finding], feature: str, level: str) -> tuple[Cell, ...]:
    own = [finding.estimate for finding in findings if finding.groups == {feature: level}]
    units = [estimate.n_clusters for estimate in own if estimate.n_clusters is not None]
    return (
        Cell(text=level),
        Cell(text=feature),
        Cell(text=f"{max(estimate.n for estimate in own):,}"),
        Cell(text=f"{max(units):,}" if units else NOTHING),
    )
