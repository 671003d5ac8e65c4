"""What the slots of phrases hold: one set per dialogue, so that a conversation speaks of the same things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

SLOTS: Final[Mapping[str, tuple[str, ...]]] = {
    "part": ("knee", "hip", "ankle", "left leg", "right foot", "heel"),
    "tablet": ("the new tablets", "the painkillers", "the water tablets", "the antibiotics", "the heart tablets"),
    "hours": ("an hour", "two hours", "three hours", "four hours", "half the morning"),
    "relative": ("my daughter", "my son", "my sister", "my neighbour", "my niece"),
    "day": ("Monday", "Tuesday", "Thursday", "Friday", "Saturday"),
    "amount": ("forty pounds", "ninety pounds", "two hundred pounds", "six hundred pounds"),
    "scan": ("the blood test", "the scan", "the X-ray", "the biopsy", "the heart tracing"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is said, and the spans of characters in it that carry the emotion."""

    text: str
    spans: tuple[tuple[int, int], ...] = ()

    def quotes(self) -> tuple[str, ...]:
        """Return the words of each span."""
        return tuple(self.text[start:end] for start, end in self.spans)


def filling(rng: np.random.Generator) -> dict[str, str]:
    """Draw one value per slot; `<slot>_cap` is the same with a capital."""
    drawn = {slot: values[int(rng.integers(len(values)))] for slot, values in SLOTS.items()}
    return drawn | {f"{slot}_cap": value[0].upper() + value[1:] for slot, value in drawn.items()}


def filled(phrase: str, filling: Mapping[str, str]) -> Line:
    """Fill a phrase, and turn its brackets into spans."""
    text, spans = "", []
    for i, piece in enumerate(phrase.format_map(filling).replace("]", "[").split("[")):
        if i % 2:
            spans.append((len(text), len(text) + len(piece)))
        text += piece
    return Line(text=text, spans=tuple(spans))


def joined(first: str, line: Line) -> Line:
    """Put a sentence in front of a line."""
    shift = len(first) + 1
    return Line(text=f"{first} {line.text}", spans=tuple((start + shift, end + shift) for start, end in line.spans))
