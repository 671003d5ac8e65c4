"""How far a group's dimension lies from everybody's: equal to the definition, with bounds that hold."""

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.evidence import Evidence
from affidavit.grouped_sums import GroupedSums
from affidavit.plan import Statistics
from affidavit.statistics.bootstrap import UnitResampler
from audit.deviation.mean_shift import concordance_deviation, mean_shift
from audit.targets.paired_moments import pair_sums

OPTIONS = Statistics(n_resamples=100, n_permutations=199)
PER_UNIT = 10
Array = NDArray[np.float64]


def drawn(
    rng: np.random.Generator, n_units: int, *, noise: tuple[float, ...], shift: tuple[float, ...]
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Draw references, predictions and groups of rows; each group has its own noise and shift."""
    group = np.repeat(np.repeat(np.arange(len(noise)), n_units), PER_UNIT)
    truth = rng.uniform(size=len(group))
    of_unit = np.repeat(rng.normal(0, 0.05, n_units * len(noise)), PER_UNIT)
    said = truth + of_unit + np.array(shift)[group] + np.array(noise)[group] * rng.normal(size=len(group))
    return truth, said, group


def evidence_of(truth: Array, said: Array, group: NDArray[np.int64]) -> Evidence:
    rows = pair_sums(truth, said, np.ones(len(truth)), centre=0.5)
    n_units = len(truth) // PER_UNIT
    grouped = GroupedSums(
        sums=rows.reshape(n_units, PER_UNIT, -1).sum(axis=1),
        n_rows=np.full(n_units, PER_UNIT),
        unit=np.arange(n_units),
        group=group[::PER_UNIT],
        n_units=n_units,
        groups=tuple({"accent": f"a{g}"} for g in range(int(group.max()) + 1)),
    )
    resampler = UnitResampler(n_units=n_units, n_resamples=100, seed=0)
    return Evidence(grouped=grouped, options=OPTIONS, resampler=resampler, seed=0)


def slow_ccc(truth: Array, said: Array) -> float:
    """Lin 1989, eq. 2, moments divided by n."""
    product = np.mean((truth - truth.mean()) * (said - said.mean()))
    return float(2 * product / (truth.var() + said.var() + (truth.mean() - said.mean()) ** 2))


def test_both_equal_their_definitions() -> None:
    truth, said, group = drawn(np.random.default_rng(0), 12, noise=(0.1, 0.1, 0.4), shift=(0.0, 0.1, 0.0))
    evidence = evidence_of(truth, said, group)
    means = [abs(said[group == g].mean() - said.mean()) for g in range(3)]
    shifted = mean_shift(evidence, "valence")
    assert (shifted.metric, shifted.highest) == ("valence_mean_shift", "a1")
    assert shifted.value == pytest.approx(max(means))
    ccc = [slow_ccc(truth[group == g], said[group == g]) - slow_ccc(truth, said) for g in range(3)]
    found = concordance_deviation(evidence, "valence")
    assert found.metric == "valence_ccc_deviation"
    assert found.value == pytest.approx(max(map(abs, ccc)))
    assert (found.highest, found.lowest) == (None, "a2")
    assert found.chance is not None
    assert found.value > found.chance.high
    assert found.test is None, "the gaps are tested"


def test_a_planted_difference_is_found_and_its_clean_twin_is_silent() -> None:
    for noise, found in (((0.1, 0.1, 0.5), True), ((0.2, 0.2, 0.2), False)):
        evidence = evidence_of(*drawn(np.random.default_rng(1), 60, noise=noise, shift=(0, 0, 0)))
        interval = concordance_deviation(evidence, "valence").interval_at(0.95)
        assert not isinstance(interval, str)
        assert (interval.low > 0) == found


def test_one_group_has_nobody_to_lie_apart_from() -> None:
    evidence = evidence_of(*drawn(np.random.default_rng(2), 12, noise=(0.1,), shift=(0.0,)))
    for number in (mean_shift(evidence, "valence"), concordance_deviation(evidence, "valence")):
        assert np.isnan(number.value)
        assert isinstance(number.interval_at(0.95), str)


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "n_units"), [((0.2, 0.2, 0.2), 12), ((0.1, 0.2, 0.5), 30)])
def test_the_bounds_cover(noise: tuple[float, ...], n_units: int) -> None:
    """Both at once: a shift of 0.2 in the last group, and its noise."""
    shift, n = (0.0, 0.0, 0.2), 400
    many = drawn(np.random.default_rng(3), 20_000, noise=noise, shift=shift)
    exact = evidence_of(*many)
    truths = [number(exact, "valence").value for number in (mean_shift, concordance_deviation)]
    covered = np.zeros(2)
    rng = np.random.default_rng(4)
    for _ in range(n):
        evidence = evidence_of(*drawn(rng, n_units, noise=noise, shift=shift))
        for i, number in enumerate((mean_shift, concordance_deviation)):
            interval = number(evidence, "valence").interval_at(0.95)
            assert not isinstance(interval, str)
            covered[i] += interval.low <= truths[i] <= interval.high
    assert (covered / n >= 0.93 - 2 * np.sqrt(0.05 * 0.95 / n)).all(), covered / n
