"""Brings the modalities of a turn into one state: three weights for all, or weights that depend on what is perceived.

The paper's form, `alpha = softmax(w)` with one scalar a modality, is the same for every utterance: it cannot turn away
from noise, whatever its text claims. The gate scores each modality's own state beside the others'. Both are here, by
name, so that they can be compared.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

N_MODALITIES = 3


class GlobalWeights(nn.Module):
    """Kumbhar's alignment: three learnt scalars, softmax over those that are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Embedding(N_MODALITIES, 1)
        nn.init.zeros_(self.score.weight)

    def forward(self, states: Tensor, shown: Tensor) -> Tensor:
        """Return weights `[P, U, 3]` from states `[P, U, 3, D]` and `bool[P, U, 3]`."""
        which = torch.arange(N_MODALITIES, device=states.device).expand(states.shape[:3])
        return _softmax_over(self.score(which).squeeze(-1), shown)


class Gate(nn.Module):
    """Scores from a small network over a modality's state, the mean of the shown ones, and which modality it is."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.kind = nn.Embedding(N_MODALITIES, hidden)
        self.inner = nn.Linear(3 * hidden, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, states: Tensor, shown: Tensor) -> Tensor:
        """Return weights `[P, U, 3]` from states `[P, U, 3, D]` and `bool[P, U, 3]`."""
        which = torch.arange(N_MODALITIES, device=states.device).expand(states.shape[:3])
        counted = shown.unsqueeze(-1).to(states.dtype)
        mean = (states * counted).sum(2, keepdim=True) / counted.sum(2, keepdim=True).clamp(min=1)
        seen = torch.cat([states, mean.expand_as(states), self.kind(which)], dim=-1)
        return _softmax_over(self.score(torch.tanh(self.inner(seen))).squeeze(-1), shown)


class Alignment(nn.Module):
    """One state a turn: the weighted sum of its modalities' states, behind a norm of each."""

    def __init__(self, hidden: int, *, gated: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.weigh = Gate(hidden) if gated else GlobalWeights()
        self.nothing = nn.Embedding(1, hidden)

    def forward(self, states: Tensor, shown: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return aligned states `[P, U, D]`, weights `[P, U, 3]` (zero where not shown) and normed states.

        A turn of which nothing is shown gets a state that is learnt, not one of zeros.
        """
        normed = self.norm(states)
        weights = self.weigh(normed, shown)
        aligned = (weights.unsqueeze(-1) * normed).sum(2)
        empty = ~shown.any(-1, keepdim=True)
        learnt = self.nothing(torch.zeros(shown.shape[:2], dtype=torch.long, device=shown.device))
        return torch.where(empty, learnt, aligned), weights, normed


def _softmax_over(scores: Tensor, shown: Tensor) -> Tensor:
    """Return softmax over what is shown; all zeros where nothing is."""
    hidden = scores.masked_fill(~shown, torch.finfo(scores.dtype).min)
    return hidden.softmax(-1) * shown
