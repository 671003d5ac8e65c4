"""Finds the inputs of a batch in the spans that its layers' gradients leave, without matching gradients.

Where a linear layer takes the input in, an input of B turns is one of B - 1 unknowns: a point of the span of that
layer's rows. And where it is put back into the model, what enters each later layer lies in the span of that layer's
rows; so the point is sought that leaves none of them (after Dimitrov et al. 2024; Petrov et al. 2024). It is a search
of few unknowns that differentiates the model once, and where the share that is left is nothing the input is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.attributable import AttributableTurn

Tensor = Any
FloatArray = NDArray[np.float64]
SEARCHES: Final = 2
"""Starting points of the search for one turn."""
_STEPS: Final = 60
_ROUNDS: Final = 4
"""Searches for each turn, at most."""
LEFT_NOTHING: Final = 1e-6
_ALIKE: Final = 1e-2
"""In standard deviations: what is nearer to another finding than this is the same turn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hull:
    """The inputs `[F]` that an update of B turns allows: `nearest + unknowns @ along`, in standard deviations."""

    nearest: Tensor
    """[F]: the one that is most like others' inputs"""
    along: Tensor
    """[B - 1, F], orthonormal"""
    mean: Tensor
    """[F]"""
    spread: Tensor
    """[F]"""

    @classmethod
    def of(cls, rows: Tensor, mean: Tensor, spread: Tensor) -> Hull:
        """Return the hull of a basis `[B, F + 1]` of the rows of weight and bias."""
        import torch

        ones, states = rows[:, -1], rows[:, :-1]
        some = (ones / (ones @ ones).clamp(min=1e-300)) @ states
        others = torch.linalg.svd(ones[None], full_matrices=True)[2][1:] @ states
        along = torch.linalg.qr((others / spread).T)[0].T
        off = (some - mean) / spread
        return cls(nearest=off - (along @ off) @ along, along=along, mean=mean, spread=spread)

    def inputs(self, unknowns: Tensor) -> Tensor:
        """Return inputs `[N, F]` of unknowns `[N, B - 1]`."""
        return (self.nearest + unknowns @ self.along) * self.spread + self.mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checks:
    """Later layers, and the span of what entered each."""

    layers: Sequence[Any] = field(repr=False)
    bases: Sequence[Tensor] = field(repr=False)
    """`[B, in + 1]` each, orthonormal"""
    concluding: bool
    """Whether any of them lies behind the encoder of the input"""

    def left(self, entered: Sequence[Tensor]) -> Tensor:
        """Return the share `[N]` of what entered the layers, `[N, in]` each, that lies outside of their spans."""
        import torch

        return torch.stack([outside(states, basis) for states, basis in zip(entered, self.bases, strict=True)]).mean(
            dim=0
        )


def outside(states: Tensor, basis: Tensor) -> Tensor:
    """Return the share `[N]` of states `[N, in]`, a 1 behind each, that lies outside of a span."""
    import torch

    whole = torch.cat([states.double(), torch.ones_like(states[:, :1], dtype=torch.float64)], dim=1)
    beyond = whole - (whole @ basis.T) @ basis
    return (beyond**2).sum(dim=1) / (whole**2).sum(dim=1)


def entering(
    turn: AttributableTurn, layers: Sequence[Any], name: str, inputs: Tensor, *, concluding: bool
) -> list[Tensor]:
    """Return what enters each layer last, `[N, in]`, where a turn has these inputs `[N, ...]`; empty if nothing does.

    Only the encoder of the input is run, or, `concluding`, all that follows it too.
    """
    modality = next(item.modality for item in turn.features if item.name == name)
    with _overheard(layers) as heard:
        states = turn.encoded(modality, {name: inputs})
        if concluding:
            turn.concluded({modality: states}, rationale=False)
    return [_last(heard.get(i), len(inputs), layer.in_features) for i, layer in enumerate(layers)]


def _last(states: Tensor | None, n_rows: int, width: int) -> Tensor:
    import torch

    if states is None or states.numel() % (n_rows * width):
        return torch.zeros(0, width)
    return states.reshape(n_rows, -1, width)[:, -1]


@contextmanager
def _overheard(layers: Sequence[Any]) -> Iterator[dict[int, Tensor]]:
    heard: dict[int, Tensor] = {}

    def listener(place: int) -> Any:  # noqa: ANN401 - a hook
        return lambda _, given: heard.__setitem__(place, given[0])

    hooks = [layer.register_forward_pre_hook(listener(i)) for i, layer in enumerate(layers)]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """What an update of B turns allows."""

    hull: Hull
    checks: Checks

    def searched(
        self, turn: AttributableTurn, name: str, *, shape: Sequence[int], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return findings `[S, F]` for one turn, in standard deviations, and the share `[S]` that each leaves."""
        import torch

        n_unknowns = len(self.hull.along)
        dtype, device = next(item.values for item in turn.features if item.name == name).dtype, self.hull.mean.device
        start = rng.normal(size=(SEARCHES, n_unknowns))
        unknowns = torch.as_tensor(start, dtype=torch.float64, device=device).requires_grad_()

        def left() -> Tensor:
            inputs = self.hull.inputs(unknowns).to(dtype).reshape(SEARCHES, *shape)
            return self.checks.left(entering(turn, self.checks.layers, name, inputs, concluding=self.checks.concluding))

        optimiser = torch.optim.LBFGS(
            [unknowns], max_iter=_STEPS, history_size=30, line_search_fn="strong_wolfe", tolerance_change=1e-14
        )

        def closure() -> Tensor:
            total = left().sum()
            (unknowns.grad,) = torch.autograd.grad(total, [unknowns])
            return total.detach()

        with torch.enable_grad():
            optimiser.step(closure)
        with torch.no_grad():
            shares, found = left(), self.hull.nearest + unknowns @ self.hull.along
            found = torch.where(found.isfinite(), found, self.hull.nearest)  # a search may run away in noise
        return np.asarray(found.cpu().numpy()), np.nan_to_num(shares.cpu().numpy(), nan=np.inf)


def searched(
    spans: Spans, turns: Sequence[AttributableTurn], name: str, *, shape: Sequence[int], rng: np.random.Generator
) -> list[FloatArray]:
    """Return an input `[F]` for each turn of the batch."""
    mean, spread = (part.cpu().numpy() for part in (spans.hull.mean, spans.hull.spread))
    if not len(spans.hull.along) or not spans.checks.layers:
        return [spans.hull.nearest.cpu().numpy() * spread + mean for _ in turns]
    found = _found(spans, turns, name, shape=shape, rng=rng)
    return [one * spread + mean for one in found]


def _found(
    spans: Spans, turns: Sequence[AttributableTurn], name: str, *, shape: Sequence[int], rng: np.random.Generator
) -> list[FloatArray]:
    """Return as many findings as turns, in any order: exact ones first, each once, then the best of the others.

    Where layers do not tell turns apart, several searches find the same turn; they go on as long as they find any.
    """
    exact, others = list[FloatArray](), list[FloatArray]()
    for turn in list(turns) * _ROUNDS:
        if len(exact) == len(turns) or (len(others) >= len(turns) and not exact):
            break
        findings, left = spans.searched(turn, name, shape=shape, rng=rng)
        order = np.argsort(left, kind="stable")
        for i in order[left[order] < LEFT_NOTHING]:
            if all(np.abs(findings[i] - other).max() > _ALIKE for other in exact):
                exact.append(findings[i])
        others.append(findings[order[0]])
    return [*exact, *others][: len(turns)]
