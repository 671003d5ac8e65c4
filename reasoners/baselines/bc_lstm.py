"""bcLSTM: a long short-term memory over a dialogue's turns, forwards and backwards.

What is judged of a turn is its state from the turns before, its state from the turns after, and a hidden layer over
both. A judgement therefore rests on what is said later, which a model that listens live does not have.

Source: Poria et al. 2017, "Context-dependent sentiment analysis in user-generated videos", section 3.2 (bc-LSTM); the
modalities are joined before it, without the published first stage of one network for each of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reasoners.baselines.reading import Turns
from reasoners.baselines.recurrent import LstmCell, begins, ends


class BcLstm(nn.Module):
    """Turns `[P, U, D]` into states `[P, U, H]`."""

    def __init__(self, given: int, hidden: int, *, dropout: float) -> None:
        super().__init__()
        self.width = hidden
        self.forwards, self.backwards = LstmCell(given, hidden), LstmCell(given, hidden)
        self.join = nn.Linear(2 * hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, turns: Turns) -> Tensor:
        """Return the state of each turn."""
        n_turns = turns.features.shape[1]
        earlier = _run(self.forwards, turns.features, begins(turns.dialogue), list(range(n_turns)))
        later = _run(self.backwards, turns.features, ends(turns.dialogue), list(reversed(range(n_turns))))
        both = self.dropout(torch.cat([earlier, later], dim=-1))
        joined: Tensor = torch.tanh(self.join(both))
        return joined


def _run(cell: LstmCell, features: Tensor, new: Tensor, order: list[int]) -> Tensor:
    """Return states `[P, U, H]`, the turns read in an order, from zero at each turn that is new."""
    state = features.new_zeros(len(features), cell.hidden)
    memory, states = state, dict[int, Tensor]()
    for t in order:
        goes_on = (~new[:, t]).to(features.dtype)[:, None]
        state, memory = cell(features[:, t], state * goes_on, memory * goes_on)
        states[t] = state
    return torch.stack([states[t] for t in sorted(states)], dim=1)
