"""Fairness, explanations and robustness: the areas whose section is what was measured in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from affidavit.conditions import Condition
from affidavit.errors import RowError
from affidavit.report import AuditReport
from reports.document import Paragraph
from reports.sections.areas import TITLES, Area, part_of
from reports.sections.case_file import CaseFile
from reports.sections.measured import measured_blocks, refused_block
from reports.sections.missing import Missing, Told, told

PROPERTIES: Final = (
    "Plausible to people, in agreement with the answer, the same when asked again, and the cause of the answer are "
    "four different things. Each number says of which it speaks, and stands beside its controls; only a causal one "
    "says that a rationale is why the model answered as it did."
)
NO_GROUPS: Final = Missing(
    what="No groups were compared",
    supplied_by="whoever supplied the table",
    how="bring sensitive features of speakers, with their consent, and name them with `--by`",
)
NO_EXPLANATIONS: Final = Missing(
    what="No rationale was examined: whether explanations cause answers or decorate them is not known",
    supplied_by="the provider",
    how="bring the rationales of the judgements, or a reasoner that can be asked (docs/faithfulness.md)",
)
NOT_CAUSAL: Final = Missing(
    what="No causal test of rationales was made: nothing here shows that one is why an answer was given",
    supplied_by="the provider",
    how="audit the reasoner itself, or judge the same items with modalities taken away (`citation`)",
)
NOT_DEGRADED: Final = Missing(
    what="Answers under noise, a codec or masked input were not measured",
    supplied_by="the provider",
    how="judge the same items under conditions such as `TAV/noise=10dB`, and put them into the table",
)
NOT_REDUCED: Final = Missing(
    what="Answers with a missing modality were not measured",
    supplied_by="the provider",
    how="judge the same items under conditions such as `T` and `TA`, and put them into the table",
)
NO_OPEN_WORDS: Final = Missing(
    what="What the model does off its vocabulary of emotions was not measured",
    supplied_by="the provider",
    how="audit open answers (task `open_set`, examination `open-vocabulary`), or say that the model cannot give any",
)


def fairness_section(case: CaseFile) -> Told:
    """Return gaps between groups and every group's numbers, everybody's beside them."""
    gallery = replace(case.gallery, of_confusions=())
    measured = bool(part_of(case.report, (Area.FAIRNESS,)).findings)
    blocks = measured_blocks(case, (Area.FAIRNESS, Area.PERFORMANCE), gallery=gallery) if measured else ()
    refused = refused_block(case.report, Area.FAIRNESS)
    return told("fairness", "Fairness", (*blocks, *refused), () if measured else (NO_GROUPS,))


def explanations_section(case: CaseFile) -> Told:
    """Return what was measured of rationales and attributions."""
    blocks = measured_blocks(case, (Area.EXPLANATIONS,))
    refused = refused_block(case.report, Area.EXPLANATIONS)
    intro = (Paragraph(text=PROPERTIES),) if blocks else ()
    return told("explanations", "Explanations", (*intro, *blocks, *refused), _explanations_missing(case.report))


def _explanations_missing(report: AuditReport) -> tuple[Missing, ...]:
    findings = part_of(report, (Area.EXPLANATIONS,)).findings
    if not findings:
        return (NO_EXPLANATIONS,)
    return () if any(f.property is not None and f.property.value == "causal" for f in findings) else (NOT_CAUSAL,)


def robustness_section(case: CaseFile) -> Told:
    """Return what becomes of answers when the input is worse, less, or outside of the vocabulary."""
    blocks = measured_blocks(case, (Area.ROBUSTNESS,))
    refused = refused_block(case.report, Area.ROBUSTNESS)
    return told("robustness", TITLES[Area.ROBUSTNESS], (*blocks, *refused), _robustness_missing(case.report))


def _robustness_missing(report: AuditReport) -> list[Missing]:
    shown = [_parsed(condition) for data in report.data for condition in data.conditions]
    degraded = any(condition is not None and condition.operator is not None for condition in shown)
    modalities = {condition.modalities for condition in shown if condition is not None}
    open_words = any(finding.examination == "open-vocabulary" for finding in report.findings)
    return [
        *([] if degraded else [NOT_DEGRADED]),
        *([] if len(modalities) > 1 else [NOT_REDUCED]),
        *([] if open_words else [NO_OPEN_WORDS]),
    ]


def _parsed(condition: str) -> Condition | None:
    try:
        return Condition.parse(condition)
    except RowError:
        return None
