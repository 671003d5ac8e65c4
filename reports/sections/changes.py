"""Changes since the last audit: paired where both judged the same items, else as if they had met different people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from affidavit.changes import ALPHA, changes_in_words
from affidavit.records import Finding
from affidavit.unpaired import Difference, Unpaired, surely_worse
from reports.document import Block, Cell, Column, Facts, Listing, Paragraph, Section, Table
from reports.papers.changes import Changes
from reports.sections.areas import Area, part_of
from reports.sections.case_file import CaseFile
from reports.sections.measured import measured_blocks
from reports.sections.missing import Missing, Told, told
from reports.wording import (
    NOTHING,
    counted,
    figures,
    group_name,
    interval_text,
    metric_label,
    p_text,
    quantity,
    scale_of,
)

ROWS_AT_MOST: Final = 40
PAIRED: Final = (
    "Paired: both models judged the same items, and each difference is taken item by item before it is averaged over "
    "people. The difference is new less old."
)
NOTHING_EARLIER: Final = Missing(
    what="No earlier audit was filed with this report, so nothing is said of change",
    supplied_by="the deployer",
    how="compare the tables of both audits (`affidavit compare OLD NEW`) and file the result (`affidavit file "
    "BUNDLE --since COMPARISON`); for a first audit there is none",
)


def changes_section(case: CaseFile) -> Told:
    """Return what changed, by the report's own comparison and by the papers."""
    own = measured_blocks(case, (Area.CHANGES,))
    compared = part_of(case.report, (Area.CHANGES,)).findings
    blocks: list[Block] = [Paragraph(text=PAIRED), *own] if compared else []
    for number, changes in enumerate(case.papers.changes):
        blocks.append(_section(number, changes))
    return told("changes", "Changes since the last audit", blocks, () if blocks else (NOTHING_EARLIER,))


def _section(number: int, changes: Changes) -> Section:
    facts = Facts(
        items=(("Since", changes.title), ("Made", changes.made), ("Its report digest", changes.report_digest))
    )
    told_of = _paired(number, changes.paired) if changes.unpaired is None else _unpaired(number, changes.unpaired)
    return Section(id=f"changes-{number}", title=f"Since “{changes.title}”", blocks=(facts, *told_of))


def _paired(number: int, findings: Sequence[Finding]) -> Iterator[Block]:
    yield Paragraph(text=PAIRED)
    if said := changes_in_words(findings):
        yield Listing(lead="In short:", items=tuple(said))
    shown = [finding for finding in findings if finding.compared is None][:ROWS_AT_MOST]
    yield Table(
        id=f"paired-{number}",
        caption=_shown("Paired differences, new less old", len(shown), sum(f.compared is None for f in findings)),
        columns=(
            Column(title="Number", kind="heading"),
            Column(title="Group"),
            Column(title="Runs"),
            Column(title="Condition"),
            Column(title="Difference", detail="with interval", kind="number"),
            Column(title="p adjusted", kind="number"),
            Column(title="n", detail="rows / units", kind="number"),
        ),
        rows=tuple(_paired_row(finding) for finding in shown),
    )


def _paired_row(finding: Finding) -> tuple[Cell, ...]:
    scale, estimate = scale_of(finding.metric), finding.estimate
    units = NOTHING if estimate.n_clusters is None else f"{estimate.n_clusters:,}"
    return (
        Cell(text=metric_label(finding.metric)),
        Cell(text=group_name(finding.groups)),
        Cell(text=finding.run),
        Cell(text=finding.condition),
        Cell(
            text=quantity(estimate.value, scale),
            detail=interval_text(estimate.interval, scale) or (estimate.why_no_interval or ""),
        ),
        Cell(text=p_text(finding.test.p_adjusted if finding.test else None)),
        Cell(text=f"{estimate.n:,} / {units}"),
    )


def _unpaired(number: int, found: Unpaired) -> Iterator[Block]:
    yield Paragraph(text=found.remark)
    worse = surely_worse(found.differences)
    sure = sum(one.p_adjusted <= ALPHA for one in found.differences if one.higher_is_better is not None)
    yield Listing(
        lead=f"{counted(len(found.differences), 'number')} stand in both reports:",
        items=(
            f"{len(worse):,} surely worse, {sure - len(worse):,} surely better (Holm over all, level {ALPHA:g}).",
            f"{counted(found.only_in_one, 'finding')} in one report only, or without an interval in one.",
            *(f"Fails {one.criterion} now, passed before: {one.id}." for one in found.new_failures),
        ),
    )
    strongest = sorted(found.differences, key=lambda one: (one.p_adjusted, one.p_value))[:ROWS_AT_MOST]
    yield Table(
        id=f"unpaired-{number}",
        caption=_shown("Differences, new less old, the surest first", len(strongest), len(found.differences)),
        columns=(
            Column(title="Finding", kind="heading"),
            Column(title="Before", kind="number"),
            Column(title="Now", kind="number"),
            Column(title="Difference", detail="with interval", kind="number"),
            Column(title="p adjusted", kind="number"),
        ),
        rows=tuple(_unpaired_row(one) for one in strongest),
    )


def _unpaired_row(one: Difference) -> tuple[Cell, ...]:
    scale = scale_of(one.metric)
    changed = scale_of(f"{one.metric}_change")
    return (
        Cell(text=metric_label(one.metric), detail=one.id),
        Cell(text=figures(one.old, scale)),
        Cell(text=figures(one.new, scale)),
        Cell(text=quantity(one.difference, changed), detail=interval_text(one.interval, changed)),
        Cell(text=p_text(one.p_adjusted)),
    )


def _shown(caption: str, shown: int, whole: int) -> str:
    return caption if shown == whole else f"{caption}: {shown:,} of {whole:,}; papers/filing.json holds all of them"
