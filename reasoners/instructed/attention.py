"""One pre-norm transformer layer of plain linear projections and scaled-dot-product attention.

Written out because `nn.MultiheadAttention` is refused by Opacus, and what Opacus puts in its place computes something
else where the batch comes first (docs/sharp-edges.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward network, each behind a norm and beside a shortcut."""

    def __init__(self, hidden: int, heads: int, *, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(hidden)
        self.query, self.key, self.value, self.out = (nn.Linear(hidden, hidden) for _ in range(4))
        self.forward_norm = nn.LayerNorm(hidden)
        self.widen, self.narrow = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, allowed: Tensor) -> Tensor:
        """Return new states `[P, S, D]`; `allowed` is `bool[P, 1, S, S]`."""
        states = states + self.dropout(self._attended(self.attention_norm(states), allowed))
        inner: Tensor = self.narrow(self.dropout(gelu(self.widen(self.forward_norm(states)))))
        out: Tensor = states + self.dropout(inner)
        return out

    def _attended(self, states: Tensor, allowed: Tensor) -> Tensor:
        query, key, value = (
            projection(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(-2))
        return out


def sinusoids(n: int, hidden: int, *, device: torch.device) -> Tensor:
    """Return positions `[n, hidden]` of any length without a parameter (Vaswani 2017, section 3.5)."""
    rates = torch.exp(torch.arange(0, hidden, 2, device=device) * (-torch.log(torch.tensor(10_000.0)).item() / hidden))
    angles = torch.arange(n, device=device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :hidden]
