"""What a condition shows to a transparent reasoner: which modalities, whose evidence, and whose identity.

`TA` takes video away; `TAV/resampled=V` replaces what video tells by what it tells of another utterance; and
`TAV/accent=coastal` renders the utterance as if somebody with that accent had spoken it, all else as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import RowError

RESAMPLED: Final = "resampled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What is shown under one condition; triples are of text, audio and video."""

    condition: str
    """Canonical."""
    shown: tuple[bool, bool, bool]
    resampled: tuple[bool, bool, bool] = (False, False, False)
    rendered: tuple[str, str] | None = None
    """Feature and level, where the utterance is rendered as another person's."""

    @property
    def mask(self) -> int:
        """The modalities shown, as bits: text 1, audio 2, video 4."""
        return sum(1 << i for i, here in enumerate(self.shown) if here)


def read_showing(text: str, levels: Mapping[str, Mapping[str, float]]) -> Showing:
    """Read a condition; `levels` are the levels that each feature has.

    >>> read_showing("VAT/resampled=VA", {}).condition
    'TAV/resampled=AV'

    Raises:
        ValueError: it does not parse, names no modalities, or names an operator or a level that is not there.
    """
    try:
        condition = Condition.parse(text)
    except RowError as error:
        raise ValueError(f"{error.what}; allowed: {error.allowed}") from None
    if not condition.modalities:
        raise ValueError(f"{text!r}: conditions name their modalities")
    plain = Showing(condition=str(condition), shown=_flags(condition.modalities))
    if condition.operator is None:
        return plain
    if condition.operator == RESAMPLED:
        return _resampled(plain, condition)
    if condition.operator in levels:
        return _rendered(plain, condition, levels[condition.operator])
    allowed = ", ".join((RESAMPLED, *levels))
    raise ValueError(f"{text!r}: {condition.operator!r} is none of {allowed}")


def level_text(level: str) -> str:
    """Return a level as a condition writes it, without spaces.

    >>> level_text("75 and over")
    '75-and-over'
    """
    return "-".join(level.split())


def _resampled(plain: Showing, condition: Condition) -> Showing:
    letters = (condition.level or "").upper()
    if not letters or len(set(letters)) < len(letters) or not set(letters) <= condition.modalities:
        shown = "".join(letter for letter in MODALITIES if letter in condition.modalities)
        raise ValueError(f"{str(condition)!r}: {RESAMPLED} names letters of {shown}, each once, as {RESAMPLED}={shown}")
    level = "".join(letter for letter in MODALITIES if letter in letters)
    return replace(plain, condition=str(_with_level(condition, level)), resampled=_flags(set(letters)))


def _rendered(plain: Showing, condition: Condition, levels: Mapping[str, float]) -> Showing:
    named = {level_text(level): level for level in levels}
    if condition.level not in named or condition.operator is None:
        raise ValueError(f"{str(condition)!r}: {condition.operator} is one of {', '.join(named)}")
    return replace(plain, rendered=(condition.operator, named[condition.level]))


def _with_level(condition: Condition, level: str) -> Condition:
    return Condition(modalities=condition.modalities, operator=condition.operator, level=level)


def _flags(letters: set[str] | frozenset[str]) -> tuple[bool, bool, bool]:
    text, audio, video = (letter in letters for letter in MODALITIES)
    return text, audio, video
