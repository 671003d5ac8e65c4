"""Adapters of low rank (LoRA, Hu et al. 2022) in a language model, of which each unit has its own row.

A language model reads one turn a row, and a patient has several turns. DP-SGD clips what a *unit* adds, so the unit has
to be dimension 0 of every trained layer (`affidavit.protocols.Trainable`): the two small matrices of each adapter see
the turns of a unit one behind the other, `[P, U * T, D]`, whatever the model around them sees, `[P * U, T, D]`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field
from torch import Tensor, nn

from affidavit.errors import PlanError
from affidavit.records import Record

ADAPTED: Final = ("q_proj", "v_proj")


class LoraOptions(Record):
    """How large the adapters are, and where they sit."""

    rank: int = Field(default=8, ge=1)
    alpha: int = Field(default=16, ge=1)
    layers: tuple[str, ...] = Field(default=ADAPTED, min_length=1)
    """Names of the linear layers of the language model that are adapted; sound and pictures are perceived as before."""


@dataclass(slots=True)
class Rows:
    """How many units the rows of a forward pass are of; None where each row stands for itself."""

    n_units: int | None = None


class UnitLinear(nn.Module):
    """A linear layer whose input has one row a unit."""

    def __init__(self, inner: nn.Linear, rows: Rows) -> None:
        super().__init__()
        self.inner, self.rows = inner, rows

    @property
    def weight(self) -> Tensor:
        """The matrix, which peft asks for its dtype."""
        return self.inner.weight

    def forward(self, states: Tensor) -> Tensor:
        """Return `[N, T, E]` of `[N, T, D]`."""
        n = self.rows.n_units
        if n is None or states.ndim != 3:
            passed: Tensor = self.inner(states)
            return passed
        found: Tensor = self.inner(states.reshape(n, -1, states.shape[-1]))
        return found.reshape(*states.shape[:2], -1)


def adapted(model: Any, options: LoraOptions, rows: Rows) -> nn.Module:  # noqa: ANN401 - a model of any class
    """Return the model with adapters, all else frozen.

    Raises:
        PlanError: it has no layers of these names.
    """
    import peft

    names = _targets(model, options.layers)
    shape = peft.LoraConfig(r=options.rank, lora_alpha=options.alpha, target_modules=names, lora_dropout=0.0)
    with warnings.catch_warnings():  # transformers warns of an attribute that peft still asks for
        warnings.filterwarnings("ignore", message=".is_gradient_checkpointing. is deprecated", category=FutureWarning)
        found = peft.get_peft_model(model, shape)
    for layer in found.modules():
        for part in ("lora_A", "lora_B"):
            held = getattr(layer, part, None)
            if isinstance(held, nn.ModuleDict):
                for name, inner in list(held.items()):
                    if isinstance(inner, nn.Linear):
                        held[name] = UnitLinear(inner, rows)
    return found


def _targets(model: Any, layers: Sequence[str]) -> list[str]:  # noqa: ANN401
    """Return the full names of layers of the language model; those of the ears and eyes are called alike."""
    found = [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.rsplit(".", 1)[-1] in layers and not _senses(name)
    ]
    if not found:
        raise PlanError(
            "the model has no layers of these names to adapt",
            slug="plan-impossible",
            found=", ".join(layers),
            allowed=", ".join(
                sorted({n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, nn.Linear)})
            ),
            remedy="name layers that the language model has",
        )
    return found


def _senses(name: str) -> bool:
    return any(part in ("audio_tower", "visual", "multi_modal_projector") for part in name.split("."))


@contextmanager
def units_in(rows: Rows, n_units: int) -> Iterator[None]:
    """Have the adapters see one row a unit inside."""
    rows.n_units = n_units
    try:
        yield
    finally:
        rows.n_units = None
