"""The parts of a model by the names that a plan calls them, and which of them training changes.

What a pretrained source brought and froze stays frozen, whoever names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from affidavit.errors import PlanError
from reasoners.instructed.model import InstructedModel

Part = Literal[
    "text", "audio", "visual", "fusion", "instruction", "dialogue", "head", "answers", "emotion", "rationale"
]

PARTS: Final[Mapping[Part, tuple[str, ...]]] = MappingProxyType(
    {
        "text": ("text",),
        "audio": ("audio",),
        "visual": ("visual",),
        "fusion": ("align",),
        "instruction": ("instruction",),
        "dialogue": ("read",),
        "head": ("judge",),
        "answers": ("emotion", "intensity", "single"),
        "rationale": ("explain",),
    }
)
"""Names in a plan to modules: `head` is the hidden layer that judges, `answers` the linear layers behind it."""
PIECES: Final[Mapping[Part, tuple[str, ...]]] = MappingProxyType({"emotion": ("emotion",)})
"""Pieces of a part that can be named alone: `emotion` is that one of the `answers` which gives the emotion, so that a
private training adds no noise to what nothing is learnt for."""
_NAMED: Final = MappingProxyType({**PARTS, **PIECES})
TRAINED: Final = "trained_parts"
"""In a checkpoint's card: the parts that training changed; absent where it changed all that it may."""
COUNTED: Final = "parameters"
"""In a checkpoint's card: how many numbers the model has, and how many of them training changed."""


def train_only(model: InstructedModel, only: Sequence[Part] | None) -> None:
    """Let training change these parts and nothing else; all that is the model's own where None.

    Raises:
        PlanError: the model lacks a part, or nothing of a part can be trained.
    """
    chosen = list(PARTS if only is None else only)
    modules = {module for part in chosen for module in _NAMED[part]}
    for name, value in model.named_parameters():
        value.requires_grad_(name in model.own and name.split(".", 1)[0] in modules)
    able = {name.split(".", 1)[0] for name in model.own}
    for part in [] if only is None else chosen:
        if not able & set(_NAMED[part]):
            raise PlanError(
                f"there is nothing to train in the part {part!r} of this model",
                slug="plan-impossible",
                where="reasoner instructed, only",
                found="the model lacks it, or it is pretrained and frozen",
                allowed=", ".join(name for name, those in _NAMED.items() if able & set(those)),
                remedy="name other parts, or a model that has this one",
            )


def told_parts(model: InstructedModel, only: Sequence[Part] | None) -> dict[str, Any]:
    """Return what a card says of them: which parts, and how many numbers."""
    counted = {
        "trained": sum(value.numel() for value in model.parameters() if value.requires_grad),
        "all": sum(value.numel() for value in model.parameters()),
    }
    return {COUNTED: counted} if only is None else {TRAINED: list(only), COUNTED: counted}


def kept_parts(card: Mapping[str, Any]) -> tuple[Part, ...] | None:
    """Return the parts that a card says were trained; None where it names none."""
    told = card.get(TRAINED)
    return tuple(part for part in _NAMED if part in told) if isinstance(told, list) else None
