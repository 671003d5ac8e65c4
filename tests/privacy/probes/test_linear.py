"""The linear probe equals its slow twin, and no label outside its fold has a part in it."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.probes.linear import balanced_accuracy, scores, shrinkage


def twin(rows: np.ndarray, member: np.ndarray, classes: np.ndarray, n_classes: int, fold: np.ndarray) -> np.ndarray:
    """One arrangement, one row at a time, from the definition."""
    found = np.full((len(rows), n_classes), -np.inf)
    for i in range(len(rows)):
        known = np.array([j for j in range(len(rows)) if fold[member[j]] != fold[member[i]]])
        centre = rows[known].mean(axis=0)
        seen = rows[known] - centre
        total = seen.T @ seen / len(seen)
        share = shrinkage(total, n=len({member[j] for j in known}))
        within = np.zeros_like(total)
        means = {}
        for c in range(n_classes):
            own = seen[[classes[member[j]] == c for j in known]]
            if len(own):
                means[c] = own.mean(axis=0)
                within += (own - means[c]).T @ (own - means[c]) / len(seen)
        r = rows.shape[1]
        shrunk = (1 - share) * within + (share * np.trace(within) / r + 1e-4 * np.trace(total) / r) * np.eye(r)
        for c, mean in means.items():
            weight = np.linalg.solve(shrunk, mean)
            found[i, c] = (rows[i] - centre) @ weight - 0.5 * mean @ weight
    return found


def test_scores_equal_the_slow_twin() -> None:
    rng = np.random.default_rng(0)
    member = np.repeat(np.arange(10), rng.integers(1, 4, 10))
    rows = rng.normal(size=(len(member), 4))
    classes, fold = rng.integers(0, 3, (5, 10)), np.arange(10) % 3
    found = scores(rows, member, classes, n_classes=3, fold=fold)
    for b in range(5):
        np.testing.assert_allclose(found[b], twin(rows, member, classes[b], 3, fold), rtol=1e-8, atol=1e-8)


def test_what_is_told_does_not_hang_on_the_labels_of_its_own_fold() -> None:
    rng = np.random.default_rng(1)
    rows, member, fold = rng.normal(size=(24, 3)), np.arange(24) // 2, np.arange(12) % 4
    classes = np.arange(12) % 2
    other = np.where(fold == 2, 1 - classes, classes)
    before, after = (scores(rows, member, c[None], n_classes=2, fold=fold)[0] for c in (classes, other))
    np.testing.assert_array_equal(before[fold[member] == 2], after[fold[member] == 2])
    assert not np.allclose(before[fold[member] == 1], after[fold[member] == 1])


def test_a_class_that_no_other_fold_has_is_never_told() -> None:
    rows, fold = np.random.default_rng(2).normal(size=(6, 2)), np.array([0, 0, 1, 1, 2, 2])
    found = scores(rows, np.arange(6), np.array([[2, 0, 0, 1, 0, 1]]), n_classes=3, fold=fold)[0]
    assert np.isneginf(found[:2, 2]).all()
    assert np.isfinite(found[2:, 2]).all()


def test_the_balanced_accuracy_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    classes, guessed = np.tile(rng.integers(0, 3, 50), (2, 1)), rng.integers(0, 3, (2, 50))
    found = balanced_accuracy(guessed, classes, n_classes=3)
    assert found[0] == pytest.approx(metrics.balanced_accuracy_score(classes[0], guessed[0]))


def test_a_covariance_is_shrunk_the_more_the_fewer_units_there_are() -> None:
    covariance = np.diag([9.0, 1.0, 1.0, 1.0])
    assert shrinkage(covariance, n=5) > shrinkage(covariance, n=50) > shrinkage(covariance, n=5000)
    assert shrinkage(np.eye(3), n=10) == 1.0
