"""What an instruction becomes in other words, and what another family asks instead."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from affidavit.errors import PlanError
from reasoners.instructed.instructions import INSTRUCTIONS, wording

SWAPS: Final[Mapping[str, str]] = MappingProxyType(
    {"evidence": "temporal", "temporal": "evolution", "evolution": "explain", "explain": "evidence"}
)
"""Family to the family whose words take the place of its own."""
_FOR_OWN_WORDS: Final = "evolution"


def reworded(instruction: str, operator: str) -> str:
    """Return the words that a model is told under `instruction-paraphrase` or `instruction-swap`.

    A paraphrase is the second wording of the family, which no training uses; words of one's own can be swapped only.

    Raises:
        PlanError: a paraphrase is asked of words of one's own.
    """
    if operator == "instruction-swap":
        return wording(SWAPS.get(instruction, _FOR_OWN_WORDS))
    if instruction not in INSTRUCTIONS:
        raise PlanError(
            "there is no paraphrase of words of your own",
            slug="plan-impossible",
            where="reasoner instructed, condition instruction-paraphrase",
            found=repr(instruction),
            allowed=f"the families {', '.join(INSTRUCTIONS)}",
            remedy="name a family as the instruction, or judge a second run under your own paraphrase",
        )
    return INSTRUCTIONS[instruction][1]
