"""The erasing curves of an exhibit: everybody's loss at each size, by the ranking and at random, under two fillings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from affidavit.exhibits import Cell
from faithfulness.attribution.averages import Average, Numbers, Teller
from faithfulness.attribution.drawing import Drawn
from faithfulness.attribution.erasing import SIZES
from faithfulness.attribution.measures import ERASER, FILLINGS

_OPERATORS: Final = {"comprehensiveness": "without", "sufficiency": "only"}
_RANKINGS: Final = {"": "attributed", "_random": "random"}


def curve_rows(teller: Teller, drawn: Drawn, numbers: Sequence[Numbers]) -> list[dict[str, Cell]]:
    """Return a row for each test, filling, ranking and size; the condition says what was erased or kept."""
    rows: list[dict[str, Cell]] = []
    for test, filling, ranking, size in product(_OPERATORS, FILLINGS, _RANKINGS, SIZES):
        name = f"attribution_{test}{filling}{ranking}"
        average = Average(metric=name, above=f"{name}@{size:.0%}", source=ERASER, low=-1.0)
        condition = f"{drawn.condition}/{_OPERATORS[test]}-{_RANKINGS[ranking]}={size:.0%}"
        rows += teller.everybody(average, drawn, numbers, condition=condition)
    return rows
