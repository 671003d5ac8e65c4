"""Language models of their genuine classes with weights from noise, and a tokenizer of bytes with the genuine marks.

What a model says then means nothing. How it is asked, scored, trained and timed depends on its shapes alone, so tests
and benchmarks need no weights: `tiny` in milliseconds, `large` in the published shape of Qwen2.5-Omni-7B.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

import torch

MARKS: Final = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>"),
    *("<|audio_bos|>", "<|AUDIO|>", "<|audio_eos|>", "<|vision_bos|>", "<|VIDEO|>", "<|vision_eos|>"),
    *("<|audio_start|>", "<|audio_pad|>", "<|audio_end|>", "<|vision_start|>", "<|video_pad|>", "<|vision_end|>"),
)
_WORDS: Final = (
    "You judge the emotion of the speaker of one turn of a conversation. The words of the turn: The voice of the turn: "
    "The pictures of the turn: The emotions are: anger, disgust, fear, joy, neutral, sadness, surprise. Answer with "
    "one word of the list and nothing else, as <answer>emotion</answer>. First write in one or two sentences what "
    "shows the emotion, as <think>what shows it</think>, then answer with one word. system user assistant"
)
_SPREAD: Final = 0.2
"""Standard deviation of the weights: at the published 0.02 a model of two layers hardly tells its inputs apart."""
Tiny = Literal["llama", "qwen2_audio", "qwen2_5_omni", "qwen3_omni"]


@cache
def byte_tokenizer() -> Any:  # noqa: ANN401 - transformers has no types
    """Return a tokenizer that can spell any text and knows the marks of every kind."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made: Any = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([_WORDS] * 2, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(MARKS),
    )


def tiny(kind: Tiny, *, seed: int = 0) -> Any:  # noqa: ANN401
    """Return a model of two layers in single precision, ready to judge."""
    torch.manual_seed(seed)
    return _TINY[kind]().eval()


def large(*, layers: int = 28, device: torch.device | str = "cuda") -> Any:  # noqa: ANN401
    """Return a Qwen2.5-Omni thinker in the published shape of the 7B (all 28 layers) in bf16, made on the device."""
    from transformers import Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerForConditionalGeneration

    config: Any = Qwen2_5OmniThinkerConfig()
    config.text_config.num_hidden_layers = layers
    for name, value in _places("<|audio_bos|>", "<|AUDIO|>", "<|audio_eos|>", "<|vision_bos|>", "<|VIDEO|>").items():
        setattr(config, name, value)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            return Qwen2_5OmniThinkerForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(before)


def _text(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - of a config
    tokenizer = byte_tokenizer()
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 48,
        "initializer_range": _SPREAD,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        **more,
    }


def _places(begin: str, place: str, end: str, see: str, video: str) -> dict[str, Any]:
    tokenizer = byte_tokenizer()
    names = {
        "audio_start_token_id": begin,
        "audio_token_id": place,
        "audio_end_token_id": end,
        "vision_start_token_id": see,
        "video_token_id": video,
        "image_token_id": "<|image_pad|>",
    }
    return {name: int(tokenizer.convert_tokens_to_ids(mark)) for name, mark in names.items()}


def _audio(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - of a config
    return {
        "d_model": 16,
        "encoder_layers": 1,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 24,
        "num_mel_bins": 16,
        "initializer_range": _SPREAD,
        **more,
    }


def _llama() -> Any:  # noqa: ANN401
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**_text()))


def _qwen2_audio() -> Any:  # noqa: ANN401
    from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

    config = Qwen2AudioConfig(
        audio_config={"model_type": "qwen2_audio_encoder", **_audio(max_source_positions=200)},
        text_config={"model_type": "qwen2", **_text()},
        audio_token_index=int(byte_tokenizer().convert_tokens_to_ids("<|AUDIO|>")),
    )
    return Qwen2AudioForConditionalGeneration(config)


def _rope(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - of a config
    return {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 1, 1], **more}


def _qwen2_5_omni() -> Any:  # noqa: ANN401
    from transformers import Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerForConditionalGeneration

    vision = {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_heads": 2,
        "patch_size": 14,
        "window_size": 56,
        "out_hidden_size": 32,
        "fullatt_block_indexes": [1],
        "initializer_range": _SPREAD,
    }
    config = Qwen2_5OmniThinkerConfig(
        audio_config=_audio(output_dim=32),
        vision_config=vision,
        text_config=_text(rope_parameters=_rope()),
        initializer_range=_SPREAD,
        **_places("<|audio_bos|>", "<|AUDIO|>", "<|audio_eos|>", "<|vision_bos|>", "<|VIDEO|>"),
    )
    return Qwen2_5OmniThinkerForConditionalGeneration(config)


def _qwen3_omni() -> Any:  # noqa: ANN401
    from transformers import Qwen3OmniMoeThinkerConfig, Qwen3OmniMoeThinkerForConditionalGeneration

    vision = {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_heads": 2,
        "patch_size": 16,
        "out_hidden_size": 32,
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0, 1],
        "initializer_range": _SPREAD,
    }
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 8}
    config = Qwen3OmniMoeThinkerConfig(
        audio_config=_audio(output_dim=32, downsample_hidden_size=8),
        vision_config=vision,
        text_config=_text(rope_parameters=_rope(mrope_interleaved=True, interleaved=True), **experts),
        initializer_range=_SPREAD,
        **_places("<|audio_start|>", "<|audio_pad|>", "<|audio_end|>", "<|vision_start|>", "<|video_pad|>"),
    )
    return Qwen3OmniMoeThinkerForConditionalGeneration(config)


_TINY: Final = {
    "llama": _llama,
    "qwen2_audio": _qwen2_audio,
    "qwen2_5_omni": _qwen2_5_omni,
    "qwen3_omni": _qwen3_omni,
}
