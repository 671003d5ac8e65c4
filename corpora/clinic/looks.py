"""How each person looks, whatever they feel: skin, hair, shape of the face, and the marks of age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from corpora.clinic.people import Person

Colour = tuple[int, int, int]
SKINS: Final[tuple[Colour, ...]] = (
    (244, 214, 190),
    (232, 194, 164),
    (214, 168, 132),
    (190, 140, 102),
    (156, 108, 74),
    (120, 80, 54),
)
HAIRS: Final[tuple[Colour, ...]] = ((34, 26, 22), (66, 44, 30), (104, 70, 40), (168, 128, 72), (142, 66, 36))
GREY: Final[Colour] = (190, 188, 186)
GOWNS: Final[tuple[Colour, ...]] = ((150, 190, 205), (165, 200, 170), (196, 186, 214), (214, 200, 170))
WRINKLES: Final = {"18-34": 0.0, "35-54": 0.15, "55-74": 0.55, "75 and over": 1.0}
GREYING: Final = {"18-34": 0.0, "35-54": 0.12, "55-74": 0.65, "75 and over": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a drawing needs to know of a person."""

    skin: Colour
    hair: Colour
    gown: Colour
    hair_style: str
    """`long`, `bob`, `short` or `bald`."""
    width: float
    """Of the head, as a factor."""
    brow: float
    """Thickness of the brows, as a factor."""
    mouth: float
    """Width of the mouth, as a factor."""
    wrinkles: float
    """0 to 1."""


def look(person: Person) -> Look:
    """Return a person's look; it depends on age, sex and traits, and not on the accent."""
    skin, hair, shape, style = person.traits[4:8]
    greyed = min(1.0, GREYING[person.age] * (0.7 + 0.6 * shape))
    colour = HAIRS[int(hair * len(HAIRS))]
    styles = ("long", "bob", "bob", "short") if person.sex == "female" else ("short", "short", "short", "bald")
    chosen = styles[int(style * len(styles))]
    return Look(
        skin=SKINS[int(skin * len(SKINS))],
        hair=_mixed(colour, GREY, greyed),
        gown=GOWNS[int(style * 97 % 1 * len(GOWNS))],
        hair_style="short" if chosen == "bald" and person.age == "18-34" else chosen,
        width=0.93 + 0.12 * shape,
        brow=(0.85 if person.sex == "female" else 1.1) + 0.25 * (hair * 13 % 1),
        mouth=0.92 + 0.16 * (shape * 17 % 1),
        wrinkles=WRINKLES[person.age],
    )


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    mixed = [round(a + (b - a) * share) for a, b in zip(first, second, strict=True)]
    return mixed[0], mixed[1], mixed[2]
