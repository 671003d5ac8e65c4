"""Ways in which withheld counts can move together without changing anything that is told.

The sums of a report are the same for every metric; only the counts differ. So the whole-number directions along which
a withheld count can move are found once for a pattern of sums and withheld counts, and for each table it is enough to
see how far one can go along them: a bound from below on the width of every range, without a model.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from affidavit.disclosure.linear import FloatArray, Statement, coefficients_of

Pattern = tuple[tuple[tuple[int, float], ...], ...]
Move = tuple[tuple[int, float], ...]


def sure_widths(
    statements: tuple[Statement, ...], gone: frozenset[int], room: tuple[FloatArray, FloatArray]
) -> dict[int, float]:
    """Return for withheld counts a width that their ranges have at least, from moves of the true table.

    `room` is how far each count could go down and up by itself.
    """
    down, up = room
    widths = dict.fromkeys(gone, 0.0)
    pattern: Pattern = tuple(tuple(sorted(statement.coefficients.items())) for statement in statements)
    for move in _moves(pattern, gone):
        forth = min(float(np.floor((up if step > 0 else down)[i] / abs(step))) for i, step in move)
        back = min(float(np.floor((down if step > 0 else up)[i] / abs(step))) for i, step in move)
        for i, step in move:
            widths[i] = max(widths[i], abs(step) * (forth + back))
    return widths


@lru_cache(maxsize=256)
def _moves(pattern: Pattern, gone: frozenset[int]) -> tuple[Move, ...]:
    """Return for every withheld count a shortest move of whole steps that it takes part in, where there is one."""
    order = sorted(gone)
    place = {i: at for at, i in enumerate(order)}
    told = [Statement(coefficients={place[i]: c for i, c in row if i in place}, told_by="") for row in pattern]
    matrix = coefficients_of([statement for statement in told if statement.coefficients], len(order))
    found: dict[Move, None] = {}
    for at in range(len(order)):
        steps = _shortest(matrix, at)
        if steps is not None:
            found[tuple((order[j], float(steps[j])) for j in np.flatnonzero(steps))] = None
    return tuple(found)


def _shortest(matrix: FloatArray, at: int) -> FloatArray | None:
    n = matrix.shape[1]
    low, high = np.zeros(2 * n), np.full(2 * n, np.inf)
    low[at] = high[at] = 1.0
    high[n + at] = 0.0
    flat = () if not len(matrix) else (LinearConstraint(np.hstack([matrix, -matrix]), 0.0, 0.0),)
    solved = milp(np.ones(2 * n), bounds=Bounds(low, high), constraints=flat)
    if solved.x is None:
        return None
    steps: FloatArray = np.round(solved.x[:n] - solved.x[n:])
    return steps if np.abs(solved.x[:n] - solved.x[n:] - steps).max() < 1e-6 else None
