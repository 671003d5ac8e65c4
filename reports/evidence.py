"""What the claims rest on: what could not be assessed, the data, the methods, the provenance, and how to check."""

from __future__ import annotations

import json

from affidavit.metric_names import sentence_case
from affidavit.records import Finding
from affidavit.report import AuditReport, DataDescription
from reports.document import Block, Cell, Column, Facts, Fold, Listing, Paragraph, Section, Table, Verbatim
from reports.front import unit_name
from reports.wording import NOTHING, PRECISION, count_text, metric_label, plain

_BETTER = {True: "higher", False: "lower", None: "neither"}


def refusals_section(report: AuditReport) -> Section:
    """Return what was not assessed, why, and what would let it be."""
    if not report.refusals:
        blocks: tuple[Block, ...] = (Paragraph(text="Every examination of the plan gave an answer."),)
        return Section(id="not-assessed", title="Not assessed", blocks=blocks)
    rows = tuple(
        (Cell(text=sentence_case(r.examination)), Cell(text=r.run or "all"), Cell(text=r.because), Cell(text=r.remedy))
        for r in report.refusals
    )
    table = Table(
        id="refusals",
        caption="What was not assessed, and what would let it be",
        columns=(
            Column(title="What", kind="heading"),
            Column(title="Run"),
            Column(title="Because", kind="prose"),
            Column(title="Remedy", kind="prose"),
        ),
        rows=rows,
    )
    return Section(id="not-assessed", title="Not assessed", blocks=(table,))


def data_section(report: AuditReport) -> Section:
    """Return each table that was audited, and the exhibits that were made of them."""
    parts = tuple(_data(number, data) for number, data in enumerate(report.data))
    return Section(id="data", title="Data", blocks=(*parts, _exhibits(report)))


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
    return Section(id=f"data-{number}", title=f"Run {data.run}", blocks=(Facts(items=facts), *assumed))


def _exhibits(report: AuditReport) -> Block:
    if not report.exhibits:
        return Paragraph(text="The report has no exhibits.")
    rows = tuple(
        (
            Cell(text=exhibit.id),
            Cell(text=exhibit.title),
            Cell(text=f"{exhibit.n_rows:,}"),
            Cell(text=exhibit.file or "in report.json"),
            Cell(text="yes" if exhibit.releasable else "no"),
            Cell(text=exhibit.digest),
        )
        for exhibit in report.exhibits
    )
    return Table(
        id="exhibits",
        caption="Exhibits: the tables behind findings and pictures",
        columns=(
            Column(title="Exhibit", kind="heading"),
            Column(title="What it holds", kind="prose"),
            Column(title="Rows", kind="number"),
            Column(title="Where"),
            Column(title="Releasable"),
            Column(title="Content digest", kind="code"),
        ),
        rows=rows,
    )


def methods_section(report: AuditReport) -> Section:
    """Return how each number was made and by whose definition, the declared statistics and the plan."""
    blocks = (Paragraph(text=PRECISION), _metrics(report), _statistics(report), _plan(report))
    return Section(id="methods", title="Methods and sources", blocks=blocks)


def _metrics(report: AuditReport) -> Table:
    rows = dict.fromkeys(_metric_row(finding) for finding in report.findings)
    return Table(
        id="metrics",
        caption="Metrics, their definitions and their versions",
        columns=(
            Column(title="Metric", kind="heading"),
            Column(title="Name in report.json", kind="code"),
            Column(title="Examination"),
            Column(title="Method version"),
            Column(title="Better is"),
            Column(title="Speaks of"),
            Column(title="Source", kind="prose"),
        ),
        rows=tuple(tuple(Cell(text=text) for text in row) for row in rows),
    )


def _metric_row(finding: Finding) -> tuple[str, ...]:
    return (
        metric_label(finding.metric),
        finding.metric,
        sentence_case(finding.examination),
        finding.method_version,
        _BETTER[finding.higher_is_better],
        finding.property.value if finding.property else NOTHING,
        finding.source,
    )


def _statistics(report: AuditReport) -> Facts:
    statistics = report.plan.statistics
    return Facts(
        items=(
            ("Level of intervals", f"{statistics.level * 100:.6g} %"),
            ("Resamples", f"{statistics.n_resamples:,}"),
            ("Permutations", f"{statistics.n_permutations:,}"),
            ("Small-sample methods", f"for groups worth fewer than {statistics.small_sample_units:,} units"),
            ("Power of the smallest detectable effect", f"{statistics.power * 100:.6g} %"),
            ("Correction of tests", statistics.screening),
            ("Seed", str(report.plan.seed)),
        )
    )


def _plan(report: AuditReport) -> Fold:
    text = json.dumps(report.plan.model_dump(mode="json"), indent=2, ensure_ascii=False, sort_keys=True)
    return Fold(summary="The plan in full", blocks=(Verbatim(lines=_lines(text)),))


def _lines(text: str) -> tuple[str, ...]:
    """Return lines that keep their indent and in which nothing is invisible."""
    lines = text.split("\n")
    return tuple(" " * (len(line) - len(line.lstrip(" "))) + plain(line) for line in lines)


def provenance_section(report: AuditReport) -> Section:
    """Return who computed this and on what, both digests, and how to check them."""
    blocks = (_provenance(report), _digests(report), *_how_to_verify())
    return Section(id="provenance", title="Provenance and verification", blocks=blocks)


def _provenance(report: AuditReport) -> Facts:
    made = report.provenance
    changed = {True: ", with uncommitted changes", False: "", None: ""}[made.uncommitted_changes]
    return Facts(
        items=(
            ("Made", made.created_at),
            ("affidavit", made.affidavit),
            ("Commit", f"{made.commit or 'not known'}{changed}"),
            ("Python", made.python),
            ("Platform", made.platform),
            ("Packages", ", ".join(f"{name} {version}" for name, version in made.packages.items())),
            ("Execution (not part of the claims)", json.dumps(made.execution.model_dump(mode="json"), sort_keys=True)),
        )
    )


def _digests(report: AuditReport) -> Facts:
    policy = (("Policy digest", report.policy_digest),) if report.policy_digest else ()
    return Facts(
        items=(
            ("Claims digest", report.claims_digest or "not sealed"),
            ("Report digest", report.report_digest or "not sealed"),
            *policy,
            ("Schema version", report.schema_version),
        )
    )


def _how_to_verify() -> tuple[Block, ...]:
    return (
        Paragraph(
            text="To check that nothing was changed, and that these findings follow from the table, "
            "run this with the folder that holds report.json and with the table that was audited:"
        ),
        Verbatim(lines=("affidavit verify DIR --table TABLE",)),
        Paragraph(
            text="The claims digest covers plan, data digests, policy, findings, refusals and exhibits: the same "
            "predictions, plan, seed and versions give it again. The report digest adds provenance, and is signed."
        ),
    )
