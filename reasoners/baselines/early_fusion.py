"""Early fusion: the modalities of a turn are joined into one vector, and a transformer reads the turns.

Each turn sees itself and the turns before it. In front stands one learnt state, so that a first turn has something to
attend to beside itself.

Source: Vaswani et al. 2017 over joined features, the early-fusion form that Tsai et al. 2019 (MulT, section 4.1) put
beside theirs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reasoners.baselines.reading import Turns
from reasoners.instructed.dialogue import DialogueEncoder


class EarlyFusion(nn.Module):
    """Turns `[P, U, D]` into states `[P, U, H]`."""

    def __init__(self, given: int, hidden: int, *, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width = hidden
        self.enter = nn.Linear(given, hidden)
        self.front = nn.Embedding(1, hidden)
        self.read = DialogueEncoder(hidden, layers=layers, heads=heads, dropout=dropout)

    def forward(self, turns: Turns) -> Tensor:
        """Return the state of each turn."""
        at = torch.zeros(len(turns.features), dtype=torch.long, device=turns.features.device)
        states: Tensor = self.read(self.enter(turns.features), self.front(at), turns.dialogue, turns.known)
        return states
