"""What every site's model has in common beside what is trained: frozen parameters and buffers, by digest.

Adapters of one backbone mean nothing on another one, and nobody would notice: a site with other frozen parts has
another layout, and is refused before the first round. Buffers that training changed are statistics of its patients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from affidavit.errors import PlanError

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What does not travel; empty where nothing is known of it."""

    parameters: str = ""
    """Digest of the frozen parameters' names, types, shapes and bytes."""
    buffers: str = ""
    """The same of buffers that are kept with a model."""

    @classmethod
    def of(cls, module: nn.Module, *, trained: frozenset[str]) -> Self:
        """Return the digests of a model of which `trained` are the parameters that travel."""
        frozen = ((name, value) for name, value in module.named_parameters() if name not in trained)
        return cls(parameters=_digest(frozen), buffers=_digest(_kept(module)))

    def require_kept(self, module: nn.Module) -> None:
        """Refuse a model whose buffers are others than they were.

        Raises:
            PlanError: training changed them.
        """
        if self.buffers and _digest(_kept(module)) != self.buffers:
            raise PlanError(
                "training changed buffers of the model, which are statistics of the site's patients",
                slug="plan-impossible",
                where="federated training",
                found="buffers with another digest than before",
                allowed="a model that learns nothing beside its parameters",
                remedy="put layers in their place that keep no statistics, or keep them in eval mode",
            )


def require_no_batch_statistics(module: nn.Module) -> None:
    """Refuse batch norms that learn: each patient's gradient would depend on the others, and statistics stay behind.

    Raises:
        PlanError: there is one.
    """
    from torch import nn  # two seconds of every process, and audits need none of it

    for name, layer in module.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and _learns(layer):
            raise PlanError(
                "a batch norm learns statistics of patients that no budget counts",
                slug="plan-impossible",
                where="federated training",
                found=f"{name} ({type(layer).__name__})",
                allowed="normalisation of each row by itself, or by constants",
                remedy="put a group norm or a layer norm in its place, or freeze it and keep it in eval mode",
            )


def _learns(layer: nn.Module) -> bool:
    own = list(layer.parameters(recurse=False))
    return any(value.requires_grad for value in own) or (layer.training and not own)


def _kept(module: nn.Module) -> Iterable[tuple[str, Tensor]]:
    """Return buffers that a checkpoint holds: others, as tables of positions, are made anew from constants."""
    trained = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    return ((name, value) for name, value in module.state_dict().items() if name not in trained)


def _digest(named: Iterable[tuple[str, object]]) -> str:
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(named, key=lambda item: item[0]):
        if not isinstance(value, torch.Tensor):  # a module's extra state
            digest.update(f"{name} {type(value).__name__}".encode())
            continue
        flat = value.detach().to("cpu").contiguous().reshape(-1)
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return "sha256:" + digest.hexdigest()
