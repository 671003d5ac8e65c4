"""Replies put together as they come: a running total, or a list where a strategy looks at each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from federated.strategies.additive import Moments, Total, advanced, contribution
from federated.strategies.options import Additive, Robust
from federated.strategies.robust import combined
from federated.updates.arrays import narrowed
from federated.updates.layout import Vector

Released = Callable[[Total], Total]
"""Adds the server's noise to a total before anything is made of it."""
_LARGEST: Final = 1e200
"""Nothing that is added is larger: sums and squares of more could be no numbers."""
_BLOCK: Final = 1 << 14
"""Numbers that are added at once: what an addition makes on the way stays in the processor's cache."""


class Fold(Protocol):
    """What the replies of one round become."""

    def add(self, update: Vector, *, weight: float, loss: float | None) -> None:
        """Take one site's update.

        Raises:
            ValueError: it cannot be added; the fold is what it was before.
        """

    def result(
        self, model: Vector, moments: Moments | None, *, released: Released | None = None
    ) -> tuple[Vector, Moments | None]:
        """Return the next model, and what the server remembers.

        Raises:
            ValueError: noise is to be added where there is no total to add it to.
        """


class AdditiveFold:
    """A running total, `[size + 1]`: its memory does not grow with the number of sites.

    Replies come in an order that nobody repeats, and sums in floating point depend on it: what each addition rounds off
    is summed beside the total (Neumaier 1974), so that a round that is taken again gives the same bytes.
    """

    def __init__(self, size: int, options: Additive) -> None:
        self._total: Total = np.zeros(size + 1)
        self._rounded_off: Total = np.zeros(size + 1)
        self._options = options

    def add(self, update: Vector, *, weight: float, loss: float | None) -> None:
        """Add what the site contributes."""
        part = contribution(update, weight=weight, loss=loss, options=self._options)
        if not (part.min() >= -_LARGEST and part.max() <= _LARGEST and part[-1] > 0):
            raise ValueError("what it contributes is too large or too small to be added")
        for at in range(0, len(part), _BLOCK):
            here = slice(at, at + _BLOCK)
            _two_sum(self._total[here], self._rounded_off[here], part[here])

    def result(
        self, model: Vector, moments: Moments | None, *, released: Released | None = None
    ) -> tuple[Vector, Moments | None]:
        """Move the model by the total."""
        total = self._total + self._rounded_off
        if released is not None:
            total = released(total)
        return advanced(model, total, options=self._options, moments=moments)


class RobustFold:
    """Every update, for strategies that look at each beside the others."""

    def __init__(self, options: Robust) -> None:
        self._updates: list[Vector] = []
        self._options = options

    def add(self, update: Vector, *, weight: float, loss: float | None) -> None:
        """Keep the update; weights and losses are what a faulty site would lie about, and are not looked at."""
        self._updates.append(update)

    def result(
        self, model: Vector, moments: Moments | None, *, released: Released | None = None
    ) -> tuple[Vector, Moments | None]:
        """Move the model by what the updates have in common."""
        if released is not None:
            raise ValueError("the server's noise is for sums, and this strategy makes none")
        return narrowed(model.astype(np.float64) + combined(self._updates, options=self._options)), None


def _two_sum(total: Total, rounded_off: Total, part: Total) -> None:
    """Add in place, and add beside what the addition rounds off; exact (Knuth's TwoSum)."""
    added = total + part
    kept = added - total
    rounded_off += (total - (added - kept)) + (part - kept)
    total[:] = added


def fold_of(size: int, options: Additive | Robust) -> Fold:
    """Return an empty fold of a strategy."""
    return AdditiveFold(size, options) if isinstance(options, Additive) else RobustFold(options)
