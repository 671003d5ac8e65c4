"""Draws one frame of a face with Pillow, at four times its size, and makes it small again: 64 by 64 pixels, RGB.

Coordinates are shares of the picture, right and down. Each part of the face is moved by its action units alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from corpora.clinic.looks import Colour, Look
from corpora.clinic.parts import part

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SIZE: Final = 64
SCALE: Final = 4
LARGE: Final = SIZE * SCALE
WALL: Final[Colour] = (222, 228, 230)
WHITE: Final[Colour] = (246, 246, 244)
IRIS: Final[Colour] = (58, 44, 36)
INSIDE: Final[Colour] = (84, 24, 28)
EYE_Y, EYE_X, EYE_W = 0.475, 0.135, 0.062
MOUTH_Y: Final = 0.735
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pen:
    """Pillow's pen in shares of the picture, moved with the head."""

    draw: ImageDraw
    right: float
    down: float

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line with round joints; width as a share of the picture."""
        thick = max(1, round(width * LARGE))
        placed = self._placed(points)
        self.draw.line(placed, fill=colour, width=thick, joint="curve")
        for x, y in (placed[0], placed[-1]):
            self.draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self.draw.polygon(self._placed(points), fill=colour)

    def ellipse(self, centre: Point, radii: Point, colour: Colour) -> None:
        """Fill an ellipse."""
        (x, y), (a, b) = centre, radii
        (left, top), (right, bottom) = self._placed([(x - a, y - b), (x + a, y + b)])
        self.draw.ellipse((left, top, right, bottom), fill=colour)

    def _placed(self, points: Sequence[Point]) -> list[Point]:
        return [((x + self.right) * LARGE, (y + self.down) * LARGE) for x, y in points]


def frame(look: Look, units: Mapping[str, float], *, eyes_shut: bool, sway: Sequence[float]) -> NDArray[np.uint8]:
    """Return a picture of 64 by 64 by 3 bytes; `units` are action units with strengths of 0 to 1.

    Raises:
        MissingPartError: Pillow is not installed.
    """
    Image, ImageDraw = part("PIL.Image"), part("PIL.ImageDraw")
    picture = Image.new("RGB", (LARGE, LARGE), WALL)
    pen = Pen(ImageDraw.Draw(picture), sway[0], sway[1])
    moved = {f"AU{number}": 0.0 for number in range(1, 28)} | dict(units)
    _bust(pen, look, moved)
    for side in (-1, 1):
        _eye(pen, look, moved, side, shut=eyes_shut)
        _brow(pen, look, moved, side)
    _nose(pen, look, moved)
    _mouth(pen, look, moved)
    _age(pen, look)
    _fringe(pen, look)
    turned = picture.rotate(
        sway[2], resample=Image.Resampling.BILINEAR, center=(LARGE / 2, LARGE * 0.8), fillcolor=WALL
    )
    return np.asarray(turned.reduce(SCALE), dtype=np.uint8)


def _bust(pen: Pen, look: Look, units: Mapping[str, float]) -> None:
    """Draw gown, neck, hair behind, ears and head; a dropped jaw lengthens it."""
    jaw = 0.045 * units["AU26"]
    half = 0.265 * look.width
    if look.hair_style == "long":
        pen.ellipse((0.5, 0.52), (half + 0.075, 0.46), look.hair)
    if look.hair_style == "bob":
        pen.ellipse((0.5, 0.44), (half + 0.06, 0.345), look.hair)
    pen.ellipse((0.5, 1.12), (0.42, 0.24), look.gown)
    pen.polygon([(0.41, 0.8), (0.59, 0.8), (0.6, 0.94), (0.4, 0.94)], shade(look.skin, 0.86))
    for side in (-1, 1):
        pen.ellipse((0.5 + side * half, 0.52), (0.04, 0.07), shade(look.skin, 0.9))
    pen.ellipse((0.5, 0.46), (half, 0.34), look.skin)
    pen.ellipse((0.5, 0.62 + jaw / 2), (half * 0.86, 0.285 + jaw / 2), look.skin)
    if units["AU6"]:
        for side in (-1, 1):
            pen.ellipse((0.5 + side * 0.16, 0.605 - 0.02 * units["AU6"]), (0.062, 0.04), blush(look.skin, units["AU6"]))


def _eye(pen: Pen, look: Look, units: Mapping[str, float], side: int, *, shut: bool) -> None:
    """Draw an eye: AU5 lifts the upper lid, AU7 narrows, AU6 pushes the lower lid up."""
    x = 0.5 + side * EYE_X * look.width
    narrowed = 0.5 * units["AU7"] + 0.25 * units["AU9"]
    upper = 0.034 * (1 + 0.75 * units["AU5"] - 0.65 * narrowed)
    lower = 0.024 * (1 + 0.3 * units["AU5"] - 0.9 * narrowed - 0.75 * units["AU6"])
    dark = shade(look.skin, 0.45)
    if shut:
        pen.line(_arc(x, EYE_Y + 0.01, EYE_W, 0.012), dark, 0.014)
        return
    lid, under = _arc(x, EYE_Y, EYE_W, -upper), _arc(x, EYE_Y, EYE_W, lower)
    pen.polygon([*lid, *reversed(under)], WHITE)
    pen.ellipse((x, EYE_Y), (0.0285, min(0.03, upper * 0.98)), IRIS)
    pen.polygon([*under, (x + EYE_W, EYE_Y + 0.06), (x - EYE_W, EYE_Y + 0.06)], look.skin)
    pen.line(lid, dark, 0.015)
    pen.line(under, shade(look.skin, 0.72), 0.006 + 0.006 * units["AU7"])
    if units["AU6"]:
        pen.line(_arc(x, EYE_Y + 0.055, EYE_W * 0.9, 0.014), shade(look.skin, 0.78), 0.009 * units["AU6"])


def _brow(pen: Pen, look: Look, units: Mapping[str, float], side: int) -> None:
    """Draw a brow: AU1 lifts its inner end, AU2 its outer end, AU4 lowers it and draws it to the middle."""
    width = look.width
    inner_y = 0.392 - 0.062 * units["AU1"] + 0.055 * units["AU4"] + 0.025 * units["AU9"]
    middle_y = 0.368 - 0.03 * units["AU1"] - 0.035 * units["AU2"] + 0.03 * units["AU4"]
    outer_y = 0.388 + 0.014 * units["AU1"] * (1 - units["AU2"]) - 0.05 * units["AU2"] - 0.008 * units["AU4"]
    inner_x = 0.062 - 0.024 * units["AU4"]
    points = [
        (0.5 + side * inner_x * width, inner_y),
        (0.5 + side * 0.13 * width, middle_y),
        (0.5 + side * 0.205 * width, outer_y),
    ]
    pen.line(points, shade(look.hair, 0.75), 0.024 * look.brow)
    if units["AU4"] > 0.3:
        x = 0.5 + side * 0.018
        pen.line([(x, 0.375), (x, 0.43)], shade(look.skin, 0.72), 0.009 * units["AU4"])


def _nose(pen: Pen, look: Look, units: Mapping[str, float]) -> None:
    """Draw a nose: AU9 lifts the nostrils, wrinkles the bridge and deepens the folds."""
    up, dark = 0.028 * units["AU9"], shade(look.skin, 0.74)
    pen.line([(0.487, 0.47), (0.478, 0.585 - up), (0.5, 0.615 - up), (0.522, 0.585 - up)], dark, 0.009)
    for side in (-1, 1):
        flare = 0.036 + 0.016 * units["AU9"]
        pen.line([(0.5 + side * flare, 0.59 - up), (0.5 + side * 0.02, 0.615 - up)], shade(look.skin, 0.6), 0.012)
        fold = max(units["AU9"], 0.5 * units["AU12"], 0.4 * look.wrinkles)
        if fold > 0.1:
            ends = [(0.5 + side * 0.068, 0.6 - up), (0.5 + side * 0.125, 0.655 - up), (0.5 + side * 0.145, 0.705)]
            pen.line(ends, shade(look.skin, 1 - 0.32 * fold), 0.007 + 0.007 * fold)
    for i in range(3):
        if units["AU9"] > 0.2:
            y = 0.44 + 0.03 * i
            pen.line([(0.468, y + 0.012), (0.5, y), (0.532, y + 0.012)], shade(look.skin, 0.66), 0.012 * units["AU9"])


def _mouth(pen: Pen, look: Look, units: Mapping[str, float]) -> None:
    """Draw a mouth: corners by AU12, AU15 and AU20, thinness by AU23, opening by AU25 and AU26."""
    half = 0.098 * look.mouth * (1 + 0.34 * units["AU12"] + 0.38 * units["AU20"] - 0.22 * units["AU23"])
    corner = MOUTH_Y - 0.052 * units["AU12"] + 0.05 * units["AU15"] + 0.012 * units["AU20"]
    middle = MOUTH_Y + 0.024 * units["AU12"] - 0.026 * units["AU15"] - 0.022 * units["AU9"]
    gap = 0.028 * units["AU25"] + 0.07 * units["AU26"] + 0.012 * units["AU20"]
    thick = 0.02 * (1 - 0.75 * units["AU23"]) * (1 - 0.35 * units["AU20"])
    lips = _lips(look.skin)
    upper = _curve(half, corner, middle - gap / 3)
    lower = _curve(half, corner, middle + 2 * gap / 3)
    pen.polygon([*_curve(half, corner, middle - gap / 3 - thick), *reversed(lower)], lips)
    pen.polygon([*upper, *reversed(_curve(half, corner, middle + 2 * gap / 3 + thick * 1.3))], lips)
    if gap > 0.008:
        pen.polygon([*upper, *reversed(lower)], INSIDE)
        teeth = min(0.45, 0.016 / gap)
        pen.polygon([*upper, *reversed(_curve(half, corner, middle - gap / 3 + gap * teeth))], WHITE)
    else:
        pen.line(upper, shade(lips, 0.5), 0.01 + 0.004 * units["AU23"])
    if units["AU23"] > 0.3:
        for side in (-1, 1):
            x = 0.5 + side * (half + 0.018)
            pen.line([(x, MOUTH_Y - 0.02), (x, MOUTH_Y + 0.02)], shade(look.skin, 0.72), 0.009 * units["AU23"])


def _age(pen: Pen, look: Look) -> None:
    """Draw wrinkles of the forehead and beside the eyes."""
    if look.wrinkles < 0.1:
        return
    colour = shade(look.skin, 1 - 0.2 * look.wrinkles)
    for y in (0.27, 0.305):
        pen.line(_arc(0.5, y, 0.11, -0.008), colour, 0.008)
    for side in (-1, 1):
        x = 0.5 + side * 0.215 * look.width
        pen.line([(x, 0.47), (x + side * 0.028, 0.455)], colour, 0.008)
        pen.line([(x, 0.485), (x + side * 0.028, 0.495)], colour, 0.008)
        pen.line(_arc(0.5 + side * EYE_X, EYE_Y + 0.062, 0.045, 0.012), colour, 0.007)


def _fringe(pen: Pen, look: Look) -> None:
    """Draw the hair in front."""
    half = 0.265 * look.width
    if look.hair_style == "bald":
        for side in (-1, 1):
            pen.ellipse((0.5 + side * (half - 0.005), 0.39), (0.03, 0.085), look.hair)
        return
    top = [
        (0.5 + (half + 0.012) * float(np.cos(a)), 0.44 - 0.345 * float(np.sin(a))) for a in np.linspace(0.1, 3.04, 24)
    ]
    lift = 0.27 if look.hair_style == "short" else 0.29
    pen.polygon(
        [*top, (0.5 - half * 0.92, 0.36), (0.42, lift - 0.035), (0.58, lift - 0.045), (0.5 + half * 0.92, 0.36)],
        look.hair,
    )


def shade(colour: Colour, factor: float) -> Colour:
    """Return a colour made darker (factor below 1)."""
    return tuple(min(255, round(channel * factor)) for channel in colour)  # type: ignore[return-value]


def blush(skin: Colour, strength: float) -> Colour:
    """Return the skin of a raised cheek."""
    red, green, blue = skin
    return min(255, round(red + 10 * strength)), round(green - 22 * strength), round(blue - 20 * strength)


def _lips(skin: Colour) -> Colour:
    red, green, blue = skin
    return round(red * 0.84), round(green * 0.6), round(blue * 0.62)


def _arc(x: float, y: float, half: float, height: float) -> list[Point]:
    """Return half an ellipse from left to right; a negative height curves up."""
    return [(x + half * float(c), y + height * float(1 - c**2) ** 0.5) for c in np.linspace(-1, 1, 13)]


def _curve(half: float, corner: float, middle: float) -> list[Point]:
    """Return a parabola through both corners of the mouth and its middle."""
    return [(0.5 + half * float(c), middle + (corner - middle) * float(c**2)) for c in np.linspace(-1, 1, 13)]
