"""What a condition shows to a transparent reasoner: which modalities, whose evidence, and whose identity.

| condition | shows |
|---|---|
| `TA` | everything but video |
| `TAV/resampled=V` | of video, what it tells of another utterance |
| `TAV/permuted=V` | the same, by one permutation of all utterances |
| `TAV/permuted-within-label=V`, `TAV/permuted-within-speaker=V` | the same within each true label, or speaker |
| `TAV/additive` | everything, to a reasoner without interactions (`reasoners.transparent.projection`) |
| `TAV/accent=coastal` | the utterance as if somebody with that accent had spoken it, all else as it was |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import RowError
from affidavit.interventions.operators import ADDITIVE, EXCHANGES

RESAMPLED: Final = "resampled"
BY_LABEL: Final = "permuted-within-label"
BY_SPEAKER: Final = "permuted-within-speaker"
PERMUTED: Final = ("permuted", BY_LABEL, BY_SPEAKER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What is shown under one condition; triples are of text, audio and video."""

    condition: str
    """Canonical."""
    shown: tuple[bool, bool, bool]
    resampled: tuple[bool, bool, bool] = (False, False, False)
    """Which tell what they tell of a donor, however it was drawn."""
    exchange: str | None = None
    """How the donor is drawn: one of `affidavit.interventions.operators.EXCHANGES`, where there is one."""
    additive: bool = False
    """Whether the reasoner is replaced by its projection without interactions."""
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
    if condition.operator in EXCHANGES:
        return _exchanged(plain, condition, condition.operator)
    if condition.operator == ADDITIVE:
        return _additive(plain, condition)
    if condition.operator in levels:
        return _rendered(plain, condition, levels[condition.operator])
    allowed = ", ".join((*EXCHANGES, ADDITIVE, *levels))
    raise ValueError(f"{text!r}: {condition.operator!r} is none of {allowed}")


def level_text(level: str) -> str:
    """Return a level as a condition writes it, without spaces.

    >>> level_text("75 and over")
    '75-and-over'
    """
    return "-".join(level.split())


def _exchanged(plain: Showing, condition: Condition, operator: str) -> Showing:
    letters = (condition.level or "").upper()
    if not letters or len(set(letters)) < len(letters) or not set(letters) <= condition.modalities:
        shown = "".join(letter for letter in MODALITIES if letter in condition.modalities)
        raise ValueError(f"{str(condition)!r}: {operator} names letters of {shown}, each once, as {operator}={shown}")
    level = "".join(letter for letter in MODALITIES if letter in letters)
    named = str(_with_level(condition, level))
    return replace(plain, condition=named, resampled=_flags(set(letters)), exchange=operator)


def _additive(plain: Showing, condition: Condition) -> Showing:
    if condition.level is not None:
        raise ValueError(f"{str(condition)!r}: {ADDITIVE} has no level")
    return replace(plain, condition=str(condition), additive=True)


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
