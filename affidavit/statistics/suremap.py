"""SureMap: estimates of many intersecting groups that borrow strength from the groups they share a level with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from affidavit.statistics.types import FloatArray, IntArray


class Shrunken(NamedTuple):
    """Estimates [G], the share that each group's own data has in its own estimate [G], and the estimated risk."""

    values: FloatArray
    own_share: FloatArray
    risk: float
    """Stein's unbiased estimate of sum_g w_g (mu_hat_g - mu_g)^2; that of the raw values is G."""


def shared_level_blocks(levels: IntArray) -> tuple[FloatArray, ...]:
    """Indicators [G, G] of groups that agree on every attribute of a subset, one for each proper non-empty subset.

    `levels` [G, A] are the groups' level codes. With one attribute there is no proper subset: no blocks.

    >>> [block.astype(int).tolist() for block in shared_level_blocks(np.array([[0, 0], [0, 1]]))]
    [[[1, 1], [1, 1]], [[1, 0], [0, 1]]]
    """
    n_attributes = levels.shape[1]
    subsets = [s for size in range(1, n_attributes) for s in combinations(range(n_attributes), size)]
    return tuple(_agreeing(levels[:, list(subset)]) for subset in subsets)


def suremap(values: FloatArray, variances: FloatArray, blocks: Sequence[FloatArray]) -> Shrunken:
    """Shrink values [G] of known sampling variances [G] towards their precision-weighted mean, and each other.

    y ~ N(mu, diag(variances)), mu ~ N(theta, Lambda), Lambda = c_0 I + sum_A c_A B_A over `blocks`, theta = p'y the
    precision-weighted mean; mu_hat = theta + Lambda (Lambda + V)^-1 (y - theta). The scales c >= 0 minimise Stein's
    unbiased risk estimate, sum_g w_g (y - mu_hat)_g^2 + 2 tr(H) - G, w = 1/variances, H the derivative of mu_hat by y
    (theta's share in it counted), by L-BFGS-B on the log scale from a grid of starts.

    For points only: a shrunken estimate has no honest interval of its own, and it hides a small group that truly is
    worse. Never flag by it. Two groups or fewer are returned as they are; a variance of 0 or NaN is an error.

    Raises:
        ValueError: a value or variance is NaN, or a variance is not above 0.

    Source: SureMap (NeurIPS 2024).
    """
    if not (np.isfinite(values).all() and np.isfinite(variances).all() and (variances > 0).all()):
        raise ValueError("Expected finite values and variances above 0; leave out groups without data.")
    n_groups = len(values)
    if n_groups < 3:
        return Shrunken(values.copy(), np.ones(n_groups), float(n_groups))
    model = _Model(values, variances, (np.eye(n_groups), *blocks))
    return model.at(model.best_scales())


class _Model(NamedTuple):
    y: FloatArray
    variances: FloatArray
    parts: tuple[FloatArray, ...]

    def at(self, scales: FloatArray) -> Shrunken:
        """Return the estimates for given scales c."""
        weights = 1 / self.variances
        mean_weights = weights / weights.sum()
        prior = sum((c * part for c, part in zip(scales, self.parts, strict=True)), np.zeros_like(self.parts[0]))
        pull = np.linalg.solve(prior + np.diag(self.variances), prior).T  # Lambda (Lambda + V)^-1
        hat = pull + np.outer((np.eye(len(self.y)) - pull).sum(1), mean_weights)
        values = hat @ self.y
        risk = float(weights @ (self.y - values) ** 2 + 2 * np.trace(hat) - len(self.y))
        return Shrunken(values, np.diagonal(hat).copy(), risk)

    def risk_and_slope(self, logs: FloatArray) -> tuple[float, FloatArray]:
        """Return the estimated risk at c = exp(logs), and its derivatives by logs.

        With S = (Lambda + V)^-1, r = y - theta and u = S r the risk is u'V u + G - 2 tr(V S) + 2 1'S 1 / sum(w);
        dS/dc_A = -S B_A S.
        """
        scales, weights = np.exp(logs), 1 / self.variances
        prior = sum((c * part for c, part in zip(scales, self.parts, strict=True)), np.diag(self.variances))
        inverse = np.linalg.inv(prior)
        u = inverse @ (self.y - weights @ self.y / weights.sum())
        z, ones = inverse @ (self.variances * u), inverse.sum(axis=1)
        squared = (inverse * self.variances) @ inverse
        trace = float(self.variances @ np.diagonal(inverse))
        risk = float(u @ (self.variances * u) + len(u) - 2 * trace + 2 * ones.sum() / weights.sum())
        slopes = [
            -2 * (z @ part @ u) + 2 * np.sum(squared * part) - 2 * (ones @ part @ ones) / weights.sum()
            for part in self.parts
        ]
        return risk, scales * np.array(slopes)

    def best_scales(self) -> FloatArray:
        typical = float(np.median(self.variances))
        starts = [np.full(len(self.parts), np.log(typical * factor)) for factor in (0.01, 0.3, 10.0)]
        bounds = [(np.log(typical) - 14, np.log(typical) + 14)] * len(self.parts)
        found = [minimize(self.risk_and_slope, start, jac=True, method="L-BFGS-B", bounds=bounds) for start in starts]
        return np.asarray(np.exp(min(found, key=lambda each: float(each.fun)).x))


def _agreeing(codes: IntArray) -> FloatArray:
    return np.asarray((codes[:, None, :] == codes[None, :, :]).all(-1), dtype=np.float64)
