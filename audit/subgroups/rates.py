"""The rates that a subgroup can differ in, as ratios of the raw sums of a tally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from affidavit.tally import FloatArray

RateName = Literal["accuracy", "selection_rate", "recall", "false_positive_rate"]
NEED_LABELS = frozenset({"accuracy", "recall", "false_positive_rate"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rate:
    """One rate, of one class where it has one: (sums . numerator) / (sums . denominator)."""

    name: RateName
    label: str | None
    numerator: FloatArray
    denominator: FloatArray
    low_is_worse: bool

    @property
    def words(self) -> str:
        """What it is called."""
        return self.name.replace("_", " ") + (f" of {self.label}" if self.label else "")


def rates_of(names: Sequence[RateName], labels: tuple[str, ...], *, labelled: bool) -> tuple[Rate, ...]:
    """Return the rates over flattened confusion matrices (true x predicted), or over prediction counts (unlabelled)."""
    n = len(labels)
    shape = (n, n) if labelled else (1, n)
    return tuple(rate for name in dict.fromkeys(names) for rate in _of_name(name, labels, shape))


def _of_name(name: RateName, labels: tuple[str, ...], shape: tuple[int, int]) -> list[Rate]:
    everyone = np.ones(shape)
    if name == "accuracy":
        return [_rate(name, None, np.eye(len(labels)), everyone)]
    rates = []
    for k, label in enumerate(labels):
        predicted = np.broadcast_to(np.eye(len(labels))[k], shape).astype(np.float64)
        true = np.zeros(shape)
        true[k if shape[0] > 1 else 0] = 1.0
        among = {"selection_rate": everyone, "recall": true, "false_positive_rate": everyone - true}[name]
        rates.append(_rate(name, label, predicted * among, among))
    return rates


def _rate(name: RateName, label: str | None, numerator: FloatArray, denominator: FloatArray) -> Rate:
    return Rate(
        name=name,
        label=label,
        numerator=numerator.reshape(-1),
        denominator=denominator.reshape(-1),
        low_is_worse=name != "false_positive_rate",
    )
