"""What a verifier is made of, and how it is fitted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from affidavit.records import Record

EncoderName = Literal["words", "minilm"]


class VerifierConfig(Record):
    """The shape of a verifier, as its checkpoint keeps it."""

    encoder: EncoderName = "words"
    buckets: int = Field(default=4096, ge=64)
    """Of the encoder `words`: places that words and pairs of words share by their hash."""
    width: int = Field(default=16, ge=2)
    pretrained: str | None = None
    """Digest of the encoder's own weights, where it came with some."""


class FittingOptions(Record):
    """How a verifier is fitted and tested."""

    encoder: EncoderName = "words"
    """`words`: an encoder of its own, learnt from the sentences alone, 260 kB. `minilm`: a head over the frozen
    all-MiniLM-L6-v2 of the extra `models`, which knows words that the sentences lack."""
    epochs: int = Field(default=20, ge=1)
    """Passes over the sentences; more where that makes fewer than `least_steps` steps."""
    least_steps: int = Field(default=300, ge=1)
    batch: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=0.05, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    folds: int = Field(default=5, ge=2)
    """Parts into which the units are dealt; each is judged by a verifier that never met it."""
    seed: int = Field(default=0, ge=0)
