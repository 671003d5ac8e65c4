"""The operators that a condition can name, by modality, and the one object that applies them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from affidavit.conditions import MODALITIES, Condition
from affidavit.degradations.codecs import CODECS, through_codec
from affidavit.degradations.levels import LevelKind, NoLevel, OneOf, Quantity, Share, read_level
from affidavit.degradations.noise import add_noise
from affidavit.degradations.pictures import blur, drop_frames, freeze
from affidavit.degradations.transcripts import mishear
from affidavit.degradations.waveforms import clip, truncate
from affidavit.errors import PlanError
from affidavit.media.frames import Frames
from affidavit.media.sound import Sound
from affidavit.yaml_files import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A pure function of an input, a level and a generator (and, for text, a vocabulary), and the levels it takes."""

    modality: str
    """`T`, `A` or `V`, as in a condition."""
    change: Callable[..., Any]
    level: LevelKind


OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {
        "noise": Operator(
            modality="A",
            change=add_noise,
            level=Quantity(unit="dB", low=-20, high=60, example="10dB", meaning="signal-to-noise ratio"),
        ),
        "codec": Operator(modality="A", change=through_codec, level=OneOf(names=tuple(CODECS))),
        "clipping": Operator(
            modality="A",
            change=clip,
            level=Quantity(unit="dB", low=0, high=60, example="12dB", meaning="how far the peaks are cut"),
        ),
        "truncated": Operator(modality="A", change=truncate, level=Share(meaning="the end that is missing")),
        "dropped-frames": Operator(modality="V", change=drop_frames, level=Share(meaning="frames lost")),
        "frozen-face": Operator(modality="V", change=freeze, level=NoLevel()),
        "blur": Operator(
            modality="V",
            change=blur,
            level=Quantity(unit="", low=0, high=64, example="2.5", meaning="standard deviation in pixels"),
        ),
        "transcript-errors": Operator(modality="T", change=mishear, level=Share(meaning="errors per word")),
    }
)
"""Every operator that degrades an input; the one place to add another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """One operator at one level, ready to be applied; a modality that it does not touch passes unchanged."""

    condition: Condition
    operator: str
    level: float | str

    @property
    def modality(self) -> str:
        """What it degrades: `text`, `audio` or `video`."""
        return MODALITIES[OPERATORS[self.operator].modality]

    def apply_to_sound(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """Return the sound as it is heard under the condition.

        Raises:
            PlanError: the condition has no audio.
            MediaError: this sound cannot be degraded so (noise over digital silence).
        """
        self._require("A")
        changed: Sound = self._operator.change(sound, self.level, rng) if self._operator.modality == "A" else sound
        return changed

    def apply_to_frames(self, frames: Frames, rng: np.random.Generator) -> Frames:
        """Return the pictures as they are seen under the condition.

        Raises:
            PlanError: the condition has no video.
        """
        self._require("V")
        changed: Frames = self._operator.change(frames, self.level, rng) if self._operator.modality == "V" else frames
        return changed

    def apply_to_text(self, text: str, rng: np.random.Generator, vocabulary: Sequence[str]) -> str:
        """Return the words as they are read under the condition; `vocabulary` is what may be misheard for them.

        Raises:
            PlanError: the condition has no text.
        """
        self._require("T")
        if self._operator.modality != "T":
            return text
        changed: str = self._operator.change(text, self.level, rng, vocabulary)
        return changed

    @property
    def _operator(self) -> Operator:
        return OPERATORS[self.operator]

    def _require(self, letter: str) -> None:
        if letter not in self.condition.modalities:
            raise _without(self.condition, letter, f"{MODALITIES[letter]} was to be degraded")


def degradation(condition: Condition) -> Degradation | None:
    """Return what a condition does to its input, None where it names no operator.

    Raises:
        PlanError: the operator is unknown, its level does not read, or the condition lacks the modality it degrades.
    """
    if condition.operator is None:
        return None
    operator = OPERATORS.get(condition.operator)
    if operator is None:
        raise PlanError(
            f"{condition.operator!r} is no operator that degrades an input"
            f"{did_you_mean(condition.operator, list(OPERATORS))}",
            slug="plan-impossible",
            where=f"condition {condition}",
            allowed="; ".join(f"{name}: {known.level.allowed}" for name, known in OPERATORS.items()),
            remedy="correct the condition in the plan",
        )
    level = read_level(operator.level, condition.level, operator=condition.operator, condition=str(condition))
    if operator.modality not in condition.modalities:
        raise _without(condition, operator.modality, f"{condition.operator!r} degrades {MODALITIES[operator.modality]}")
    return Degradation(condition=condition, operator=condition.operator, level=level)


def _without(condition: Condition, letter: str, what: str) -> PlanError:
    return PlanError(
        f"{what}, and the condition has none",
        slug="plan-impossible",
        where=f"condition {condition}",
        allowed=f"conditions with {letter}",
        remedy=f"add {letter} to the condition, or take the operator away",
    )
