"""Do intervals hold what they say, how often does an audit of equals raise the alarm, and what can it find?

    python bench/validity.py           up to 1,000 corpora a row: 45 minutes on two cores that others used too
    python bench/validity.py --quick   a part of the rows, few corpora: under 50 s
    python bench/validity.py --write   writes the tables into docs/validity.md

Corpora come from the judgement simulator, whose truths are exact. Where counts are *unlike*, a unit has 1 to 200
utterances (each doubling as likely as the next) and errs more the more it says; else it has 15 to 25. Everything is
drawn from fixed seeds, so that the same code prints the same numbers whatever the number of workers.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from validity_corpora import Counts, Job, Kind, Setting, tallied

from affidavit.protocols import silent
from affidavit.workers import map_in_workers

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "validity.md"
GOAL: Final = 0.93
SIZES: Final = (5, 8, 12, 20, 50, 200, 500)
UNEVEN: Final = ((500, 5), (300, 100, 40, 20, 10, 5))
CHUNK: Final = 25
"""Corpora that one worker draws at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table: what it is called, and the corpora behind it."""

    cells: tuple[str, ...]
    kind: Kind
    setting: Setting
    n_corpora: int
    group: int | None = None
    """The group that is spoken of; all of them together where None."""


Tables = dict[str, tuple[tuple[str, ...], list[Row]]]
"""By name the head of the leading cells, and the rows."""


def interval_rows(n_corpora: int, *, sizes: Sequence[int], iccs: Sequence[float]) -> Tables:
    """Return the tables of intervals in two groups of one size, by rate and by how many utterances units have."""
    tables: Tables = {}
    for rate in (0.6, 0.9):
        for unlike in (False, True):
            name = f"intervals, rate {rate:g}, {_counts(unlike)}"
            tables[name] = (
                ("icc", "units in each group"),
                [
                    Row(
                        cells=(f"{icc:g}", str(n)),
                        kind="groups",
                        setting=Setting(units=(n, n), rates=(rate, rate), icc=icc, unlike=unlike),
                        n_corpora=n_corpora,
                    )
                    for icc in iccs
                    for n in sizes
                ],
            )
    return tables


def uneven_rows(n_corpora: int, *, iccs: Sequence[float]) -> Tables:
    """Return the table of intervals in groups of very different sizes."""
    rows = [
        Row(
            cells=(_units(units), f"{icc:g}", str(n)),
            kind="groups",
            setting=Setting(units=units, rates=(0.6,) * len(units), icc=icc, unlike=True),
            n_corpora=n_corpora,
            group=g,
        )
        for units in UNEVEN
        for icc in iccs
        for g, n in enumerate(units)
    ]
    return {"intervals in uneven groups": (("units", "icc", "units in this group"), rows)}


def family_rows(
    n_corpora: int, *, families: Sequence[tuple[int, ...]], drawn: Sequence[tuple[bool, float, float]]
) -> Tables:
    """Return the tables of gaps and other numbers over groups, equal and not."""
    tables: Tables = {}
    for unlike, icc, rate in drawn:
        rows = [
            Row(
                cells=(_units(units), "10 points" if planted else "none"),
                kind="families",
                setting=Setting(
                    units=units,
                    rates=(*[rate] * (len(units) - 1), rate - 0.1 if planted else rate),
                    icc=icc,
                    unlike=unlike,
                    attracted=0.3 if planted else 0.0,
                ),
                n_corpora=n_corpora,
            )
            for units in families
            for planted in (False, True)
        ]
        tables[f"families, rate {rate:g}, icc {icc:g}, {_counts(unlike)}"] = ("units", "true gap"), rows
    return tables


def power_rows(n_corpora: int, *, sizes: Sequence[int]) -> Tables:
    """Return the table of power: two groups, one of them worse."""
    rows = [
        Row(
            cells=(_counts(unlike), f"{points} points", str(n)),
            kind="power",
            setting=Setting(units=(n, n), rates=(0.65, 0.65 - points / 100), icc=0.1, unlike=unlike),
            n_corpora=n_corpora,
        )
        for unlike in (False, True)
        for points in (2, 5, 10)
        for n in sizes
    ]
    return {"power": (("counts", "true gap", "units in each group"), rows)}


def audit_rows(n_equal: int, n_planted: int, *, families: Sequence[tuple[int, ...]], sizes: Sequence[int]) -> Tables:
    """Return the table of whole audits: of equals, and of two groups one of which is worse."""
    asked = [(units, 0, n_equal) for units in families]
    asked += [((n, n), points, n_planted) for points in (2, 5, 10) for n in sizes]
    rows = [
        Row(
            cells=(_units(units), f"{points} points" if points else "none", f"{n_corpora:,}"),
            kind="audit",
            setting=Setting(units=units, rates=(*[0.65] * (len(units) - 1), 0.65 - points / 100), icc=0.1, unlike=True),
            n_corpora=n_corpora,
        )
        for units, points, n_corpora in asked
        if n_corpora
    ]
    return {"audits": (("units", "true gap", "audits"), rows)}


def everything_rows(
    n_equal: int, n_planted: int, *, families: Sequence[tuple[int, ...]], sizes: Sequence[int]
) -> Tables:
    """Return the table of audits by every examination: of equals, and with ten points planted."""
    asked = [(units, 0.0, n_equal) for units in families] + [((n, n), 0.1, n_planted) for n in sizes]
    rows = [
        Row(
            cells=(_units(units), "10 points" if lost else "none", f"{n_corpora:,}"),
            kind="everything",
            setting=Setting(units=units, rates=(*[0.65] * (len(units) - 1), 0.65 - lost), icc=0.1, unlike=True),
            n_corpora=n_corpora,
        )
        for units, lost, n_corpora in asked
    ]
    return {"everything": (("units", "true gap", "audits"), rows)}


def _counts(unlike: bool) -> str:  # noqa: FBT001 - a field of Setting
    return "unlike counts" if unlike else "counts alike"


def _units(units: tuple[int, ...]) -> str:
    return f"{len(units)} groups of {units[0]}" if len(set(units)) == 1 else "; ".join(map(str, units))


def full() -> Tables:
    return {
        **interval_rows(1000, sizes=SIZES, iccs=(0.0, 0.1, 0.3)),
        **uneven_rows(1000, iccs=(0.1, 0.3)),
        **family_rows(
            1000,
            families=((5,) * 2, (50,) * 2, (500,) * 2, (20,) * 6, *UNEVEN),
            drawn=((True, 0.1, 0.65), (True, 0.3, 0.65), (False, 0.3, 0.9)),
        ),
        **power_rows(600, sizes=(20, 50, 200, 500)),
        **audit_rows(300, 220, families=((20,) * 2, (12,) * 6, UNEVEN[1]), sizes=(50, 200, 500)),
        **everything_rows(12, 12, families=((20,) * 2, (12,) * 6, UNEVEN[1]), sizes=(200, 500)),
    }


def quick() -> Tables:
    return {
        **interval_rows(100, sizes=(5, 20, 50), iccs=(0.1,)),
        **uneven_rows(100, iccs=(0.1,)),
        **family_rows(50, families=((20,) * 2, *UNEVEN), drawn=((True, 0.1, 0.65),)),
        **power_rows(50, sizes=(20, 200)),
        **audit_rows(10, 0, families=((20,) * 2,), sizes=()),
        **everything_rows(3, 0, families=((20,) * 2,), sizes=()),
    }


def counted(rows: Sequence[Row], workers: int) -> list[Counts]:
    """Draw the corpora of all rows, and return the counts of each."""
    drawn = {(row.kind, row.setting): row.n_corpora for row in rows}
    jobs = [
        Job(kind=kind, setting=setting, seeds=(start, min(start + CHUNK, n)))
        for (kind, setting), n in drawn.items()
        for start in range(0, n, CHUNK)
    ]
    totals: dict[tuple[Kind, Setting], Counts] = {key: {} for key in drawn}
    found = map_in_workers(tallied, jobs, workers=workers, what="drawing corpora", progress=silent, chunk=1)
    for job, counts in zip(jobs, found, strict=True):
        total = totals[job.kind, job.setting]
        for key, values in counts.items():
            total[key] = total.get(key, 0) + values
    return [totals[row.kind, row.setting] for row in rows]


def shares(row: Row, counts: Counts) -> dict[str, tuple[float, float]]:
    """Return by column the share that held (or said yes), and the share without an interval."""
    columns: dict[str, NDArray[np.int64]] = {}
    for (column, group), values in counts.items():
        if row.group in (None, group):
            columns[column] = columns.get(column, 0) + values
    return {c: (float(v[0] / max(v[:3].sum(), 1)), float(v[3] / v.sum())) for c, v in columns.items()}


def markdown(head: tuple[str, ...], rows: Sequence[Row], found: Sequence[Counts]) -> str:
    """Return a table; a cell is a share, and in brackets how often there was no interval."""
    by_row = [shares(row, counts) for row, counts in zip(rows, found, strict=True)]
    columns = list(dict.fromkeys(column for each in by_row for column in each))
    lines = [[*head, *columns], ["---"] * len(head) + ["---:"] * len(columns)]
    for row, each in zip(rows, by_row, strict=True):
        lines.append([*row.cells, *(_cell(*each[column]) for column in columns)])
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    numbers = sorted({row.n_corpora for row in rows})
    noise = 2 * np.sqrt(0.05 * 0.95 / (numbers[0] * (2 if rows[0].kind == "groups" and rows[0].group is None else 1)))
    return f"{text}\n{', '.join(f'{n:,}' for n in numbers)} corpora a row; a share of 0.95 strays by {noise:.3f}.\n"


def _cell(share: float, none: float) -> str:
    return f"{share:.3f}" + (f" ({none:.0%} none)" if none >= 0.005 else "")


def lowest(rows: Sequence[Row], found: Sequence[Counts]) -> float:
    """Return the lowest coverage of an interval that was there for most corpora."""
    covered = [
        share
        for row, counts in zip(rows, found, strict=True)
        if row.kind in ("groups", "families")
        for share, none in shares(row, counts).values()
        if none < 0.5
    ]
    return min(covered, default=float("nan"))


def stated(name: str, page: str) -> str:
    """Return a table as the page states it.

    Raises:
        ValueError: the page has no such table.
    """
    found = re.search(rf"<!-- measured: {re.escape(name)} -->\n(.*?)<!-- end -->", page, re.DOTALL)
    if found is None:
        raise ValueError(f"docs/validity.md has no table {name!r}")
    return found[1]


def written(name: str, table: str, page: str) -> str:
    """Return the page with another table under that name.

    Raises:
        ValueError: the page has no such table.
    """
    stated(name, page)
    start = f"<!-- measured: {name} -->\n"
    before, after = page.split(start)
    return f"{before}{start}{table}<!-- end -->{after.partition('<!-- end -->')[2]}"


def main() -> None:
    """Print the tables and the lowest coverage, and write them into the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a part of the rows, few corpora")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/validity.md")
    parser.add_argument("--only", default="", help="the tables whose name begins so")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    worst_of: list[float] = []
    for name, (head, rows) in (quick() if arguments.quick else full()).items():
        if not name.startswith(arguments.only):
            continue
        found = counted(rows, arguments.workers)
        table = markdown(head, rows, found)
        print(f"{name}\n\n{table}", flush=True)
        worst_of.append(lowest(rows, found))
        if arguments.write:
            PAGE.write_text(written(name, table, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"lowest coverage: {np.nanmin(worst_of):.3f} (goal {GOAL})")


if __name__ == "__main__":
    main()
