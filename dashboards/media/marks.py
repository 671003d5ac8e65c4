"""How a cue is marked by what evidence says of it: by sign, colour and word, each enough without the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reports.drawings.charts import MARK, MUTED, OTHER


class Verdict(StrEnum):
    """What evidence says of a cue."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a verdict looks."""

    sign: str
    tint: str
    """The colour of text behind which it stands, as Streamlit's Markdown names it."""
    ink: str
    """Its colour in pictures."""
    meaning: str


LOOKS: Final[Mapping[Verdict, Look]] = MappingProxyType(
    {
        Verdict.SUPPORTED: Look(sign="✓", tint="blue", ink=MARK, meaning="somebody looked, and it was there"),
        Verdict.UNSUPPORTED: Look(
            sign="○", tint="orange", ink=OTHER, meaning="it was not there, or this condition does not show it"
        ),
        Verdict.CONTRADICTED: Look(sign="✗", tint="red", ink="#8f1d3f", meaning="its contrary was there"),
        Verdict.NOT_JUDGED: Look(sign="?", tint="gray", ink=MUTED, meaning="nobody measured it, or nobody asked"),
    }
)


def read_verdict(told: str) -> Verdict:
    """Return a verdict as the examination writes it; what it does not know was not judged."""
    return Verdict(told) if told in tuple(Verdict) else Verdict.NOT_JUDGED


def marked(verdict: Verdict) -> str:
    """Return sign and word of a verdict.

    >>> marked(Verdict.SUPPORTED)
    '✓ supported'
    """
    return f"{LOOKS[verdict].sign} {verdict}"
