from __future__ import annotations

import itertools

import numpy as np
import pytest

from affidavit.disclosure.candidates import Candidates, candidates
from affidavit.disclosure.linear import Counts, Statement, components


def tried(counts: Counts) -> dict[int, tuple[int, int]]:
    """Return the least and greatest value of each count over every table: slow and obvious."""
    spans = [range(int(low), int(high) + 1) for low, high in zip(counts.low, counts.high, strict=True)]
    fits = [
        table
        for table in itertools.product(*spans)
        if all(s.low <= sum(c * table[i] for i, c in s.coefficients.items()) <= s.high for s in counts.statements)
    ]
    return {i: (min(t[i] for t in fits), max(t[i] for t in fits)) for i in range(len(spans))} if fits else {}


def drawn(rng: np.random.Generator) -> Counts:
    n = 5
    low = rng.integers(0, 3, n).astype(float)
    high = low + rng.integers(0, 5, n).astype(float)
    statements = []
    for _ in range(3):
        members = rng.choice(n, int(rng.integers(2, 4)), replace=False)
        coefficients = {int(i): float(rng.choice([-2, -1, 1, 1, 2])) for i in members}
        middle = sum(c * (low[i] + high[i]) / 2 for i, c in coefficients.items())
        slack = float(rng.integers(0, 2))
        statements.append(
            Statement(coefficients=coefficients, low=np.floor(middle), high=np.floor(middle) + slack, told_by="x")
        )
    return Counts(names=tuple("abcde"), low=low, high=high, statements=tuple(statements))


def test_ranges_are_those_of_trying_every_table() -> None:
    rng = np.random.default_rng(3)
    agreed = 0
    for _ in range(45):
        counts = drawn(rng)
        truth = tried(counts)
        wanted = [i for i in range(5) if not counts.told()[i]]
        found = candidates(counts, wanted)
        for i in wanted:
            if truth and found[i].consistent:
                assert (found[i].low, found[i].high) == truth[i]
                agreed += 1
        if truth:
            assert all(found[i].consistent for i in wanted)
        elif wanted and all(set(s.coefficients) & set(wanted) for s in counts.statements):
            assert not all(found[i].consistent for i in wanted)
    assert agreed > 60


def test_whole_numbers_are_fewer_than_what_the_relaxation_allows() -> None:
    """3 x + 2 y = 7 over whole numbers from 0 has x = 1 alone; over real numbers x reaches from 0 to 7 / 3."""
    statement = Statement(coefficients={0: 3.0, 1: 2.0}, low=7.0, high=7.0, told_by="x")
    counts = Counts(names=("x", "y"), low=np.zeros(2), high=np.full(2, np.inf), statements=(statement,))
    found = candidates(counts, [0, 1])
    assert (found[0].low, found[0].high, found[1].low, found[1].high) == (1, 1, 2, 2)


def test_what_nothing_bounds_is_unbounded_and_a_contradiction_is_said() -> None:
    free = Counts(names=("x",), low=np.zeros(1), high=np.full(1, np.inf))
    assert candidates(free, [0])[0].width == np.inf
    impossible = Statement(coefficients={0: 1.0}, low=-5.0, high=-4.0, told_by="x")
    counts = Counts(names=("x",), low=np.zeros(1), high=np.full(1, np.inf), statements=(impossible,))
    assert candidates(counts, [0]) == {0: Candidates(low=0, high=0, consistent=False, statements=(impossible,))}


def test_parts_that_nothing_joins_are_solved_apart() -> None:
    statements = (
        Statement(coefficients={0: 1.0, 1: 1.0, 4: -1.0}, told_by="left"),
        Statement(coefficients={2: 1.0, 3: 1.0, 4: -1.0}, told_by="right"),
    )
    low, high = np.array([0.0, 0, 0, 0, 9]), np.array([20.0, 20, 20, 20, 9])
    counts = Counts(names=tuple("abcde"), low=low, high=high, statements=statements)
    assert [(sorted(m), [s.told_by for s in own]) for m, own in components(counts)] == [
        ([0, 1], ["left"]),
        ([2, 3], ["right"]),
    ]
    assert (candidates(counts, [0])[0].low, candidates(counts, [0])[0].high) == (0, 9)


@pytest.mark.parametrize("enough", [1.0, 4.0])
def test_a_range_that_is_wide_enough_need_not_be_whole_but_is_true(enough: float) -> None:
    statement = Statement(coefficients={0: 1.0, 1: 1.0, 2: 1.0}, low=9.0, high=9.0, told_by="x")
    counts = Counts(names=tuple("abc"), low=np.zeros(3), high=np.full(3, np.inf), statements=(statement,))
    for one in candidates(counts, [0, 1, 2], enough=enough).values():
        assert one.width >= enough
        assert 0 <= one.low <= one.high <= 9
