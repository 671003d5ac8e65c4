"""Which place each of several runs may have: as many places as the data do not exclude.

A run's best place is one more than the runs that are surely better, its worst the number of runs less those surely
worse, read from pairwise differences whose intervals hold together (Bonferroni over pairs). All true ranks lie within
these at once with at least that probability, for where the intervals hold nobody is put on a wrong side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from affidavit.estimates import estimate_of
from affidavit.intervals import Reason
from affidavit.records import Estimate, Interval

SOURCE: Final = "ranks from simultaneous pairwise differences: Mogstad, Romano, Shaikh, Wilhelm 2024; Dunn 1961"
UNMATCHED: Final = "with one of the other runs nothing could be compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOutcome:
    """How much better the second of two runs is than the first, and an interval of that at any level."""

    estimate: Estimate
    interval_at: Callable[[float], Interval | Reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Runs compared in pairs, by one metric of which more is better, in one group."""

    runs: tuple[str, ...]
    pairs: Mapping[tuple[str, str], PairOutcome]
    """By first and second run; each two runs once, and all of them."""

    def rank(self, run: str) -> int | None:
        """Return one more than the runs with a higher value on the shared items; None where one was not comparable."""
        gains = [self._gain(run, pair, outcome) for pair, outcome in self.pairs.items() if run in pair]
        if any(gain is None for gain in gains) or len(gains) < len(self.runs) - 1:
            return None
        return 1 + sum(gain < 0 for gain in gains if gain is not None)

    def interval(self, run: str, level: float) -> Interval | Reason:
        """Return the places that the run may have, simultaneous over all runs."""
        if self.rank(run) is None:
            return UNMATCHED
        n_pairs = len(self.pairs)
        best, worst = 1, len(self.runs)
        for (first, _), outcome in ((pair, outcome) for pair, outcome in self.pairs.items() if run in pair):
            bounds = outcome.interval_at(1 - (1 - level) / n_pairs)
            if isinstance(bounds, str):
                continue  # nobody is surely anywhere
            low, high = (-bounds.high, -bounds.low) if run == first else (bounds.low, bounds.high)
            best += high < 0
            worst -= low > 0
        rank = self.rank(run) or best
        return Interval(
            low=min(best, rank),
            high=max(worst, rank),
            level=level,
            method=f"pairwise differences, simultaneous over {n_pairs}",
        )

    def estimate(self, run: str, level: float) -> Estimate:
        """Return the rank with its interval; n and units are the fewest that any of its comparisons rests on."""
        interval, rank = self.interval(run, level), self.rank(run)
        own = [outcome.estimate for pair, outcome in self.pairs.items() if run in pair]
        units = [estimate.n_clusters for estimate in own if estimate.n_clusters is not None]
        return estimate_of(
            None if rank is None else float(rank),
            interval,
            n=min((estimate.n for estimate in own), default=0),
            n_units=min(units) if len(units) == len(own) and units else None,
        )

    @staticmethod
    def _gain(run: str, pair: tuple[str, str], outcome: PairOutcome) -> float | None:
        value = outcome.estimate.value
        if value is None:
            return None
        return value if run == pair[1] else -value
