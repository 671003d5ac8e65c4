"""docs/validity.md states what bench/validity.py measures, and what it states is good enough."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from affidavit.records import Interval

ROOT = Path(__file__).resolve().parents[2]
Stated = dict[tuple[str, ...], dict[str, float]]


@pytest.fixture(scope="module")
def corpora() -> ModuleType:
    return _bench("validity_corpora")


@pytest.fixture(scope="module")
def validity() -> ModuleType:
    return _bench("validity")


def _bench(name: str) -> ModuleType:
    """Import a script; they are no package, and workers import them by this name."""
    import importlib
    import sys

    if str(ROOT / "bench") not in sys.path:
        sys.path.append(str(ROOT / "bench"))
    return importlib.import_module(name)


def rows_of(table: str, n_leading: int) -> Stated:
    """Return the shares of a table by the leading cells of the row, then by column."""
    head, _, *body = (
        [cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines() if line[:1] == "|"
    )
    return {
        tuple(line[:n_leading]): {
            column: float(cell.split()[0]) for column, cell in zip(head[n_leading:], line[n_leading:], strict=True)
        }
        for line in body
    }


@pytest.fixture(scope="module")
def stated(validity: ModuleType) -> dict[str, Stated]:
    page = validity.PAGE.read_text(encoding="utf-8")
    return {name: rows_of(validity.stated(name, page), len(head)) for name, (head, _) in validity.full().items()}


def shares(stated: dict[str, Stated], beginning: str) -> list[tuple[str, float]]:
    return [
        (f"{name}: {row}: {column}", share)
        for name, rows in stated.items()
        if name.startswith(beginning)
        for row, columns in rows.items()
        for column, share in columns.items()
    ]


def strays(share: float, n: int, errors: float = 2.0) -> float:
    return float(errors * np.sqrt(share * (1 - share) / n))


def test_the_page_has_every_row_that_the_script_makes(validity: ModuleType, stated: dict[str, Stated]) -> None:
    for name, (_, rows) in validity.full().items():
        assert [row.cells for row in rows] == list(stated[name]), name


def test_every_stated_interval_covers(validity: ModuleType, stated: dict[str, Stated]) -> None:
    """At least 0.93 less two Monte Carlo errors of 1,000 corpora."""
    covered = [*shares(stated, "intervals"), *shares(stated, "families")]
    assert len(covered) > 400
    assert [each for each in covered if each[1] < validity.GOAL - strays(validity.GOAL, 1000)] == []


def test_audits_of_equals_raise_the_alarm_no_more_often_than_declared(stated: dict[str, Stated]) -> None:
    clean = {
        row: columns for name in ("audits", "everything") for row, columns in stated[name].items() if row[1] == "none"
    }
    assert len(clean) >= 3
    for (units, _, audits), columns in clean.items():
        n = int(audits.replace(",", ""))
        for column, share in columns.items():
            assert share <= 0.05 + strays(0.05, n), (units, column)


def test_more_units_and_larger_gaps_are_found_more_often(stated: dict[str, Stated]) -> None:
    """But for what 600 corpora stray by."""
    power = stated["power"]
    for column in ("p <= 0.05", "interval excludes 0"):
        for counts in ("counts alike", "unlike counts"):
            found = [
                [power[counts, f"{points} points", str(n)][column] for n in (20, 50, 200, 500)] for points in (2, 5, 10)
            ]
            assert (np.diff(found, axis=0) > -0.06).all()
            assert (np.diff(found, axis=1) > -0.06).all()
            assert found[2][3] > 0.9
            assert found[0][0] < 0.1


def test_the_page_names_its_lowest_coverage(stated: dict[str, Stated], validity: ModuleType) -> None:
    lowest = min(share for _, share in [*shares(stated, "intervals"), *shares(stated, "families")])
    page = validity.PAGE.read_text(encoding="utf-8")
    assert re.search(r"lowest\s+coverage[^.]*is ([\d.]+\d)", page, re.IGNORECASE)[1] == f"{lowest:.3f}"  # type: ignore[index]


def test_planted_gaps_are_looked_for_in_at_least_200_audits(stated: dict[str, Stated]) -> None:
    planted = [int(audits) for _, gap, audits in stated["audits"] if gap != "none"]
    assert len(planted) == 9
    assert min(planted) >= 200


@pytest.mark.slow  # asks every examination once
def test_every_examination_that_such_a_table_allows_is_asked(corpora: ModuleType) -> None:
    """A new examination is a column of the table, or is named among those that test nothing or cannot be asked."""
    small = setting(corpora, units=(8, 8))
    asked = dict(corpora.everything_outcomes(small, 0))
    examinations = set(corpora.FAIRNESS)
    assert {"performance", "robustness", "modality-disparity", "rationale-equity", "soft-labels"} <= set(asked)
    assert examinations == (set(asked) & examinations) | corpora.NEVER | corpora.UNTESTED


@pytest.mark.slow(minutes=2)
@pytest.mark.parametrize(
    ("name", "places", "n"),
    [
        ("intervals, rate 0.9, unlike counts", (2, 8, 10, 17), 250),
        ("intervals, rate 0.9, counts alike", (15, 17, 18), 250),
        ("intervals in uneven groups", (3, 5, 13), 250),
        ("families, rate 0.9, icc 0.3, counts alike", (2, 7, 10), 250),
        ("power", (2, 6, 9, 20), 200),
        ("audits", (0, 6), 20),
        ("everything", (0, 3), 4),
    ],
)
def test_what_the_page_states_is_measured_again(
    validity: ModuleType, stated: dict[str, Stated], name: str, places: tuple[int, ...], n: int
) -> None:
    """Other corpora would stray by chance: so may these first ones of the same seeds, by four Monte Carlo errors."""
    from dataclasses import replace

    _, rows = validity.full()[name]
    chosen = [replace(rows[i], n_corpora=min(n, rows[i].n_corpora)) for i in places]
    for row, counts in zip(chosen, validity.counted(chosen, 2), strict=True):
        for column, (share, none) in validity.shares(row, counts).items():
            if none < 0.5:
                before = stated[name][row.cells][column]
                spread = max(strays(min(max(before, 0.02), 0.98), row.n_corpora, 4.0), 0.02)
                assert share == pytest.approx(before, abs=spread), (row.cells, column, "bench/validity.py --write")


def setting(corpora: ModuleType, **options: Any) -> Any:
    return corpora.Setting(**{"units": (6, 6), "rates": (0.7, 0.6), "icc": 0.1, "unlike": False, **options})


def test_truths_are_what_a_large_corpus_shows(corpora: ModuleType) -> None:
    """Every number over groups in 20,000 units a group lies near its truth, and every statistic does."""
    large = setting(corpora, units=(20_000, 20_000), attracted=0.4, unlike=True, icc=0.2)
    raw = corpora.matrices(large, 1)
    evidence = raw.projected(corpora.by_class)
    for statistic in corpora.STATISTICS.values():
        value = statistic.value(evidence.totals, evidence.totals)
        assert value == pytest.approx(corpora.truth_of(large, statistic), abs=0.01)
    given = raw.projected(corpora.answered).totals
    assert given / given.sum(1, keepdims=True) == pytest.approx(corpora.confusion_of(large).sum(axis=1), abs=0.01)
    hits = raw.projected(corpora.benefits).totals
    assert hits[:, 1] / hits[:, 0] == pytest.approx(corpora.truth_of(large, corpora.accuracy(4)), abs=0.01)


def test_every_number_is_bounded_beside_its_truth(corpora: ModuleType) -> None:
    groups = list(corpora.group_outcomes(setting(corpora), 0))
    assert len(groups) == 2 * 5
    families = list(corpora.family_outcomes(setting(corpora), 0))
    assert len({name for name, *_ in families}) == 8
    truths = {name: truth for name, _, _, truth in families}
    assert truths["difference"] == pytest.approx(0.1)
    assert truths["ratio"] == pytest.approx(6 / 7)
    assert truths["worst group"] == pytest.approx(0.6)
    assert truths["spread"] == pytest.approx(np.std([0.7, 0.6], ddof=1))
    assert truths["inequality between"] == pytest.approx(((0.7 / 0.65) ** 2 / 2 + (0.6 / 0.65) ** 2 / 2 - 1) / 2)
    assert truths["total variation"] == pytest.approx(0)
    assert all(isinstance(interval, Interval) for _, _, interval, _ in families)


@pytest.mark.slow  # starts processes that import every examination
def test_workers_count_what_one_process_counts(validity: ModuleType) -> None:
    rows = validity.interval_rows(30, sizes=(5,), iccs=(0.3,))["intervals, rate 0.9, unlike counts"][1]
    alone, together = validity.counted(rows, 0)[0], validity.counted(rows, 2)[0]
    assert alone.keys() == together.keys()
    assert all((alone[key] == together[key]).all() for key in alone)
    assert all(values.sum() == 30 for values in alone.values())


def test_intervals_that_are_too_narrow_are_seen(
    validity: ModuleType, corpora: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: intervals at 80 % where 95 % is said."""
    rows = validity.interval_rows(100, sizes=(12,), iccs=(0.1,))["intervals, rate 0.6, counts alike"][1]
    assert validity.lowest(rows, validity.counted(rows, 0)) > 0.9
    monkeypatch.setattr(corpora, "LEVEL", 0.8)
    assert validity.lowest(rows, validity.counted(rows, 0)) < 0.87


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "icc", "unlike"), [(8, 0.3, False), (20, 0.1, True), (30, 0.3, True), (22, 0.3, False)]
)
def test_rates_near_one_and_unlike_units_are_covered(
    validity: ModuleType, corpora: ModuleType, units: int, icc: float, unlike: bool
) -> None:
    """Where the bootstrap over so many units, or t with units less one, covers 0.86 to 0.92."""
    hard = setting(corpora, units=(units, units), rates=(0.9, 0.9), icc=icc, unlike=unlike)
    row = validity.Row(cells=(), kind="groups", setting=hard, n_corpora=150)
    for column, (share, none) in validity.shares(row, validity.counted([row], 0)[0]).items():
        assert share > validity.GOAL - strays(validity.GOAL, 300, 2.5), column
        assert none < 0.05


def test_a_table_takes_the_place_of_another_and_of_nothing_else(validity: ModuleType) -> None:
    page = "a\n<!-- measured: x -->\n<!-- end -->\nb\n<!-- measured: y -->\n1\n<!-- end -->\n"
    once = validity.written("x", "2\n", page)
    assert once == page.replace("x -->\n", "x -->\n2\n")
    assert validity.written("x", "", once) == page
    with pytest.raises(ValueError, match="no table 'z'"):
        validity.written("z", "", page)


def test_a_table_says_what_was_counted(validity: ModuleType, corpora: ModuleType) -> None:
    row = validity.Row(cells=("x",), kind="groups", setting=setting(corpora), n_corpora=10)
    counts = {("rate", 0): np.array([8, 1, 1, 0]), ("rate", 1): np.array([6, 0, 0, 4])}
    text = validity.markdown(("name",), [row], [counts])
    assert "| x | 0.875 (20% none) |" in text
    assert validity.lowest([row], [counts]) == 0.875
    assert validity.lowest([row], [{("rate", 0): np.array([1, 0, 0, 9])}]) != validity.lowest([row], [counts])
