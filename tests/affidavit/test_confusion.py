import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from affidavit.confusion import (
    class_sums,
    false_positive_rate,
    performance,
    recall,
    selection_rate,
    unweighted_average_recall,
)

K = 4
matrices = arrays(np.int64, (K, K), elements=st.integers(0, 6)).filter(lambda m: m.sum() > 0)


def rows_of(matrix: np.ndarray) -> tuple[list[int], list[int]]:
    cells = [(t, p) for t, p in np.ndindex(K, K) for _ in range(matrix[t, p])]
    return [t for t, _ in cells], [p for _, p in cells]


def value(statistic, matrix: np.ndarray) -> float:  # noqa: ANN001
    sums = class_sums(matrix.reshape(-1).astype(float), K)
    return float(statistic.value(sums, sums))


@settings(max_examples=200, deadline=None)
@given(matrices)
def test_equals_scikit_learn(matrix: np.ndarray) -> None:
    true, predicted = rows_of(matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peers = {
            "accuracy": accuracy_score(true, predicted),
            "unweighted_average_recall": balanced_accuracy_score(true, predicted),
            "weighted_average_recall": accuracy_score(true, predicted),
            "weighted_f1": f1_score(true, predicted, average="weighted", zero_division=0.0),
            "macro_f1": f1_score(true, predicted, average="macro", zero_division=0.0),
        }
    for statistic in performance(K):
        assert value(statistic, matrix) == pytest.approx(peers[statistic.name], abs=1e-12), statistic.name


@settings(max_examples=100, deadline=None)
@given(matrices, st.permutations(range(K)))
def test_names_of_classes_do_not_matter(matrix: np.ndarray, order: list[int]) -> None:
    shuffled = matrix[np.ix_(order, order)]
    for statistic in performance(K):
        assert value(statistic, shuffled) == pytest.approx(value(statistic, matrix), nan_ok=True)


@settings(max_examples=100, deadline=None)
@given(matrices)
def test_rates_equal_their_definition(matrix: np.ndarray) -> None:
    true, predicted = map(np.array, rows_of(matrix))
    for k in range(K):
        assert value(selection_rate(k, K), matrix) == pytest.approx(np.mean(predicted == k))
        if (true == k).any():
            assert value(recall(k, K), matrix) == pytest.approx(np.mean(predicted[true == k] == k))
        if (true != k).any():
            assert value(false_positive_rate(k, K), matrix) == pytest.approx(np.mean(predicted[true != k] == k))


def test_what_has_no_rows_is_undefined_and_not_zero() -> None:
    empty = np.zeros((K, K))
    assert all(np.isnan(value(statistic, empty)) for statistic in performance(K))
    assert np.isnan(value(recall(0, K), np.diag([0, 1, 1, 1])))


def test_an_average_keeps_its_classes_when_one_goes_missing() -> None:
    whole = class_sums(np.diag([2.0, 2.0, 2.0, 2.0]).reshape(-1), K)
    without = class_sums(np.diag([2.0, 2.0, 2.0, 0.0]).reshape(-1), K)
    statistic = unweighted_average_recall()
    assert np.isnan(statistic.value(without, whole))
    assert statistic.value(without, without) == 1.0


def test_a_gap_averages_over_classes_that_every_group_has() -> None:
    rich, poor = np.diag([2.0, 2.0, 2.0, 2.0]), np.diag([2.0, 2.0, 0.0, 2.0])
    totals = class_sums(np.stack([rich, poor]).reshape(2, -1), K)
    common = unweighted_average_recall().common
    assert common is not None
    assert np.split(common(totals), 3, axis=1)[1].tolist() == [[2, 2, 0, 2], [2, 2, 0, 2]]
