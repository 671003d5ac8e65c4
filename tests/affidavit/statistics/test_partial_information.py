"""Information parted: closed cases, a slow minimum over all joint distributions, and the laws that tie the parts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.optimize import minimize

from affidavit.statistics.partial_information import PartialInformation, partial_information

Joint = NDArray[np.float64]


def gate(target: list[list[int]], n_y: int) -> Joint:
    """Return the joint distribution of two fair bits and a function of them."""
    joint = np.zeros((2, 2, n_y))
    for i in range(2):
        for k in range(2):
            joint[i, k, target[i][k]] = 0.25
    return joint


def information(pair: Joint) -> float:
    """The definition, cell by cell: sum p log2 p / (p p), of [n, Y]."""
    total = 0.0
    for x, row in enumerate(pair):
        for y, p in enumerate(row):
            if p > 0:
                total += p * np.log2(p / (pair[x].sum() * pair[:, y].sum()))
    return total


def slow_union(joint: Joint) -> float:
    """The definition: the least information of any q with the pairs of p, by a general minimiser.

    q = p + z N, where N spans what leaves all pairs as they are; a speck keeps logarithms finite.
    """
    shape, speck = joint.shape, 1e-10
    marginals = []
    for axis in (0, 1):
        for place in np.ndindex(*np.delete(shape, axis)):
            cell = np.zeros(shape)
            cell[(slice(None), *place) if axis == 0 else (place[0], slice(None), place[1])] = 1
            marginals.append(cell.ravel())
    free = null_space(np.array(marginals))
    target = joint.sum(axis=(0, 1))

    def ratio(z: Joint) -> tuple[Joint, Joint]:
        q = np.maximum((joint.ravel() + free @ z).reshape(shape), speck)
        return q, np.log2(q / (q.sum(axis=2, keepdims=True) * target))

    found = minimize(
        lambda z: float(np.prod(ratio(z), axis=0).sum()),
        np.zeros(free.shape[1]),
        jac=lambda z: free.T @ ratio(z)[1].ravel(),
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda z: joint.ravel() + free @ z, "jac": lambda z: free},
        options={"maxiter": 1000, "ftol": 1e-12},
    )
    return float(found.fun)


def parts(found: PartialInformation) -> list[float]:
    return [float(x) for x in (found.redundant, found.unique_first, found.unique_second, found.synergistic)]


AND = gate([[0, 0], [0, 1]], 2)
COPY = np.zeros((2, 2, 2))
COPY[0, 0, 0] = COPY[1, 1, 1] = 0.5


@pytest.mark.parametrize(
    ("joint", "expected"),
    [
        (gate([[0, 1], [1, 0]], 2), [0, 0, 0, 1]),
        (AND, [1.5 - 0.75 * np.log2(3), 0, 0, 0.5]),
        (COPY, [1, 0, 0, 0]),
        (gate([[0, 1], [2, 3]], 4), [0, 1, 1, 0]),
        (gate([[0, 0], [1, 1]], 2), [0, 1, 0, 0]),
        (gate([[0, 0], [0, 0]], 1), [0, 0, 0, 0]),
        (np.full((3, 2, 4), 1.0), [0, 0, 0, 0]),
    ],
    ids=["xor", "and", "redundant", "unique", "first alone", "constant", "independent"],
)
def test_closed_cases(joint: Joint, expected: list[float]) -> None:
    assert parts(partial_information(joint)) == pytest.approx(expected, abs=5e-6)


def test_redundancy_and_synergy_side_by_side() -> None:
    # Y = (a copy of a shared bit, the xor of two bits of their own): one bit each (Griffith, Koch 2014, RdnXor).
    joint = np.zeros((4, 4, 4))
    for shared in range(2):
        for i in range(2):
            for k in range(2):
                joint[2 * shared + i, 2 * shared + k, 2 * shared + (i ^ k)] = 1 / 8
    assert parts(partial_information(joint)) == pytest.approx([1, 0, 0, 1], abs=5e-6)


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 2, 2), (2, 3, 3), (3, 3, 3)])
@pytest.mark.parametrize("concentration", [0.3, 1.0])
def test_the_union_equals_the_slow_minimum(shape: tuple[int, int, int], concentration: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(4):
        joint = rng.dirichlet(np.full(int(np.prod(shape)), concentration)).reshape(shape)
        found = partial_information(joint)
        union = float(found.redundant + found.unique_first + found.unique_second)
        slow = slow_union(joint)
        # No q is below the optimum, and the minimiser finds one that is hardly above it.
        assert union <= slow + 2e-6
        assert union == pytest.approx(slow, abs=2e-4)


def counts(n: int, shape: tuple[int, int, int], *, n_rows: int, seed: int = 0) -> Joint:
    """Return sparse tables of counts."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(int(np.prod(shape)), 0.2), size=n)
    return np.stack([rng.multinomial(n_rows, share) for share in shares]).reshape(n, *shape).astype(np.float64)


