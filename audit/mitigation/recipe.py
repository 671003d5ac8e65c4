"""How interventions are fitted, and what a fitted one is: a function from rows to answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audit.mitigation.material import IntArray, Sample

Constraint = Literal["demographic_parity", "equalized_odds"]
Decide = Callable[[Sample], IntArray]
"""From rows to answers [N]."""
Fit = Callable[[Sample, "Recipe"], Decide]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How interventions are fitted."""

    constraint: Constraint
    """What Fairlearn's interventions are to make alike."""
    largest_weight: float
    """Where reweighing caps its weights."""
    epochs: int
    """Of the adversarial network."""
    strength: float
    """Of its adversary: alpha of Zhang, Lemoine, Mitchell 2018."""
    seed: int
