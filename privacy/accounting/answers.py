"""What accounting answers: an epsilon with whoever computed it, or that nothing bounds the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AGREE_WITHIN: Final = 0.01
"""Two accountants that differ by more than this share of the larger epsilon are said to differ."""
NEGLIGIBLE: Final = 1e-3
"""Epsilons that differ by less are the same for any purpose, however small they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one accountant says: an upper bound of epsilon, or why it has none."""

    accountant: str
    version: str
    epsilon: float | None
    why_none: str | None = None

    @property
    def name(self) -> str:
        """The accountant with its version."""
        return f"{self.accountant} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """The loss is bounded: (`epsilon`, `delta`)-differential privacy, `epsilon` being the largest of the accounts."""

    epsilon: float
    delta: float
    accounts: tuple[Account, ...] = ()
    """None where nothing was spent."""

    @property
    def disagreement(self) -> str | None:
        """Why the number rests on less than two accountants that agree; None where it does not."""
        if not self.accounts:
            return None
        silent = [f"{one.name}: {one.why_none}" for one in self.accounts if one.epsilon is None]
        told = {one.name: one.epsilon for one in self.accounts if one.epsilon is not None}
        if silent or len(told) < 2:
            return "one accountant alone: " + "; ".join([*told, *silent])
        low, high = min(told.values()), max(told.values())
        if high - low <= max(AGREE_WITHIN * high, NEGLIGIBLE):
            return None
        said = ", ".join(f"{name} {epsilon:.4g}" for name, epsilon in told.items())
        return f"the accountants differ by {(high - low) / high:.1%}: {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbounded:
    """Nothing bounds the loss; an infinite epsilon would be a number, and this is none."""

    because: str


Answer = Bounded | Unbounded


def bounded(accounts: tuple[Account, ...], *, delta: float) -> Answer:
    """Return the largest of what the accountants say."""
    told = [one.epsilon for one in accounts if one.epsilon is not None]
    if not told:
        return Unbounded(because="; ".join(f"{one.name}: {one.why_none}" for one in accounts))
    return Bounded(epsilon=max(told), delta=delta, accounts=accounts)
