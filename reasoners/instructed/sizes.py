"""Four sizes by name, one code: only records differ.

`tiny` starts from noise and trains on two cores in two minutes. `small` is made of pretrained parts that come as
packages. `base` and `full` take weights from a folder or a hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reasoners.instructed.config import (
    AudioEncoderConfig,
    BackboneConfig,
    LoraConfig,
    ModelConfig,
    TextEncoderConfig,
    VisualEncoderConfig,
)

_ANY: Final = ("negative", "positive")
"""Stands in until the corpus names its labels."""

SIZES: Final[Mapping[str, ModelConfig]] = MappingProxyType(
    {
        "tiny": ModelConfig(size="tiny", label_space=_ANY),
        "small": ModelConfig(
            size="small",
            label_space=_ANY,
            hidden=192,
            text=TextEncoderConfig(source="minilm", trained=False, hidden=384, layers=6, heads=12, max_tokens=128),
            audio=AudioEncoderConfig(hidden=128),
            visual=VisualEncoderConfig(architecture="fer", hidden=128),
            backbone=BackboneConfig(
                source="smollm2", hidden=576, layers=30, heads=9, kv_heads=3, intermediate=1536, lora=LoraConfig()
            ),
        ),
        "base": ModelConfig(
            size="base",
            label_space=_ANY,
            hidden=512,
            text=TextEncoderConfig(
                source="roberta-base", trained=False, hidden=768, layers=12, heads=12, max_tokens=128
            ),
            audio=AudioEncoderConfig(hidden=256),
            visual=VisualEncoderConfig(architecture="resnet", source="microsoft/resnet-50", hidden=256, size=224),
            dialogue_layers=2,
            dialogue_heads=8,
            backbone=BackboneConfig(
                source="meta-llama/Llama-3.2-1B-Instruct",
                hidden=2048,
                layers=16,
                heads=32,
                kv_heads=8,
                intermediate=8192,
                lora=LoraConfig(),
                dtype="bfloat16",
                max_tokens=96,
            ),
        ),
        "full": ModelConfig(
            size="full",
            label_space=_ANY,
            hidden=768,
            text=TextEncoderConfig(
                source="roberta-base", trained=False, hidden=768, layers=12, heads=12, max_tokens=128
            ),
            audio=AudioEncoderConfig(hidden=384),
            visual=VisualEncoderConfig(architecture="resnet", source="microsoft/resnet-50", hidden=384, size=224),
            dialogue_layers=4,
            dialogue_heads=12,
            backbone=BackboneConfig(
                source="Qwen/Qwen2.5-7B-Instruct",
                architecture="qwen2",
                hidden=3584,
                layers=28,
                heads=28,
                kv_heads=4,
                intermediate=18944,
                vocabulary=152064,
                lora=LoraConfig(rank=16, alpha=32),
                dtype="bfloat16",
                max_tokens=160,
            ),
        ),
    }
)
