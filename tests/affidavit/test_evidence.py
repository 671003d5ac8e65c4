"""Units that are alike are dealt by kind: as they would be one by one, without a cost for each of them."""

import numpy as np
import pytest

from affidavit.evidence import Evidence
from affidavit.plan import Statistics
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.permutation import PermutedSums
from affidavit.tally import GroupedSums


def dealt(multiplicity: list[list[int]], kinds: np.ndarray, *, n_permutations: int) -> PermutedSums:
    """Deal units of so many kinds (columns) to so many groups (rows) anew."""
    counts = np.array(multiplicity)
    group, kind = np.nonzero(counts)
    n_units = int(counts.sum())
    grouped = GroupedSums(
        sums=kinds[kind],
        n_rows=counts[group, kind],
        unit=np.arange(len(group)),
        group=group,
        n_units=n_units,
        groups=tuple({"g": str(g)} for g in range(len(counts))),
        multiplicity=counts[group, kind],
    )
    options = Statistics(n_resamples=100, n_permutations=n_permutations)
    resampler = UnitResampler(n_units=n_units, n_resamples=100, seed=7)
    found = Evidence(grouped=grouped, options=options, resampler=resampler, seed=7).permuted
    assert found is not None
    return found


def test_units_of_a_kind_are_dealt_as_one_by_one() -> None:
    """Against the hypergeometric distribution, and against units that are moved one by one."""
    kinds = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
    counts = [[300, 100, 20], [500, 80, 40], [0, 0, 0], [10, 0, 0]]
    sums, exact, _ = dealt(counts, kinds, n_permutations=1000)
    assert not exact
    assert sums.shape == (1000, 4, 2)
    assert (sums.sum(axis=1) == np.array(counts).sum(axis=0) @ kinds).all(), "nobody is lost"
    units, n = np.array(counts).sum(axis=1), np.sum(counts)
    values = np.repeat(kinds, np.array(counts).sum(axis=0), axis=0)
    assert sums.mean(axis=0) == pytest.approx(units[:, None] * values.mean(axis=0), abs=1.5)
    variance = units[:, None] * (n - units[:, None]) / (n - 1) * values.var(axis=0)
    assert sums.var(axis=0) == pytest.approx(variance, rel=0.2)
    one_by_one = dealt(counts, kinds, n_permutations=1050)  # as many units as permutations: moved one by one
    assert one_by_one.sums.mean(axis=0) == pytest.approx(sums.mean(axis=0), abs=2)
    assert one_by_one.sums.var(axis=0) == pytest.approx(sums.var(axis=0), rel=0.25)


def test_few_arrangements_are_still_listed() -> None:
    sums, exact, n_arrangements = dealt([[1, 0], [300, 99]], np.eye(2), n_permutations=999)
    assert (exact, n_arrangements, len(sums)) == (True, 400, 400)


def test_the_same_seed_deals_the_same() -> None:
    first, second = (dealt([[900, 300], [400, 500]], np.eye(2), n_permutations=200).sums for _ in range(2))
    assert (first == second).all()
    assert len(np.unique(first[:, 0, 0])) > 20
