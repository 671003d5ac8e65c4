"""Models over seeds: a table for each that the plan named, with what each seed's model did and what a paper prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Notes, Table, tidied
from reports.ordering import distinct
from reports.sections.tabulated import Row, attached, records
from reports.wording import NOTHING, figures, interval_text, metric_label, scale_of, verdict_text, worst

EXAMINATION: Final = "seed-tables"
_CHANGE: Final = "_difference"
_BETWEEN: Final = ": "
"""Between the name of a table and that of a row, where a finding names its run."""


def of_seeds(finding: Finding) -> bool:
    """Say whether a finding speaks of models over seeds, and stands in these tables."""
    return finding.examination == EXAMINATION


def seed_tables(report: AuditReport) -> list[Block]:
    """Return the tables in the order of the plan; without the exhibit, which a release may lack, seeds are not told."""
    findings = [finding for finding in report.findings if of_seeds(finding)]
    printed = {f"{row['table']}{_BETWEEN}{row['row']}": row for row in records(attached(report, EXAMINATION))}
    return [
        _table(name, [f for f in findings if _place(f.run)[0] == name], printed)
        for name in distinct(_place(finding.run)[0] for finding in findings)
    ]


def _place(run: str) -> tuple[str, str]:
    """Return a table and its row."""
    table, _, row = run.partition(_BETWEEN)
    return table, row


def _table(name: str, findings: Sequence[Finding], printed: Mapping[str, Row]) -> Table:
    notes = Notes()
    metric = next(f.metric for f in findings if not f.metric.endswith(_CHANGE))
    unit, apart = scale_of(metric).unit, scale_of(f"{metric}{_CHANGE}").unit
    table = Table(
        id=f"seed-table-{name}",
        caption=f"Table {name}: models over seeds",
        columns=(
            Column(title="Model", kind="heading"),
            Column(title=metric_label(metric), detail=f"mean over seeds, {unit}", kind="number"),
            Column(title="By seed", detail=unit, kind="number"),
            Column(title="Less the row held against", detail=apart, kind="number"),
            Column(title="In print", detail=f"elsewhere, on other data, {unit}", kind="number"),
            Column(title="n", detail="rows / units", kind="number"),
            Column(title="Verdict", detail="the worst", kind="verdict"),
            Column(title="Notes", kind="notes"),
        ),
        rows=tuple(
            _row([f for f in findings if f.run == run], printed.get(run), notes)
            for run in distinct(f.run for f in findings)
        ),
        notes=notes.texts(),
    )
    return tidied(table)


def _row(findings: Sequence[Finding], printed: Row | None, notes: Notes) -> tuple[Cell, ...]:
    own = next(f for f in findings if not f.metric.endswith(_CHANGE))
    change = next((f for f in findings if f.metric.endswith(_CHANGE)), None)
    said = [caveat for finding in findings for caveat in finding.caveats]
    said += [f"no interval: {f.estimate.why_no_interval}" for f in findings if f.estimate.why_no_interval]
    verdict = worst([finding.verdict for finding in findings])
    units = own.estimate.n_clusters
    return (
        Cell(text=_place(own.run)[1], detail=own.condition),
        _value(own),
        Cell(text=NOTHING if printed is None else _by_seed(printed, own.metric)),
        Cell(text=NOTHING) if change is None else _value(change),
        Cell(text=NOTHING if printed is None else _in_print(printed, own.metric)),
        Cell(text=f"{own.estimate.n:,} / {NOTHING if units is None else f'{units:,}'}"),
        Cell(text=verdict_text(verdict), verdict=verdict),
        Cell(text="", notes=tuple(notes.number(text) for text in distinct(said))),
    )


def _value(finding: Finding) -> Cell:
    scale = scale_of(finding.metric)
    text = figures(finding.estimate.value, scale)
    return Cell(text=text, detail=interval_text(finding.estimate.interval, scale))


def _by_seed(row: Row, metric: str) -> str:
    return ", ".join(figures(float(value), scale_of(metric)) for value in str(row["by_seed"]).split())


def _in_print(row: Row, metric: str) -> str:
    if row["published"] is None:
        return NOTHING
    scale = scale_of(metric)
    spread = "" if row["published_sd"] is None else f" ± {figures(row['published_sd'], scale)}"
    return f"{figures(row['published'], scale)}{spread}"
