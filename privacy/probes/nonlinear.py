"""A nonlinear probe of rows: one hidden layer, softmax, every class weighing alike, fitted by L-BFGS from a seed.

Source: the usual multilayer perceptron (Rumelhart, Hinton, Williams 1986); as a probe: Hewitt, Liang 2019.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
DECAY: Final = 1e-2
"""Weight of half the squared weights, in nats."""
STEPS: Final = 60


def scores(
    rows: FloatArray, classes: IntArray, *, n_classes: int, fold: IntArray, hidden: int, rng: np.random.Generator
) -> FloatArray:
    """Return log-probabilities [N, C] of the classes [N] of rows [N, R], told by a network of the other folds [N]."""
    found = np.empty((len(rows), n_classes))
    for one in np.unique(fold):
        told = fold == one
        spread = rows[~told].std() or 1.0
        sizes = (rows.shape[1], hidden, n_classes)
        weights = fitted(rows[~told] / spread, classes[~told], sizes=sizes, rng=rng)
        found[told] = log_softmax(_forward(rows[told] / spread, weights, sizes)[1], axis=1)
    return found


def fitted(rows: FloatArray, classes: IntArray, *, sizes: tuple[int, int, int], rng: np.random.Generator) -> FloatArray:
    """Return the weights, flat, of a network of `sizes` (inputs, hidden, classes)."""
    r, h, c = sizes
    start = np.concatenate(
        [rng.normal(0, 1 / np.sqrt(r), r * h), np.zeros(h), rng.normal(0, 1 / np.sqrt(h), h * c), np.zeros(c)]
    )
    counts = np.bincount(classes, minlength=c)
    weight = (1 / np.maximum(counts, 1))[classes] / max(int((counts > 0).sum()), 1)
    wanted = np.eye(c)[classes]
    found = minimize(
        lambda w: loss(w, rows, wanted, weight, sizes), start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
    )
    return np.asarray(found.x)


def loss(
    weights: FloatArray, rows: FloatArray, wanted: FloatArray, weight: FloatArray, sizes: tuple[int, int, int]
) -> tuple[float, FloatArray]:
    """Return the weighed cross-entropy with decay, in nats, and its gradient."""
    inner, outer = _forward(rows, weights, sizes)
    told = log_softmax(outer, axis=1)
    first, _, second, _ = _parts(weights, sizes)
    at_outer = (np.exp(told) - wanted) * weight[:, None]
    at_inner = (at_outer @ second.T) * (1 - inner**2)
    gradient = np.concatenate(
        [
            (rows.T @ at_inner + DECAY * first).ravel(),
            at_inner.sum(axis=0),
            (inner.T @ at_outer + DECAY * second).ravel(),
            at_outer.sum(axis=0),
        ]
    )
    decay = DECAY / 2 * (float((first**2).sum()) + float((second**2).sum()))
    return float(-(weight * (wanted * told).sum(axis=1)).sum()) + decay, gradient


def _parts(weights: FloatArray, sizes: tuple[int, int, int]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    r, h, c = sizes
    first, bias, second, last = np.split(weights, np.cumsum([r * h, h, h * c]))
    return first.reshape(r, h), bias, second.reshape(h, c), last


def _forward(rows: FloatArray, weights: FloatArray, sizes: tuple[int, int, int]) -> tuple[FloatArray, FloatArray]:
    first, bias, second, last = _parts(weights, sizes)
    inner = np.tanh(rows @ first + bias)
    return inner, inner @ second + last
