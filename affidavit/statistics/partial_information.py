"""What two sources tell of a target, parted: together or apart, each alone, either as well as the other. In bits.

I(X1, X2; Y) = R + U1 + U2 + S. Redundancy R is what either source tells, U what only one of them does, synergy S what
neither tells without the other. The union of the two, I_u = R + U1 + U2, is the least information that any joint
distribution q has whose pairs (x1, y) and (x2, y) are those of p:

    I_u = min_q I_q(X1, X2; Y),   S = I_p(X1, X2; Y) - I_u,   U1 = I_u - I_p(X2; Y),   R = I_p(X1; Y) - U1

The minimum is a convex programme (`affidavit.statistics.uncertain_target`).

Source: Bertschinger, Rauh, Olbrich, Jost, Ay 2014 (BROJA); Liang et al. 2023 (PID of multimodal models).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import entr

from affidavit.statistics.types import FloatArray
from affidavit.statistics.uncertain_target import largest_uncertainty

_FAINT: Final = (1e-9, 1e-7, 1e-6, 1e-5, 1e-4)
"""Cells of less probability are left out of the union: of the first where that does, of a later one where next to no
probability pulls so little that the way to its place is endless. Counts of up to 100,000 rows have no such cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialInformation:
    """The parts of I(X1, X2; Y) in bits, [...] each; not below 0, and NaN where there is no distribution."""

    redundant: FloatArray
    """What either source tells."""
    unique_first: FloatArray
    """What only the first tells."""
    unique_second: FloatArray
    """What only the second tells."""
    synergistic: FloatArray
    """What neither tells without the other."""

    @property
    def first(self) -> FloatArray:
        """I(X1; Y)."""
        return np.asarray(self.redundant + self.unique_first)

    @property
    def second(self) -> FloatArray:
        """I(X2; Y)."""
        return np.asarray(self.redundant + self.unique_second)

    @property
    def together(self) -> FloatArray:
        """I(X1, X2; Y)."""
        return np.asarray(self.first + self.unique_second + self.synergistic)


def partial_information(joint: FloatArray) -> PartialInformation:
    """Part the information of joint distributions [..., n1, n2, Y], given as counts or weights of any sum.

    Of counts it is the plug-in estimate, which is biased upwards, S most of all: correct it, and print beside it what
    counts without any information would give.

    | case | parts |
    |---|---|
    | the sum is 0 | NaN |
    | a source or the target does not vary | 0, as far as they rest on it |
    | Y = X1 xor X2 of fair bits | S = 1 |
    | Y = X1 and X2 of fair bits | R = 0.311, S = 0.5, U = 0 |
    | Y = X1 = X2 of fair bits | R = 1 |
    | Y = (X1, X2) of fair bits | U1 = U2 = 1 |

    Raises:
        ValueError: if there are fewer than three axes, or an entry is negative or not finite.

    Source: Bertschinger et al. 2014, eqs. 5 to 9.

    >>> xor = np.zeros((2, 2, 2))
    >>> xor[[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]] = 1.0
    >>> partial_information(xor).synergistic.round(4).item()
    1.0
    """
    weights = np.asarray(joint, dtype=np.float64)
    if weights.ndim < 3 or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("Expected distributions [..., n1, n2, Y] of finite weights that are not negative.")
    total = weights.sum(axis=(-3, -2, -1), keepdims=True)
    p = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    target = entr(p.sum(axis=(-3, -2))).sum(axis=-1)
    first, second = (_information(p.sum(axis=axis), target) for axis in (-2, -3))
    together = _information(p.reshape(*p.shape[:-3], -1, p.shape[-1]), target)
    union = _union(p.reshape(-1, *p.shape[-3:])).reshape(target.shape)
    # The optimum lies between these whatever the gap; within them every part is at least 0.
    union = np.clip(union, np.maximum(first, second), np.minimum(together, first + second))
    known = np.where(total[..., 0, 0, 0] > 0, 1 / np.log(2), np.nan)
    return PartialInformation(
        redundant=np.asarray((first + second - union) * known),
        unique_first=np.asarray((union - second) * known),
        unique_second=np.asarray((union - first) * known),
        synergistic=np.asarray((together - union) * known),
    )


def _union(p: FloatArray) -> FloatArray:
    """Return the least information [N] in nats of distributions with the pairs of [N, n1, n2, Y]."""
    found = np.full(len(p), np.nan)
    for faint in _FAINT:
        open_ = np.flatnonzero(np.isnan(found))
        if not len(open_):
            break
        q = np.where(p[open_] >= faint, p[open_], 0.0)
        total = q.sum(axis=(1, 2, 3), keepdims=True)
        q = np.divide(q, total, out=q, where=total > 0)
        found[open_] = entr(q.sum(axis=(1, 2))).sum(axis=1) - largest_uncertainty(q.sum(axis=2), q.sum(axis=1))
    return found


def _information(pair: FloatArray, target: FloatArray) -> FloatArray:
    """Return I(X; Y) in nats of [..., n, Y], not below 0."""
    own = entr(pair.sum(axis=-1)).sum(axis=-1)
    return np.asarray(np.maximum(own + target - entr(pair).sum(axis=(-2, -1)), 0.0))
