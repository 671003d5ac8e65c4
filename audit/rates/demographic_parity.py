"""Is each emotion named equally often in every group? Selection rates, their gaps and impact ratios.

For K classes the demographic parity gap of class k is max - min over groups of P(predicted = k); reported are the
greatest and the mean over classes, the least impact ratio (min / max), and the widest total variation between two
groups, 1/2 sum_k |P(k | g) - P(k | g')|, which no single class can hide. It means something only where the groups'
base rates can be compared, so the gap of the reference labels is reported beside it wherever there are labels.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place, needs_groups
from affidavit.confusion import Statistic, ratio_statistic, selection_rate
from affidavit.evidence import Evidence
from affidavit.examinations import FunctionExamination, Testimony
from affidavit.gaps import GapKind
from affidavit.plan import Task
from audit.family_claims import FamilyNumber
from audit.rates.class_rates import ClassGap, ClassRate, RateStudy, study
from audit.rates.total_variation import Distributions, total_variation

NAME = "demographic-parity"
VERSION = "3"
TOTAL_VARIATION: Final = "demographic_parity_total_variation"
SOURCE = "demographic parity: Agarwal et al. 2018"
RATIO_SOURCE = "impact ratio over classes: Feldman et al. 2015"


def _rates(labels: tuple[str, ...], labelled: bool) -> tuple[ClassRate, ...]:  # noqa: FBT001 - a field of RateStudy
    n = len(labels)
    if not labelled:
        return tuple(ClassRate(label=label, statistic=_plain_selection(k, n)) for k, label in enumerate(labels))
    selected = [ClassRate(label=label, statistic=selection_rate(k, n)) for k, label in enumerate(labels)]
    base = [ClassRate(label=label, statistic=_base_rate(k, n)) for k, label in enumerate(labels)]
    return (*selected, *base)


def _plain_selection(k: int, n_labels: int) -> Statistic:
    return ratio_statistic(
        "selection_rate", np.eye(n_labels)[k], np.ones(n_labels), higher_is_better=None, source=SOURCE
    )


def _base_rate(k: int, n_labels: int) -> Statistic:
    """P(true = k): what the labels themselves say of the groups."""
    weights = np.zeros((3, n_labels))
    weights[1, k] = 1.0
    everyone = np.zeros((3, n_labels))
    everyone[1] = 1.0
    return ratio_statistic(
        "base_rate",
        weights.ravel(),
        everyone.ravel(),
        higher_is_better=None,
        source="share of the label in the group",
    )


def _gaps(rates: tuple[ClassRate, ...]) -> tuple[ClassGap, ...]:
    selected = tuple(rate for rate in rates if rate.statistic.name == "selection_rate")
    base = tuple(rate for rate in rates if rate.statistic.name == "base_rate")
    name = "demographic_parity"
    gaps = [
        ClassGap(kind=GapKind(name=f"{name}_difference_max", scale="difference"), rates=selected, source=SOURCE),
        ClassGap(
            kind=GapKind(name=f"{name}_difference_macro", scale="difference", combine="mean"),
            rates=selected,
            source=SOURCE,
        ),
        ClassGap(kind=GapKind(name=f"{name}_ratio", scale="ratio"), rates=selected, source=RATIO_SOURCE),
    ]
    if base:
        kind = GapKind(name="base_rate_difference_max", scale="difference")
        gaps.append(ClassGap(kind=kind, rates=base, source="label-rate context"))
    return tuple(gaps)


def _apart(case: Case, place: Place) -> tuple[Evidence, FamilyNumber]:
    """Return the widest total variation between two groups' distributions of answers."""
    predictions = case.runs[place.run]
    n = len(predictions.labels)
    evidence = case.book.evidence(place.run, place.condition, place.family)
    if predictions.labelled:
        evidence = evidence.projected(lambda sums: np.split(sums, 3, axis=-1)[2])
    distributions = Distributions(evidence=evidence, n_labels=n, strata=(None,))
    return evidence, total_variation(TOTAL_VARIATION, distributions, source=SOURCE)


DESIGN = RateStudy(
    examination=NAME,
    method_version=VERSION,
    exhibit="selection-rates",
    title="How often each label is given, and how often it is the truth, in every group",
    rates=_rates,
    gaps=_gaps,
    apart=_apart,
)


def examine(case: Case) -> Testimony:
    """Measure selection rates of every group and their gaps."""
    return study(case, DESIGN)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Demographic parity",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset(
        {
            "demographic_parity_difference_max",
            "demographic_parity_difference_macro",
            "demographic_parity_ratio",
            TOTAL_VARIATION,
            "base_rate_difference_max",
        }
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=needs_groups(NAME),
)
