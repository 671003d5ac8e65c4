"""Offsets of probabilities per group that make answers equally frequent in every group: exact parity, many labels.

The most accurate classifier whose answers are as frequent in every group answers argmax_k p_k(x) - b_gk, with offsets
that minimise sum_g P(g) E_g[max_k (p_k - b_gk)] subject to sum_g P(g) b_gk = 0 for every label k: at the minimum,
P(answer = k | g) is the same in every group. For two labels these are thresholds per group. The maximum is smoothed by
a temperature, so that a quasi-Newton method finds the minimum.

Source: Denis, Elie, Hebiri, Hu 2024 (JMLR 25), where groups are known when answers are given.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
TEMPERATURES: Final = (0.1, 0.02, 0.005)
"""Each minimum is where the next search starts."""


def parity_offsets(probabilities: FloatArray, group: IntArray, weight: FloatArray, *, n_groups: int) -> FloatArray:
    """Return offsets [G, K] to be subtracted from probabilities [N, K]; zero for a group without rows."""
    n_labels = probabilities.shape[1]
    mass = np.bincount(group, weights=weight, minlength=n_groups) / weight.sum()
    rows = weight / weight.sum()

    def objective(flat: FloatArray, temperature: float) -> tuple[float, FloatArray]:
        free = flat.reshape(n_groups, n_labels)
        scores = (probabilities - (free - mass @ free)[group]) / temperature
        answered = softmax(scores, axis=1) * rows[:, None]
        by_group = np.stack([np.bincount(group, weights=a, minlength=n_groups) for a in answered.T], axis=1)
        gradient = mass[:, None] * by_group.sum(axis=0) - by_group
        return float(temperature * rows @ logsumexp(scores, axis=1)), gradient.ravel()

    found = np.zeros(n_groups * n_labels)
    for temperature in TEMPERATURES:
        found = minimize(objective, found, args=(temperature,), jac=True, method="L-BFGS-B").x
    offsets = found.reshape(n_groups, n_labels)
    return np.asarray(np.where(mass[:, None] > 0, offsets - mass @ offsets, 0.0))
