"""Small tables, cases and reports for tests of plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affidavit.case import Case, EvidenceBook
from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.predictions import Reading, predictions_from
from affidavit.run import audit
from affidavit.tables import from_frame

if TYPE_CHECKING:
    from affidavit.examinations import FunctionExamination
    from affidavit.protocols import Examination
    from affidavit.records import Finding
    from affidavit.report import AuditReport

LABELS = ("anger", "joy", "sadness")
FAST = Statistics(n_resamples=200, n_permutations=99, compared_units=5)


def predictions_frame(
    *, n_speakers: int = 48, per_speaker: int = 10, conditions: Sequence[str] = ("TAV", "A"), seed: int = 0
) -> pd.DataFrame:
    """Return a labelled table with rationales: speakers in accent (3) x age (2), several conditions."""
    rng = np.random.default_rng(seed)
    utterance = np.arange(n_speakers * per_speaker)
    speaker = utterance // per_speaker
    truth = rng.integers(0, len(LABELS), len(utterance))
    parts = []
    for condition in conditions:
        right = rng.random(len(utterance)) < 0.7
        predicted = np.where(right, truth, (truth + rng.integers(1, len(LABELS), len(utterance))) % len(LABELS))
        parts.append(
            pd.DataFrame(
                {
                    "utterance_id": [f"u{i}" for i in utterance],
                    "speaker_id": [f"s{i}" for i in speaker],
                    "condition": condition,
                    "accent": np.array(["Irish", "Scottish", "Welsh"])[speaker % 3],
                    "age": np.array(["18-39", "40+"])[speaker // 3 % 2],
                    "y_true": np.array(LABELS)[truth],
                    "y_pred": np.array(LABELS)[predicted],
                    "rationale": [f"the voice sounds like {LABELS[k]}" for k in predicted],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def case_of(
    frame: pd.DataFrame,
    by: Sequence[str] = ("accent", "age"),
    *,
    options: Mapping[str, Any] | None = None,
    statistics: Statistics = FAST,
    reading: Reading | None = None,
) -> Case:
    """Return a case of one run, named `run`, with quick statistics."""
    reading = reading or Reading(run="run", by=tuple(by))
    runs = {"run": predictions_from(from_frame(frame), reading)}
    book = EvidenceBook(runs=runs, by=tuple(by), statistics=statistics, seed=0)
    return Case(
        runs=runs,
        by=tuple(by),
        depth=2,
        statistics=statistics,
        book=book,
        rng=np.random.default_rng(0),
        options=dict(options or {}),
    )


def findings_of(
    examination: Examination | FunctionExamination, case: Case, *, condition: str | None = None
) -> dict[tuple[str, str], Finding]:
    """Return an examination's findings by metric and group: `everybody`, the levels of a group, or `gap`.

    `condition` keeps the findings of one condition.

    Raises:
        AssertionError: the case is refused, or two findings have the same metric and group.
    """
    refusal = examination.refuses(case)
    if refusal is not None:
        raise AssertionError(f"{examination.name} refuses the case: {refusal.because}")
    told: dict[tuple[str, str], Finding] = {}
    for claim in examination.examine(case).claims:
        found = claim.finding
        if condition not in {None, found.condition}:
            continue
        group = ", ".join(found.groups.values()) or ("gap" if found.compared else "everybody")
        if (found.metric, group) in told:
            conditions = f"{told[found.metric, group].condition} and {found.condition}"
            raise AssertionError(f"{found.metric} of {group} is told twice, under {conditions}: name one of them")
        told[found.metric, group] = found
    return told


def value_of(told: Mapping[tuple[str, str], Finding], metric: str, group: str = "everybody") -> float:
    """Return the value of one of `findings_of`.

    Raises:
        AssertionError: it has none.
    """
    found = told[metric, group].estimate
    if found.value is None:
        raise AssertionError(f"{metric} of {group} has no value: {found.why_no_interval}")
    return found.value


def small_report(examinations: Sequence[str] = ("performance",), *, n_speakers: int = 48) -> AuditReport:
    """Return the report of a small audit of `predictions_frame`."""
    plan = AuditPlan(
        runs={"run": RunSource(table="frame")},
        statistics=FAST,
        examinations=tuple(Choice(name=name) for name in examinations),
    )
    return audit(predictions_frame(n_speakers=n_speakers), by=["accent", "age"], plan=plan)
