"""When is a count too small to be told, and how is it printed then?

Claim: a count of units from 1 to `floor` - 1 is small. Zero is shown by default, as it speaks of no patient (CMS cell
size suppression policy, 2020: cells of 1 to 10 are suppressed, zero is not); `zeros="withheld"` treats it as small,
for where it would tell of everybody in a group that none of them has something.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from affidavit.records import Record

FLOOR: Final = 11
RULE_SOURCE: Final = "CMS cell size suppression policy (2020); Hundepool et al. 2012, Statistical Disclosure Control"


class DisclosureRule(Record):
    """The rule by which numbers leave: part of what a released report states."""

    floor: int = Field(default=FLOOR, ge=2)
    """Least number of units that is told."""
    width: int = Field(default=3, ge=1)
    """Greatest less least candidate of every withheld count, in units: 3 leaves at least four candidates."""
    zeros: Literal["shown", "withheld"] = "shown"
    """Whether a count of none is told."""
    rounding: int | None = Field(default=None, ge=2)
    """Counts that are told are rounded to a multiple of this; exact where absent."""
    exact_cells: int = Field(default=40, ge=0)
    """Tables up to this many cells are solved exactly, larger ones greedily and proved afterwards."""

    def small(self, count: float) -> bool:
        """Say whether a count of units must not be told.

        >>> [DisclosureRule().small(count) for count in (0, 1, 10, 11)]
        [False, True, True, False]
        """
        return count < self.floor - 0.5 and (count > 0.5 or self.zeros == "withheld")

    @property
    def least(self) -> int:
        """The least value that a withheld count can have, which everybody knows: a zero that is shown is no secret."""
        return 1 if self.zeros == "shown" else 0

    @property
    def mark(self) -> str:
        """What is printed in place of a withheld count, whether small itself or withheld to protect a small one."""
        return f"n < {self.floor}"

    def told(self, count: int) -> int:
        """Return a count as it is told: exact, or rounded half up to a multiple of `rounding`.

        >>> DisclosureRule(rounding=5).told(13)
        15
        """
        return count if self.rounding is None else self.rounding * ((2 * count + self.rounding) // (2 * self.rounding))
