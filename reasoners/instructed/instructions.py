"""The paper's three families of instructions, and one that asks for nothing in particular."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

INSTRUCTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "evidence": (
            "Name the dominant emotion and say which modality is the strongest evidence.",
            "Which emotion dominates, and what shows it most: words, voice or face?",
        ),
        "temporal": (
            "Name the emotion and justify it with what came before in the conversation.",
            "Which emotion is it, given the turns before?",
        ),
        "evolution": (
            "Name the emotion and describe how it evolved over the conversation.",
            "How did the emotion change up to this turn?",
        ),
        "explain": (
            "Name the emotion and explain it.",
            "Which emotion is it, and why?",
        ),
    }
)
DEFAULT: Final = "evidence"


def wording(instruction: str) -> str:
    """Return the words of an instruction: a family's first wording, or the caller's own text as it stands.

    >>> wording("evolution")
    'Name the emotion and describe how it evolved over the conversation.'
    >>> wording("Be brief.")
    'Be brief.'
    """
    return INSTRUCTIONS[instruction][0] if instruction in INSTRUCTIONS else instruction
