"""Gaps between groups of which sites withheld some: bounds against every table that fits, and the true gap within."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from affidavit.plan import Statistics
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.gap_components import GapSetting
from federated.pooled.gaps import PooledGap, measured_gap
from federated.pooled.measures import Measure, measures, rates
from federated.pooled.sums import BlockSums
from federated.pooled.testimony import federated_testimony
from federated.pooled.totals import Remainder, Totals
from tests.federated.pooled.conftest import SITES, hospital, plan_of, totals_of

TWO = plan_of(labels=("no", "yes"), features={"sex": ("f", "m")}, conditions=("T",))
BLOCK = TWO.blocks[1]


def class_sums_of(matrix: np.ndarray) -> np.ndarray:
    return np.array([*np.diag(matrix), *matrix.sum(1), *matrix.sum(0)], dtype=np.float64)


def block_of(tables: list[np.ndarray], *, n_units: float = 8.0) -> BlockSums:
    """Return the sums of groups with these tables of truth by call; the last group, `unlisted`, is of nobody."""
    block = BlockSums.of(BLOCK, np.zeros(BLOCK.size))
    for g, table in enumerate(tables):
        sums = class_sums_of(table)
        block.n_units[g], block.n_rows[g], block.sums[g] = n_units, table.sum(), sums
        block.present[g] = n_units * (sums[2:4] > 0)
        block.moments[g] = np.outer(sums, sums) / n_units + np.diag(sums) / 4
    return block


def gap_of(block: BlockSums, measure: list[Measure], remainders: dict[int, Remainder]) -> PooledGap:
    setting = GapSetting(block=block, statistics=Statistics(), seed=1, remainders=remainders)
    return measured_gap("gap", measure, setting)


@pytest.mark.parametrize(
    "chosen",
    [*([measure] for measure in measures(TWO.labels)), list(rates(TWO.labels)[:2]), list(rates(TWO.labels)[2:])],
    ids=["accuracy", "uar", "macro F1", "recalls", "selection rates"],
)
def test_every_completion_of_both_groups_has_its_gap_within_the_span(chosen: list[Measure]) -> None:
    rng = np.random.default_rng(11)
    tight = 0
    for _ in range(6):
        told = [rng.integers(1, 6, (2, 2)) for _ in range(2)]
        rest = [rng.integers(0, 3, (2, 2)) for _ in range(2)]
        remainders = {
            g: Remainder(sums=class_sums_of(each), moments=np.diag(class_sums_of(each)), sites=("north",))
            for g, each in enumerate(rest)
        }
        gap = gap_of(block_of(told), chosen, remainders)
        gaps = []
        for cells in product(*(range(int(most) + 1) for most in np.concatenate([each.reshape(-1) for each in rest]))):
            added = np.array(cells).reshape(2, 2, 2)
            full = np.stack([class_sums_of(told[g] + added[g]) for g in range(2)])
            values = [m.value(full, np.ones((2, len(m.numerators)), dtype=bool)) for m in chosen]
            gaps.append(max(float(np.ptp(each)) for each in values))
        least, most = gap.span
        assert least <= min(gaps) + 1e-12
        assert most >= max(gaps) - 1e-12
        tight += most == pytest.approx(max(gaps))
        interval = gap.interval(0.95)
        assert not isinstance(interval, str)
        assert interval.low <= least
        assert interval.high >= most
        assert "north" in gap.withheld_by
    assert tight == 6 or chosen[0].label is None  # rates meet their ends


def test_what_nobody_withheld_is_compared_as_before_and_extremes_are_named_only_where_sure() -> None:
    (accuracy, *_) = measures(TWO.labels)
    far = block_of([np.array([[90, 10], [10, 90]]), np.array([[20, 80], [80, 20]])], n_units=40)
    small = Remainder(sums=np.ones(6), moments=np.ones((6, 6)), sites=("north",))
    sure = gap_of(far, [accuracy], {0: small})
    assert sure.extremes() == ("f", "m")
    assert sure.value == pytest.approx(sum(sure.span) / 2)
    near = block_of([np.array([[50, 50], [50, 50]]), np.array([[49, 51], [51, 49]])], n_units=40)
    open_rest = Remainder(sums=class_sums_of(np.full((2, 2), 15)), moments=np.eye(6) * 90, sites=("north",))
    unsure = gap_of(near, [accuracy], {0: open_rest})
    assert unsure.extremes() is None
    assert unsure.null_expectation() is None
    assert unsure.detectable(0.95) is None
    told = gap_of(near, [accuracy], {})
    assert told.withheld_by == ()
    assert told.span[0] == told.span[1] == told.value
    assert told.null_expectation() is not None


def test_a_label_that_only_the_withheld_part_may_have_keeps_a_group_out_of_a_mean_of_labels() -> None:
    (accuracy, uar, _) = measures(TWO.labels)
    lacking = block_of([np.array([[5, 3], [0, 0]]), np.array([[5, 3], [2, 6]])])
    rest = {0: Remainder(sums=np.ones(6), moments=np.eye(6), sites=("north",))}
    assert gap_of(lacking, [accuracy], rest).defined
    gap = gap_of(lacking, [uar], rest)
    assert not gap.defined
    assert "f" in gap.left_out


def _widened(seed: int, plan: CountsPlan) -> tuple[Totals, Totals]:
    """Return totals with and without the floor of three hospitals, the second of which is small in most groups."""
    tables = {
        site: hospital(site, n_patients=n, seed=5 + 10 * seed + i, rates={"Welsh": 0.5})
        for i, (site, n) in enumerate(zip(SITES, (60, 24, 90), strict=True))
    }
    return totals_of(tables, plan), totals_of(tables, plan, floor=False)


def test_the_gap_of_all_patients_lies_within_the_bounds_that_the_report_prints() -> None:
    plan = plan_of(floor=11, conditions=("TAV",))
    seen = 0
    for seed in range(2):
        told, exact = (
            {claim.finding.id: claim.finding for claim in federated_testimony(totals).claims}
            for totals in _widened(seed, plan)
        )
        for name, finding in told.items():
            if finding.compared is None or not finding.caveats or "whatever" not in finding.caveats[0]:
                continue
            if len(finding.caveats) > 1:  # a group is left out, so that it is another gap
                continue
            true = exact[name].estimate
            assert finding.estimate.interval is not None
            assert true.value is not None
            low, high = (float(part) for part in finding.caveats[0].split(" whatever")[0].split()[1::2])
            assert low - 5e-4 <= true.value <= high + 5e-4, name
            assert finding.estimate.interval.low <= true.value <= finding.estimate.interval.high
            seen += 1
    assert seen >= 4
