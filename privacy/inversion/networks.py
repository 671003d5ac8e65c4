"""Small networks to demonstrate inversion on where no live reasoner gives gradients: random weights, smooth inside."""

from __future__ import annotations

from typing import Any


def vector_network(width: int, n_labels: int, *, hidden: int = 32, seed: int = 0) -> Any:  # noqa: ANN401 - an nn.Module
    """Return a network of embeddings `[N, width]` with one hidden layer."""
    from torch import nn

    return _drawn(lambda: nn.Sequential(nn.Linear(width, hidden), nn.Sigmoid(), nn.Linear(hidden, n_labels)), seed)


def picture_network(side: tuple[int, int], n_labels: int, *, seed: int = 0) -> Any:  # noqa: ANN401
    """Return a small LeNet of pictures or mel spectra `[N, 1, H, W]`, as in DLG: sigmoids and strides, no pooling."""
    from torch import nn

    height, width = (-(-length // 2) for length in side)

    def made() -> Any:  # noqa: ANN401
        return nn.Sequential(
            nn.Conv2d(1, 12, 5, padding=2, stride=2),
            nn.Sigmoid(),
            nn.Conv2d(12, 12, 5, padding=2),
            nn.Sigmoid(),
            nn.Flatten(),
            nn.Linear(12 * height * width, n_labels),
        )

    return _drawn(made, seed)


def _drawn(made: Any, seed: int) -> Any:  # noqa: ANN401
    """Return a network with weights drawn from a seed, uniform in +-0.5 as in DLG; nobody else's stream is touched."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = made()
        for value in network.parameters():
            torch.nn.init.uniform_(value, -0.5, 0.5)
    return network.eval()
