"""Charts of a number through audits: slow twins, false alarms by simulation, run lengths beside published ones."""

import numpy as np
import pytest

from affidavit.statistics.control_charts import (
    Chart,
    Cusum,
    Ewma,
    cusum_for,
    ewma_for,
    false_alarm_rate,
    recursive_residuals,
)


def test_the_average_equals_its_definition_step_by_step() -> None:
    residuals = np.random.default_rng(0).normal(size=(5, 7))
    chart = Ewma(weight=0.3, limit=3.0)
    for series, course in zip(residuals, chart.course(residuals), strict=True):
        for t in range(7):
            weights = np.array([0.3 * 0.7 ** (t - i) for i in range(t + 1)])
            assert course[t] == pytest.approx(weights @ series[: t + 1] / np.sqrt((weights**2).sum()))


def test_residuals_equal_those_against_the_weighted_mean_of_all_before() -> None:
    rng = np.random.default_rng(1)
    values, errors = rng.normal(size=6), rng.uniform(0.5, 2, 6)
    found = recursive_residuals(values, errors)
    for t in range(1, 6):
        mean = np.average(values[:t], weights=errors[:t] ** -2)
        slow = (values[t] - mean) / np.sqrt(errors[t] ** 2 + 1 / (errors[:t] ** -2).sum())
        assert found[t - 1] == pytest.approx(slow)


def test_residuals_of_an_unchanged_number_are_independent_and_standard() -> None:
    rng = np.random.default_rng(2)
    errors = np.array([1.0, 0.3, 2.0, 1.0, 0.5])
    residuals = recursive_residuals(7 + rng.normal(size=(40_000, 5)) * errors, errors)
    assert residuals.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.02)
    assert np.cov(residuals.T) == pytest.approx(np.eye(4), abs=0.03)


def test_an_error_that_is_none_leaves_no_residual() -> None:
    assert np.isnan(recursive_residuals(np.zeros(3), np.array([1.0, 0.0, 1.0]))).all()


@pytest.mark.parametrize(("weight", "limit", "published"), [(0.2, 2.962, 500), (1.0, 3.0, 370.4)])
def test_run_lengths_are_the_published_ones(weight: float, limit: float, published: float) -> None:
    """Lucas and Saccucci 1990; a weight of 1 is a Shewhart chart."""
    assert Ewma(weight=weight, limit=limit).average_run_length() == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_run_lengths_equal_simulated_ones(shift: float) -> None:
    chart, rng, n_series = Ewma(weight=0.2, limit=2.0), np.random.default_rng(3), 4000
    average, lengths, running = np.zeros(n_series), np.zeros(n_series), np.ones(n_series, dtype=bool)
    while running.any():
        average = 0.2 * (rng.normal(size=n_series) + shift) + 0.8 * average
        lengths += running
        running &= np.abs(average) <= 2.0 * np.sqrt(0.2 / 1.8)
    assert chart.average_run_length(shift) == pytest.approx(lengths.mean(), rel=0.06)


def test_sums_equal_their_definition_by_restarts() -> None:
    """A cumulative sum is the greatest sum of exceedances over all stretches that end now (Page 1954)."""
    residuals = np.random.default_rng(6).normal(size=(40, 9))
    found = Cusum(allowance=0.4, limit=1.0).course(residuals)
    for series, course in zip(residuals, found, strict=True):
        for t in range(9):
            up, down = (
                max(0.0, *(sum(sign * r - 0.4 for r in series[i : t + 1]) for i in range(t + 1))) for sign in (1, -1)
            )
            assert course[t] == pytest.approx(up if up >= down else -down)


@pytest.mark.parametrize(
    ("limit", "shift", "published"), [(4.0, 0.0, 168), (5.0, 0.0, 465), (5.0, 1.0, 10.4), (4.0, 1.0, 8.38)]
)
def test_run_lengths_of_sums_are_the_published_ones(limit: float, shift: float, published: float) -> None:
    """Montgomery 2009, table 9.4: allowance 0.5."""
    assert Cusum(allowance=0.5, limit=limit).average_run_length(shift) == pytest.approx(published, rel=0.005)


CHARTS = {"ewma": lambda n, t: ewma_for(weight=0.2, false_alarms=0.05, n_charts=n, n_steps=t)}
CHARTS["cusum"] = lambda n, t: cusum_for(allowance=0.5, false_alarms=0.05, n_charts=n, n_steps=t)


@pytest.mark.parametrize(("n_charts", "n_steps"), [(1, 1), (1, 11), (20, 5)])
@pytest.mark.parametrize("name", CHARTS)
def test_unchanged_series_alarm_as_rarely_as_declared(name: str, n_charts: int, n_steps: int) -> None:
    chart: Chart = CHARTS[name](n_charts, n_steps)
    rate = false_alarm_rate(chart, n_steps, n_series=200_000, rng=np.random.default_rng(4))
    assert rate * n_charts <= 0.052
    assert rate * n_charts >= 0.01, "not so cautious that nothing is ever found"


@pytest.mark.parametrize("name", CHARTS)
def test_a_lasting_change_is_found(name: str) -> None:
    chart = CHARTS[name](10, 11)
    values = np.where(np.arange(12) < 6, 0.0, -4.0) + np.random.default_rng(5).normal(size=(500, 12))
    course = chart.course(recursive_residuals(values, np.ones((500, 12))))
    alarms = np.abs(course) > chart.limit
    assert alarms.any(axis=1).mean() > 0.9
    assert alarms[:, :5].any(axis=1).mean() < 0.02
    assert (course[alarms] < 0).mean() > 0.98, "it says in which direction"


def test_sums_find_small_lasting_shifts_more_often_than_averages() -> None:
    """As the module says: the numbers of its docstring."""
    rng, found = np.random.default_rng(7), {}
    for n_audits, first in ((8, 4), (4, 2)):
        shifted = rng.normal(size=(40_000, n_audits)) + 2.0 * (np.arange(n_audits) >= first)
        unchanged = rng.normal(size=(200_000, n_audits))
        for name, chart in (("cusum", Cusum(allowance=0.5, limit=1.0)), ("ewma", Ewma(weight=0.2, limit=1.0))):
            furthest, null = (
                np.abs(chart.course(recursive_residuals(values, np.ones_like(values)))).max(axis=1)
                for values in (shifted, unchanged)
            )
            found[name, n_audits] = float((furthest > np.quantile(null, 0.95)).mean())
    assert found == pytest.approx(
        {("cusum", 8): 0.67, ("ewma", 8): 0.53, ("cusum", 4): 0.42, ("ewma", 4): 0.32}, abs=0.01
    )


@pytest.mark.parametrize("changed", [{"allowance": -1.0}, {"false_alarms": 1.0}, {"n_charts": 0}, {"n_steps": 0}])
def test_what_is_no_rule_of_sums_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        cusum_for(**({"allowance": 0.5, "false_alarms": 0.05, "n_charts": 1, "n_steps": 1} | changed))


def test_what_is_no_rule_is_refused() -> None:
    for changed in ({"false_alarms": 0.0}, {"false_alarms": 1.0}, {"weight": 0.0}, {"n_charts": 0}, {"n_steps": 0}):
        with pytest.raises(ValueError, match="Expected"):
            ewma_for(**({"weight": 0.2, "false_alarms": 0.05, "n_charts": 1, "n_steps": 1} | changed))
