"""Writes the reason: a causal language model behind a soft prefix of what the model perceived and concluded.

The prefix of a turn is six states: the instruction, the dialogue state, the aligned state, and the states of words,
voice and face. A modality that is not shown has a learnt state of its own in its place, so nothing of it gets through.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reasoners.instructed.packing import packed, positions, unpacked, within_utterances

PREFIX: Final = 6
IGNORED: Final = -100


class RationaleHead(nn.Module):
    """Soft prefix and language model."""

    def __init__(self, model: nn.Module, *, hidden: int, width: int) -> None:
        super().__init__()
        self.model: Any = model
        self.project = nn.ModuleList(nn.Linear(hidden, width) for _ in range(PREFIX))
        self.absent = nn.Embedding(3, hidden)

    def prefix(self, instruction: Tensor, dialogue: Tensor, aligned: Tensor, states: Tensor, shown: Tensor) -> Tensor:
        """Return `[P, U, 6, W]` from `[P, D]`, `[P, U, D]`, `[P, U, D]`, `[P, U, 3, D]` and `bool[P, U, 3]`."""
        which = torch.arange(3, device=states.device).expand(states.shape[:3])
        seen = torch.where(shown.unsqueeze(-1), states, self.absent(which))
        parts = [instruction[:, None].expand_as(dialogue), dialogue, aligned, *seen.unbind(2)]
        projected = [project(part) for project, part in zip(self.project, parts, strict=True)]
        return torch.stack(projected, dim=2)

    def logits(self, prefix: Tensor, tokens: Tensor, known: Tensor) -> Tensor:
        """Return scores of each token of the rationales, `[P, U, R, V]`; row r is predicted from what precedes it.

        `tokens` are `[P, U, R]`, `known` says which are there.
        """
        embedded = self.model.get_input_embeddings()(packed(tokens))
        embedded = unpacked(embedded, tokens.shape[1])
        sequence = torch.cat([prefix.to(embedded.dtype), embedded], dim=2)
        there = torch.cat([torch.ones_like(prefix[..., 0], dtype=torch.bool), known], dim=2)
        n_patients, n_utterances, n_tokens = there.shape
        scores: Tensor = self.model(
            inputs_embeds=packed(sequence),
            attention_mask=_additive(within_utterances(there, causal=True), embedded.dtype),
            position_ids=positions(n_patients, n_utterances, n_tokens, device=tokens.device),
            use_cache=False,
        ).logits
        return unpacked(scores, n_utterances)[:, :, PREFIX - 1 : -1]

    @torch.no_grad()
    def write(self, prefix: Tensor, *, max_tokens: int, end: int) -> Tensor:
        """Return tokens `[N, R]` written greedily after prefixes `[N, 6, W]`, filled up with `end`."""
        dtype = self.model.get_input_embeddings().weight.dtype
        written: Tensor = self.model.generate(
            inputs_embeds=prefix.to(dtype),
            attention_mask=torch.ones(prefix.shape[:2], dtype=torch.long, device=prefix.device),
            max_new_tokens=max_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=end,
            eos_token_id=end,
        )
        return written


def _additive(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the mask as what is added to scores: language models of every class read that form."""
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill(~allowed, torch.finfo(dtype).min)


def explanation_loss(logits: Tensor, tokens: Tensor, known: Tensor) -> Tensor:
    """Return the mean cross entropy of each turn's rationale in nats a token, `[P, U]`; 0 where there is none."""
    wanted = torch.where(known, tokens, IGNORED)
    flat = cross_entropy(logits.flatten(0, 2).float(), wanted.flatten(), ignore_index=IGNORED, reduction="none")
    return flat.view_as(tokens).sum(-1) / known.sum(-1).clamp(min=1)
