"""What is asked of a site, and in which order?"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """One request to every site that is still there, and its reply."""

    KEYS = "keys"
    """Fresh public keys, signed."""
    SHARES = "shares"
    """Shares of the own secrets, sealed to each neighbour."""
    MASKED = "masked"
    """The masked vector."""
    AGREE = "agree"
    """A signature over who is in the sum."""
    UNMASK = "unmask"
    """One share for each neighbour: of its self mask where it is in the sum, of its mask key where it is not."""


ORDER: Final = tuple(Stage)


def before(stage: Stage) -> Stage | None:
    """Return the stage that must have been answered before this one."""
    at = ORDER.index(stage)
    return ORDER[at - 1] if at else None
