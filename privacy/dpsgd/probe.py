"""Sends a few unlike units through a model, and finds out whether each one's gradient is its own.

Four questions, each asked of the model itself: does a forward pass change what the model keeps, does a batch norm look
at the units of a step together, does any trained layer's state of one unit reach another's loss, and are the gradients
that a way gives those that autograd gives for each loss. Where the loss draws nothing at random, it is also held
against the loss of the unit alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from affidavit.errors import PlanError
from affidavit.protocols import Trainable
from privacy.dpsgd.gradients import GhostGradients, Row, trained_parameters, unit_gradients
from privacy.dpsgd.passes import Way

N_UNITS: Final = 3
MOST_UNITS: Final = 6
DRAWS: Final = 8
"""Seeds under which a loss is asked for, to see whether it draws at random: a rare draw is missed by two."""
_TOLERANCE: Final = 2e-3
"""Of a unit's norm: what the order of sums may differ by in single precision; coarser numbers are held by their own."""
_OWN_DIMENSION: Final = "make the unit dimension 0 of every trained layer, or write gradients: loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What keeps a unit's gradient from being its own."""

    what: str
    found: str
    remedy: str


def probed(way: Way, reasoner: Trainable, units: Sequence[Row], *, seed: int) -> Iterator[Fault]:
    """Yield what is wrong with that way for this model; the model's parameters and mode are left as they were."""
    chosen = unlike(units)
    training = reasoner.module.training
    reasoner.module.train()
    try:
        with torch.random.fork_rng(devices=[]):
            if way == "loop":
                yield from _kept(reasoner, chosen, seed)
            else:
                yield from _coupled(reasoner, chosen, seed)
                yield from _untrue(way, reasoner, chosen, seed)
                yield from _unlike_alone(reasoner, chosen, seed)
    finally:
        reasoner.module.train(training)


def unlike(units: Sequence[Row]) -> list[Row]:
    """Return a few units, the longest first, and for what one has and another lacks (a voice, a face, reasons) each.

    A layer that runs only for those who have something shows it only where some of them have not.
    """
    found: dict[tuple[bool, ...], Row] = {}
    longest = sorted(units, key=len, reverse=True)
    for unit in longest:
        found.setdefault(_has(unit), unit)
    chosen = list(found.values())[:MOST_UNITS]
    others = [unit for unit in longest if not any(unit is one for one in chosen)]
    return chosen + others[: max(0, N_UNITS - len(chosen))]


def _has(unit: Row) -> tuple[bool, ...]:
    """Return whether a unit is one turn alone, and of all that a turn may have, whether any has it and whether all."""
    had = [[turn.text, turn.audio, turn.video, turn.label, turn.intensity, turn.rationales or None] for turn in unit]
    columns = [[value is not None for value in column] for column in zip(*had, strict=True)]
    return (len(unit) == 1, *map(any, columns), *map(all, columns))


def _losses(reasoner: Trainable, units: Sequence[Row], seed: int) -> Tensor:
    torch.manual_seed(seed)
    found: Tensor = reasoner.losses(units, rng=np.random.default_rng(seed))
    return found


