"""When is a count too small to be told, and how is it printed then?

Claim: a count of units from 1 to `floor` - 1 is small. Zero is shown by default, as it speaks of no patient (CMS cell
size suppression policy, 2020: cells of 1 to 10 are suppressed, zero is not); `zeros="withheld"` treats it as small,
for where it would tell of everybody in a group that none of them has something.

Counts that are told are exact, or coarse in one of two ways, each the same whenever it is asked, so that no average
over releases undoes it: rounded half up to a multiple of `rounding` (OECD glossary: conventional rounding), or told as
the interval of `floor` whole numbers that they lie in. No count is rounded below the floor, and whatever is printed
stands for at least `rounding` (or `floor`) candidates.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, model_validator

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
    intervals_only: bool = False
    """Whether counts and rates are told as intervals alone, none of fewer than `floor` candidates."""
    exact_cells: int = Field(default=40, ge=0)
    """Tables up to this many cells are solved exactly, larger ones greedily and proved afterwards."""

    @model_validator(mode="after")
    def _coarse_enough(self) -> DisclosureRule:
        if self.rounding is not None and self.intervals_only:
            raise ValueError("counts are rounded or told as intervals, not both")
        if self.grain is not None and self.grain <= self.width:
            raise ValueError(f"coarse counts need more than {self.width} candidates (the width), not {self.grain}")
        return self

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

    @property
    def grain(self) -> int | None:
        """How many counts are printed alike, at least; None where counts are exact."""
        return self.floor if self.intervals_only else self.rounding

    def told(self, count: int) -> int:
        """Return a count as it is printed: exact, rounded half up and never below the floor, or an interval's least.

        >>> [DisclosureRule(rounding=5).told(count) for count in (0, 11, 13, 17, 18)]
        [0, 15, 15, 15, 20]
        >>> [DisclosureRule(intervals_only=True).told(count) for count in (0, 11, 21, 22)]
        [0, 11, 11, 22]
        """
        if self.grain is None or count <= 0:
            return count
        if self.intervals_only:
            return max(self.floor * (count // self.floor), self.floor)
        return max(self.grain * ((2 * count + self.grain) // (2 * self.grain)), self._first)

    def ends(self, printed: int) -> tuple[int, int]:
        """Return the least and the greatest count that is printed as this one.

        >>> [DisclosureRule(rounding=5).ends(printed) for printed in (0, 15, 20)]
        [(0, 0), (11, 17), (18, 22)]
        >>> DisclosureRule(intervals_only=True).ends(22)
        (22, 32)
        """
        if self.grain is None or printed <= 0:
            return printed, printed
        if self.intervals_only:
            return printed, printed + self.floor - 1
        low = self.floor if printed == self._first else printed - self.grain // 2
        return low, printed + (self.grain - 1) // 2

    @property
    def _first(self) -> int:
        """The least multiple that is printed: of the floor, or the next where fewer than a grain would share it."""
        grain = self.grain or 1
        return grain * -(-(self.floor + grain // 2) // grain)

    def in_words(self) -> str:
        """Return how counts and rates that are told are printed; one sentence or two."""
        if self.intervals_only:
            return (
                f"Counts are told as intervals of {self.floor}: a printed n stands for n to n + {self.floor - 1}. "
                "Points of rates are withheld: a printed value is the middle of the interval beside it, no more."
            )
        if self.rounding is not None:
            return (
                f"Counts are rounded to multiples of {self.rounding}, none below {self._first}, "
                "so that parts need not add up; rates are those of rounded counts."
            )
        return "Counts that are told are exact."
