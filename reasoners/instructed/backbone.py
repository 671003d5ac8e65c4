"""The causal language model behind a rationale: from noise, from a package, from a folder; whole or with adapters."""

from __future__ import annotations

import warnings
from typing import Any, Final

import torch
from torch import nn
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, PreTrainedModel, Qwen2Config

from reasoners.instructed.config import BackboneConfig, LoraConfig
from reasoners.instructed.pretrained import model_folder

_DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_ADAPTED: Final = ["q_proj", "v_proj"]
_ROOM: Final = 4096


def backbone(config: BackboneConfig, *, vocabulary: int, load: bool) -> nn.Module:
    """Return the model, its own parameters frozen where there are adapters."""
    dtype = _DTYPES[config.dtype]
    if config.source is not None and load:
        model: Any = AutoModelForCausalLM.from_pretrained(model_folder(config.source), dtype=dtype)
    else:
        # in its dtype and on torch's default device from the start: a float32 copy of 7B would be another 30 GB
        model = AutoModelForCausalLM.from_config(_shape(config, vocabulary), dtype=dtype)
    return model if config.lora is None else _adapted(model, config.lora)


def _shape(config: BackboneConfig, vocabulary: int) -> PreTrainedConfig:
    shape: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads or config.heads,
        "intermediate_size": config.intermediate,
        "max_position_embeddings": _ROOM,
        "tie_word_embeddings": True,
    }
    return Qwen2Config(**shape) if config.architecture == "qwen2" else LlamaConfig(**shape)


def _adapted(model: PreTrainedModel, lora: LoraConfig) -> nn.Module:
    import peft

    shape = peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, target_modules=_ADAPTED, task_type=peft.TaskType.CAUSAL_LM
    )
    with warnings.catch_warnings():  # transformers warns of an attribute that peft still asks for
        warnings.filterwarnings("ignore", message=".is_gradient_checkpointing. is deprecated", category=FutureWarning)
        return peft.get_peft_model(model, shape)
