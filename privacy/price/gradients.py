"""The gradient of each held-out patient's loss: its norm, patient by patient.

One patient at a time, so that nothing of the others is in it whatever the model does. What a step of training would
see of a patient are pieces of some turns; a patient's number is the mean over pieces. The model is as it judges (no
dropout); what training draws at random in its inputs is drawn from a seed of the patient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from affidavit.protocols import Progress, silent
from affidavit.seeds import seed_of
from affidavit.splits import grouped
from affidavit.utterances import Utterance
from privacy.dpsgd.units import Row, pieces

Pieces = Mapping[str, Sequence[Sequence[Utterance]]]


@runtime_checkable
class Losses(Protocol):
    """A live reasoner that tells its loss: the part of `affidavit.protocols.Trainable` that is needed here."""

    module: Any

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Measure what the model takes in."""

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        """Return the tensors that training changed."""

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Any:  # noqa: ANN401
        """Return one differentiable loss per unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradients:
    """What was found of one patient."""

    norm: float
    """Mean over pieces of the Euclidean norm of the gradient with respect to all that training changes."""
    clipped: float
    """The share of pieces whose norm is above the clipping bound; NaN where there is no bound."""


def pieces_of(utterances: Sequence[Utterance], *, max_turns: int) -> dict[str, tuple[Row, ...]]:
    """Return the pieces with a label of each patient that has any, as the private trainer cuts them.

    Raises:
        PlanError: two patients share a dialogue.
    """
    cut = {unit: pieces(turns, max_turns=max_turns) for unit, turns in grouped(utterances).items()}
    return {unit: own for unit, own in cut.items() if own}


def gradients_of(
    reasoner: Losses, asked: Pieces, *, clip_norm: float | None, seed: int, progress: Progress = silent
) -> dict[str, Gradients]:
    """Return norms by patient; a loss without a number (NaN, infinite) leaves the patient out."""
    listed = [value for values in reasoner.parameter_groups().values() for value in values]
    parameters = list({id(value): value for value in listed}.values())
    was_training = bool(reasoner.module.training)
    reasoner.module.eval()
    reasoner.prepare([turn for own in asked.values() for row in own for turn in row], progress=progress)
    found = {}
    try:
        for done, (unit, own) in enumerate(asked.items(), start=1):
            rng = np.random.default_rng(seed_of(seed, unit))
            norms = np.array([_norm(reasoner, row, parameters, rng) for row in own])
            if np.isfinite(norms).all():
                clipped = float("nan") if clip_norm is None else float((norms > clip_norm).mean())
                found[unit] = Gradients(norm=float(norms.mean()), clipped=clipped)
            progress("taking gradients", done, len(asked))
    finally:
        reasoner.module.train(was_training)
    return found


def _norm(reasoner: Losses, row: Sequence[Utterance], parameters: Sequence[Any], rng: np.random.Generator) -> float:
    import torch

    loss = reasoner.losses([row], rng=rng)[0]
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    squares = [float(value.detach().double().pow(2).sum()) for value in found if value is not None]
    return float(np.sqrt(sum(squares)))
