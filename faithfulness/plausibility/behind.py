"""How many judgements really are behind a number: those that have what it divides by.

A tally counts every judgement of its condition, and numbers that only some of them speak of would name too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.examinations import Claim
from affidavit.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Behind:
    """Judgements [N] of a run, and by metric which of them a number speaks of."""

    predictions: Predictions
    rows: Mapping[str, NDArray[Any]]
    """Their `outcome_columns`."""
    of: Mapping[str, NDArray[np.bool_]]
    """[N] by metric; a metric that is not named speaks of all."""

    def members(self, groups: Mapping[str, str]) -> NDArray[np.bool_]:
        """Say of each judgement whether it is of a group."""
        inside = np.ones(len(self.rows["unit"]), dtype=bool)
        for feature, level in groups.items():
            inside &= self.rows[f"group_{feature}"] == self.predictions.levels[f"group_{feature}"].index(level)
        return inside

    def counted(self, claims: Iterable[Claim]) -> list[Claim]:
        """Return the claims with the number of judgements behind each; gaps stay as they are."""
        return [claim if claim.finding.compared is not None else self._counted(claim) for claim in claims]

    def _counted(self, claim: Claim) -> Claim:
        finding = claim.finding
        if finding.metric not in self.of:
            return claim
        n = int((self.of[finding.metric] & self.members(finding.groups)).sum())
        estimate = finding.estimate.model_copy(update={"n": n})
        return replace(claim, finding=finding.model_copy(update={"estimate": estimate}))
