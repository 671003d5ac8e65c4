"""What a face does: action units by emotion, and their course over the frames of a clip.

Action units are those of the Facial Action Coding System; which of them belong to an emotion follows Ekman, Friesen
and Hager 2002 (Investigator's Guide, table of emotion predictions), leaving out what 64 pixels cannot show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

FRAMES: Final = 8
FRAMES_PER_S: Final = 4
ACTION_UNITS: Final[Mapping[str, str]] = {
    "AU1": "inner brows raised",
    "AU2": "outer brows raised",
    "AU4": "brows lowered",
    "AU5": "upper lids raised",
    "AU6": "cheeks raised",
    "AU7": "lids tightened",
    "AU9": "nose wrinkled",
    "AU12": "lip corners pulled up",
    "AU15": "lip corners pulled down",
    "AU20": "lips stretched",
    "AU23": "lips pressed together",
    "AU25": "lips parted",
    "AU26": "jaw dropped",
}
EXPRESSIONS: Final[Mapping[str, Mapping[str, float]]] = {
    "anger": {"AU4": 1.0, "AU23": 1.0, "AU7": 0.8, "AU5": 0.3},
    "disgust": {"AU9": 1.0, "AU15": 0.5, "AU4": 0.45, "AU7": 0.6, "AU25": 0.3},
    "fear": {"AU5": 1.0, "AU1": 1.0, "AU20": 0.9, "AU2": 0.7, "AU26": 0.5, "AU4": 0.2},
    "joy": {"AU12": 1.0, "AU6": 0.9, "AU25": 0.5},
    "neutral": {},
    "sadness": {"AU15": 1.0, "AU1": 0.95, "AU4": 0.35},
}
"""Emotion to the strength (0 to 1) of each action unit at full intensity, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A face over the frames of one clip."""

    units: Mapping[str, float]
    """Action unit to its strength at the apex, 0 to 1."""
    course: tuple[float, ...]
    """How much of the expression each frame shows, 0 to 1."""
    blinks: tuple[bool, ...]
    sway: tuple[tuple[float, float, float], ...]
    """Of the head in each frame: right and down as shares of the picture, tilt in degrees."""

    def span(self) -> tuple[float, float]:
        """Return the seconds in which more than half of the expression is shown."""
        shown = [i for i, share in enumerate(self.course) if share > 0.5]
        return shown[0] / FRAMES_PER_S, (shown[-1] + 1) / FRAMES_PER_S

    def descriptors(self) -> tuple[str, ...]:
        """Return the action units in words with their code, the strongest first."""
        ordered = sorted(self.units.items(), key=lambda entry: -entry[1])
        return tuple(f"{ACTION_UNITS[unit]} ({unit})" for unit, strength in ordered if strength >= 0.25)


def expression(label: str, intensity: float, rng: np.random.Generator) -> Expression:
    """Draw how a face shows an emotion of that intensity (0 to 10); `neutral` shows blinks and sway alone."""
    share = 0.62 + 0.038 * intensity
    wobble = rng.uniform(0.88, 1.08, len(ACTION_UNITS))
    units = {
        unit: round(min(1.0, strength * share * float(wobble[i])), 3)
        for i, (unit, strength) in enumerate(EXPRESSIONS[label].items())
    }
    onset, hold = int(rng.integers(0, 3)), int(rng.integers(4, 6))
    frames = np.arange(FRAMES)
    course = np.clip((frames - onset + 0.6) / 1.6, 0, 1) * np.where(frames > onset + hold, 0.6, 1.0)
    blink = int(rng.integers(1, FRAMES + 4))
    drift = np.cumsum(rng.normal(0, 1, (FRAMES, 3)), axis=0) * (0.003, 0.0025, 0.6)
    return Expression(
        units=units,
        course=tuple(round(float(c), 3) for c in course),
        blinks=tuple(frame == blink for frame in range(FRAMES)),
        sway=tuple((round(float(x), 4), round(float(y), 4), round(float(tilt), 3)) for x, y, tilt in drift),
    )
