"""Canaries among the patients of a step: units whose gradient is one axis, clipped and summed by the trainer's code.

A canary is a patient whose loss is a multiple of one parameter, so that its gradient is that axis and nothing else. Its
clips agree: unclipped they would add up to several clip norms, and clipped as one patient they are exactly one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from affidavit.protocols import Progress, Trainable
from affidavit.utterances import Utterance
from privacy.dpsgd.gradients import Clipped, LoopGradients, Row, UnitGradients, trained_parameters

NAME = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One coordinate of what is trained."""

    parameter: int
    """Which of the trained parameters, in the order of `trained_parameters`."""
    place: int
    """Where in it, flattened."""


def axes_of(parameters: Sequence[Tensor], n: int, *, rng: np.random.Generator) -> tuple[Axis, ...]:
    """Return n distinct coordinates, each as likely as another; fewer where there are fewer."""
    ends = np.cumsum([value.numel() for value in parameters])
    total = int(ends[-1])
    drawn = rng.choice(total, min(n, total), replace=False)
    owner = np.searchsorted(ends, drawn, side="right")
    starts = ends - np.array([value.numel() for value in parameters])
    return tuple(Axis(parameter=int(p), place=int(at)) for p, at in zip(owner, drawn - starts[owner], strict=True))


def canary_turns(n: int, *, clips: int, label: str | None, taken: frozenset[str]) -> list[tuple[Utterance, ...]]:
    """Return the turns of n canary patients, under names that nobody in `taken` has."""
    prefix = NAME
    while any(name.startswith(prefix) for name in taken):
        prefix = f"_{prefix}"
    names = [f"{prefix}-{i:05d}" for i in range(n)]
    return [
        tuple(
            Utterance(
                utterance_id=f"{name}-{t}",
                unit_id=name,
                speaker_id=name,
                dialogue_id=name,
                turn=t,
                text="",
                label=label,
            )
            for t in range(clips)
        )
        for name in names
    ]


class CanaryLosses:
    """The loss of each canary's clip: `length` times one parameter, whose gradient is an axis of that length."""

    def __init__(self, reasoner: Trainable, axes: Mapping[str, Axis]) -> None:
        self.module, self._reasoner, self._axes = reasoner.module, reasoner, axes
        self._parameters = trained_parameters(reasoner)
        self.length = 1.0

    def knows(self, unit: Row) -> bool:
        """Say whether a row is a canary's."""
        return unit[0].unit in self._axes

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Nothing is measured of a canary."""

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        """Return what the reasoner trains."""
        return self._reasoner.parameter_groups()

    def losses(self, units: Sequence[Row], *, rng: np.random.Generator) -> Tensor:
        """Return one loss a canary."""
        return torch.stack([torch.stack([self._loss(turn) for turn in unit]).sum() for unit in units])

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """A canary leaves no checkpoint.

        Raises:
            TypeError: always.
        """
        raise TypeError("canaries are not saved")

    def _loss(self, turn: Utterance) -> Tensor:
        axis = self._axes[turn.unit]
        return self.length * self._parameters[axis.parameter].reshape(-1)[axis.place]


class Watched:
    """A way to gradients that lets canaries through, and keeps who came and what the others added to the sums.

    Patients' gradients are come by and clipped as the way does it; those of canaries as the way `loop` does.
    """

    def __init__(self, way: UnitGradients, canaries: CanaryLosses) -> None:
        self.name = way.name
        self._way, self._canaries, self._loop = way, canaries, LoopGradients(canaries)
        self.met: list[str] = []
        """The first utterance of each row that came."""
        self.patients: list[Tensor] = []
        """What patients added since `forget`, of each parameter, in double precision."""
        self.everybody: list[Tensor] = []
        """The same with canaries."""
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.met = []
        self.patients, self.everybody = self._nothing(), self._nothing()

    def clipped(self, units: Sequence[Row], *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        """Return the sum of the units' clipped gradients."""
        self.met += [unit[0].utterance_id for unit in units]
        self._canaries.length = clip_norm
        others = [unit for unit in units if not self._canaries.knows(unit)]
        own = [unit for unit in units if self._canaries.knows(unit)]
        parts = [self._way.clipped(others, clip_norm=clip_norm, rng=rng)] if others else []
        for found in parts:
            for total, part in zip(self.patients, found.sums, strict=True):
                total += part.double()
        if own:
            parts.append(self._loop.clipped(own, clip_norm=clip_norm, rng=rng))
        for found in parts:
            for total, part in zip(self.everybody, found.sums, strict=True):
                total += part.double()
        sums = [torch.stack(several).sum(0) for several in zip(*(found.sums for found in parts), strict=True)]
        return Clipped(sums=sums, norms=torch.cat([found.norms.double() for found in parts]))

    def each(self, units: Sequence[Row], *, rng: np.random.Generator) -> list[Tensor]:
        """Return of each parameter the units' gradients, as the way tells them."""
        return self._way.each(units, rng=rng)

    def close(self) -> None:
        """Leave the model as it was found."""
        self._way.close()

    def _nothing(self) -> list[Tensor]:
        return [torch.zeros(p.shape, dtype=torch.float64, device=p.device) for p in self._loop.parameters]
