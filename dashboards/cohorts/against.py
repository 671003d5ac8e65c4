"""How far every group of a feature is from one of them: each pair examined as a cohort of those two groups.

No difference is made here. The examination that holds the metric is asked of the two groups alone, and its gap is the
difference between them, with an interval, what chance alone gives, and a test. Intervals of one reference group hold
together (Bonferroni over its pairs), and tests are adjusted over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from affidavit.case import Case
from affidavit.cohorts import Cohort
from affidavit.errors import AffidavitError
from affidavit.examinations import Claim
from affidavit.records import Finding
from affidavit.registry import Door, load
from affidavit.report import AuditReport
from affidavit.verdicts import decide
from dashboards.cohorts.asking import Question, narrowed_case

DIFFERENCE: Final = "_difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The differences of the groups of one feature from one of them, in one metric."""

    findings: Mapping[str, Finding]
    """By the other group; those that could not be compared have a finding that says why."""
    level: float
    """Of each interval, so that all of them hold together at the plan's."""


def against(case: Case, report: AuditReport, question: Question, *, reference: tuple[str, str], metric: str) -> Against:
    """Return the differences from a reference group; found once, whoever asks.

    Args:
        case: the counts of one run.
        report: the report that they are of.
        question: the examination that holds the metric, the condition, and the cohort within which groups are compared.
        reference: a feature and one of its levels.
        metric: without what ends the name of a gap, such as `accuracy`.
    """
    (run,) = case.runs
    pairs = _pairs(report.report_digest, run, question.key, reference, case, question)
    chosen = {
        other: [claim for claim in claims if claim.finding.metric == f"{metric}{DIFFERENCE}"]
        for other, claims in pairs.items()
    }
    told = decide([claim for claims in chosen.values() for claim in claims], None, case.statistics)
    by_other = dict(zip((other for other, claims in chosen.items() for _ in claims), told, strict=True))
    return Against(findings=by_other, level=level_of_each(case.statistics.level, len(pairs)))


def level_of_each(level: float, n_pairs: int) -> float:
    """Return the level of one of several intervals that hold together at a level (Bonferroni)."""
    return 1 - (1 - level) / max(n_pairs, 1)


@st.cache_resource(max_entries=64, show_spinner="Comparing every group with this one ...")
def _pairs(
    digest: str, run: str, key: str, reference: tuple[str, str], _case: Case, _question: Question
) -> Mapping[str, Sequence[Claim]]:
    del digest, run, key
    return pairs_with(_case, _question, reference)


def pairs_with(case: Case, question: Question, reference: tuple[str, str]) -> Mapping[str, Sequence[Claim]]:
    """Return what an examination says of the reference group beside each other group of its feature.

    Nothing is said where the cohort leaves no other group, or the examination refuses.
    """
    feature, level = reference
    others = _others(case, question, reference)
    statistics = case.statistics.model_copy(update={"level": level_of_each(case.statistics.level, len(others))})
    found: dict[str, Sequence[Claim]] = {}
    for other in others:
        levels = {**question.cohort.levels, feature: (level, other)}
        pair = replace(question, cohort=Cohort(name=question.cohort.name, levels=levels))
        found[other] = _asked_of(replace(case, statistics=statistics), pair, feature)
    return found


def _asked_of(case: Case, question: Question, feature: str) -> tuple[Claim, ...]:
    """Return the gaps between the levels of one feature that an examination finds in a cohort."""
    try:
        narrowed = replace(narrowed_case(case, question), by=(feature,), depth=1)
        examination = load(Door.EXAMINATIONS, question.examination)
        if examination.refuses(narrowed) is not None:
            return ()
        claims: tuple[Claim, ...] = examination.examine(narrowed).claims
    except AffidavitError:
        return ()
    return tuple(claim for claim in claims if claim.finding.compared == (feature,))


def _others(case: Case, question: Question, reference: tuple[str, str]) -> tuple[str, ...]:
    """Return the other levels of the feature that have anybody of the cohort."""
    feature, level = reference
    (run,) = case.runs
    within = question.cohort.levels.get(feature)
    if within is not None and level not in within:
        return ()  # the reference group is not of the cohort
    grouped = narrowed_case(case, question).book.tally(run, question.condition).by((feature,))
    there = [group[feature] for group, n in zip(grouped.groups, grouped.rows(), strict=True) if n]
    return tuple(one for one in there if one != level and (within is None or one in within))
