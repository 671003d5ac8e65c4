"""Which of a site's own runs is better, and for whom? Asked of the examination `model-comparison`: patients are here.

A model that was trained here alone and the federated one judged the same turns of the same patients, so that their
difference is paired; the main engine measures it by its bootstrap over patients, as in any audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from affidavit.case import Case, EvidenceBook
from affidavit.examinations import Testimony
from affidavit.predictions import Predictions
from affidavit.registry import Door, load
from affidavit.seeds import seed_of
from federated.pooled.counts_plan import CountsPlan

COMPARISON: Final = "model-comparison"


def compared_runs(plan: CountsPlan, runs: Mapping[str, Predictions]) -> Testimony:
    """Return how the runs differ, each less the last one, for everybody and by group; nothing of one run alone."""
    if len(runs) < 2:
        return Testimony()
    by, seed = tuple(sorted(plan.features)), seed_of(plan.seed, "federated-audit-site")
    book = EvidenceBook(runs=runs, by=by, statistics=plan.statistics, seed=seed)
    case = Case(
        runs=runs,
        by=by,
        depth=plan.depth,
        statistics=plan.statistics,
        book=book,
        rng=np.random.default_rng(seed),
        options={"baseline": list(runs)[-1]},
    )
    examination = load(Door.EXAMINATIONS, COMPARISON)
    refusal = examination.refuses(case)
    if refusal is not None:
        return Testimony(refusals=(refusal,))
    said: Testimony = examination.examine(case)
    return said
