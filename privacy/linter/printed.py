"""Which counts could a printed one stand for?

The rule is read from what the release says of itself, and undone by asking of every count near a printed one how it
would have been printed: nothing is taken over from the release's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from affidavit.disclosure.legend import RULE
from affidavit.report import AuditReport
from privacy.linter.tables import Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """How a release prints the counts that it tells."""

    floor: int = 11
    base: int | None = None
    """Counts are rounded half up to a multiple of this, so that at least as many as this print alike."""
    intervals_only: bool = False
    """Whether a count is printed as the least of an interval of `floor` counts."""

    @property
    def coarse(self) -> bool:
        """Whether a printed count stands for several."""
        return self.base is not None or self.intervals_only

    @property
    def grain(self) -> int:
        """How many counts print alike, at least."""
        return self.floor if self.intervals_only else self.base or 1

    def ends(self, count: int) -> Ends:
        """Return the least and the greatest count that prints as this one; none at all prints as none."""
        if not self.coarse or count == 0:
            return float(count), float(count)
        near = range(max(count - 2 * self.grain, self.floor), count + 2 * self.grain + 1)
        alike = [n for n in near if self._prints(n) == count]
        return (float(alike[0]), float(alike[-1])) if alike else (float(count), float(count))

    def _prints(self, count: int) -> int:
        if self.intervals_only:
            return count - count % self.floor
        base = self.grain
        least = self.floor + base // 2
        return max((count + base // 2) // base * base, least + -least % base)


def printed_by(report: AuditReport) -> Printed:
    """Return how a bundle says that it prints counts; exactly where it says nothing."""
    if not report.has_exhibit(RULE):
        return Printed()
    said: Mapping[str, str] = {row["setting"]: row["value"] for row in report.exhibit(RULE).to_pylist()}
    return Printed(
        floor=int(said["floor"]),
        base=None if said["rounding"] == "none" else int(said["rounding"]),
        intervals_only=said.get("intervals only") == "yes",
    )
