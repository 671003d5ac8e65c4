"""The largest conditional entropy of a target given two sources, of which only the pairs with the target are known.

    max_q H_q(Y | X1, X2)   over all q(x1, x2, y) with q(x1, y) = p(x1, y) and q(x2, y) = p(x2, y)

It is a convex programme, solved in its dual, which has n1 Y + n2 Y variables instead of n1 n2 Y:

    max sum p(x1, y) a(x1, y) + sum p(x2, y) b(x2, y)   where   log sum_y exp(a(x1, y) + b(x2, y)) <= 0 for all x1, x2

by Newton steps along the central path of a logarithmic barrier, for many distributions at once. On the path at t the
value is short of the optimum by 1 / t and no more: a bound, not a hope.

Source: the dual as in Makkeh, Theis, Vicente 2018; barrier method: Boyd, Vandenberghe 2004, chapter 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.statistics.types import BoolArray, FloatArray, IntArray

GAP: Final = 1e-6
"""The maximum is found to within so many nats."""
_AT_ONCE: Final = 2**18
"""Entries of the Hessians that are held at once: 2 MiB, so that they stay in the cache."""
_FASTER: Final = 20.0
_CENTRED: Final = 1e-2
"""Half the squared Newton decrement at which a point counts as being on the path: a hundredth of the gap."""
_FAR: Final = 20.0
_STEPS: Final = 200
_HALVINGS: Final = 40
_RIDGE: Final = 1e-12


def largest_uncertainty(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return max_q H_q(Y | X1, X2) in nats given the pairs [..., n1, Y] and [..., n2, Y].

    It is 0 where they are empty, and NaN where the gap could not be closed. Pairs are not negative and sum to 1.
    """
    shape = first.shape[:-2]
    ones, twos = first.reshape(-1, *first.shape[-2:]), second.reshape(-1, *second.shape[-2:])
    size = (ones.shape[1] + twos.shape[1]) * ones.shape[2]
    at_once = max(1, _AT_ONCE // size**2)
    found = [
        _solved(ones[start : start + at_once], twos[start : start + at_once]) for start in range(0, len(ones), at_once)
    ]
    return np.concatenate([*found, np.zeros(0)]).reshape(shape)


def _solved(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the maxima of one batch; NaN where the gap could not be closed."""
    path = _Path.start(first, second)
    path.follow()
    return path.found


@dataclass(slots=True)
class _Path:
    """Points on the central path, one a problem: variables v = (a, b) [N, V] with a by (x1, y), then b by (x2, y)."""

    linear: FloatArray
    """p(x1, y), then p(x2, y), [N, V]; where it is 0 the variable has left the problem."""
    shape: tuple[int, int, int]
    allowed: BoolArray
    """[N, n1, n2, Y] whether q may be above 0 there."""
    care: FloatArray
    """[N, n1, n2] how much the barrier minds each constraint: one over their number, 0 where nothing is bound."""
    point: FloatArray
    found: FloatArray
    """[N] the maximum, NaN until it is found."""

    @classmethod
    def start(cls, first: FloatArray, second: FloatArray) -> _Path:
        """Start within: a = log p(y | x1) - 1 and b = 0, where every constraint has the slack of 1."""
        n, n1, n_y = first.shape
        n2 = second.shape[1]
        allowed = (first > 0)[:, :, None, :] & (second > 0)[:, None, :, :]
        sums = first.sum(axis=-1, keepdims=True)
        share = np.divide(first, sums, out=np.zeros_like(first), where=sums > 0)
        a = np.log(share, out=np.zeros_like(share), where=share > 0) - 1.0
        bound = np.asarray(allowed.any(axis=-1))
        return cls(
            linear=np.concatenate([first.reshape(n, -1), second.reshape(n, -1)], axis=1),
            shape=(n1, n2, n_y),
            allowed=allowed,
            care=bound / np.maximum(bound.sum(axis=(1, 2), keepdims=True), 1),
            point=np.concatenate([a.reshape(n, -1), np.zeros((n, n2 * n_y))], axis=1),
            found=np.where(bound.any(axis=(1, 2)), np.nan, 0.0),
        )

    def follow(self) -> None:
        """Follow the path until the gap is closed: Newton steps to it, then on to a larger t.

        Where t times a probability is small the path leads far away from where its end is; it is entered further on.
        """
        least = np.where(self.linear > 0, self.linear, 1.0).min(axis=1)
        entered = np.maximum(self.care.max(axis=(1, 2)) / (_FAR * least), 1.0)
        scale, final = np.where(np.isnan(self.found), entered, 0.0), 1 / GAP
        for _ in range(_STEPS):
            open_ = np.flatnonzero(scale > 0)
            if not len(open_):
                return
            centred = self.step(open_, scale[open_])
            done = open_[centred & (scale[open_] >= final)]
            self.finish(done)
            scale[done] = 0.0
            further = open_[centred & (scale[open_] > 0)]
            scale[further] = np.minimum(scale[further] * _FASTER, final)

    def finish(self, rows: IntArray) -> None:
        """Take the value of points whose gap is closed, in the middle of where the optimum can be."""
        value = (self.linear[rows] * self.point[rows]).sum(axis=1)
        self.found[rows] = -(value + GAP / 2)

    def step(self, rows: IntArray, scale: FloatArray) -> BoolArray:
        """Take one Newton step of the problems `rows` at t = `scale`; say which were on the path before it."""
        point, linear, allowed = self.point[rows], self.linear[rows], self.allowed[rows]
        slack, share = self._slack(point, allowed)
        care = self.care[rows]
        weight = np.divide(1.0, slack, out=np.zeros_like(slack), where=np.isfinite(slack))
        pull = (care * weight)[..., None] * share
        gradient = np.concatenate([_flat(pull.sum(axis=2)), _flat(pull.sum(axis=1))], axis=1)
        gradient -= scale[:, None] * linear
        gradient[linear <= 0] = 0.0
        move = self._newton(gradient, (care * weight, care * weight**2), share, linear > 0)
        slope = (gradient * move).sum(axis=1)
        self.point[rows] = self._searched(point, move, (scale, slope, linear, allowed, slack, care))
        return np.asarray(-slope / 2 <= _CENTRED)

    def _slack(self, point: FloatArray, allowed: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Return -log sum_y exp(a + b) [N, n1, n2], infinite where nothing is bound, and the shares of y in it."""
        n1, n2, n_y = self.shape
        a = point[:, : n1 * n_y].reshape(-1, n1, 1, n_y)
        b = point[:, n1 * n_y :].reshape(-1, 1, n2, n_y)
        exponent = np.where(allowed, a + b, -np.inf)
        top = exponent.max(axis=-1, keepdims=True)
        grown = np.exp(exponent - np.where(np.isfinite(top), top, 0.0))
        total = grown.sum(axis=-1, keepdims=True)
        share = np.divide(grown, total, out=np.zeros_like(grown), where=total > 0)
        log_total = np.log(total, out=np.full_like(total, -np.inf), where=total > 0)
        return np.asarray(-(log_total + np.where(np.isfinite(top), top, 0.0))[..., 0]), share

    def _newton(
        self, gradient: FloatArray, weights: tuple[FloatArray, FloatArray], share: FloatArray, free: BoolArray
    ) -> FloatArray:
        """Return the Newton steps [N, V]; variables scaled to a unit diagonal, as they differ by orders.

        Of one constraint -c log(slack) has the Hessian v diag(s) + (w - v) s s' in a + b, with `weights` v = c / slack
        and w = c / slack^2. Adding c(y) to a and taking it from b changes nothing: the ridge picks one of these steps.
        """
        n1, n2, n_y = self.shape
        n, cut = len(gradient), n1 * n_y
        weight, square = weights
        both = (square - weight)[..., None, None] * share[..., :, None] * share[..., None, :]
        np.einsum("nijyy->nijy", both)[...] += weight[..., None] * share
        hessian = np.zeros((n, cut + n2 * n_y, cut + n2 * n_y))
        cross = both.transpose(0, 1, 3, 2, 4).reshape(n, cut, n2 * n_y)
        hessian[:, :cut, cut:] = cross
        hessian[:, cut:, :cut] = cross.transpose(0, 2, 1)
        for start, size, block in ((0, n1, both.sum(axis=2)), (cut, n2, both.sum(axis=1))):
            for i in range(size):
                here = slice(start + i * n_y, start + (i + 1) * n_y)
                hessian[:, here, here] = block[:, i]
        diagonal = np.einsum("nvv->nv", hessian)
        free = free & (diagonal > 0)
        scale = 1 / np.sqrt(np.where(free, diagonal, 1.0))
        diagonal[~free] = 1.0  # what has left the problem, or has underflowed, stays where it is
        hessian *= scale[:, :, None]
        hessian *= scale[:, None, :]
        diagonal += _RIDGE
        return np.asarray(-scale * np.linalg.solve(hessian, (scale * gradient)[..., None])[..., 0])

    def _searched(
        self,
        point: FloatArray,
        move: FloatArray,
        at: tuple[FloatArray, FloatArray, FloatArray, BoolArray, FloatArray, FloatArray],
    ) -> FloatArray:
        """Return points along the moves that are within, and lower by enough (Armijo), halving until they are."""
        scale, slope, linear, allowed, slack, care = at
        before = -(care * _log(slack)).sum(axis=(1, 2))
        gain = scale * (linear * move).sum(axis=1)
        length, waiting = np.ones(len(point)), np.arange(len(point))
        for _ in range(_HALVINGS):
            tried = point[waiting] + length[waiting, None] * move[waiting]
            left = self._slack(tried, allowed[waiting])[0]
            within = (left > 0).all(axis=(1, 2))
            after = -(care[waiting] * _log(np.where(left > 0, left, 1.0))).sum(axis=(1, 2))
            change = after - before[waiting] - length[waiting] * gain[waiting]
            # A decrease below what rounding leaves of it is no reason to stay.
            rounding = 1e-9 * (1 + np.abs(before[waiting]))
            waiting = waiting[~(within & (change <= 0.1 * length[waiting] * slope[waiting] + rounding))]
            if not len(waiting):
                break
            length[waiting] /= 2
        length[waiting] = 0.0
        return np.asarray(point + length[:, None] * move)


def _flat(values: FloatArray) -> FloatArray:
    return values.reshape(len(values), -1)


def _log(slack: FloatArray) -> FloatArray:
    """Return logarithms of slacks, 0 where nothing is bound."""
    return np.log(np.where(np.isfinite(slack), slack, 1.0))
