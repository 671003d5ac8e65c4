"""Tables with and without planted disclosures, made from whole tables whose answers are known by arithmetic.

A clean table withholds a block of two by two cells in the middle of a table with all its margins: any of the four can
grow by what its neighbours lose. Every planted disclosure is certain by one subtraction or one multiplication.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from affidavit.disclosure.lattice import Group
from privacy.linter.tables import Ends, ReleasedTable, Share

FLOOR = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A release, the one before it, and what must be found."""

    kind: str
    table: ReleasedTable
    previous: ReleasedTable | None = None
    target: str = ""
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """The true counts of a table and its margins, and which groups a clean release withholds."""

    counts: dict[Group, int]
    block: tuple[Group, Group, Group, Group]

    def released(self, withheld: set[Group], shares: tuple[Share, ...] = ()) -> ReleasedTable:
        units: dict[Group, Ends | None] = {g: None if g in withheld else (n, n) for g, n in self.counts.items()}
        return ReleasedTable(name="table", units=units, shares=shares)


def cell(accent: int, age: int) -> Group:
    return (("accent", f"accent {accent}"), ("age", f"age {age}"))


def margins(inner: np.ndarray) -> dict[Group, int]:
    counts: dict[Group, int] = {(): int(inner.sum())}
    for accent in range(inner.shape[0]):
        counts[(("accent", f"accent {accent}"),)] = int(inner[accent].sum())
    for age in range(inner.shape[1]):
        counts[(("age", f"age {age}"),)] = int(inner[:, age].sum())
    for accent, age in np.ndindex(*inner.shape):
        counts[cell(accent, age)] = int(inner[accent, age])
    return counts


def whole(rng: np.random.Generator) -> Whole:
    inner = rng.integers(40, 200, size=(int(rng.integers(3, 6)), int(rng.integers(3, 6))))
    accents, ages = (np.sort(rng.choice(size, 2, replace=False)) for size in inner.shape)
    for place, (accent, age) in enumerate((a, b) for a in accents for b in ages):
        inner[accent, age] = rng.integers(4, 11) if place in (0, 3) else rng.integers(12, 30)
    block = tuple(cell(int(a), int(b)) for a in accents for b in ages)
    return Whole(counts=margins(inner), block=(block[0], block[1], block[2], block[3]))


def percent(count: float, n: float, digits: int) -> Ends:
    printed, half = round(100 * count / n, digits), 0.5 * 10.0**-digits
    return max(printed - half, 0.0) / 100, min(printed + half, 100.0) / 100


def shares(table: Whole, withheld: set[Group], rng: np.random.Generator, digits: int = 1) -> Share:
    """Percentages whose counts, and what they leave, are all large; withheld where the count is."""
    inner = {g: int(rng.integers(n // 3, n - n // 3)) for g, n in table.counts.items() if len(g) == 2}
    found: dict[Group, Ends | None] = {}
    for group, n in table.counts.items():
        count = sum(k for g, k in inner.items() if set(group) <= set(g))
        found[group] = None if group in withheld else percent(count, n, digits)
    return Share(name="joy", of_rows=False, by_group=found)


def clean(rng: np.random.Generator) -> Planted:
    table = whole(rng)
    gone = set(table.block)
    kind = ("table", "percentages", "again", "grown")[int(rng.integers(4))]
    released = table.released(gone, (shares(table, gone, rng),) if kind == "percentages" else ())
    if kind == "grown":
        inner = {g: n + int(rng.integers(FLOOR, 60)) for g, n in table.counts.items() if len(g) == 2}
        more = {g: sum(n for h, n in inner.items() if set(g) <= set(h)) for g in table.counts}
        return Planted(kind=kind, table=replace(table, counts=more).released(gone), previous=released)
    return Planted(kind=kind, table=released, previous=released if kind == "again" else None)


def one_of_a_line(rng: np.random.Generator) -> Planted:
    table = whole(rng)
    target = table.block[int(rng.integers(4))]
    return _target("margin", table.released({target}), table, target)


def withheld_sum(rng: np.random.Generator) -> Planted:
    table = whole(rng)
    target = table.block[0][:1] if rng.random() < 0.5 else table.block[0][1:]
    return _target("sum of told", table.released({target}), table, target)


def other_block(rng: np.random.Generator) -> Planted:
    """Two releases of one table, each clean; together they tell two cells of a line."""
    table = whole(rng)
    first, second, third, fourth = table.block
    now = table.released({first, second, third, fourth})
    then = table.released({first, third})
    return replace(_target("two releases", now, table, first), previous=replace(then, name="table"))


def small_share(rng: np.random.Generator) -> Planted:
    return _share("percentage", rng, complement=False)


def small_rest(rng: np.random.Generator) -> Planted:
    return _share("complement of a percentage", rng, complement=True)


def _share(kind: str, rng: np.random.Generator, *, complement: bool) -> Planted:
    table = whole(rng)
    gone = set(table.block)
    told = [g for g, n in table.counts.items() if g not in gone and n < 400]
    group, few = told[int(rng.integers(len(told)))], int(rng.integers(2, 10))
    n = table.counts[group]
    count = n - few if complement else few
    share = Share(name="joy", of_rows=False, by_group={group: percent(count, n, 1)})
    planted = _target(kind, table.released(gone, (share,)), table, group)
    words = "not joy of" if complement else "joy of"
    return replace(planted, target=planted.target.replace("units of", words), value=few)


def arrivals(rng: np.random.Generator) -> Planted:
    table = whole(rng)
    gone = set(table.block)
    inner = [g for g in table.counts if len(g) == 2 and g not in gone]
    target, few = inner[int(rng.integers(len(inner)))], int(rng.integers(1, FLOOR))
    more = {g: n + (few if set(g) <= set(target) else 0) for g, n in table.counts.items()}
    planted = _target("arrivals", replace(table, counts=more).released(gone), table, target)
    words = planted.target.replace("units of", "units that came to")
    return replace(planted, previous=table.released(gone), target=words, value=few)


def small_line(rng: np.random.Generator) -> Planted:
    """A line that withholds three cells, seven units together."""
    inner = rng.integers(40, 200, size=(4, 3))
    inner[0] = (1 + rng.integers(0, 2), 2, 3)
    inner[1] = rng.integers(20, 40, size=3)
    table = Whole(counts=margins(inner), block=(cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)))
    gone = {cell(accent, age) for accent in (0, 1) for age in range(3)}
    planted = Planted(
        kind="rest", table=table.released(gone), target="withheld age of accent accent 0 together, units of"
    )
    return replace(planted, value=int(inner[0].sum()))


def _target(kind: str, released: ReleasedTable, table: Whole, group: Group) -> Planted:
    words = ", ".join(f"{feature} {level}" for feature, level in group) or "everybody"
    return Planted(kind=kind, table=released, target=f"units of {words}", value=table.counts[group])


PLANTINGS: tuple[Callable[[np.random.Generator], Planted], ...] = (
    one_of_a_line,
    withheld_sum,
    other_block,
    small_share,
    small_rest,
    arrivals,
    small_line,
)
