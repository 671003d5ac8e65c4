"""Gated recurrent cells of linear layers, so that the patient is dimension 0 of every layer that is trained.

`nn.GRU` and `nn.LSTM` have no gradients by row; these compute the same from the same weights, one step at a time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GruCell(nn.Module):
    """One step of a gated recurrent unit (Cho et al. 2014), gates in the order of `nn.GRUCell`."""

    def __init__(self, given: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.given, self.carried = nn.Linear(given, 3 * hidden), nn.Linear(hidden, 3 * hidden)

    def forward(self, given: Tensor, state: Tensor) -> Tensor:
        """Return the next state `[P, H]` from what is given `[P, D]` and the state before."""
        reset, update, new = self.given(given).chunk(3, dim=-1)
        reset_before, update_before, new_before = self.carried(state).chunk(3, dim=-1)
        kept = torch.sigmoid(update + update_before)
        candidate = torch.tanh(new + torch.sigmoid(reset + reset_before) * new_before)
        return (1 - kept) * candidate + kept * state


class LstmCell(nn.Module):
    """One step of a long short-term memory (Hochreiter, Schmidhuber 1997), gates in the order of `nn.LSTMCell`."""

    def __init__(self, given: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.given, self.carried = nn.Linear(given, 4 * hidden), nn.Linear(hidden, 4 * hidden)

    def forward(self, given: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next state and memory, `[P, H]` each."""
        gates = self.given(given) + self.carried(state)
        taken, kept, new, shown = gates.chunk(4, dim=-1)
        memory = torch.sigmoid(kept) * memory + torch.sigmoid(taken) * torch.tanh(new)
        return torch.sigmoid(shown) * torch.tanh(memory), memory


def begins(dialogue: Tensor) -> Tensor:
    """Return which turns begin a dialogue, `bool[P, U]`, from the number of each turn's dialogue."""
    first = torch.ones_like(dialogue, dtype=torch.bool)
    first[:, 1:] = dialogue[:, 1:] != dialogue[:, :-1]
    return first


def ends(dialogue: Tensor) -> Tensor:
    """Return which turns end a dialogue, `bool[P, U]`; what fills up a row counts as a dialogue of its own."""
    last = torch.ones_like(dialogue, dtype=torch.bool)
    last[:, :-1] = dialogue[:, 1:] != dialogue[:, :-1]
    return last
