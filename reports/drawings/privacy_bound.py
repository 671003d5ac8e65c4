"""What an accounted epsilon lets any attack on membership find: the edge of the region of its rates of error.

Where a model is (epsilon, delta)-differentially private for a patient, every attack that tells members from others has
TPR <= e^epsilon FPR + delta, and, the two exchanged, 1 - FPR <= e^epsilon (1 - TPR) + delta. The edge is the smaller of
the two: with epsilon 0 it is FPR + delta.

Source: Wasserman, Zhou 2010, theorem 2.4; Kairouz, Oh, Viswanath 2015, theorem 2.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reports.sections.tabulated import Row
from reports.wording import RAW, figures

ACCOUNTS: Final = "privacy-accounts"
UNIT: Final = "patient"
_LARGEST: Final = 700.0
"""Above it e^epsilon is no floating-point number, and the edge lies at 1 wherever anything is found at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyBound:
    """An (epsilon, delta) that a ledger promises each patient."""

    epsilon: float
    delta: float

    def most_found(self, false_alarms: float) -> float:
        """Return the largest share of members that an attack can find at a rate of false alarms.

        >>> round(PrivacyBound(epsilon=0.0, delta=0.01).most_found(0.1), 9)
        0.11
        """
        growth = math.exp(min(self.epsilon, _LARGEST))
        above = growth * false_alarms + self.delta
        beside = 1 - (1 - self.delta - false_alarms) / growth
        return max(0.0, min(1.0, above, beside))

    def words(self) -> str:
        """Return both numbers."""
        return f"epsilon {figures(self.epsilon, RAW)}, delta {self.delta:g}"


def bound_of(accounts: Iterable[Row], run: str) -> PrivacyBound | None:
    """Return what the ledger of a run promises each patient: the largest epsilon of any accountant and sites.

    None where nothing bounds the loss, or nothing was accounted for patients: a bound for utterances says nothing of
    who spoke them.

    Args:
        accounts: the rows of `privacy-accounts`.
        run: which run.
    """
    own = [row for row in accounts if row["run"] == run and row["unit"] == UNIT]
    told = [row["epsilon"] for row in own if row["epsilon"] is not None]
    deltas = {row["delta"] for row in own}
    if not told or len(deltas) != 1 or any(row["accountant"] is None for row in own):
        return None
    return PrivacyBound(epsilon=max(told), delta=deltas.pop())
