"""Which values could a withheld count have, given everything that is told?

Claim: for each untold count, the least and the greatest whole number that some table of whole numbers consistent with
every statement has in its place. One model per component: its matrix is built once and asked for every count in both
directions by linear programming (HiGHS); where a corner of the polytope is not whole, by integer programming. A corner
found for one count also bears witness for the others, so that most counts are proved wide without a model of their own
(Fischetti, Salazar 2000; Hundepool et al. 2012, chapter 4).

| statements | range |
|---|---|
| contradict each other | `consistent` is false, and nothing can be said |
| leave a count free above | `high` is infinite |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from affidavit.disclosure.linear import Counts, FloatArray, Statement, components

SLACK: Final = 1e-6
SECONDS: Final = 20.0
UNBOUNDED: Final = 3
SPREADS: Final = 3
"""Pairs of opposite directions in which solutions for many counts at once are looked for."""
FAR: Final = 1e5


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The whole numbers that a withheld count could be: every one from `low` to `high` is not excluded."""

    low: float
    high: float
    consistent: bool = True
    statements: tuple[Statement, ...] = ()
    """Those of the count's component: what an attacker would combine."""

    @property
    def width(self) -> float:
        """Greatest less least candidate."""
        return self.high - self.low


def candidates(counts: Counts, wanted: Sequence[int], *, enough: float | None = None) -> dict[int, Candidates]:
    """Return the candidates of untold counts; with `enough`, a range that wide need not be the whole one."""
    found: dict[int, Candidates] = {}
    asked = set(wanted)
    for members, statements in components(counts):
        own = [i for i in members if i in asked]
        if own:
            found |= _Model.of(counts, members, statements).ranges(own, enough)
    return found


@dataclass(slots=True, kw_only=True)
class _Model:
    """One component as a matrix; `seen` are the least and greatest values that any solution has shown."""

    place: dict[int, int]
    bounds: Bounds
    constraint: LinearConstraint | None
    statements: tuple[Statement, ...]
    seen_low: FloatArray = field(init=False)
    seen_high: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.seen_low = np.full(len(self.place), np.inf)
        self.seen_high = np.full(len(self.place), -np.inf)

    @classmethod
    def of(cls, counts: Counts, members: Sequence[int], statements: Sequence[Statement]) -> _Model:
        """Return the model with what is told moved to the right-hand side."""
        place = {member: i for i, member in enumerate(members)}
        bounds = Bounds(np.ceil(counts.low[list(members)] - SLACK), np.floor(counts.high[list(members)] + SLACK))
        return cls(
            place=place,
            bounds=bounds,
            constraint=_constraint(counts, place, statements),
            statements=tuple(statements),
        )

    def ranges(self, wanted: Sequence[int], enough: float | None) -> dict[int, Candidates]:
        found = {}
        if enough is not None:
            self._spread([self.place[i] for i in wanted], enough)
        for i in wanted:
            at = self.place[i]
            if enough is not None and self.seen_high[at] - self.seen_low[at] >= enough:
                found[i] = self._range(self.seen_low[at], self.seen_high[at])
                continue
            low, high = self._end(at, 1.0), self._end(at, -1.0)
            if low is None or high is None:
                return {j: Candidates(low=0, high=0, consistent=False, statements=self.statements) for j in wanted}
            found[i] = self._range(low, high)
        return found

    def _spread(self, wanted: Sequence[int], enough: float) -> None:
        """Look for solutions that are far apart in many counts at once: each bears witness for all of them."""
        rng = np.random.default_rng(len(self.place))  # which directions come first changes no answer
        near = Bounds(self.bounds.lb, np.minimum(self.bounds.ub, self.bounds.lb + FAR))
        for _ in range(SPREADS):
            narrow = [at for at in wanted if not self.seen_high[at] - self.seen_low[at] >= enough]
            if len(narrow) <= SPREADS:
                return
            objective = np.zeros(len(self.place))
            objective[narrow] = rng.choice([-1.0, 1.0], len(narrow))
            for sign in (1.0, -1.0):
                self._witness(self._solved(sign * objective, whole=False, bounds=near))

    def _witness(self, solved: Any) -> bool:  # noqa: ANN401 - scipy has no types
        """Remember a solution in whole numbers; says whether it is one."""
        if solved.x is None or np.abs(solved.x - np.round(solved.x)).max() > SLACK:
            return False
        point = np.round(solved.x)
        self.seen_low, self.seen_high = np.minimum(self.seen_low, point), np.maximum(self.seen_high, point)
        return True

    def _range(self, low: float, high: float) -> Candidates:
        return Candidates(low=float(low), high=float(high), statements=self.statements)

    def _end(self, at: int, sign: float) -> float | None:
        """Return the least (sign 1) or greatest (sign -1) whole value; None where nothing is consistent."""
        objective = np.zeros(len(self.place))
        objective[at] = sign
        solved = self._solved(objective, whole=False)
        if solved.status == UNBOUNDED or (solved.x is None and self._free(at, sign)):
            return -sign * np.inf
        if solved.x is None:
            return None
        if not self._witness(solved):
            relaxed = solved
            solved = self._solved(objective, whole=True)
            if solved.x is None:  # infeasible in whole numbers, or out of time: then the relaxation is all we know
                return None if solved.status == 2 else _inward(float(relaxed.x[at]), sign)
            self._witness(solved)
        return float(np.round(solved.x[at]))

    def _free(self, at: int, sign: float) -> bool:
        """Say whether a count that HiGHS calls unbounded or infeasible is unbounded: a feasible point decides."""
        if sign > 0 or np.isfinite(self.bounds.ub[at]):
            return False
        return self._solved(np.zeros(len(self.place)), whole=False).x is not None

    def _solved(self, objective: FloatArray, *, whole: bool, bounds: Bounds | None = None) -> Any:  # noqa: ANN401 - scipy has no types
        return milp(
            objective,
            integrality=np.full(len(objective), int(whole)),
            bounds=bounds or self.bounds,
            constraints=() if self.constraint is None else (self.constraint,),
            options={"time_limit": SECONDS},
        )


def _inward(value: float, sign: float) -> float:
    return float(np.ceil(value - SLACK) if sign > 0 else np.floor(value + SLACK))


def _constraint(counts: Counts, place: dict[int, int], statements: Sequence[Statement]) -> LinearConstraint | None:
    if not statements:
        return None
    rows, columns, values, low, high = [], [], [], [], []
    for row, statement in enumerate(statements):
        told = sum(c * counts.low[i] for i, c in statement.coefficients.items() if i not in place)
        for i, coefficient in statement.coefficients.items():
            if i in place:
                rows.append(row)
                columns.append(place[i])
                values.append(coefficient)
        low.append(statement.low - told)
        high.append(statement.high - told)
    matrix = csr_array((values, (rows, columns)), shape=(len(statements), len(place)))
    return LinearConstraint(matrix, np.array(low) - SLACK / 10, np.array(high) + SLACK / 10)
