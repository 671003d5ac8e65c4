"""What a lower bound of epsilon is, whichever way it was made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EpsilonBound:
    """A mechanism that is (epsilon, delta)-differentially private has, with this confidence, no smaller epsilon."""

    epsilon: float
    """The lower bound, 0 where nothing was shown; always finite."""
    ceiling: float
    """What a perfect attack on as many canaries, corrected alike, would have shown."""
    confidence: float
    """One-sided, of all corrected thresholds together."""
    delta: float
    method: str
    n_thresholds: int = 1
    """Thresholds or numbers of guesses that were corrected for."""
    conditional: str | None = None
    """What has to be true of the mechanism besides; None where nothing has."""


def checked(*, delta: float, confidence: float, n_thresholds: int = 1) -> float:
    """Return the error that one threshold may take, (1 - confidence) / n_thresholds.

    Raises:
        ValueError: delta is not in [0, 1), confidence not in (0, 1), or n_thresholds under 1.
    """
    if not 0 <= delta < 1 or not 0 < confidence < 1 or n_thresholds < 1:
        raise ValueError(f"delta={delta}, confidence={confidence}, n_thresholds={n_thresholds}")
    return (1 - confidence) / n_thresholds
