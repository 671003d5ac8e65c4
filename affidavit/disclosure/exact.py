"""The set of counts that protects the small ones and costs the fewest units, by integer programming.

For every protected count two other tables must exist that differ from the true one in withheld counts only, obey every
sum, and lie `width` apart in its place (Fischetti and Salazar 2000, sliding protection). Moves are bounded, which
keeps the relaxation tight: a far move is never needed to be `width` apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, diags_array, eye_array, kron

from affidavit.disclosure.linear import FloatArray, Statement, coefficients_of

FAR: Final = 3
"""Widths that any count may move in a protecting table."""
MOVES: Final = 4000
"""Moves (two tables a protected count) that are solved exactly; beyond, paths are cheaper by far."""
NODES: Final = 400
"""Branches at most: a limit in seconds would make a release depend on how busy a machine is."""


def fewest_units(
    truth: tuple[FloatArray, FloatArray, Sequence[Statement]],
    *,
    room: tuple[FloatArray, FloatArray],
    protected: frozenset[int],
    kept: frozenset[int],
    width: float,
) -> frozenset[int] | None:
    """Return the cheapest protecting set, the protected counts included; None where it was not found in time.

    `truth` is values, costs and sums; `room` the least and greatest value that each count may be thought to have.
    """
    values, cost, statements = truth
    n, order = len(values), sorted(protected)
    if 2 * len(order) * n > MOVES:
        return None
    down, up = np.minimum(values - room[0], FAR * width), np.minimum(room[1] - values, FAR * width)
    tables = 2 * len(order)
    sums = kron(eye_array(tables), csr_array(coefficients_of(statements, n)), format="csr")
    chosen_low = np.isin(np.arange(n), order).astype(float)
    chosen_high = 1.0 - np.isin(np.arange(n), sorted(kept)).astype(float)
    stacked = np.ones((tables, 1))
    moves = eye_array(tables * n)
    constraints = [
        LinearConstraint(block_array([[csr_array((sums.shape[0], n)), sums]], format="csr"), 0.0, 0.0),
        LinearConstraint(_hung(-kron(stacked, diags_array(up)), moves), -np.inf, 0.0),
        LinearConstraint(_hung(kron(stacked, diags_array(down)), moves), 0.0, np.inf),
        LinearConstraint(_apart(order, n), width, np.inf),
    ]
    far = FAR * width
    bounds = Bounds(
        np.concatenate([chosen_low, np.full(tables * n, -far)]), np.concatenate([chosen_high, np.full(tables * n, far)])
    )
    solved = milp(
        np.concatenate([cost + 1.0, np.zeros(tables * n)]),
        integrality=np.concatenate([np.ones(n), np.zeros(tables * n)]),
        bounds=bounds,
        constraints=constraints,
        options={"node_limit": NODES},
    )
    return None if solved.x is None else frozenset(int(i) for i in np.flatnonzero(solved.x[:n] > 0.5))


def _hung(on_choice: csr_array, moves: csr_array) -> csr_array:
    """Return rows that let a count move only where it is withheld."""
    return block_array([[on_choice, moves]], format="csr")


def _apart(order: Sequence[int], n: int) -> csr_array:
    """Return one row for each protected count: its value in one table less that in the other."""
    rows = np.repeat(np.arange(len(order)), 2)
    columns = [n + (2 * place + other) * n + i for place, i in enumerate(order) for other in (0, 1)]
    values = np.tile([1.0, -1.0], len(order))
    return csr_array((values, (rows, columns)), shape=(len(order), n + 2 * len(order) * n))
