"""The trainer behind `trainers: gradient-reversal`: fits a model from whose answers an adversary cannot tell the group.

An adversary learns to tell the group of a turn from the model's log-probabilities. On their way back to the model its
gradients are reversed and multiplied by lambda_p = strength (2 / (1 + exp(-10 p)) - 1), where p goes from 0 to 1 over
the training: first the model learns, then it unlearns. Told the reference label as well (`conditional: true`), the
adversary finds only what the answer says of the group beyond the label: that is equalized odds; without it,
demographic parity. Groups count alike in the adversary's loss, however small; turns whose level is unknown train the
model and not the adversary.

That this adversary finds nothing proves little, for the model was trained against it: judge held-out speakers and let
a fresh one try (examination `leakage-probe`). The last epoch's model is kept, not the one with the best weighted F1.

Source: Ganin et al. 2016, equations 13 and 14; told the label: Zhang, Lemoine, Mitchell 2018, section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from affidavit.corpus import Corpus
from affidavit.protocols import Trainer
from affidavit.utterances import Utterance
from reasoners.steered import Cell, Cells, Row, Scores, SteeredOptions, SteeredTrainer

NAME: Final = "gradient-reversal"


class GradientReversalOptions(SteeredOptions):
    """What a plan may say of it; the adversary tells the combinations of `features` apart."""

    strength: float = Field(default=1.0, gt=0)
    """What lambda tends to."""
    conditional: bool = True
    """Whether the adversary is told the reference label: equalized odds, else demographic parity."""
    hidden: int = Field(default=32, ge=1)
    """Width of the adversary's one hidden layer."""
    keep: Literal["best", "last"] = "last"
    """The best epoch by weighted F1 is often one from before the reversal had begun."""


def reversed_gradient(values: Tensor, strength: float) -> Tensor:
    """Return the same values, whose gradient is multiplied by minus the strength on its way back."""
    return (1 + strength) * values.detach() - strength * values


def ramp(progress: float) -> float:
    """Return 2 / (1 + exp(-10 p)) - 1, from 0 to nearly 1: Ganin et al. 2016, equation 14.

    >>> ramp(0.0), round(ramp(0.5), 3)
    (0.0, 0.987)
    """
    return float(2 / (1 + np.exp(-10 * progress)) - 1)


class Adversary(nn.Module):
    """The objective: the model's losses, and those of an adversary that the model works against."""

    def __init__(self, cells: Cells, labels: Sequence[str], options: GradientReversalOptions, *, seed: int) -> None:
        """Start from weights drawn with a seed; `cells` are the levels of each turn that has them, by utterance id."""
        super().__init__()
        self.name: str = NAME
        self.cells, self.labels, self.options = cells, list(labels), options
        self.groups: list[Cell] = sorted(set(cells.values()))
        n_inputs = len(self.labels) * (2 if options.conditional else 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = nn.Sequential(
                nn.Linear(n_inputs, options.hidden), nn.ReLU(), nn.Linear(options.hidden, len(self.groups))
            )
        self.steps = nn.Parameter(torch.zeros((), dtype=torch.float64))
        """Steps done; a parameter so that it is kept, moved by no optimiser."""
        self.n_steps = 1
        self.class_weights = torch.ones(len(self.groups))

    @property
    def module(self) -> nn.Module:
        """What is kept: the adversary, and how far the training is."""
        return self

    def trained(self) -> Sequence[nn.Parameter]:
        """Return the adversary's own parameters."""
        return list(self.network.parameters())

    def begin(self, material: Sequence[Row], n_steps: int) -> None:
        """Count the turns of each group, so that groups count alike."""
        counts = Counter(self.cells[turn.utterance_id] for row in material for turn in self._known(row))
        turns = torch.tensor([counts[cell] for cell in self.groups], dtype=torch.float32)
        self.class_weights = torch.where(turns > 0, turns.sum() / (len(counts) * turns.clamp(min=1)), 0.0)
        self.n_steps = n_steps

    def steered(self, losses: Tensor, units: Sequence[Row], *, scores: Scores) -> Tensor:
        """Add to each row's loss the adversary's, the mean over the row's turns whose group is known."""
        with torch.no_grad():
            strength = self.options.strength * ramp(min(1.0, float(self.steps) / self.n_steps))
            self.steps.add_(1)
        turns = [turn for row in units for turn in row]
        row_of = {turn.utterance_id: i for i, row in enumerate(units) for turn in row}
        known = {turn.utterance_id for row in units for turn in self._known(row)}
        if not known:
            return losses
        kept = [i for i, turn in enumerate(turns) if turn.utterance_id in known]
        seen = reversed_gradient(scores(turns)[kept].log_softmax(-1), strength)
        told = self._losses(seen, [turns[i] for i in kept])
        row = torch.tensor([row_of[turns[i].utterance_id] for i in kept], device=losses.device)
        n_turns = torch.bincount(row, minlength=len(units)).clamp(min=1)
        return losses + torch.zeros_like(losses).index_add(0, row, told.to(losses)) / n_turns

    def _losses(self, seen: Tensor, turns: Sequence[Utterance]) -> Tensor:
        """Return the adversary's loss of each turn, `[N]`."""
        self.network.to(seen)
        if self.options.conditional:
            codes = torch.tensor([self.labels.index(str(turn.label)) for turn in turns], device=seen.device)
            seen = torch.cat([seen, one_hot(codes, len(self.labels)).to(seen)], dim=1)
        groups = torch.tensor([self.groups.index(self.cells[turn.utterance_id]) for turn in turns], device=seen.device)
        plain = cross_entropy(self.network(seen), groups, reduction="none")
        return plain * self.class_weights.to(seen)[groups]

    def told(self) -> Mapping[str, Any]:
        """Return who was to be told apart, and how far the reversal went where the best epoch left it."""
        reached = self.options.strength * ramp(min(1.0, float(self.steps.detach()) / self.n_steps))
        return {"groups": [" x ".join(cell) for cell in self.groups], "strength_reached": round(reached, 4)}

    def _known(self, row: Row) -> list[Utterance]:
        return [turn for turn in row if turn.label is not None and turn.utterance_id in self.cells]


def _objective(cells: Cells, corpus: Corpus, options: GradientReversalOptions, rng: np.random.Generator) -> Adversary:
    return Adversary(cells, corpus.label_space, options, seed=int(rng.integers(2**62)))


TRAINER: Final[Trainer] = SteeredTrainer(name=NAME, options=GradientReversalOptions, objective=_objective)
