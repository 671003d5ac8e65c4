"""The coverages that docs/statistics.md states are those that a measurement gives now."""

from __future__ import annotations

from types import ModuleType

import pytest


def numbers(table: str) -> list[tuple[str, list[float]]]:
    """Return the name of each row and its shares."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()[2:]]
    return [
        (
            "/".join(c for c in row if "." not in c or "," in c),
            [float(c) for c in row if c[:2] in ("0.", "1.") and "," not in c],
        )
        for row in rows
    ]


@pytest.mark.slow(minutes=1)
@pytest.mark.parametrize("name", ["intervals", "gaps"])
def test_the_stated_coverages_are_the_measured_ones(measured: ModuleType, name: str) -> None:
    stated = numbers(measured.stated(name, measured.PAGE.read_text(encoding="utf-8")))
    now = numbers(measured.markdown(measured.TABLES[name]()))
    assert [row for row, _ in stated] == [row for row, _ in now]
    for (row, before), (_, after) in zip(stated, now, strict=True):
        assert before == pytest.approx(after, abs=0.03), f"{row}: python tests/docs/measured.py --write"


def test_the_page_has_both_tables(measured: ModuleType) -> None:
    page = measured.PAGE.read_text(encoding="utf-8")
    assert all(len(numbers(measured.stated(name, page))) >= 6 for name in measured.TABLES)
