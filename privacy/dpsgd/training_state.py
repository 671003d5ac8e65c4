"""What an interrupted private training goes on from: parameters, optimiser, bound and number of steps; no generator.

Everything in it comes out of noised steps, so that it tells no more than the ledger has counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from affidavit.files import replacing

STATE: Final = ".training.pt"
_KEYS: Final = frozenset({"digest", "model", "optimizer", "schedule", "clip_norm", "taken"})


class UnusableStateError(ValueError):
    """A state that was left cannot be gone on from; the message says why."""


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state, whole or not at all."""
    with replacing(path) as temporary:
        torch.save(dict(state), temporary)


def read_state(path: Path, *, digest: str, module: nn.Module) -> dict[str, Any] | None:
    """Return the state of this training, tensors on the CPU; None where there is none or it is another training's.

    Raises:
        UnusableStateError: a file is there that does not read, lacks something, or is of a model of another shape.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises whatever the damage leads to
        raise UnusableStateError(f"it does not read ({type(error).__name__})") from error
    lacking = sorted(_KEYS - state.keys()) if isinstance(state, dict) else sorted(_KEYS)
    if lacking:
        raise UnusableStateError(f"it lacks {', '.join(lacking)}")
    if state["digest"] != digest:
        return None
    trained = {name: value.shape for name, value in module.named_parameters() if value.requires_grad}
    if {name: value.shape for name, value in state["model"].items()} != trained:
        raise UnusableStateError("it is of a model of another shape")
    return dict(state)


def fill(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Put kept values into the parameters of a module."""
    names = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in values.items():
            names[name].copy_(value)
