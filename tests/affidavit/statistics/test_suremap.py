"""SureMap: the formula by a slow twin, risk that is unbiased, and estimates that are closer to the truth."""

import numpy as np
import pytest

from affidavit.statistics.suremap import _Model, shared_level_blocks, suremap

LEVELS = np.array([[a, b] for a in range(4) for b in range(3)])
BLOCKS = shared_level_blocks(LEVELS)


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truths of 4 x 3 groups that are mostly additive, values, and their variances."""
    truth = 0.6 + 0.08 * rng.standard_normal(4)[LEVELS[:, 0]] + 0.05 * rng.standard_normal(3)[LEVELS[:, 1]]
    truth = truth + 0.01 * rng.standard_normal(12)
    variances = 0.24 / rng.integers(8, 120, 12)
    return truth, truth + np.sqrt(variances) * rng.standard_normal(12), variances


def test_the_estimate_is_the_posterior_mean_of_its_prior() -> None:
    """At the scales that were found, a Gaussian posterior computed by precision matrices gives the same."""
    rng = np.random.default_rng(0)
    _, y, variances = drawn(rng)
    from affidavit.statistics.suremap import _Model

    model = _Model(y, variances, (np.eye(12), *BLOCKS))
    scales = np.array([0.001, 0.004, 0.002])
    prior = 0.001 * np.eye(12) + 0.004 * BLOCKS[0] + 0.002 * BLOCKS[1]
    theta = np.average(y, weights=1 / variances)
    precision = np.linalg.inv(prior) + np.diag(1 / variances)
    wanted = np.linalg.solve(precision, np.linalg.inv(prior) @ np.full(12, theta) + y / variances)
    assert model.at(scales).values == pytest.approx(wanted, abs=1e-9)
    moved = [(model._replace(y=y + 1e-6 * e).at(scales).values - wanted)[g] / 1e-6 for g, e in enumerate(np.eye(12))]
    assert model.at(scales).own_share == pytest.approx(moved, abs=1e-4)


def test_steins_estimate_is_unbiased_for_fixed_scales() -> None:
    from affidavit.statistics.suremap import _Model

    rng = np.random.default_rng(1)
    truth, _, variances = drawn(rng)
    scales = np.array([0.001, 0.004, 0.002])
    risks, losses = [], []
    for _ in range(4000):
        y = truth + np.sqrt(variances) * rng.standard_normal(12)
        found = _Model(y, variances, (np.eye(12), *BLOCKS)).at(scales)
        risks.append(found.risk)
        losses.append(((found.values - truth) ** 2 / variances).sum())
    assert np.mean(risks) == pytest.approx(np.mean(losses), abs=4 * np.std(np.subtract(risks, losses)) / np.sqrt(4000))


def test_it_is_closer_to_the_truth_than_the_raw_values_and_than_the_pooled_mean() -> None:
    rng = np.random.default_rng(2)
    raw, pooled, shrunken = [], [], []
    for _ in range(40):
        truth, y, variances = drawn(rng)
        mean = np.average(y, weights=1 / variances)
        found = suremap(y, variances, BLOCKS).values
        for errors, estimate in ((raw, y), (pooled, np.full(12, mean)), (shrunken, found)):
            errors.append(((estimate - truth) ** 2).mean())
    assert np.mean(shrunken) < 0.75 * np.mean(raw)
    assert np.mean(shrunken) < 0.9 * np.mean(pooled)


def test_a_truly_bad_small_group_is_hidden_which_is_why_it_never_flags() -> None:
    y = np.append(np.full(11, 0.7), 0.3)
    variances = np.append(np.full(11, 0.0005), 0.01)
    assert suremap(y, variances, BLOCKS).values[-1] > 0.4


def test_equal_values_stay_and_two_groups_are_left_alone() -> None:
    assert suremap(np.full(5, 0.6), np.full(5, 0.01), ()).values == pytest.approx(0.6)
    assert suremap(np.array([0.2, 0.9]), np.full(2, 0.01), ()).values.tolist() == [0.2, 0.9]


@pytest.mark.parametrize("variances", [[0.1, 0.0, 0.1], [0.1, np.nan, 0.1]])
def test_what_cannot_be_weighed_is_refused(variances: list[float]) -> None:
    with pytest.raises(ValueError, match="leave out groups"):
        suremap(np.full(3, 0.5), np.array(variances), ())


@pytest.mark.parametrize("levels", [[9], [6, 3], [4, 3, 2]])
def test_the_slope_of_the_risk_is_its_slope(levels: list[int]) -> None:
    rng = np.random.default_rng(7)
    codes = np.stack([axis.ravel() for axis in np.meshgrid(*map(np.arange, levels))], axis=1)
    n_groups = len(codes)
    variances = 0.05 / rng.integers(2, 40, n_groups)
    model = _Model(rng.normal(0.6, 0.1, n_groups), variances, (np.eye(n_groups), *shared_level_blocks(codes)))
    logs = rng.normal(-5, 1, len(model.parts))
    risk, slope = model.risk_and_slope(logs)
    assert risk == pytest.approx(model.at(np.exp(logs)).risk)
    steps = 1e-5 * np.eye(len(logs))
    numeric = [(model.at(np.exp(logs + h)).risk - model.at(np.exp(logs - h)).risk) / 2e-5 for h in steps]
    np.testing.assert_allclose(slope, numeric, rtol=1e-5, atol=1e-6)
