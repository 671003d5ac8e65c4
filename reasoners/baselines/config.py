"""What a baseline is made of, as a record that a checkpoint keeps."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, model_validator

from affidavit.records import Record
from reasoners.instructed.config import ModelConfig

Architecture = Literal["dialogue-rnn", "bc-lstm", "early-fusion"]
Reading = Literal["encoder", "convolutions"]
AHEAD: Final = frozenset({"bc-lstm"})
"""Architectures that read turns which come after the judged one."""


class BaselineConfig(Record):
    """One baseline."""

    architecture: Architecture
    perception: ModelConfig
    """Its encoders and its labels; it has no dialogue, no instruction and no writer of the instructed kind."""
    words: Reading = "encoder"
    """`encoder`: the text encoder of the perception; `convolutions`: windows of tokens, as the published models."""
    hidden: int = Field(default=64, ge=4)
    """Of the states that read the dialogue."""
    layers: int = Field(default=1, ge=1)
    """Layers that read the dialogue, of `early-fusion`."""
    dropout: float = Field(default=0.2, ge=0, lt=1)

    @model_validator(mode="after")
    def _perceives_alone(self) -> BaselineConfig:
        given = self.perception
        if given.backbone is not None or given.instructed or given.dialogue_layers:
            raise ValueError("perception: a baseline has encoders and labels, and no other part")
        if self.words == "convolutions" and given.text is not None and given.text.source is not None:
            raise ValueError("words: convolutions start from noise, and a source of the text encoder is named")
        if self.architecture == "early-fusion" and self.hidden % given.dialogue_heads:
            raise ValueError(f"hidden={self.hidden} is not a multiple of {given.dialogue_heads} heads")
        return self

    @property
    def reads_ahead(self) -> bool:
        """Whether a judgement rests on turns that come after the judged one too."""
        return self.architecture in AHEAD
