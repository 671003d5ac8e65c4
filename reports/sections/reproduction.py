"""Reproduction: the plan, the declared statistics, by whose definition each number was made, and on what it was run."""

from __future__ import annotations

import json
from typing import Final

from affidavit.metric_names import sentence_case
from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Facts, Fold, Paragraph, Section, Table, Verbatim
from reports.sections.case_file import CaseFile
from reports.sections.missing import Missing, Told, told
from reports.wording import NOTHING, PRECISION, metric_label, plain

_BETTER: Final = {True: "higher", False: "lower", None: "neither"}
NO_COMMIT: Final = Missing(
    what="The commit of the code that made this is not known",
    supplied_by="the auditor",
    how="run the audit from a clean checkout, or from a released version",
)


def reproduction_section(case: CaseFile) -> Told:
    """Return what somebody needs to make the same claims again."""
    report = case.report
    made = report.provenance
    unknown = made.commit is None or bool(made.uncommitted_changes)
    blocks = (_methods(report), _provenance(report))
    return told("reproduction", "Reproduction", blocks, (NO_COMMIT,) if unknown else ())


def _methods(report: AuditReport) -> Section:
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


def _provenance(report: AuditReport) -> Section:
    made = report.provenance
    changed = {True: ", with uncommitted changes", False: "", None: ""}[made.uncommitted_changes]
    facts = Facts(
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
    return Section(id="provenance", title="Provenance and verification", blocks=(facts, *_how_to_verify()))


def _how_to_verify() -> tuple[Block, ...]:
    return (
        Paragraph(
            text="To check that nothing was changed, and that these findings follow from the table, "
            "run this with the folder that holds report.json and with the table that was audited:"
        ),
        Verbatim(lines=("affidavit verify DIR --table TABLE",)),
        Paragraph(text="To carry the whole plan out again, on the data that it names:"),
        Verbatim(lines=("affidavit verify DIR --plan PLAN",)),
        Paragraph(
            text="The claims digest covers plan, data digests, policy, findings, refusals and exhibits: the same "
            "predictions, plan, seed and versions give it again. The report digest adds provenance, and is signed."
        ),
    )
