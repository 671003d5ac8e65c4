"""Which section of a report a finding belongs to.

An examination belongs to one area, but for those that measure how good answers are: of everybody they speak of
performance, of groups and of gaps between them of fairness. A plugin's examination is placed by what it measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.sections.federated_section import EXAMINATION as FEDERATED_RUN
from reports.sections.privacy_section import EXAMINATIONS as OF_PRIVACY


class Area(StrEnum):
    """What a question is about, by the id of its section."""

    DATA = "data"
    PERFORMANCE = "performance"
    FAIRNESS = "fairness"
    EXPLANATIONS = "explanations"
    PRIVACY = "privacy"
    FEDERATION = "federated-run"
    ROBUSTNESS = "robustness"
    OVERSIGHT = "oversight"
    CHANGES = "changes"


TITLES: Final[Mapping[Area, str]] = MappingProxyType(
    {
        Area.DATA: "Data and labels",
        Area.PERFORMANCE: "Performance",
        Area.FAIRNESS: "Fairness between groups",
        Area.EXPLANATIONS: "Explanations",
        Area.PRIVACY: "Privacy",
        Area.FEDERATION: "Federated run",
        Area.ROBUSTNESS: "Robustness",
        Area.OVERSIGHT: "Human oversight",
        Area.CHANGES: "Changes since the last audit",
    }
)
MEASURE: Final = frozenset({"performance", "calibration", "word-errors", "regression", "ordinal", "multilabel"})
"""Examinations of how good answers are, for everybody and for groups."""
_OWN: Final[Mapping[Area, tuple[str, ...]]] = MappingProxyType(
    {
        Area.DATA: ("representation", "soft-labels", "annotators"),
        Area.PERFORMANCE: ("seed-tables",),
        Area.FAIRNESS: (
            "worst-group",
            "spread",
            "small-groups",
            "demographic-parity",
            "equalized-odds",
            "differential-fairness",
            "inequality",
            "subgroup-search",
            "multicalibration",
            "modality-disparity",
            "deviation",
            "chance-thresholds",
            "leakage-probe",
            "mitigation",
        ),
        Area.EXPLANATIONS: (
            "rationales",
            "rationale-equity",
            "citation",
            "cue-grounding",
            "modality-reliance",
            "modality-weights",
            "modality-information",
            "coherence",
            "clue-overlap",
            "rationale-corruption",
            "evidence-erasure",
            "insertions",
            "hints",
            "stability",
            "attributions",
            "attribution-sanity",
            "roar",
            "evidence-plausibility",
            "causal-concepts",
        ),
        Area.PRIVACY: (*OF_PRIVACY, "gradient-clipping"),
        Area.FEDERATION: (FEDERATED_RUN,),
        Area.ROBUSTNESS: ("robustness", "agreement", "open-vocabulary"),
        Area.OVERSIGHT: ("human-review",),
        Area.CHANGES: ("model-comparison",),
    }
)
OF_EXAMINATION: Final[Mapping[str, Area]] = MappingProxyType(
    {name: area for area, names in _OWN.items() for name in names} | dict.fromkeys(MEASURE, Area.PERFORMANCE)
)


def area_of(finding: Finding) -> Area:
    """Return the section that a finding stands in."""
    of_groups = bool(finding.groups) or finding.compared is not None
    known = OF_EXAMINATION.get(finding.examination)
    if known is None and finding.property is not None:
        return Area.EXPLANATIONS
    if known is None or known is Area.PERFORMANCE:
        return Area.FAIRNESS if of_groups else Area.PERFORMANCE
    return known


def area_of_examination(name: str) -> Area:
    """Return the section that speaks of an examination which found nothing."""
    return OF_EXAMINATION.get(name, Area.PERFORMANCE)


def part_of(report: AuditReport, areas: Sequence[Area]) -> AuditReport:
    """Return a report with the findings of some areas only; its digests stay those of the whole."""
    own = tuple(finding for finding in report.findings if area_of(finding) in areas)
    return report.model_copy(update={"findings": own})


def refused_in(report: AuditReport, area: Area) -> tuple[str, ...]:
    """Return the examinations of an area that could not answer at all, each once."""
    answered = {finding.examination for finding in report.findings}
    names = (refusal.examination for refusal in report.refusals if refusal.examination not in answered)
    return tuple(dict.fromkeys(name for name in names if area_of_examination(name) is area))
