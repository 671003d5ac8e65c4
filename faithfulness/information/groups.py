"""The information of one group, with what chance alone gives; or why there are too few of it to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from faithfulness.information.answers import Answers, by_block, dealt_anew, dealt_into_blocks
from faithfulness.information.corrected import Corrected, corrected, corrected_draws
from faithfulness.twins import Codes

NULL_BLOCKS: Final = 5
"""Under a target dealt anew the bias is corrected with so few blocks: its mean is what matters, not its error."""


class Limits(Protocol):
    """What a group needs, and how finely it is measured."""

    @property
    def fewest_units(self) -> int:
        """Units of a group."""

    @property
    def fewest_per_cell(self) -> float:
        """Utterances for each cell that occurs."""

    @property
    def blocks(self) -> int:
        """Blocks of units, at most."""

    @property
    def deals(self) -> int:
        """How often the target is dealt anew; 0 for nothing beside the numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Everybody, or one level of one feature."""

    groups: Mapping[str, str]
    feature: str | None = None
    code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """What the corrected quantities [Q], not below 0, are when the target is dealt anew."""

    mean: FloatArray
    high: FloatArray
    """The 95 % quantile over deals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The quantities of one group, or the reason why there are none."""

    found: Corrected | str
    null: Null | None
    n_rows: int
    n_units: int
    per_cell: float
    """Utterances for each cell that occurs; 0 where there is none."""


def groups_of(predictions: Predictions, by: Sequence[str]) -> list[Group]:
    """Return everybody, then every level of every feature; intersections would be too thin for a joint table."""
    return [
        Group(groups={}),
        *(
            Group(groups={feature: level}, feature=feature, code=code)
            for feature in by
            for code, level in enumerate(predictions.levels[f"group_{feature}"])
        ),
    ]


def measured(
    answers: Answers, target: str, pair: tuple[str, str], *, group: Group, limits: Limits, rng: np.random.Generator
) -> Measured:
    """Measure one group; the same seed deals the same blocks for every pair and target."""
    member = answers.member(group.feature, group.code) & (answers.weight > 0)
    unit, weight, cells = answers.unit[member], answers.weight[member], answers.cells(pair, target)[member]
    n_units, n_rows = len(np.unique(unit)), len(unit)
    utterance = answers.utterance[member]
    per_cell = len(np.unique(utterance)) / max(len(np.unique(cells)), 1)
    found: Corrected | str
    null = None
    if n_units < limits.fewest_units:
        found = f"{n_units} units: under {limits.fewest_units} there is too much chance in a joint table of answers"
    elif per_cell < limits.fewest_per_cell:
        least = f"at least {limits.fewest_per_cell:g} are needed"
        found = f"{per_cell:.1f} utterances for each cell of answers and target that occurs, and {least}"
    else:
        k = answers.n_labels
        block = dealt_into_blocks(unit, min(limits.blocks, n_units), rng)
        found = corrected(by_block(cells, block, weight, (k, k, k)))
        sources, told = np.divmod(cells, k)
        thick = block % NULL_BLOCKS
        dealt = [sources * k + dealt_anew(told, unit, utterance, rng) for _ in range(limits.deals)]
        null = _null(dealt, thick, weight, k) if dealt else None
    return Measured(found=found, null=null, n_rows=n_rows, n_units=n_units, per_cell=per_cell)


def _null(dealt: Sequence[Codes], block: Codes, weight: FloatArray, k: int) -> Null:
    """Return mean and quantile of the quantities over deals; who occurs is the same in each, so shapes are."""
    draws = np.stack([by_block(cells, block, weight, (k, k, k)) for cells in dealt])
    found = np.maximum(corrected_draws(draws), 0.0)  # as the estimates beside which they stand
    return Null(mean=found.mean(axis=0), high=np.quantile(found, 0.95, axis=0))
