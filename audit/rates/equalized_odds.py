"""Does the model err alike in every group? Equalized odds and equal opportunity for many classes.

T_k is the gap of recall over groups for class k, F_k that of the false positive rate (one versus rest). Equalized odds
is max_k max(T_k, F_k) and mean_k (T_k + F_k)/2; equal opportunity is max_k T_k and mean_k T_k; the strict form is the
widest total variation between two groups' rows of the confusion matrix: which wrong answer is given counts too. A group
without a class is not compared for that class; nothing is imputed.
"""

from __future__ import annotations

from typing import Final

from affidavit.case import Case
from affidavit.claims import Place, needs_groups
from affidavit.confusion import false_positive_rate, recall
from affidavit.evidence import Evidence
from affidavit.examinations import FunctionExamination, Testimony
from affidavit.gaps import GapKind
from affidavit.plan import Task
from audit.family_claims import FamilyNumber
from audit.rates.class_rates import ClassGap, ClassRate, RateStudy, study
from audit.rates.total_variation import Distributions, total_variation

NAME = "equalized-odds"
VERSION = "3"
STRICT: Final = "equalized_odds_strict"
STRICT_SOURCE: Final = "total variation of the confusion matrix's rows, max over true labels"
SOURCE = "Hardt, Price, Srebro 2016; many classes"


def _rates(labels: tuple[str, ...], labelled: bool) -> tuple[ClassRate, ...]:  # noqa: FBT001 - a field of RateStudy
    n = len(labels)
    recalls = [ClassRate(label=label, statistic=recall(k, n)) for k, label in enumerate(labels)]
    alarms = [ClassRate(label=label, statistic=false_positive_rate(k, n)) for k, label in enumerate(labels)]
    return (*recalls, *alarms)


def _gaps(rates: tuple[ClassRate, ...]) -> tuple[ClassGap, ...]:
    recalls = tuple(rate for rate in rates if rate.statistic.name == "recall")
    return tuple(
        ClassGap(
            kind=GapKind(
                name=f"{name}_difference_{ending}",
                scale="difference",
                combine="max" if ending == "max" else "mean",
            ),
            rates=taken,
            source=SOURCE,
        )
        for name, taken in (("equalized_odds", rates), ("equal_opportunity", recalls))
        for ending in ("max", "macro")
    )


def _apart(case: Case, place: Place) -> tuple[Evidence, FamilyNumber]:
    """Return the widest total variation between two groups' rows of the confusion matrix, over true labels."""
    labels = case.runs[place.run].labels
    evidence = case.book.raw_evidence(place.run, place.condition, place.family)
    distributions = Distributions(evidence=evidence, n_labels=len(labels), strata=labels)
    return evidence, total_variation(STRICT, distributions, source=STRICT_SOURCE)


DESIGN = RateStudy(
    examination=NAME,
    method_version=VERSION,
    exhibit="class-rates",
    title="Recall and false positive rate of each label in every group",
    rates=_rates,
    gaps=_gaps,
    apart=_apart,
)


def examine(case: Case) -> Testimony:
    """Measure recall and false positive rate of every group and class, and their gaps."""
    return study(case, DESIGN)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Equalized odds and equal opportunity",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(
        [
            STRICT,
            *(
                f"{name}_difference_{ending}"
                for name in ("equalized_odds", "equal_opportunity")
                for ending in ("max", "macro")
            ),
        ]
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=needs_groups(NAME),
)
