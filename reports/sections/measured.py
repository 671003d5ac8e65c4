"""What was measured in an area: its gaps, then its groups, then what could not be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from affidavit.metric_names import sentence_case
from affidavit.report import AuditReport
from reports.document import Block, Listing, Section
from reports.drawings.gallery import Gallery
from reports.sections.areas import Area, part_of, refused_in
from reports.sections.case_file import CaseFile
from reports.sections.gaps import gaps_section
from reports.sections.groups import groups_section


def measured_blocks(case: CaseFile, areas: Sequence[Area], *, gallery: Gallery | None = None) -> tuple[Block, ...]:
    """Return the sections of gaps and of groups of some areas; none where nothing was measured there.

    Args:
        case: the report and its papers.
        areas: the first of them names the sections.
        gallery: the pictures that may stand here; those of the areas' examinations where absent.
    """
    part = part_of(case.report, areas)
    if not part.findings:
        return ()
    shown = gallery or Gallery(of_areas=case.gallery.of_areas)
    blocks: list[Block] = []
    if any(finding.compared is not None for finding in part.findings):
        blocks.append(_named(gaps_section(part, shown), areas[0]))
    if any(finding.compared is None for finding in part.findings):
        blocks.append(_named(groups_section(part, shown), areas[0]))
    return tuple(blocks)


def refused_block(report: AuditReport, area: Area) -> tuple[Block, ...]:
    """Return which examinations of an area could not answer; their reasons stand in one table elsewhere."""
    names = refused_in(report, area)
    if not names:
        return ()
    lead = "Could not answer; why, and what would let each, stands under Not assessed:"
    return (Listing(lead=lead, items=tuple(map(sentence_case, names))),)


def _named(section: Section, area: Area) -> Section:
    """Return a section under an id of its area; fairness keeps the plain ids, which requirements of laws name."""
    return section if area is Area.FAIRNESS else replace(section, id=f"{area}-{section.id}")
