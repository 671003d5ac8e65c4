"""Measures what docs/statistics.md quotes: coverage of intervals and gaps, and the level of the test of no gap.

    python tests/docs/measured.py           prints the tables
    python tests/docs/measured.py --write   writes them into the page

Units are beta-binomial: each has its own rate around the group's, so that rows of one unit resemble each other by a
stated intraclass correlation. Everything is drawn from fixed seeds.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from affidavit.confusion import ratio_statistic
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.tally import GroupedSums

PAGE = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
RATE = ratio_statistic("rate", np.array([1.0, 0.0]), np.array([0.0, 1.0]), source="simulation")
GAP = GapKind(name="rate_difference", scale="difference")
RATIO = GapKind(name="rate_ratio", scale="ratio")
SIMULATIONS = 1000


def drawn(rng: np.random.Generator, rates: list[float], units: list[int], icc: float, *, seed: int) -> Evidence:
    """Draw one table: so many units in each group, 5 to 29 rows each."""
    group = np.repeat(np.arange(len(rates)), units)
    rate, scale = np.array(rates)[group], (1 - icc) / icc
    rows = rng.integers(5, 30, len(group))
    successes = rng.binomial(rows, rng.beta(rate * scale, (1 - rate) * scale))
    grouped = GroupedSums(
        sums=np.stack([successes, rows], axis=1).astype(float),
        n_rows=rows,
        unit=np.arange(len(rows)),
        group=group,
        n_units=len(rows),
        groups=tuple({"group": str(g)} for g in range(len(rates))),
    )
    options = Statistics(n_resamples=1000, n_permutations=199, compared_units=5)
    resampler = UnitResampler(n_units=len(rows), n_resamples=options.n_resamples, seed=seed)
    return Evidence(grouped=grouped, options=options, resampler=resampler, seed=seed)


def intervals() -> Iterator[list[str]]:
    """Yield units, then the coverage of the interval that the house chooses, for several rates and correlations."""
    settings = ((0.6, 0.01), (0.6, 0.2), (0.85, 0.1), (0.3, 0.3))
    yield ["units in the group", *(f"rate {rate:g}, icc {icc:g}" for rate, icc in settings)]
    for units in (5, 8, 15, 25, 60, 200):
        yield [str(units), *(f"{_coverage(units, rate, icc):.3f}" for rate, icc in settings)]


def _coverage(units: int, rate: float, icc: float) -> float:
    rng = np.random.default_rng([units, round(100 * rate), round(100 * icc)])
    covered = 0
    for seed in range(SIMULATIONS):
        interval = measure(drawn(rng, [rate], [units], icc, seed=seed), RATE).interval(0, 0.95)
        covered += isinstance(interval, Interval) and interval.low <= rate <= interval.high
    return covered / SIMULATIONS


def gaps() -> Iterator[list[str]]:
    """Yield rates and units, then how often the bounds hold the true gap and ratio, and how often no gap is denied."""
    yield ["true rates", "units", "gap covered", "ratio covered", "interval excludes 0", "p <= 0.05"]
    for name, rates in (
        ("two groups, 0.6", [0.6] * 2),
        ("two groups, 0.7 and 0.5", [0.7, 0.5]),
        ("six groups, 0.6", [0.6] * 6),
        ("six groups, one at 0.4", [0.4] + [0.6] * 5),
    ):
        for units in (8, 25):
            yield [name, f"{units} each", *_gap_shares(rates, [units] * len(rates))]
    for rates in ([0.6, 0.6, 0.6], [0.6, 0.45, 0.6]):
        yield [", ".join(f"{rate:g}" for rate in rates), "80, 80 and 6", *_gap_shares(rates, [80, 80, 6])]


def _gap_shares(rates: list[float], units: list[int]) -> list[str]:
    rng = np.random.default_rng([len(rates), units[0], round(100 * rates[0])])
    found = []
    for seed in range(SIMULATIONS):
        evidence = drawn(rng, rates, units, 0.1, seed=seed)
        gap, ratio = measure_gap(evidence, [RATE], GAP), measure_gap(evidence, [RATE], RATIO)
        bounds, least = gap.interval(0.95), ratio.interval(0.95)
        test = gap.test()
        if not isinstance(bounds, Interval) or not isinstance(least, Interval) or test is None:
            raise TypeError("every simulated group has units enough")
        true_gap, true_ratio = max(rates) - min(rates), min(rates) / max(rates)
        found.append(
            [
                bounds.low - 1e-12 <= true_gap <= bounds.high + 1e-12,
                least.low - 1e-12 <= true_ratio <= least.high + 1e-12,
                bounds.low > 0,
                test.p_value <= 0.05,
            ]
        )
    return [f"{share:.3f}" for share in np.mean(found, axis=0)]


TABLES: dict[str, Callable[[], Iterator[list[str]]]] = {"intervals": intervals, "gaps": gaps}


def markdown(rows: Iterator[list[str]]) -> str:
    """Return rows as a table, the first being its head."""
    head, *body = rows
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def stated(name: str, page: str) -> str:
    """Return a table as the page states it."""
    found = re.search(rf"<!-- measured: {name} -->\n(.*?)<!-- end -->", page, re.DOTALL)
    if found is None:
        raise ValueError(f"docs/statistics.md has no table {name!r}")
    return found[1]


def main() -> None:
    """Print the tables, and write them into the page if asked to."""
    for name, rows in TABLES.items():
        table = markdown(rows())
        print(f"{name}\n{table}")
        if "--write" in sys.argv:
            page = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(page.replace(stated(name, page), table), encoding="utf-8")


if __name__ == "__main__":
    main()