def _kept(reasoner: Trainable, units: Sequence[Row], seed: int) -> Iterator[Fault]:
    """Yield what a forward pass changed in the model, and batch norms that looked at a step's units together."""
    module = reasoner.module
    before = {name: value.detach().clone() for name, value in _tensors(module) if not value.is_meta}
    seen: list[str] = []
    handles = [
        layer.register_forward_pre_hook(_noting(name, seen))
        for name, layer in module.named_modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    try:
        with torch.no_grad():
            losses = _losses(reasoner, units, seed)
    finally:
        for handle in handles:
            handle.remove()
    if losses.shape != (len(units),):
        yield Fault(
            what="the model does not give one loss for each unit",
            found=f"losses of shape {list(losses.shape)} for {len(units)} units",
            remedy="let `losses` return one number for each unit",
        )
    if seen:
        yield Fault(
            what="a batch norm takes its statistics from all units of a step together",
            found=seen[0],
            remedy="keep it in eval mode in training, or put a group norm in its place",
        )
    changed = [name for name, value in _tensors(module) if name in before and not _same(value, before[name])]
    if changed:
        yield Fault(
            what="a forward pass changes what the model keeps, without noise",
            found=", ".join(changed[:3]),
            remedy="keep no running statistics, counters or memories of units in training",
        )


def _noting(name: str, seen: list[str]) -> Any:  # noqa: ANN401 - a hook
    def note(layer: nn.Module, _inputs: tuple[Any, ...]) -> None:
        if layer.training:
            seen.append(f"{name} ({type(layer).__name__})")

    return note


def _coupled(reasoner: Trainable, units: Sequence[Row], seed: int) -> Iterator[Fault]:
    """Yield trained layers whose dimension 0 is not the unit, or whose state of one unit reaches another's loss."""
    n = len(units)
    with _outputs(reasoner.module) as outputs:
        losses = _losses(reasoner, units, seed)
    strange = [(name, tuple(value.shape)) for name, value in outputs if value.dim() < 1 or value.shape[0] != n]
    if strange:
        name, shape = strange[0]
        yield Fault(
            what="the first dimension of a trained layer is not the unit",
            found=f"{name} gives {list(shape)} for {n} units",
            remedy=_OWN_DIMENSION,
        )
        return
    states = [value for _, value in outputs]
    for i in range(n):
        found = torch.autograd.grad(losses[i], states, retain_graph=True, allow_unused=True)
        for (name, _), gradient in zip(outputs, found, strict=True):
            others = None if gradient is None else gradient[[j for j in range(n) if j != i]]
            if others is not None and bool((others != 0).any()):
                yield Fault(
                    what="the loss of one unit depends on the state of another",
                    found=f"layer {name}",
                    remedy=_OWN_DIMENSION,
                )
                return


@contextmanager
def _outputs(module: nn.Module) -> Iterator[list[tuple[str, Tensor]]]:
    """Yield what the layers with trained parameters of their own give, as a forward pass fills it in."""
    found: list[tuple[str, Tensor]] = []
    handles = []
    for name, layer in module.named_modules():
        if any(value.requires_grad for value in layer.parameters(recurse=False)):

            def note(_layer: nn.Module, _inputs: Any, output: Any, name: str = name) -> None:  # noqa: ANN401
                first = output[0] if isinstance(output, tuple | list) else output
                if isinstance(first, Tensor) and first.requires_grad:
                    found.append((name, first))

            handles.append(layer.register_forward_hook(note))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _untrue(way: Way, reasoner: Trainable, units: Sequence[Row], seed: int) -> Iterator[Fault]:
    """Yield where a way's gradients are not those of autograd, over the same draws."""
    parameters = trained_parameters(reasoner)
    losses = _losses(reasoner, units, seed)
    alone = [torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True) for loss in losses]
    wanted = [
        torch.stack([torch.zeros_like(p) if unit[k] is None else unit[k] for unit in alone])
        for k, p in enumerate(parameters)
    ]
    norms = torch.stack([value.flatten(1).double().square().sum(1) for value in wanted]).sum(0).sqrt()
    gradients = unit_gradients(way, reasoner)
    try:
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        if isinstance(gradients, GhostGradients):
            told = gradients.clipped(units, clip_norm=1.0, rng=rng).norms
            off = (told - norms).abs()
        else:
            found = gradients.each(units, rng=rng)
            apart = [(a.double() - b.double()).flatten(1) for a, b in zip(found, wanted, strict=True)]
            off = torch.stack([value.square().sum(1) for value in apart]).sum(0).sqrt()
    except (PlanError, RuntimeError, NotImplementedError, ValueError) as error:
        yield Fault(
            what=f"the way {way} fails on this model",
            found=str(error).splitlines()[0],
            remedy="write gradients: loop, or hooks",
        )
        return
    finally:
        gradients.close()
    if bool((off > _tolerance(parameters) * (norms + 1e-6)).any()):
        yield Fault(
            what=f"the way {way} gives other gradients of single units than autograd",
            found=f"apart by {float((off / (norms + 1e-6)).max()):.2g} of a unit's norm",
            remedy=_OWN_DIMENSION,
        )


def _unlike_alone(reasoner: Trainable, units: Sequence[Row], seed: int) -> Iterator[Fault]:
    """Yield where a loss is another one for a unit alone; nothing can be said where losses are drawn at random."""
    reasoner.module.eval()
    with torch.no_grad():
        alone, *others = (
            torch.cat([_losses(reasoner, [unit], s) for unit in units]) for s in range(seed, seed + DRAWS)
        )
        together, *repeated = (_losses(reasoner, units, s) for s in range(seed, seed + DRAWS))
    reasoner.module.train()
    tolerance = _tolerance(trained_parameters(reasoner))
    drawn = not all(torch.equal(alone, one) for one in others) or not all(torch.equal(together, r) for r in repeated)
    if not drawn and not torch.allclose(alone, together, rtol=tolerance, atol=tolerance):
        yield Fault(
            what="the loss of a unit is another one beside other units than alone",
            found=f"apart by {float((alone - together).abs().max()):.2g}",
            remedy=_OWN_DIMENSION,
        )


def _tolerance(parameters: Sequence[Tensor]) -> float:
    coarsest = max(torch.finfo(value.dtype).eps for value in parameters)
    return max(_TOLERANCE, 8 * coarsest)


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_buffers()
    yield from module.named_parameters()


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool(torch.equal(one.nan_to_num(), other.nan_to_num()))
