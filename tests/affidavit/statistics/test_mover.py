import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.statistics.mover import mover_difference_bounds, mover_gap_bounds, mover_ratio_bounds
from affidavit.statistics.proportions import newcombe_bounds, wilson_bounds
from affidavit.statistics.types import Bounds


def test_wilson_bounds_give_newcombes() -> None:
    successes, n = np.array([56.0, 48.0]), np.array([70.0, 80.0])
    low, high = mover_difference_bounds(successes / n, wilson_bounds(successes, n, level=0.95))
    expected = newcombe_bounds(56, 70, successes_2=48, n_2=80, level=0.95)
    assert (low[0], high[0]) == (pytest.approx(float(expected.low)), pytest.approx(float(expected.high)))


rates = st.floats(0.05, 0.95)


@given(st.lists(st.tuples(rates, st.floats(0.001, 0.04), st.floats(0.001, 0.04)), min_size=2, max_size=6))
def test_every_pair_is_what_a_loop_gives_and_holds_its_difference(groups: list[tuple[float, float, float]]) -> None:
    values = np.array([value for value, _, _ in groups])
    bounds = Bounds(np.array([v - down for v, down, _ in groups]), np.array([v + up for v, _, up in groups]))
    low, high = mover_difference_bounds(values, bounds)
    ratio = mover_ratio_bounds(values, bounds)
    pair = 0
    for i in range(len(groups)):
        for j in range(i + 1, len(groups)):
            d = values[i] - values[j]
            naive_low = d - ((values[i] - bounds.low[i]) ** 2 + (bounds.high[j] - values[j]) ** 2) ** 0.5
            naive_high = d + ((bounds.high[i] - values[i]) ** 2 + (values[j] - bounds.low[j]) ** 2) ** 0.5
            assert (low[pair], high[pair]) == (pytest.approx(naive_low), pytest.approx(naive_high))
            assert low[pair] <= d <= high[pair]
            for side, (a, b) in enumerate(((i, j), (j, i))):
                assert ratio.low[pair, side] <= values[a] / values[b] * (1 + 1e-12)
                assert values[a] / values[b] <= ratio.high[pair, side] * (1 + 1e-12)
                box = bounds.low[a] / bounds.high[b], bounds.high[a] / bounds.low[b]
                assert box[0] <= ratio.low[pair, side] * (1 + 1e-12)
                assert ratio.high[pair, side] <= box[1] * (1 + 1e-12)
            pair += 1


@given(st.lists(st.tuples(rates, st.floats(0.0, 0.3), st.floats(0.0, 0.3)), min_size=2, max_size=6))
def test_the_gap_is_what_a_loop_over_ordered_pairs_gives(groups: list[tuple[float, float, float]]) -> None:
    values = np.array([value for value, _, _ in groups])
    bounds = Bounds(np.array([v - down for v, down, _ in groups]), np.array([v + up for v, _, up in groups]))
    least, most = 0.0, 0.0
    for i, (x, down, _) in enumerate(groups):
        for j, (y, _, up) in enumerate(groups):
            if i != j:
                least = max(least, x - y - (down**2 + up**2) ** 0.5)
        for j, (y, down_of_j, _) in enumerate(groups):
            if i != j:
                most = max(most, x - y + (groups[i][2] ** 2 + down_of_j**2) ** 0.5)
    low, high = mover_gap_bounds(values, bounds, largest=1.0)
    assert [float(low), float(high)] == pytest.approx([least, min(most, 1.0)])
    assert float(low) <= np.ptp(values) + 1e-12
    assert float(high) >= np.ptp(values) - 1e-12
    assert float(mover_gap_bounds(values, bounds).high) == pytest.approx(most)


def test_a_gap_is_cut_at_the_largest_there_can_be() -> None:
    values = np.array([0.05, 0.95])
    bounds = Bounds(np.array([0.0, 0.7]), np.array([0.2, 1.0]))
    assert float(mover_gap_bounds(values, bounds, largest=0.92).high) == 0.92
    assert float(mover_gap_bounds(values, bounds).high) == pytest.approx(0.9 + np.hypot(0.05, 0.05))


def test_a_gap_of_nothing_has_no_sign_and_one_group_has_none() -> None:
    alike = np.array([0.5, 0.5])
    low, high = mover_gap_bounds(alike, Bounds(alike, alike))
    assert (str(float(low)), float(high)) == ("0.0", 0.0)
    nothing_above = Bounds(np.array([0.0, 0.0]), np.array([0.0, 1.0]))  # the upper bound of the difference is 0
    assert str(float(mover_gap_bounds(np.array([0.0, 1.0]), nothing_above).low)) == "0.0"
    assert np.isnan(mover_gap_bounds(alike[:1], Bounds(alike[:1], alike[:1]))).all()


def test_a_zero_takes_the_box() -> None:
    low, high = mover_ratio_bounds(np.array([0.0, 0.5]), Bounds(np.array([0.0, 0.4]), np.array([0.1, 0.6])))
    assert low.tolist() == [[0.0, pytest.approx(4.0)]]
    assert high.tolist() == [[pytest.approx(0.25), np.inf]]


def test_what_is_undefined_stays_so() -> None:
    low, _ = mover_difference_bounds(np.array([np.nan, 0.5]), Bounds(np.array([np.nan, 0.4]), np.array([np.nan, 0.6])))
    assert np.isnan(low).all()
