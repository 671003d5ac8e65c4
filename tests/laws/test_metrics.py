"""Laws over a table of metrics: adding a metric to the table is one line, and a handful of tests."""

from collections.abc import Callable

import numpy as np
import pytest

from affidavit.confusion import Statistic, class_sums, false_positive_rate, performance, recall, selection_rate

K = 3
METRICS: dict[str, Statistic] = {statistic.name: statistic for statistic in performance(K)}
METRICS |= {
    f"{rate.__name__}_{k}": rate(k, K) for rate in (selection_rate, recall, false_positive_rate) for k in range(K)
}
PERFORMANCE = {statistic.name for statistic in performance(K)}
Draw = Callable[[], np.ndarray]


@pytest.fixture(params=range(5))
def matrix(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(request.param).integers(1, 9, (K, K)).astype(float)


def value(statistic: Statistic, matrix: np.ndarray) -> float:
    sums = class_sums(matrix.reshape(-1), K)
    return float(statistic.value(sums, sums))


@pytest.mark.parametrize("name", METRICS)
def test_lies_in_its_range(name: str, matrix: np.ndarray) -> None:
    statistic = METRICS[name]
    assert statistic.low <= value(statistic, matrix) <= (statistic.high or np.inf)


@pytest.mark.parametrize("name", METRICS)
def test_twice_the_rows_change_nothing(name: str, matrix: np.ndarray) -> None:
    assert value(METRICS[name], 2 * matrix) == pytest.approx(value(METRICS[name], matrix))


@pytest.mark.parametrize("name", METRICS)
def test_a_stack_of_groups_is_each_group(name: str) -> None:
    stack = np.random.default_rng(0).integers(1, 9, (4, 2, K * K)).astype(float)
    sums = class_sums(stack, K)
    together = METRICS[name].value(sums, sums)
    for index in np.ndindex(4, 2):
        assert together[index] == pytest.approx(value(METRICS[name], stack[index].reshape(K, K)))


@pytest.mark.parametrize("name", sorted(PERFORMANCE))
def test_perfect_is_one_and_always_wrong_is_zero(name: str) -> None:
    assert value(METRICS[name], np.diag([3.0, 4.0, 5.0])) == 1.0
    assert value(METRICS[name], np.array([[0, 2, 0], [0, 0, 2], [2, 0, 0.0]])) == 0.0


@pytest.mark.parametrize("name", METRICS)
def test_a_ratio_is_the_ratio_it_says(name: str, matrix: np.ndarray) -> None:
    statistic = METRICS[name]
    if statistic.ratio is None:
        return
    sums = class_sums(matrix.reshape(-1), K)
    assert value(statistic, matrix) == pytest.approx((sums @ statistic.ratio[0]) / (sums @ statistic.ratio[1]))


@pytest.mark.parametrize("name", METRICS)
def test_names_its_source_and_direction(name: str) -> None:
    assert METRICS[name].source
    assert METRICS[name].higher_is_better is (None if name.startswith("selection") else not name.startswith("false"))
