from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.records import Interval
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.statistics.levels import t_critical
from affidavit.tally import GroupedSums
from audit.conditions.paired_statistics import weighted_conditions
from audit.contrasts import Contrasts, against_others, contrasts_of, selected_pair_null, signed_interval

COST = weighted_conditions("cost", "accuracy", np.array([1.0, -1.0]), n_labels=2, bounds=(-1.0, 1.0))
FULL = weighted_conditions("full", "accuracy", np.array([1.0, 0.0]), n_labels=2, bounds=(0.0, 1.0))
OPTIONS = Statistics(n_resamples=200, n_permutations=199, compared_units=3)


def evidence(sums: Any, group: Any, *, unit: Any = None, n_groups: int = 0) -> Evidence:
    sums, group = np.asarray(sums, dtype=np.float64), np.asarray(group)
    unit = np.arange(len(sums)) if unit is None else np.asarray(unit)
    n_units = int(unit.max()) + 1
    grouped = GroupedSums(
        sums=sums,
        n_rows=sums[:, 0].astype(np.int64),
        unit=unit,
        group=group,
        n_units=n_units,
        groups=tuple({"accent": f"g{i}"} for i in range(n_groups or int(group.max()) + 1)),
    )
    resampler = UnitResampler(n_units=n_units, n_resamples=OPTIONS.n_resamples, seed=1)
    return Evidence(grouped=grouped, options=OPTIONS, resampler=resampler, seed=1)


