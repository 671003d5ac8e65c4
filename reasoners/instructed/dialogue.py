"""The transformer over a dialogue's turns, with the instruction in front: each turn sees itself and what came before.

Causal, so that a judgement of turn t rests on nothing that was said later, and a rationale cites only what there was.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reasoners.instructed.attention import TransformerLayer, sinusoids
from reasoners.instructed.packing import within_dialogues


class DialogueEncoder(nn.Module):
    """Aligned turns `[P, U, D]` and an instruction `[P, D]` into dialogue states `[P, U, D]`."""

    def __init__(self, hidden: int, *, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransformerLayer(hidden, heads, dropout=dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, turns: Tensor, instruction: Tensor, dialogue: Tensor, known: Tensor) -> Tensor:
        """Return states; `dialogue` numbers the dialogues of a patient `[P, U]`, `known` says which turns there are."""
        if not self.layers:
            alone: Tensor = self.norm(turns)
            return alone
        places = sinusoids(turns.shape[1], turns.shape[2], device=turns.device).to(turns.dtype)
        states = torch.cat([instruction[:, None], turns + places[_turn_numbers(dialogue)]], dim=1)
        allowed = within_dialogues(dialogue, known)
        for layer in self.layers:
            states = layer(states, allowed)
        normed: Tensor = self.norm(states[:, 1:])
        return normed


def _turn_numbers(dialogue: Tensor) -> Tensor:
    """Return the number of each turn within its dialogue, from 0; turns of a dialogue stand together."""
    steps = torch.arange(dialogue.shape[1], device=dialogue.device).expand_as(dialogue)
    starts = torch.ones_like(dialogue, dtype=torch.bool)
    starts[:, 1:] = dialogue[:, 1:] != dialogue[:, :-1]
    return steps - torch.where(starts, steps, 0).cummax(dim=1).values
