"""The nonlinear probe follows its gradient, and tells what no linear one can."""

from __future__ import annotations

import numpy as np

from privacy.probes import linear, nonlinear


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    rows, classes, sizes = rng.normal(size=(7, 3)), rng.integers(0, 2, 7), (3, 4, 2)
    wanted, weight = np.eye(2)[classes], rng.random(7)
    weights = rng.normal(size=3 * 4 + 4 + 4 * 2 + 2)
    _, gradient = nonlinear.loss(weights, rows, wanted, weight, sizes)
    step = 1e-6
    for i in range(len(weights)):
        moved = np.eye(len(weights))[i] * step
        up, down = (nonlinear.loss(weights + sign * moved, rows, wanted, weight, sizes)[0] for sign in (1, -1))
        assert abs((up - down) / (2 * step) - gradient[i]) < 1e-6


def test_an_attribute_that_stands_in_a_product_is_told_by_it_alone() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 4))
    classes, fold = (rows[:, 0] * rows[:, 1] > 0).astype(np.int64), np.arange(300) % 5
    bent = nonlinear.scores(rows, classes, n_classes=2, fold=fold, hidden=16, rng=np.random.default_rng(0))
    straight = linear.scores(rows, np.arange(300), classes[None], n_classes=2, fold=fold)[0]
    assert (bent.argmax(axis=1) == classes).mean() > 0.8
    assert (straight.argmax(axis=1) == classes).mean() < 0.65


def test_the_same_seed_gives_the_same_scores() -> None:
    rows, classes = np.random.default_rng(2).normal(size=(40, 3)), np.arange(40) % 2
    first, second = (
        nonlinear.scores(rows, classes, n_classes=2, fold=classes, hidden=4, rng=np.random.default_rng(5))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_a_small_class_weighs_as_much_as_a_large_one() -> None:
    rng = np.random.default_rng(3)
    classes = (np.arange(220) < 20).astype(np.int64)
    rows = rng.normal(size=(220, 2)) + 1.5 * classes[:, None]
    told = nonlinear.scores(rows, classes, n_classes=2, fold=np.arange(220) % 4, hidden=4, rng=rng).argmax(axis=1)
    assert (told[classes == 1] == 1).mean() > 0.6