def drawn(rng: np.random.Generator, sizes: tuple[int, ...], rates: tuple[tuple[float, float], ...]) -> Evidence:
    """Units of 20 rows, judged under two conditions at the rates of their group."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    sums = np.stack([np.full(len(group), 20), *(rng.binomial(20, np.array(rates)[group, i]) for i in range(2))], axis=1)
    return evidence(sums, group)


def test_bounds_equal_the_definition() -> None:
    drawn_evidence = drawn(np.random.default_rng(0), (8, 11, 6), ((0.7, 0.5),) * 3)
    (contrasts,) = contrasts_of(drawn_evidence, (COST,))
    found = contrasts.interval(2, 0, 0.9)
    assert isinstance(found, Interval)
    reach = {}
    for g in (0, 2):
        rows = drawn_evidence.grouped.sums[drawn_evidence.grouped.group == g]
        cost = (rows[:, 1] - rows[:, 2]) / 20
        left_out = [np.delete(cost, i).mean() for i in range(len(cost))]
        error = np.sqrt((len(cost) - 1) / len(cost) * ((left_out - np.mean(left_out)) ** 2).sum())
        reach[g] = cost.mean(), t_critical(0.1 / 3, len(cost) - 1) * error
    apart = reach[2][0] - reach[0][0]
    half = np.hypot(reach[2][1], reach[0][1])
    assert (found.low, found.high) == pytest.approx((apart - half, apart + half))
    assert found.method == "MOVER over units, simultaneous over 3"


def test_the_errors_are_those_of_the_cluster_bootstrap() -> None:
    some = drawn(np.random.default_rng(8), (60, 80), ((0.7, 0.5), (0.8, 0.4)))
    (contrasts,) = contrasts_of(replace_options(some, n_resamples=4000), (COST,))
    sums = contrasts.measured.evidence.replicates
    costs = (sums[..., 1] - sums[..., 2]) / sums[..., 0]
    found = contrasts.interval(0, 1, 0.95)
    assert isinstance(found, Interval)
    half = 1.99 * float((costs[:, 0] - costs[:, 1]).std())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)


def replace_options(some: Evidence, *, n_resamples: int) -> Evidence:
    resampler = replace(some.resampler, n_resamples=n_resamples)
    return Evidence(grouped=some.grouped, options=OPTIONS, resampler=resampler, seed=1)


def test_every_pair_is_where_it_belongs_and_turning_it_round_turns_its_bounds() -> None:
    rates = ((0.9, 0.1), (0.7, 0.3), (0.5, 0.4), (0.6, 0.6))
    (contrasts,) = contrasts_of(drawn(np.random.default_rng(1), (9, 9, 9, 9), rates), (COST,))
    for i in range(4):
        for j in range(4):
            if i == j:
                continue
            found, turned = contrasts.interval(i, j, 0.95), contrasts.interval(j, i, 0.95)
            assert isinstance(found, Interval)
            assert isinstance(turned, Interval)
            assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low))
            assert found.low < contrasts.difference(i, j) < found.high
            assert (found.low + found.high) / 2 == pytest.approx(contrasts.difference(i, j), abs=1e-9)


def test_more_parts_are_wider_together() -> None:
    some = drawn(np.random.default_rng(2), (10, 10), ((0.7, 0.5),) * 2)
    alone, beside = contrasts_of(some, (COST,))[0], contrasts_of(some, (COST, FULL))[0]
    one, two = alone.interval(0, 1, 0.95), beside.interval(0, 1, 0.95)
    assert isinstance(one, Interval)
    assert isinstance(two, Interval)
    assert two.low < one.low < one.high < two.high
    again = alone.interval(0, 1, 0.975)
    assert isinstance(again, Interval)
    assert (again.low, again.high) == pytest.approx((two.low, two.high))


def test_units_that_all_agree_are_bounded_by_those_not_met() -> None:
    same = evidence([[10, 7, 7]] * 12, np.repeat([0, 1], 6))
    (contrasts,) = contrasts_of(same, (COST,))
    found = contrasts.interval(0, 1, 0.95)
    missed = 1 - 0.025 ** (1 / 6)
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((-missed * 2**0.5, missed * 2**0.5))
    assert contrasts.detectable(0, 1, 0.95) is None
    own = signed_interval(contrasts.measured, 0, 0.95)
    assert isinstance(own, Interval)
    assert (own.low, own.high) == pytest.approx((-missed, missed))
    shifted = signed_interval(measure(evidence([[10, 9, 4]] * 6, [0] * 6), COST), 0, 0.95)
    assert isinstance(shifted, Interval)
    ends = (0.5 * (1 - missed) - missed, 0.5 * (1 - missed) + missed)
    assert (shifted.low, shifted.high) == pytest.approx(ends)


def test_a_group_of_one_unit_has_a_reason() -> None:
    few = evidence([[10, 7, 5], [10, 6, 6], [10, 9, 2], [10, 8, 8]], [0, 1, 1, 1])
    measured = measure(few, COST)
    assert signed_interval(measured, 0, 0.95) == "one unit alone says nothing of how units differ"
    (contrasts,) = contrasts_of(few, (COST,))
    assert contrasts.compared.tolist() == [1]


def test_everybody_else_is_folded_by_unit() -> None:
    shared = evidence([[4, 3, 1], [6, 2, 2], [5, 5, 1], [5, 1, 1]], [0, 1, 2, 1], unit=[0, 0, 0, 1])
    two = against_others(shared, 0)
    assert two.grouped.unit.tolist() == [0, 0, 1]
    assert two.grouped.sums.tolist() == [[4, 3, 1], [11, 7, 3], [5, 1, 1]]
    assert two.grouped.groups == ({"accent": "g0"}, {"accent": "everybody else"})
    assert two.grouped.n_rows.sum() == shared.grouped.n_rows.sum()
    nested = against_others(evidence([[4, 3, 1], [6, 2, 2], [5, 5, 1]], [0, 1, 2]), 1)
    assert nested.totals.tolist() == [[6, 2, 2], [9, 8, 2]]


def test_groups_that_share_units_are_compared_jointly() -> None:
    rng = np.random.default_rng(4)
    own = rng.integers(2, 19, 30)  # the unit's own level moves both groups alike
    sums = [[20, own[u] + rng.integers(0, 2), 0] for u in range(30) for _ in range(2)]
    joint = evidence(sums, [0, 1] * 30, unit=np.repeat(np.arange(30), 2))
    split = evidence(sums, [0, 1] * 30)
    widths = []
    for each in (joint, split):
        (contrasts,) = contrasts_of(each, (replace(COST, low=-1.0),))
        found = contrasts.interval(0, 1, 0.95)
        assert isinstance(found, Interval)
        widths.append(found.high - found.low)
    assert widths[0] < widths[1] / 4


def test_what_picking_gives_by_chance_equals_dealing_by_hand() -> None:
    some = drawn(np.random.default_rng(5), (4, 3, 3), ((0.7, 0.5),) * 3)
    full, cost = contrasts_of(some, (FULL, COST))
    found = selected_pair_null((full, cost), full)
    assert found is not None
    draws, how = found
    assert how == "199 permutations of units"
    dealt = some.permuted
    assert dealt is not None
    for draw, sums in zip(draws[:20], dealt.sums[:20], strict=True):
        totals, costs = sums[:, 1] / sums[:, 0], (sums[:, 1] - sums[:, 2]) / sums[:, 0]
        best, worst = totals.argmax(), totals.argmin()
        assert draw == pytest.approx([totals[best] - totals[worst], costs[best] - costs[worst]])


@pytest.mark.parametrize(("sizes", "rates"), [((12, 12, 12), 0.6), ((6, 10, 30), 0.85)])
def test_the_pair_that_was_picked_is_covered(sizes: tuple[int, ...], rates: float) -> None:
    """The truth is 0 for every pair; picking the widest must not uncover it."""
    rng, held, n = np.random.default_rng(6), 0, 400
    for _ in range(n):
        (contrasts,) = contrasts_of(drawn(rng, sizes, ((rates, rates - 0.2),) * 3), (COST,))
        values = contrasts.measured.value
        found = contrasts.interval(int(values.argmax()), int(values.argmin()), 0.95)
        assert isinstance(found, Interval)
        held += found.low <= 0 <= found.high
    assert held / n >= 0.95 - 3 * (0.95 * 0.05 / n) ** 0.5


def test_parts_may_be_declared_wider() -> None:
    some = drawn(np.random.default_rng(7), (10, 10), ((0.7, 0.5),) * 2)
    (contrasts,) = contrasts_of(some, (COST,))
    assert replace(contrasts, n_parts=12).n_intervals == 12
    assert isinstance(contrasts, Contrasts)
