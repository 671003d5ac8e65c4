"""What Opacus' hooks keep of one pass: looked at before gradients are told from it, and dropped before the next."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch import nn

from affidavit.errors import PlanError

Way = Literal["hooks", "functorch", "ghost", "loop"]
"""How gradients of single units are come by."""


@contextmanager
def hooks_firing() -> Iterator[None]:
    """Keep still what torch warns of where hooks are as they are meant to be."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing when gradients are computed")
        warnings.filterwarnings("ignore", message="In CPU autocast, but the target dtype is not supported")
        yield


def require_rows(module: nn.Module, n: int, *, way: Way) -> None:
    """Refuse a pass in which a trained layer met other rows than the units: Opacus fills rows up from the first one.

    A layer that runs only for some units, or only where turns have a voice, would credit one unit with another's
    gradient, and the bound would hold for neither. Units that were sent through beforehand may not have shown it.

    Raises:
        PlanError: there is one.
    """
    for name, layer in module.named_modules():
        for inputs in layer.__dict__.get("activations", ()):
            shape = inputs[0].shape if inputs else (n,)
            if not shape or shape[0] != n:
                raise untold(f"layer {name} met an input of shape {list(shape)} for {n} units", way)


def untold(found: str, way: Way) -> PlanError:
    """Return the error of a pass from which no unit's gradient can be told."""
    return PlanError(
        f"the way {way} cannot tell gradients of single units apart in this pass",
        slug="plan-impossible",
        where=f"trainer dp-sgd, gradients: {way}",
        found=found,
        allowed="the unit as dimension 0 of every trained layer, in every pass",
        remedy="write gradients: loop",
    )


def cleaned(module: nn.Module) -> None:
    """Drop what a forward pass left whose output no loss rested on; the next pass would take it for its own."""
    for layer in module.modules():
        if "activations" in layer.__dict__:
            layer.__dict__["activations"] = []
        if "max_batch_len" in layer.__dict__:
            del layer.__dict__["max_batch_len"]
    for value in module.parameters():
        if hasattr(value, "_forward_counter"):
            value._forward_counter = 0
        if hasattr(value, "_current_grad_sample"):
            del value._current_grad_sample
