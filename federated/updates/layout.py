"""Which parameters federation moves, and where each of them lies in one flat vector.

Law: what training may not change does not travel. A frozen backbone, buffers and normalisation constants are the same
at every site because every site has the same digest of them (`federated.updates.fixed`), and not because somebody sent
them; so a round of adapters is as small as the adapters. A model that learns statistics of patients beside its
parameters, as a batch norm does, is refused: they would be one site's, and reach the others by no count of any budget.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from affidavit.digests import digest_of
from affidavit.errors import PlanError
from federated.updates.fixed import Fixed, require_no_batch_statistics

if TYPE_CHECKING:
    import torch

    from affidavit.protocols import Trainable

Vector = NDArray[np.float32]


def vector_digest(vector: Vector) -> str:
    """Return the digest of a vector's bytes: what a site says that it sent is what the server says that it took."""
    return "sha256:" + hashlib.sha256(np.ascontiguousarray(vector, dtype="<f4").data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One parameter's place."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The parameters of a model that training changes, in the order of the vector."""

    slots: tuple[Slot, ...]
    fixed: Fixed = field(default_factory=Fixed)
    """What has to be the same at every site beside them."""

    @classmethod
    def of(cls, reasoner: Trainable) -> Self:
        """Return the layout of a model: what its parameter groups name and has a gradient, each once, by name.

        Raises:
            PlanError: training would change nothing, or a parameter that is not in single precision; or the model has
                batch norms that learn.
        """
        require_no_batch_statistics(reasoner.module)
        named = _trained(reasoner)
        if not named:
            raise PlanError(
                "the model has no parameters to train",
                slug="plan-impossible",
                where="federated training",
                found="every parameter is frozen",
                remedy="name the parts to train, such as only: [head, answers], or use a size with adapters",
            )
        slots = tuple(Slot(name=name, shape=tuple(value.shape)) for name, value in named.items())
        return cls(slots=slots, fixed=Fixed.of(reasoner.module, trained=frozenset(named)))

    @cached_property
    def size(self) -> int:
        """How many numbers travel."""
        return sum(slot.size for slot in self.slots)

    @cached_property
    def digest(self) -> str:
        """Of names and shapes, and of what is fixed: with the same one, two sites mean the same by the same number."""
        return digest_of(
            [[[slot.name, list(slot.shape)] for slot in self.slots], self.fixed.parameters, self.fixed.buffers]
        )

    def gathered(self, reasoner: Trainable) -> Vector:
        """Return the model's trained parameters as one vector `[size]`.

        Raises:
            PlanError: the model has others, or training changed what does not travel.
        """
        import torch  # two seconds of every process, and audits need none of it

        named = _matched(reasoner, self)
        self.fixed.require_kept(reasoner.module)
        vector = np.empty(self.size, dtype=np.float32)
        for slot, place in zip(self.slots, self._places(), strict=True):
            vector[place] = named[slot.name].detach().to("cpu", torch.float32).reshape(-1).numpy()
        return vector

    def scatter(self, vector: Vector, reasoner: Trainable) -> None:
        """Set the model's trained parameters to a vector `[size]`.

        Raises:
            ValueError: the vector has another length.
        """
        import torch

        if vector.shape != (self.size,):
            raise ValueError(f"a vector of shape {vector.shape} where {self.size} numbers belong")
        named = _matched(reasoner, self)
        with torch.no_grad():
            for slot, place in zip(self.slots, self._places(), strict=True):
                value = torch.from_numpy(np.array(vector[place], dtype=np.float32)).view(slot.shape)
                named[slot.name].copy_(value)

    def _places(self) -> list[slice]:
        ends = np.cumsum([slot.size for slot in self.slots])
        return [slice(int(end) - slot.size, int(end)) for slot, end in zip(self.slots, ends, strict=True)]


def _trained(reasoner: Trainable) -> Mapping[str, torch.nn.Parameter]:
    """Return what training changes, by name in the order of names; a tied parameter once."""
    import torch

    chosen = {id(value) for values in reasoner.parameter_groups().values() for value in values}
    named = {
        name: value for name, value in reasoner.module.named_parameters() if value.requires_grad and id(value) in chosen
    }
    for name, value in named.items():
        if value.dtype is not torch.float32:
            raise PlanError(
                "a trained parameter is not in single precision: rounding it would be sent as if it were training",
                slug="plan-impossible",
                where=name,
                found=str(value.dtype),
                allowed="torch.float32",
                remedy="freeze it, train adapters beside it, or train it in float32",
            )
    return dict(sorted(named.items()))


def _matched(reasoner: Trainable, layout: Layout) -> Mapping[str, torch.nn.Parameter]:
    """Return the model's trained parameters, which must be those of the layout.

    Raises:
        PlanError: they are others; the first difference is named.
    """
    named = _trained(reasoner)
    found = [(name, tuple(value.shape)) for name, value in named.items()]
    wanted = [(slot.name, slot.shape) for slot in layout.slots]
    if found != wanted:
        ours, theirs = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
        raise PlanError(
            "the model at hand trains other parameters than the federation's",
            slug="plan-impossible",
            where="the layout of trained parameters",
            found="; ".join(f"{name} {list(shape)}" for name, shape in ours[:3]) or "none beyond the federation's",
            allowed="; ".join(f"{name} {list(shape)}" for name, shape in theirs[:3]) or "the same ones",
            remedy="use the plan's reasoner with the plan's options, and the same pretrained parts, at every site",
        )
    return named
