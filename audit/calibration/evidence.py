"""Evidence whose statistics are judged by the jackknife at every size, under as many permutations as wide sums allow.

The bootstrap draws anew from rows that already stray: replicates of a debiased error are centred on the biased one, so
their quantiles are no bounds. The jackknife has no such second bias, and for a mean it is as good as any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.evidence import Evidence
from affidavit.gaps import MeasuredGap
from affidavit.intervals import Measured

FloatArray = NDArray[np.float64]
EVERY_SIZE: Final = 10**9
MOVED_SUMS: Final = 100_000_000
"""Sums moved by all permutations of one family; more of them are as many permutations fewer."""
LEAST_PERMUTATIONS: Final = 199


def jackknifed(evidence: Evidence, project: Callable[[FloatArray], FloatArray]) -> Evidence:
    """Return evidence of `project(sums)` for the t interval over units."""
    sums = project(evidence.grouped.sums)
    affordable = MOVED_SUMS // max(sums.size, 1)
    asked = evidence.options.n_permutations
    options = evidence.options.model_copy(
        update={
            "small_sample_units": EVERY_SIZE,
            "small_samples": "t",
            "n_permutations": min(asked, max(affordable, LEAST_PERMUTATIONS)),
        }
    )
    same = options.n_permutations == asked
    return replace(
        evidence,
        grouped=replace(evidence.grouped, sums=sums),
        options=options,
        shufflers=evidence.shufflers if same else {},
        effective_units={},
    )


def without_sums(measured: Measured) -> Measured:
    """Return what a claim needs to give its interval at another level: all but the sums, which are wide and many.

    For statistics that are no proportion, judged by the t interval.
    """
    return replace(measured, evidence=_emptied(measured.evidence), reference=measured.reference[:, :0])


def gap_without_sums(gap: MeasuredGap) -> MeasuredGap:
    """Return what a claim needs to give a gap's interval at another level (see `without_sums`)."""
    components = tuple(replace(part, measured=without_sums(part.measured)) for part in gap.components)
    return replace(gap, evidence=_emptied(gap.evidence), components=components)


def _emptied(evidence: Evidence) -> Evidence:
    return replace(evidence, grouped=replace(evidence.grouped, sums=evidence.grouped.sums[:, :0].copy()), shufflers={})