def test_parts_are_never_negative_and_add_up_to_informations_by_definition() -> None:
    tables = counts(40, (3, 4, 3), n_rows=60)
    found = partial_information(tables)
    for value in (found.redundant, found.unique_first, found.unique_second, found.synergistic):
        assert (value >= -1e-12).all()
    for i, table in enumerate(tables / tables.sum(axis=(1, 2, 3), keepdims=True)):
        assert found.first[i] == pytest.approx(information(table.sum(axis=1)))
        assert found.second[i] == pytest.approx(information(table.sum(axis=0)))
        assert found.together[i] == pytest.approx(information(table.reshape(12, 3)))


def test_sources_labels_and_scale_have_no_names() -> None:
    tables = counts(20, (3, 3, 3), n_rows=80)
    found, swapped = partial_information(tables), partial_information(tables.transpose(0, 2, 1, 3))
    np.testing.assert_allclose(found.unique_first, swapped.unique_second, atol=5e-6)
    np.testing.assert_allclose(found.synergistic, swapped.synergistic, atol=5e-6)
    renamed = partial_information(7.5 * tables[:, ::-1][:, :, [1, 0, 2]][..., [2, 0, 1]])
    np.testing.assert_allclose(found.redundant, renamed.redundant, atol=5e-6)


def test_the_first_source_told_more_of_loses_nothing() -> None:
    """A target that is a function of the first source leaves nothing unique or synergistic to the second."""
    pair = np.random.default_rng(2).dirichlet(np.ones(12)).reshape(4, 3)
    joint = np.zeros((4, 3, 2))
    for x in range(4):
        joint[x, :, x % 2] = pair[x]
    found = partial_information(joint)
    assert float(found.unique_second) == pytest.approx(0, abs=5e-6)
    assert float(found.synergistic) == pytest.approx(0, abs=5e-6)


def test_a_batch_gives_what_each_alone_gives_and_empty_tables_are_unknown() -> None:
    tables = counts(6, (3, 3, 2), n_rows=30)
    tables[2] = 0
    found = partial_information(tables.reshape(2, 3, 3, 3, 2))
    assert found.synergistic.shape == (2, 3)
    assert np.isnan(found.synergistic[0, 2])
    assert np.isnan(found.together[0, 2])
    alone = [parts(partial_information(table))[3] for i, table in enumerate(tables) if i != 2]
    np.testing.assert_allclose(np.delete(found.synergistic.ravel(), 2), alone, atol=5e-6)


def test_hardly_any_probability_is_no_reason_to_give_up() -> None:
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.full(27, 0.02), size=60).reshape(-1, 3, 3, 3)
    found = partial_information(shares**2)
    assert not np.isnan(found.synergistic).any()
    assert (found.synergistic >= -1e-12).all()


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.full((2, 2, 2), -1.0), np.full((2, 2, 2), np.nan)])
def test_what_is_no_distribution_is_refused(bad: Joint) -> None:
    with pytest.raises(ValueError, match="Expected distributions"):
        partial_information(bad)
