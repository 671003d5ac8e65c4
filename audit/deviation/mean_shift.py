"""How far does a dimension lie from everybody's in a group: in its mean prediction, and in how well it is predicted?

Both are the largest absolute distance over groups, the group itself included in everybody, as published speech tests
ask it (ser-tests, Derington et al. 2023). They stand beside what chance gives and are not tested: the gaps are.

The mean prediction is in units of the scale; where the mean references differ alike, its shift is no fault.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from affidavit.comparisons import compare
from affidavit.confusion import Statistic
from affidavit.evidence import Evidence
from audit.deviation.deviations import Deviations
from audit.deviation.from_everybody import Rate, largest_deviation
from audit.family_claims import FamilyNumber
from audit.targets.paired_moments import concordance, mean_of

SOURCE: Final = "mean prediction of a group less everybody's: ser-tests, Derington et al. 2023"
CCC_SOURCE: Final = "concordance of a group less everybody's: ser-tests, Derington et al. 2023; Lin 1989"


def mean_shift(evidence: Evidence, dimension: str) -> FamilyNumber:
    """Return the largest absolute distance of a group's mean prediction from everybody's, in units of the scale."""
    statistic = mean_of(f"{dimension}_mean_prediction", "prediction")
    return replace(_largest(evidence, statistic), metric=f"{dimension}_mean_shift", source=SOURCE)


def concordance_deviation(evidence: Evidence, dimension: str) -> FamilyNumber:
    """Return the largest absolute distance of a group's concordance (Lin 1989) from everybody's, 0 to 2."""
    return replace(_largest(evidence, concordance(f"{dimension}_ccc", source=CCC_SOURCE)), source=CCC_SOURCE)


def _largest(evidence: Evidence, statistic: Statistic) -> FamilyNumber:
    """Return the deviation of one statistic of pairs (`audit.targets.paired_moments`), named after it."""
    part = Deviations(comparison=compare(evidence, statistic))
    return largest_deviation(evidence, Rate(name=statistic.name, statistics=(statistic,)), [part])
