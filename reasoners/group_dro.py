"""The trainer behind `trainers: group-dro`: fits the groups that fare worst, by distributionally robust optimisation.

Each group g has a weight q_g, and all sum to one. A step multiplies it by exp(eta (l_g + C / sqrt(n_g))), where n_g are
the group's units, divides by the sum, and descends sum_g q_g l_g. A group's loss l_g is estimated from the step's rows,
each weighted by all rows over the group's: the mean over the group where the step holds everybody, and unbiased where
it does not, so that a group that is missing from many steps is neither forgotten nor taken for faultless. C > 0 asks
small groups for a lower loss, for theirs generalises worse.

Groups of which a level is unknown are a group like the others. A strong weight decay belongs to it: a network that fits
every training unit has no worst group left to see (Sagawa et al. 2020). When to stop is told by the weighted F1 of all
development units, as in supervised training.

Source: Sagawa, Koh, Hashimoto, Liang 2020, algorithm 1 and equation 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.options import read_options
from affidavit.protocols import Progress, Trainable, Trainer
from affidavit.schema import UNKNOWN
from reasoners.steered import Row, Scores, cells_of, train_steered
from reasoners.supervised import SupervisedOptions

Cell = tuple[str, ...]
NAME: Final = "group-dro"


class GroupDroOptions(SupervisedOptions):
    """What a plan may say of it, beside what it may say of supervised training."""

    features: tuple[str, ...] = Field(min_length=1)
    """Sensitive features; the groups are their combinations."""
    eta: float = Field(default=0.1, gt=0)
    """How fast weights move to the groups that fare worst."""
    adjustment: float = Field(default=0.0, ge=0)
    """C: what is added to a group's loss is this over the root of its number of units."""
    weight_decay: float = Field(default=0.1, ge=0)


class WorstGroups(nn.Module):
    """The objective: sum_g q_g l_g, with weights that follow the losses."""

    def __init__(self, cells: Mapping[str, Cell], options: GroupDroOptions) -> None:
        """Weigh groups alike at first; `cells` are the levels of each turn that has them, by utterance id."""
        super().__init__()
        self.name: str = NAME
        self.unknown: Cell = (UNKNOWN,) * len(options.features)
        self.cells, self.options = cells, options
        self.groups: list[Cell] = [*sorted(set(cells.values())), self.unknown]
        self.log_weights = nn.Parameter(torch.zeros(len(self.groups), dtype=torch.float64))
        self.n_rows = self.n_units = torch.zeros(len(self.groups), dtype=torch.float64)

    @property
    def module(self) -> nn.Module:
        """What is kept: the weights, which no optimiser moves."""
        return self

    def trained(self) -> Sequence[nn.Parameter]:
        """Return nothing: the weights have a rule of their own."""
        return ()

    def begin(self, material: Sequence[Row], n_steps: int) -> None:
        """Count rows and units of each group; a group that is not trained on has no weight."""
        units = {(unit.unit, self._group(row)) for row in material for unit in row[:1]}
        by_row, by_unit = Counter(map(self._group, material)), Counter(group for _, group in units)
        self.n_rows, self.n_units = (
            torch.tensor([counts[g] for g in range(len(self.groups))], dtype=torch.float64)
            for counts in (by_row, by_unit)
        )
        with torch.no_grad():
            self.log_weights.copy_(torch.where(self.n_rows > 0, 0.0, -torch.inf).log_softmax(0))

    def steered(self, losses: Tensor, units: Sequence[Row], *, scores: Scores) -> Tensor:
        """Move the weights, then weigh each row's loss by its group."""
        group = torch.tensor([self._group(row) for row in units])
        share = float(self.n_rows.sum()) / self.n_rows  # of a group without rows infinite, and never read
        with torch.no_grad():
            own = losses.detach().cpu().double() * share[group] / len(units)
            estimated = torch.zeros_like(self.n_rows).index_add(0, group, own)
            asked = estimated + self.options.adjustment / self.n_units.clamp(min=1).sqrt()
            self.log_weights.copy_((self.log_weights + self.options.eta * asked).log_softmax(0))
            weights = self.log_weights.exp()[group] * share[group]
        return losses * weights.to(losses)

    def told(self) -> Mapping[str, Any]:
        """Return the weights where the best epoch left them, and how many units each group has."""
        weights = self.log_weights.detach().exp().tolist()
        return {
            " x ".join(cell): {"weight": round(weights[g], 6), "n_units": int(self.n_units[g])}
            for g, cell in enumerate(self.groups)
            if self.n_units[g] > 0
        }

    def _group(self, row: Row) -> int:
        found = sorted({self.cells.get(turn.utterance_id, self.unknown) for turn in row if turn.label is not None})
        if len(found) > 1:
            raise PlanError(
                "a row of turns that are trained together lies in several groups, and has one loss only",
                slug="unit-in-two-groups",
                where=f"trainer {self.name}, unit {row[0].unit}",
                found="; ".join(" x ".join(cell) for cell in found),
                allowed="features whose level belongs to the unit, and a split by unit",
                remedy="name features of the unit (an accent, not the room's noise), and keep split_by: unit",
            )
        return self.groups.index(found[0] if found else self.unknown)


class GroupDroTrainer:
    """Fits a reasoner to labels, the worst groups first."""

    name = NAME

    def train(
        self,
        reasoner: Trainable,
        corpus: Corpus,
        options: Mapping[str, Any],
        *,
        folder: Path,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Trainable:
        """Fit, and leave the checkpoint in `folder`; its card has the weight of each group under `group_dro`.

        Raises:
            PlanError: as the supervised trainer; the features make no groups, or a row of turns lies in several.
        """
        chosen = read_options(GroupDroOptions, options, of=f"trainer {self.name}")
        cells = cells_of(corpus, chosen.features, trainer=self.name)
        objective = WorstGroups(cells, chosen)
        return train_steered(reasoner, corpus, chosen, objective, folder=folder, rng=rng, progress=progress)


TRAINER: Final[Trainer] = GroupDroTrainer()
