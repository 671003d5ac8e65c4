"""DialogueRNN: what the dialogue is about, how each party stands, and the emotion that follows, as recurrent states.

At turn t of party s, with the turn's features u_t,

    g_t = GRU_global(g_(t-1), [u_t; q_(s, t-1)])
    c_t = sum over i < t of softmax_i(u_t' W g_i) g_i                (zeros at the first turn)
    q_(s, t) = GRU_party(q_(s, t-1), [u_t; c_t]);  the other parties keep their states
    e_t = GRU_emotion(e_(t-1), q_(s, t))

and e_t is what is judged. Every state is zero where a dialogue begins, so no dialogue reaches another one.

Source: Majumder et al. 2019, "DialogueRNN: an attentive RNN for emotion detection in conversations", section 3.2; the
plain variant, in one direction and without an update of the listeners.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from reasoners.baselines.reading import Turns
from reasoners.baselines.recurrent import GruCell, begins


class DialogueRnn(nn.Module):
    """Turns `[P, U, D]` into emotion states `[P, U, H]`."""

    def __init__(self, given: int, hidden: int, *, dropout: float) -> None:
        super().__init__()
        self.width = hidden
        self.topic, self.party = GruCell(given + hidden, hidden), GruCell(given + hidden, hidden)
        self.emotion = GruCell(hidden, hidden)
        self.attend = nn.Linear(given, hidden, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, turns: Turns) -> Tensor:
        """Return the emotion state of each turn."""
        features, n_turns = turns.features, turns.features.shape[1]
        speaking = one_hot(turns.speaker, int(turns.speaker.max()) + 1).to(features.dtype)
        new = begins(turns.dialogue)
        asked = self.attend(features)
        topic = features.new_zeros(len(features), self.width)
        parties = features.new_zeros(len(features), speaking.shape[2], self.width)
        emotion, told = topic, list[Tensor]()
        topics = list[Tensor]()
        for t in range(n_turns):
            goes_on = (~new[:, t]).to(features.dtype)[:, None]
            topic, emotion, parties = topic * goes_on, emotion * goes_on, parties * goes_on[:, None]
            own = (speaking[:, t, :, None] * parties).sum(1)
            context = _context(asked[:, t], topics, turns.dialogue, t)
            if t + 1 < n_turns:  # nothing rests on the last one, and hooks of gradients by row count on every call
                topic = self.topic(torch.cat([features[:, t], own], dim=-1), topic)
                topics.append(topic)
            stands = self.party(torch.cat([features[:, t], context], dim=-1), own)
            parties = parties + speaking[:, t, :, None] * (stands - own)[:, None]
            emotion = self.emotion(self.dropout(stands), emotion)
            told.append(emotion)
        return torch.stack(told, dim=1)


def _context(asked: Tensor, topics: list[Tensor], dialogue: Tensor, t: int) -> Tensor:
    """Return what a turn attends to of the dialogue's states before it, `[P, H]`; zeros where there is none."""
    if not topics:
        return torch.zeros_like(asked)
    before = torch.stack(topics, dim=1)
    same = dialogue[:, :t] == dialogue[:, t : t + 1]
    scores = torch.einsum("ph,pth->pt", asked, before).masked_fill(~same, torch.finfo(asked.dtype).min)
    shares = scores.softmax(-1) * same
    return torch.einsum("pt,pth->ph", shares, before)
