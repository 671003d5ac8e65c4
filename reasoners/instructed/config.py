"""What a model is made of, as records that a checkpoint keeps; `sizes.py` names four of them.

Every record is complete: two models with equal records have equal parameters in number and shape.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.records import Record

AcousticFeature = Literal["log-mel", "functionals", "egemaps"]


class TextEncoderConfig(Record):
    """A RoBERTa-class encoder; trained from nothing where no source is named, frozen where one is."""

    source: str | None = None
    """A folder of weights, a hub id, or `minilm` (the package of the extra `models`); None starts from noise."""
    trained: bool = True
    hidden: int = Field(default=96, ge=8)
    layers: int = Field(default=1, ge=1)
    heads: int = Field(default=4, ge=1)
    max_tokens: int = Field(default=48, ge=4)
    """Longer transcripts are cut at the end, and the report says how many were."""


class AudioEncoderConfig(Record):
    """Log-mel frames through convolutions written as unfold and linear, and functionals through a linear layer."""

    features: tuple[AcousticFeature, ...] = Field(default=("log-mel", "functionals"), min_length=1)
    hidden: int = Field(default=96, ge=8)
    max_s: float = Field(default=8.0, gt=0)
    """Of a longer utterance, the first seconds are heard by the convolutions; functionals hear all of it."""


class VisualEncoderConfig(Record):
    """Frames of a face: patches trained from nothing, the FER network, or a ResNet; the last two frozen."""

    architecture: Literal["patches", "fer", "resnet"] = "patches"
    source: str | None = None
    """A folder of ResNet weights or a hub id; the FER network comes with its package."""
    hidden: int = Field(default=96, ge=8)
    n_frames: int = Field(default=8, ge=1)
    size: int = Field(default=64, ge=16)


class LoraConfig(Record):
    """Low-rank adapters of the backbone's attention."""

    rank: int = Field(default=8, ge=1)
    alpha: int = Field(default=16, ge=1)


class BackboneConfig(Record):
    """A causal language model that writes the rationale after a soft prefix of the dialogue's states."""

    source: str | None = None
    """A folder of weights, a hub id, or `smollm2` (the package of the extra `models`); None starts from noise."""
    architecture: Literal["llama", "qwen2"] = "llama"
    hidden: int = Field(default=128, ge=8)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    kv_heads: int | None = None
    """As many as heads where None."""
    intermediate: int = Field(default=256, ge=8)
    vocabulary: int | None = None
    """Tokens of a backbone that starts from noise without a tokenizer of its own (measurements only)."""
    lora: LoraConfig | None = None
    """Adapters; without them the whole backbone is trained."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    max_tokens: int = Field(default=56, ge=4)
    """Tokens of a rationale, at most."""


class ModelConfig(Record):
    """One reasoner. The switches at the end are the paper's ablations."""

    size: str = "tiny"
    label_space: tuple[str, ...] = Field(min_length=2)
    hidden: int = Field(default=96, ge=8)
    """Of the aligned states, [patient, utterance, hidden]."""
    text: TextEncoderConfig | None = TextEncoderConfig()
    audio: AudioEncoderConfig | None = AudioEncoderConfig()
    visual: VisualEncoderConfig | None = VisualEncoderConfig()
    alignment: Literal["gate", "global"] = "gate"
    """`global`: three weights for all (the paper's form); `gate`: weights that depend on what is heard and seen."""
    dialogue_layers: int = Field(default=1, ge=0)
    """Layers of the transformer over the dialogue's turns; 0 judges each turn alone."""
    dialogue_heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    instructed: bool = True
    backbone: BackboneConfig | None = BackboneConfig()
    """None judges without giving a reason."""

    @model_validator(mode="after")
    def _coherent(self) -> ModelConfig:
        if self.text is None and self.audio is None and self.visual is None:
            raise ValueError("a model needs at least one of text, audio and visual")
        if self.hidden % self.dialogue_heads:
            raise ValueError(f"hidden={self.hidden} is not a multiple of dialogue_heads={self.dialogue_heads}")
        if len(set(self.label_space)) != len(self.label_space):
            raise ValueError("label_space names a label twice")
        return self

    @property
    def modalities(self) -> tuple[str, ...]:
        """The letters of the modalities that the model can take in, of T, A, V."""
        parts = {"T": self.text, "A": self.audio, "V": self.visual}
        return tuple(letter for letter, part in parts.items() if part is not None)
