"""A turn of a small network, one thread, and a SHAP that need not be compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from affidavit.attributable import Features
from affidavit.attributions import Span


@pytest.fixture(autouse=True, scope="session")
def _explain() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")  # compiling SHAP's loops takes longer than all tests together
        yield
    torch.set_num_threads(threads)


class Network(nn.Module):
    """Not linear, over a sound, a vector and pictures, with spans of several numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(6 * 2 + 3 + 2 * 16, 8)
        self.outer = nn.Linear(8, 3)

    def forward(self, mel: torch.Tensor, pitch: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
        values = torch.cat([mel.flatten(1), pitch, pixels.flatten(1)], dim=1)
        return self.outer(torch.tanh(self.inner(values)))


def spans(modality: str, n: int) -> tuple[Span, ...]:
    return tuple(Span(modality=modality, name=f"{modality} {i}") for i in range(n))


@pytest.fixture
def network(toy: Any) -> tuple[Network, Any]:
    torch.manual_seed(2)
    net = Network().eval()
    cells = torch.arange(4) // 2
    places = torch.arange(2)[:, None, None] * 4 + cells[:, None] * 2 + cells
    features = (
        Features(
            name="mel",
            modality="audio",
            values=torch.randn(1, 6, 2),
            baseline=torch.randn(1, 6, 2),
            groups=(torch.arange(6) // 2)[None, :, None].expand(1, 6, 2),
            spans=spans("audio", 3),
            window=(2, 2),
        ),
        Features(
            name="pitch",
            modality="audio",
            values=torch.randn(1, 3),
            baseline=torch.zeros(1, 3),
            groups=torch.arange(3)[None],
            spans=spans("audio", 3),
            window=(1,),
        ),
        Features(
            name="pixels",
            modality="video",
            values=torch.randn(1, 2, 4, 4),
            baseline=torch.zeros(1, 2, 4, 4),
            groups=places[None],
            spans=spans("video", 8),
            window=(1, 2, 2),
        ),
    )

    def scores(states: Any) -> torch.Tensor:
        audio, video = states["audio"], states["video"]
        return net(audio[:, :12].reshape(-1, 6, 2), audio[:, 12:], video.reshape(-1, 2, 4, 4))

    return net, toy(scores=scores, features=features, labels=("joy", "fear"), tokens=("x",), module=net)
