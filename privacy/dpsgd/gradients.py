"""The sum of clipped gradients of a few units, by four ways that give the same numbers at different cost.

`hooks` and `functorch` keep each unit's whole gradient (Opacus; a formula for each kind of layer, or `vmap` over a
layer), `ghost` only its norm and runs backward twice, `loop` asks for one unit after the other and needs nothing of the
model but that it can be trained. The units are dimension 0 of every trained layer (`affidavit.protocols.Trainable`);
`privacy.dpsgd.probe` finds out whether that is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from affidavit.errors import PlanError
from affidavit.protocols import Trainable
from affidavit.utterances import Utterance
from privacy.dpsgd.clipping import factors
from privacy.dpsgd.passes import Way, cleaned, hooks_firing, require_rows, untold
from privacy.extra import require_extra

_BLOCK: Final = 2**12
"""Numbers whose squares are summed in single precision; over millions, as a layer may have, such a sum falls short."""

Row = Sequence[Utterance]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipped:
    """What some units add to a step."""

    sums: list[Tensor]
    """Of each trained parameter, the sum of the units' clipped gradients, in single precision or better."""
    norms: Tensor
    """`[P]`: before clipping; secret, and never written anywhere."""


class UnitGradients(Protocol):
    """A way to gradients of single units."""

    name: Way

    def clipped(self, units: Sequence[Row], *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        """Return the sum of the units' clipped gradients."""

    def each(self, units: Sequence[Row], *, rng: np.random.Generator) -> list[Tensor]:
        """Return of each parameter the units' gradients `[P, ...]`, for probes and inspections."""

    def close(self) -> None:
        """Leave the model as it was found."""


def trained_parameters(reasoner: Trainable) -> list[nn.Parameter]:
    """Return what training changes, each once, in the order of the parameter groups."""
    listed = [value for values in reasoner.parameter_groups().values() for value in values]
    return list({id(value): value for value in listed}.values())


def unit_gradients(way: Way, reasoner: Trainable) -> UnitGradients:
    """Return that way to a reasoner's gradients; it must be closed after use."""
    if way == "loop":
        return LoopGradients(reasoner)
    if way == "ghost":
        return GhostGradients(reasoner)
    return HookGradients(reasoner, way)


class LoopGradients:
    """One unit after the other; the twin that the others are held against."""

    name: Way = "loop"

    def __init__(self, reasoner: Trainable) -> None:
        self.reasoner, self.parameters = reasoner, trained_parameters(reasoner)

    def clipped(self, units: Sequence[Row], *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        """Return the sum of the units' clipped gradients."""
        sums = [_zeros(parameter) for parameter in self.parameters]
        norms = []
        for unit in units:
            gradients = self._of(unit, rng)
            norm = torch.linalg.vector_norm(torch.stack([g.double().norm() for g in gradients]))
            factor = float(factors(norm, clip_norm=clip_norm))
            norms.append(norm)
            if factor:
                for total, gradient in zip(sums, gradients, strict=True):
                    total.add_(gradient, alpha=factor)
        return Clipped(sums=sums, norms=torch.stack(norms))

    def each(self, units: Sequence[Row], *, rng: np.random.Generator) -> list[Tensor]:
        """Return of each parameter the units' gradients `[P, ...]`."""
        found = [self._of(unit, rng) for unit in units]
        return [torch.stack(values) for values in zip(*found, strict=True)]

    def close(self) -> None:
        """Nothing was changed."""

    def _of(self, unit: Row, rng: np.random.Generator) -> list[Tensor]:
        loss = self.reasoner.losses([unit], rng=rng).sum()
        with hooks_firing():  # those of another way, switched off
            found = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        return [
            _zeros(parameter) if gradient is None else gradient
            for parameter, gradient in zip(self.parameters, found, strict=True)
        ]


class HookGradients:
    """Opacus' hooks on each layer; `functorch` has them use `vmap` for all layers."""

    def __init__(self, reasoner: Trainable, way: Literal["hooks", "functorch"]) -> None:
        require_extra()
        from opacus.grad_sample.grad_sample_module import GradSampleHooks

        self.name: Way = way
        self.reasoner, self.parameters = reasoner, trained_parameters(reasoner)
        self.hooks: Any = GradSampleHooks(
            reasoner.module, loss_reduction="sum", strict=False, force_functorch=way == "functorch"
        )

    def clipped(self, units: Sequence[Row], *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        """Return the sum of the units' clipped gradients; each parameter's are let go as soon as they are summed.

        Raises:
            PlanError: a layer met other rows than the units.
        """
        self._backward(units, rng)
        n = len(units)
        squares = [_squares(value, n) for value in self.parameters]
        norms = torch.stack(squares).sum(0).sqrt()
        scale = factors(norms, clip_norm=clip_norm)
        sums = [_weighted(value, scale) for value in self.parameters]
        return Clipped(sums=sums, norms=norms)

    def each(self, units: Sequence[Row], *, rng: np.random.Generator) -> list[Tensor]:
        """Return of each parameter the units' gradients `[P, ...]`."""
        self._backward(units, rng)
        n = len(units)
        found = []
        for value in self.parameters:
            sample = value.grad_sample  # type: ignore[attr-defined]  # Opacus puts it there
            found.append(value.new_zeros((n, *value.shape)) if sample is None else sample)
            value.grad_sample = None  # type: ignore[attr-defined]
        return found

    def close(self) -> None:
        """Take the hooks off."""
        self.hooks.cleanup()

    def _backward(self, units: Sequence[Row], rng: np.random.Generator) -> None:
        cleaned(self.reasoner.module)
        for value in self.parameters:
            value.grad_sample = None  # type: ignore[attr-defined]
        losses: Tensor = self.reasoner.losses(units, rng=rng)
        require_rows(self.reasoner.module, len(units), way=self.name)
        with hooks_firing():
            losses.sum().backward()
        for value in self.parameters:
            value.grad = None  # the sum that autograd makes on the way is of no use


class GhostGradients:
    """Opacus' ghost clipping: norms without gradients, then a second backward over weighted losses."""

    name: Way = "ghost"

    def __init__(self, reasoner: Trainable) -> None:
        require_extra()
        from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import GradSampleHooksFastGradientClipping

        self.reasoner, self.parameters = reasoner, trained_parameters(reasoner)
        self.hooks: Any = GradSampleHooksFastGradientClipping(reasoner.module, loss_reduction="sum", strict=False)

    def clipped(self, units: Sequence[Row], *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        """Return the sum of the units' clipped gradients.

        Raises:
            PlanError: a parameter is used twice in one forward pass, whose norm this way cannot know; or a layer met
                other rows than the units.
        """
        losses, norms = self._norms(units, rng)
        scale = factors(norms, clip_norm=clip_norm)
        if not bool(torch.isfinite(norms).all()):  # nothing times infinity is no number: those units must go altogether
            return self._without(units, norms, clip_norm=clip_norm, rng=rng)
        self.hooks.disable_hooks()
        try:
            with hooks_firing():
                weighted = (losses * scale.to(losses.dtype)).sum()
                found = torch.autograd.grad(weighted, self.parameters, allow_unused=True)
        finally:
            self.hooks.enable_hooks()
        sums = [_zeros(p) if g is None else g for p, g in zip(self.parameters, found, strict=True)]
        return Clipped(sums=sums, norms=norms)

    def each(self, units: Sequence[Row], *, rng: np.random.Generator) -> list[Tensor]:
        """Return of each parameter the units' gradients, one unit alone after the other: this way keeps none."""
        self.hooks.disable_hooks()
        try:
            return LoopGradients(self.reasoner).each(units, rng=rng)
        finally:
            self.hooks.enable_hooks()

    def close(self) -> None:
        """Take the hooks off."""
        self.hooks.cleanup()
        for value in self.parameters:
            if hasattr(value, "_norm_sample"):
                del value._norm_sample

    def _norms(self, units: Sequence[Row], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        cleaned(self.reasoner.module)
        for value in self.parameters:
            value.grad_sample = None  # type: ignore[attr-defined]
            value._norm_sample = None  # type: ignore[attr-defined]
        try:
            losses: Tensor = self.reasoner.losses(units, rng=rng)
        except NotImplementedError as error:
            raise PlanError(
                "ghost clipping cannot tell the norm of a parameter that is used twice in one pass",
                slug="plan-impossible",
                where="trainer dp-sgd, gradients: ghost",
                found=str(error),
                allowed="hooks, functorch, loop",
                remedy="write gradients: hooks",
            ) from error
        require_rows(self.reasoner.module, len(units), way=self.name)
        with hooks_firing():
            losses.sum().backward(retain_graph=True)
        if any(_longer(value) for value in self.parameters):
            raise untold("the sum of gradients of a parameter is longer than their norms together", "ghost")
        squares = [
            value._norm_sample.double() ** 2  # type: ignore[attr-defined]
            for value in self.parameters
            if value._norm_sample is not None  # type: ignore[attr-defined]
        ]
        for value in self.parameters:
            value.grad = None
        nothing = torch.zeros(len(units), dtype=torch.float64, device=losses.device)
        return losses, torch.stack([nothing, *squares]).sum(0).sqrt()

    def _without(self, units: Sequence[Row], norms: Tensor, *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        """Return the sum over the units whose gradients are numbers, each asked alone."""
        self.hooks.disable_hooks()
        try:
            found = LoopGradients(self.reasoner).clipped(units, clip_norm=clip_norm, rng=rng)
        finally:
            self.hooks.enable_hooks()
        return Clipped(sums=found.sums, norms=norms)


def _zeros(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter, dtype=torch.promote_types(parameter.dtype, torch.float32))


def _longer(parameter: Any) -> bool:  # noqa: ANN401 - a parameter with what Opacus put on it
    """Return whether a gradient came past the layers whose norms are known: no sum outgrows its parts."""
    if parameter.grad is None:
        return False
    told = 0.0 if parameter._norm_sample is None else float(parameter._norm_sample.sum())
    return float(torch.linalg.vector_norm(parameter.grad)) > 1.01 * told + 1e-9


def _squares(parameter: Any, n: int) -> Tensor:  # noqa: ANN401 - a parameter with what Opacus put on it
    """Return the squared norms `[P]` of one parameter's gradients, in double precision."""
    sample = parameter.grad_sample
    if sample is None:
        return torch.zeros(n, dtype=torch.float64, device=parameter.device)
    flat = sample.flatten(1)
    wide = torch.promote_types(flat.dtype, torch.float32)
    whole = flat.shape[1] // _BLOCK * _BLOCK
    blocks = torch.linalg.vector_norm(flat[:, :whole].unflatten(1, (-1, _BLOCK)), dim=2, dtype=wide) if whole else None
    rest: Tensor = torch.linalg.vector_norm(flat[:, whole:], dim=1, dtype=wide).double() ** 2
    return rest if blocks is None else rest + (blocks.double() ** 2).sum(1)


def _weighted(parameter: Any, scale: Tensor) -> Tensor:  # noqa: ANN401 - a parameter with what Opacus put on it
    """Return the weighted sum of one parameter's gradients, and let them go."""
    sample, parameter.grad_sample = parameter.grad_sample, None
    if sample is None:
        return _zeros(parameter)
    wide = torch.promote_types(parameter.dtype, torch.float32)
    counted = scale > 0
    if not bool(counted.all()):  # nothing times infinity is no number
        sample, scale = sample[counted], scale[counted]
    total: Tensor = torch.tensordot(scale.to(wide), sample.to(wide), dims=1)
    return total
