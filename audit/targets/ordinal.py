"""Where labels have an order (mild, moderate, severe): how far off are answers, and further off for whom?

Ranks are the places of labels in the label space, one step apart. `quadratic_weighted_kappa` is agreement beyond
chance, a miss by two steps weighing four times a miss by one (Cohen 1968); on ranks it is the concordance correlation
coefficient, and like it depends on how much a group's references vary. `mean_absolute_rank_error` is how many steps
answers are off, `rank_bias` how many too high. Where all references of a group are one label its kappa is undefined.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from affidavit.case import Case
from affidavit.claims import places
from affidavit.confusion import FloatArray
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.plan import Task
from audit.targets.measured_families import Measures, family_claims, group_exhibit
from audit.targets.paired_moments import bias, concordance, mean_absolute_error, pair_sums

NAME = "ordinal"
VERSION = "1"
KAPPA = concordance("quadratic_weighted_kappa", source="kappa with squared weights: Cohen 1968; Fleiss, Cohen 1973")
ERROR = replace(
    mean_absolute_error("mean_absolute_rank_error"), source="mean distance of ranks: Baccianella et al. 2009"
)
BIAS = bias("rank_bias")
MEASURES = Measures(
    values=(KAPPA, ERROR, BIAS),
    per_unit=(ERROR,),
    gaps=(KAPPA, ERROR, BIAS),
    undefined={KAPPA.name: "all references are one label, and kappa divides by how much they differ"},
)


def rank_sums(n_labels: int) -> FloatArray:
    """Return what one row in each cell of a flattened confusion matrix adds to the moments of ranks, [K*K, 10]."""
    truth, predicted = (ranks.astype(np.float64) for ranks in np.divmod(np.arange(n_labels**2), n_labels))
    return pair_sums(truth, predicted, np.ones(n_labels**2), centre=(n_labels - 1) / 2)


def _weighed(weights: FloatArray, matrices: FloatArray) -> FloatArray:
    return np.asarray(matrices @ weights)


def examine(case: Case) -> Testimony:
    """Measure every group of every family under every condition."""
    claims: list[Claim] = []
    gaps: list[Claim] = []
    steps = places(case, examination=NAME, method_version=VERSION)
    for done, place in enumerate(steps, start=1):
        weights = rank_sums(len(case.runs[place.run].labels))
        evidence = case.book.raw_evidence(place.run, place.condition, place.family)
        found, apart = family_claims(place, evidence.projected(partial(_weighed, weights)), MEASURES, caveats={})
        claims += found
        gaps += apart
        case.progress("measuring ranks", done, len(steps))
    exhibit = group_exhibit("ordinal-by-group", "Agreement of ranks in every group", claims)
    return Testimony(claims=(*claims, *gaps), exhibits=(exhibit,))


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Ordered labels by group",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(
        {
            *(statistic.name for statistic in MEASURES.values),
            *(f"{statistic.name}_per_unit" for statistic in MEASURES.per_unit),
            *(f"{statistic.name}_difference" for statistic in MEASURES.gaps),
        }
    ),
    tasks=frozenset({Task.ORDINAL}),
    function=examine,
)
