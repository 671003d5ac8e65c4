"""What is judged and what is said of it: utterances, cues and judgements, held in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSpan:
    """A lazy handle on sound or pictures: a file, and the seconds of it that belong to the utterance."""

    path: Path
    start_s: float = 0.0
    end_s: float | None = None
    """To the end of the file where None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A piece of evidence that a rationale cites; its seconds count from the start of the utterance."""

    modality: str
    quote: str
    start_s: float | None = None
    end_s: float | None = None
    utterance_id: str | None = None
    """The turn of the dialogue in which it stands, where that is another one than the turn that it is a cue of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One turn of one speaker."""

    utterance_id: str
    speaker_id: str | None = None
    dialogue_id: str | None = None
    site: str | None = None
    unit_id: str | None = None
    """The patient whose privacy and independence count; the speaker where None."""
    speaker_role: str | None = None
    turn: int | None = None
    text: str | None = None
    audio: MediaSpan | None = None
    video: MediaSpan | None = None
    label: str | None = None
    soft_label: Mapping[str, float] = field(default_factory=dict)
    """The annotators' distribution over labels."""
    intensity: float | None = None
    sensitive: Mapping[str, str] = field(default_factory=dict)
    """Sensitive feature to level; a missing feature is unknown, never guessed."""
    consent: Mapping[str, bool] = field(default_factory=dict)
    """Modality to consent; an absent modality was not asked about."""
    rationales: Mapping[str, str] = field(default_factory=dict)
    """Reference rationales, by the instruction family that each answers (`explain` where the corpus knows one)."""
    cues: tuple[Cue, ...] = ()
    """The evidence that the reference rationale rests on."""
    evidence: frozenset[str] | None = None
    """The modalities (`text`, `audio`, `video`) that carry the emotion, where that is known; None where it is not.
    Empty where none of this turn's modalities does, and only the turns before it tell."""

    @property
    def unit(self) -> str:
        """Who is counted: the patient, else the speaker, else the utterance itself."""
        return self.unit_id or self.speaker_id or self.utterance_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a reasoner says of an utterance under one condition."""

    label: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    intensity: float | None = None
    rationale: str | None = None
    cues: tuple[Cue, ...] = ()
    modality_weights: Mapping[str, float] = field(default_factory=dict)
    instruction: str | None = None
