"""Strategies that stand a few sites which send anything at all; they look at every update, and hold all of them.

They stand up to a few wild updates, not to a quiet attack by many (Fang et al. 2020), and take patients who are unlike
the others for faulty: what is cut off is what differs. An audit by group says what that does to a minority.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from affidavit.errors import PlanError
from federated.strategies.options import Krum, Robust, TrimmedMean
from federated.updates.layout import Vector, vector_digest

_BLOCK = 2**16
"""Coordinates whose updates are sorted together: memory is sites times this, beside the updates."""


def combined(updates: Sequence[Vector], *, options: Robust) -> Vector:
    """Return one update made of many, `[size]`.

    Raises:
        PlanError: there are fewer sites than the strategy can answer for.
    """
    if isinstance(options, TrimmedMean):
        return _trimmed_mean(updates, options)
    return _krum(updates, options)


def least_sites(options: Robust) -> int:
    """Return with how many updates the strategy means something: fewer would cut nobody off, or outvote nobody."""
    if isinstance(options, Krum):
        return max(2 * options.most_faulty + 3, options.kept + options.most_faulty)
    if not options.trimmed:
        return 3
    least = max(3, int(1 / options.trimmed))
    return least if _cut(options, least) else least + 1


def _cut(options: TrimmedMean, n_sites: int) -> int:
    """Return how many are cut off at each end; 0.29 of 100 is 29, which it is not in binary."""
    return int(options.trimmed * n_sites * (1 + 1e-12))


def _trimmed_mean(updates: Sequence[Vector], options: TrimmedMean) -> Vector:
    _require_enough(updates, options)
    cut = _cut(options, len(updates))
    combined = np.empty_like(updates[0])
    for at in range(0, len(combined), _BLOCK):
        block = np.sort(np.stack([update[at : at + _BLOCK] for update in updates]), axis=0)
        combined[at : at + _BLOCK] = block[cut : len(updates) - cut].mean(axis=0, dtype=np.float64)
    return combined


def _krum(updates: Sequence[Vector], options: Krum) -> Vector:
    _require_enough(updates, options)
    n_nearest = len(updates) - options.most_faulty - 2
    squared = np.array([[_squared_distance(one, other) for other in updates] for one in updates])
    np.fill_diagonal(squared, np.inf)  # itself is nobody's neighbour, also where others sent the same
    scores = np.sort(squared, axis=1)[:, :n_nearest].sum(axis=1)
    order = sorted(range(len(updates)), key=lambda i: (scores[i], vector_digest(updates[i])))  # ties: not by arrival
    best = order[: options.kept]
    total = np.zeros(len(updates[0]))
    for i in best:
        total += updates[i]
    return np.asarray(total / len(best), dtype=np.float32)


def _squared_distance(one: Vector, other: Vector) -> float:
    """Return the squared distance, in blocks and in double precision: differences of large sums lose what matters."""
    return sum(
        float(np.sum(np.square(one[at : at + _BLOCK].astype(np.float64) - other[at : at + _BLOCK])))
        for at in range(0, len(one), _BLOCK)
    )


def _require_enough(updates: Sequence[Vector], options: Robust) -> None:
    least = least_sites(options)
    if len(updates) < least:
        raise PlanError(
            f"too few sites for {options.name}",
            slug="plan-impossible",
            where="strategy",
            found=f"{len(updates)} sites replied",
            allowed=f"{least} or more",
            remedy="wait for more sites, expect fewer faulty ones, or use fedavg with a norm bound",
        )
