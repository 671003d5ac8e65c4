"""What a plan may say of judging with a language model, and of training adapters for one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from affidavit.conditions import modality_subsets
from affidavit.records import Record
from reasoners.language.adapters import LoraOptions
from reasoners.language.rewriting import Writer

INSTRUCTION = "explain"


class Asking(Record):
    """How a language model is asked."""

    instruction: str = INSTRUCTION
    """A family of instructions (`evidence`, `temporal`, `evolution`, `explain`) or words of your own."""
    reasoning: Literal["before", "none"] = "before"
    """Whether the model writes what shows the emotion before it answers; without, it answers at once and gives no
    rationale."""
    answer: Literal["scored", "written"] = "scored"
    """The label with the highest score behind the reasoning, or the one that the model itself writes: what cannot be
    read of the latter is counted as not judged. Probabilities are those of the scores either way."""
    history: int = Field(default=2, ge=0)
    """Turns before the judged one whose words are told, where words are shown."""
    max_tokens: int = Field(default=96, ge=1)
    """Tokens that are written at most."""
    temperature: float = Field(default=0.0, ge=0)
    """0 takes the likeliest token, the same every time; above it, what is written is drawn by the run's seed."""
    n_frames: int = Field(default=8, ge=2, multiple_of=2)
    """Pictures of a turn that are looked at."""
    frame_size: int = Field(default=224, ge=28)
    """Pixels a side that they are brought to, rounded to what the model's patches ask for."""
    max_s: float = Field(default=30.0, gt=0, le=120)
    """Seconds of sound that are heard, from the beginning of the turn."""


class Scope(Record):
    """Whom a plan has judged, and under which conditions."""

    conditions: tuple[str, ...] = Field(default=tuple(str(condition) for condition in modality_subsets()), min_length=1)
    """What is shown: subsets of the modalities, degraded ones such as `TAV/noise=10dB`, words and media changed as in
    `TAV/hint=joy` or `TAV/resampled=V`, and the reasoning itself: `TAV/early=0.5`, `TAV/filler`, and with a `rewriter`
    `TAV/mistake=0.5` and `TAV/paraphrase`."""
    subset: int | None = Field(default=None, ge=1)
    """So many utterances alone, drawn by `subset_seed`; the report says how many of how many."""
    subset_seed: int = Field(default=0, ge=0)


class JudgingOptions(Asking, Scope):
    """What a plan may say of judging with a language model."""

    checkpoint: str | None = None
    """The folder that a training of adapters left, relative to the plan; it brings the model with it."""
    utterances: Literal["held-out", "all"] = "held-out"
    """Of a model with a checkpoint: whom it was not trained on, or everybody."""
    batch: int = Field(default=8, ge=1)
    """Prompts that are read together; changes speed and memory, and the last digits of scores."""
    rewriter: Writer | None = None
    """Who writes the reasoning anew under `TAV/mistake=0.5` and `TAV/paraphrase`: `lexical` (word lists, English) or
    `self` (the judged model, asked for it). Without one these conditions are refused: their worth is their writer's."""


class TrainingOptions(Asking):
    """What a plan may say of a language model whose adapters are to be trained."""

    lora: LoraOptions = Field(default_factory=LoraOptions)
    explanation: float = Field(default=0.5, ge=0)
    """Weight of the reference rationale's tokens beside those of the answer."""
