"""Sound into one state per utterance: convolutions over log-mel frames, and functionals, either or both.

The convolutions are unfold and linear, whose per-patient gradients Opacus computes as it does any linear layer's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from reasoners.instructed.config import AudioEncoderConfig

_MELS = 40
_WINDOWS = ((8, 4), (4, 2), (3, 2))
"""Width and stride of each convolution, in frames: with hops of 10 ms, each last state hears about 0.35 s."""


_THINNED = 0.5
"""Share of the functionals hidden in training: there are hundreds of them, and they tell much the same."""


class AudioEncoder(nn.Module):
    """Mean and maximum over time of the convolved frames, beside the functionals: into `[P, U, D]`."""

    def __init__(self, config: AudioEncoderConfig, *, hidden: int, n_functionals: int, dropout: float) -> None:
        super().__init__()
        self.hears_frames = "log-mel" in config.features
        self.hears_functionals = bool({"functionals", "egemaps"} & set(config.features))
        width = 0
        if self.hears_frames:
            sizes = [_MELS, *[config.hidden] * len(_WINDOWS)]
            self.convolutions = nn.ModuleList(
                nn.Linear(window * size, config.hidden) for (window, _), size in zip(_WINDOWS, sizes, strict=False)
            )
            self.norms = nn.ModuleList(nn.LayerNorm(config.hidden) for _ in _WINDOWS)
            width += 2 * config.hidden
        if self.hears_functionals:
            self.functionals = nn.Linear(n_functionals, config.hidden)
            width += config.hidden
        self.dropout, self.thin = nn.Dropout(dropout), nn.Dropout(_THINNED)
        self.project = nn.Linear(width, hidden)

    def forward(self, mel: Tensor, n_frames: Tensor, functionals: Tensor) -> Tensor:
        """Return `[P, U, D]` from frames `[P, U, T, 40]`, how many are real `[P, U]`, and functionals `[P, U, F]`."""
        parts = []
        if self.hears_frames:
            parts += self._pooled(mel, n_frames)
        if self.hears_functionals:
            parts.append(gelu(self.functionals(self.thin(functionals))))
        projected: Tensor = self.project(self.dropout(torch.cat(parts, dim=-1)))
        return projected

    def _pooled(self, states: Tensor, n_frames: Tensor) -> list[Tensor]:
        for (window, stride), convolution, norm in zip(_WINDOWS, self.convolutions, self.norms, strict=True):
            if states.shape[2] < window:
                states = nn.functional.pad(states, (0, 0, 0, window - states.shape[2]))
            unfolded = states.unfold(2, window, stride).flatten(-2)
            states = gelu(norm(convolution(unfolded)))
            n_frames = ((n_frames - window).clamp(min=0) // stride) + 1
        heard = torch.arange(states.shape[2], device=states.device) < n_frames[..., None]
        weight = heard.unsqueeze(-1).to(states.dtype)
        mean = (states * weight).sum(2) / weight.sum(2).clamp(min=1)
        highest = states.masked_fill(~heard.unsqueeze(-1), torch.finfo(states.dtype).min).amax(2)
        return [mean, highest]
