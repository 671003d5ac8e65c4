"""Writes what a model thinks before it answers, behind prompts that it has read; the same every time by default.

At temperature 0 the likeliest token is taken. Above it each row draws from a seed of its own, so that what is written
of one utterance does not depend on who is judged beside it, but for the last digits of its scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from reasoners.language.prefix import Prefix

STOP: Final = ("</answer>", "</think>")
"""Where writing ends: what comes behind the thinking is scored, not written, unless the answer is wanted in words."""
_TAIL: Final = 12
"""Tokens that a closing tag has at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How is written."""

    max_tokens: int
    temperature: float = 0.0
    stop: str = "</answer>"


def written(
    model: Any,  # noqa: ANN401 - of any class
    tokenizer: Any,  # noqa: ANN401
    prefix: Prefix,
    style: Style,
    *,
    seeds: Sequence[int],
) -> list[str]:
    """Return what is written behind each row, up to and with the tag that ends it, or the model's own end."""
    ends = _ends(model, tokenizer)
    rngs = [np.random.default_rng(seed) for seed in seeds]
    tokens: list[list[int]] = [[] for _ in seeds]
    open_ = torch.ones(len(seeds), dtype=torch.bool)
    for _ in range(style.max_tokens):
        chosen = _chosen(prefix.last, style.temperature, rngs)
        for row, token in enumerate(chosen):
            if open_[row]:
                tokens[row].append(token)
                tail = tokenizer.decode(tokens[row][-_TAIL:])
                open_[row] = token not in ends and style.stop not in tail
        if not open_.any():
            break
        device = prefix.mask.device
        ids = torch.tensor(chosen, device=device)[:, None]
        prefix, _ = prefix.continued(model, ids, open_[:, None].to(device))
    return [tokenizer.decode([token for token in row if token not in ends]) for row in tokens]


def _chosen(last: Tensor, temperature: float, rngs: Sequence[np.random.Generator]) -> list[int]:
    if temperature == 0:
        taken: list[int] = last.argmax(-1).tolist()
        return taken
    shares = (last.double() / temperature).softmax(-1).cpu().numpy()
    return [
        int(np.searchsorted(np.cumsum(row), rng.random() * row.sum())) for row, rng in zip(shares, rngs, strict=True)
    ]


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:  # noqa: ANN401
    told = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    listed = told if isinstance(told, list) else [told]
    return frozenset(int(token) for token in (*listed, tokenizer.eos_token_id) if token is not None)
