"""The trainer behind `trainers: group-dro`: fits the groups that fare worst, by distributionally robust optimisation.

Each group g has a weight q_g, and all sum to one. A step multiplies it by exp(eta (l_g + C / sqrt(n_g))), where n_g are
the group's units, divides by the sum, and descends sum_g q_g l_g. A group's loss l_g is estimated from the step's rows,
each weighted by all rows over the group's: the mean over the group where the step holds everybody, and unbiased where
it does not, so that a group that is missing from many steps is neither forgotten nor taken for faultless. C > 0 asks
small groups for a lower loss, for theirs generalises worse.

Groups with fewer than `fewest_units` units, and turns of which a level is unknown, keep the weight that they have in
plain training: the loss of four people is mostly noise, and what is largest by noise would be all that is trained on.
A strong weight decay belongs to it: a network that fits every training unit has no worst group left to see (Sagawa et
al. 2020). The last epoch's model is kept: the best by weighted F1, which is that of the many, is one in which the worst
group gained least (measured in docs/mitigation.md).

Source: Sagawa, Koh, Hashimoto, Liang 2020, algorithm 1 and equation 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.protocols import Trainer
from affidavit.schema import UNKNOWN
from reasoners.steered import Cell, Cells, Row, Scores, SteeredOptions, SteeredTrainer

NAME: Final = "group-dro"


class GroupDroOptions(SteeredOptions):
    """What a plan may say of it."""

    eta: float = Field(default=0.1, gt=0)
    """How fast weights move to the groups that fare worst."""
    adjustment: float = Field(default=0.0, ge=0)
    """C: what is added to a group's loss is this over the root of its number of units."""
    fewest_units: int = Field(default=10, ge=1)
    """A group with fewer training units keeps its weight."""
    weight_decay: float = Field(default=0.1, ge=0)
    keep: Literal["best", "last"] = "last"
    """The best epoch by weighted F1 of everybody is the one in which the worst group has gained least."""


class WorstGroups(nn.Module):
    """The objective: sum_g q_g l_g, with weights that follow the losses."""

    def __init__(self, cells: Cells, options: GroupDroOptions) -> None:
        """Weigh groups alike at first; `cells` are the levels of each turn that has them, by utterance id."""
        super().__init__()
        self.name: str = NAME
        self.unknown: Cell = (UNKNOWN,) * len(options.features)
        self.cells, self.options = cells, options
        self.groups: list[Cell] = [*sorted(set(cells.values())), self.unknown]
        self.log_weights = nn.Parameter(torch.zeros(len(self.groups), dtype=torch.float64))
        self.n_rows = self.n_units = torch.zeros(len(self.groups), dtype=torch.float64)
        self.moved = torch.ones(len(self.groups), dtype=torch.bool)

    @property
    def module(self) -> nn.Module:
        """What is kept: the weights, which no optimiser moves."""
        return self

    def trained(self) -> Sequence[nn.Parameter]:
        """Return nothing: the weights have a rule of their own."""
        return ()

    def begin(self, material: Sequence[Row], n_steps: int) -> None:
        """Count rows and units of each group; one that is not trained on has no weight, small ones keep theirs.

        Raises:
            PlanError: fewer than two groups have the units.
        """
        units = {(unit.unit, self._group(row)) for row in material for unit in row[:1]}
        by_row, by_unit = Counter(map(self._group, material)), Counter(group for _, group in units)
        self.n_rows, self.n_units = (
            torch.tensor([counts[g] for g in range(len(self.groups))], dtype=torch.float64)
            for counts in (by_row, by_unit)
        )
        known = torch.tensor([group != self.unknown for group in self.groups])
        self.moved = known & (self.n_units >= self.options.fewest_units)
        if int(self.moved.sum()) < 2:
            raise self._too_small()
        share = self.n_rows / self.n_rows.sum()
        with torch.no_grad():
            alike = share[self.moved].sum() / self.moved.sum()
            self.log_weights.copy_(torch.where(self.moved, alike, share).log())

    def steered(self, losses: Tensor, units: Sequence[Row], *, scores: Scores) -> Tensor:
        """Move the weights, then weigh each row's loss by its group."""
        group = torch.tensor([self._group(row) for row in units])
        share = float(self.n_rows.sum()) / self.n_rows  # of a group without rows infinite, and never read
        with torch.no_grad():
            own = losses.detach().cpu().double() * share[group] / len(units)
            estimated = torch.zeros_like(self.n_rows).index_add(0, group, own)
            asked = estimated + self.options.adjustment / self.n_units.clamp(min=1).sqrt()
            moved = self.log_weights[self.moved]
            told = (moved + self.options.eta * asked[self.moved]).log_softmax(0) + moved.logsumexp(0)
            self.log_weights[self.moved] = told
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

    def _too_small(self) -> PlanError:
        counts = [f"{' x '.join(cell)}: {int(n)}" for cell, n in zip(self.groups, self.n_units, strict=True)]
        return PlanError(
            "fewer than two groups have the units to be weighed against each other",
            slug="plan-impossible",
            where=f"trainer {self.name}",
            found=", ".join(counts),
            allowed=f"two groups of {self.options.fewest_units} training units or more (option fewest_units)",
            remedy="name a feature with fewer levels, or bring more units",
        )

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


def _objective(cells: Cells, corpus: Corpus, options: GroupDroOptions, rng: np.random.Generator) -> WorstGroups:
    return WorstGroups(cells, options)


TRAINER: Final[Trainer] = SteeredTrainer(name=NAME, options=GroupDroOptions, objective=_objective)
"""Refuses also a row of turns that lies in several groups. The checkpoint's card has each group's weight."""
