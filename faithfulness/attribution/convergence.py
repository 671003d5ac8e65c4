"""Refuses attributions that miss what they promise: integrated gradients need not converge on a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.attributions import Attribution

BOUND: Final = 0.1
"""Share of the score's movement that the values may miss."""


def unconverged(attributions: Sequence[Attribution], *, at_most: float = BOUND) -> tuple[Attribution, ...]:
    """Return those whose convergence delta exceeds a share of what the score moved by.

    | attribution | converged |
    |---|---|
    | of a method that promises no sum | yes: there is nothing to miss |
    | of a score that the baseline does not move | only where the delta is 0 too |
    """
    return tuple(item for item in attributions if not _converged(item, at_most))


def why_not_converged(attributions: Sequence[Attribution], *, at_most: float = BOUND) -> str | None:
    """Return in words how many attributions missed their sum, and by how much at worst; None where all met it."""
    missed = unconverged(attributions, at_most=at_most)
    if not missed:
        return None
    worst = max(item.relative_delta if item.relative_delta is not None else float("inf") for item in missed)
    share = "a score that did not move" if worst == float("inf") else f"{worst:.0%} of the score's movement"
    return (
        f"{len(missed)} of {len(attributions)} attributions miss their sum by more than {at_most:.0%}; worst: {share}"
    )


def _converged(item: Attribution, at_most: float) -> bool:
    if item.convergence_delta is None:
        return True
    return abs(item.convergence_delta) <= at_most * abs(item.output - item.baseline_output)
