"""How each person sounds, and what an emotion does to it: parameters of eSpeak NG, and three effects after it.

Accents are voices: four regional English ones, and three of other languages that read English. Age lowers the rate
and lets the voice tremble; sex and the person choose the variant. An emotion moves pitch, range, rate and level in
proportion to its intensity, as the prosody of acted emotion does (Scherer 2003, Speech Communication 40, table 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from corpora.clinic.people import Person

VOICES: Final[Mapping[str, str]] = {
    "american": "en-us",
    "southern english": "en-gb-x-rp",
    "scottish": "en-gb-scotland",
    "caribbean": "en-029",
    "hindi": "hi",
    "mandarin": "cmn",
    "spanish": "es",
}
VARIANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "female": ("f1", "f2", "f3", "f4", "f5"),
    "male": ("m1", "m2", "m3", "m4", "m6", "m7", "m8"),
}
RATES: Final[Mapping[str, float]] = {"18-34": 182, "35-54": 174, "55-74": 162, "75 and over": 146}
TREMBLING: Final[Mapping[str, float]] = {"18-34": 0.0, "35-54": 0.0, "55-74": 0.1, "75 and over": 0.25}
SEMITONES_PER_POINT: Final = 0.2
"""Of pitch: what a point of eSpeak's scale moves the fundamental, measured over its voices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prosody:
    """How a clip is spoken."""

    rate: int
    """Words a minute."""
    pitch: int
    """0 to 99."""
    pitch_range: int
    """0 to 99."""
    level_db: float
    """Beside a neutral voice."""
    creak: float = 0.0
    """0 to 1: depth of the irregular pulses of a creaky voice."""
    tremble: float = 0.0
    """0 to 1: depth of a tremor at about 6 Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What an emotion at full intensity adds to a person's neutral prosody."""

    pitch: float
    pitch_range: float
    rate: float
    """A factor."""
    level_db: float
    creak: float = 0.0
    tremble: float = 0.0


TURNED: Final[Mapping[str, Turned]] = {
    "anger": Turned(pitch=10, pitch_range=34, rate=1.22, level_db=9),
    "disgust": Turned(pitch=-18, pitch_range=-8, rate=0.8, level_db=0, creak=0.85),
    "fear": Turned(pitch=36, pitch_range=-8, rate=1.32, level_db=-3, tremble=0.5),
    "joy": Turned(pitch=24, pitch_range=46, rate=1.05, level_db=4),
    "sadness": Turned(pitch=-14, pitch_range=-40, rate=0.7, level_db=-9),
}


def voice(person: Person) -> str:
    """Return the name of a person's voice, as in `en-us+f3`."""
    variants = VARIANTS[person.sex]
    return f"{VOICES[person.accent]}+{variants[int(person.traits[0] * len(variants))]}"


def neutral_prosody(person: Person) -> Prosody:
    """Return how a person speaks without emotion."""
    _, pitch, pitch_range, rate, *_ = person.traits
    return Prosody(
        rate=round(RATES[person.age] * (0.94 + 0.12 * rate)),
        pitch=round(43 + 10 * pitch + (3 if person.sex == "female" else -3)),
        pitch_range=round(44 + 8 * pitch_range),
        level_db=0.0,
        tremble=TREMBLING[person.age],
    )


def moved_prosody(person: Person, label: str, intensity: float) -> Prosody:
    """Return how a person speaks with an emotion of that intensity (0 to 10)."""
    if label not in TURNED:
        return neutral_prosody(person)
    calm, turned = neutral_prosody(person), TURNED[label]
    share = 0.45 + 0.055 * intensity
    return Prosody(
        rate=round(calm.rate * (1 + (turned.rate - 1) * share)),
        pitch=_within(calm.pitch + turned.pitch * share),
        pitch_range=_within(calm.pitch_range + turned.pitch_range * share),
        level_db=round(turned.level_db * share, 2),
        creak=round(turned.creak * share, 3),
        tremble=round(max(calm.tremble, turned.tremble * share), 3),
    )


def _within(value: float) -> int:
    return round(min(max(value, 0.0), 99.0))
