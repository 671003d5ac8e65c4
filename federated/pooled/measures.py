"""Metrics as means of ratios of class sums, with their gradients: what a linearised interval needs.

theta = 1/|T| sum over t in T of (a_t . S) / (b_t . S), S the class sums of a group, T the terms that take part.
Accuracy is one term; recall of a label one; UAR and macro F1 one for each label. The gradient is
1/|T| sum_t (a_t - r_t b_t) / (b_t . S), and gradient . S = 0: theta does not change where every patient counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import divide

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Takes = Literal["all", "with truth", "with truth or call"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Measure:
    """One metric of class sums `[..., 3 K]`."""

    name: str
    numerators: FloatArray
    """`[T, 3 K]`"""
    denominators: FloatArray
    """`[T, 3 K]`"""
    takes: Takes
    """Which terms take part: all, or those whose label occurs."""
    counts_rows: bool
    """Whether it is a share of rows."""
    source: str
    label: str | None = None
    label_at: int | None = None
    """The label whose rows it is a share of; all rows where None."""

    def taking_part(self, reference: FloatArray) -> BoolArray:
        """Return `[..., T]` for class sums that fix which labels count."""
        if self.takes == "all":
            return np.ones((*reference.shape[:-1], len(self.numerators)), dtype=bool)
        k = reference.shape[-1] // 3
        true, called = reference[..., k : 2 * k], reference[..., 2 * k :]
        return np.asarray(true > 0) if self.takes == "with truth" else np.asarray(true + called > 0)

    def value(self, sums: FloatArray, taking_part: BoolArray) -> FloatArray:
        """Return the metric, NaN where a term that takes part divides by nothing or none takes part."""
        ratios = divide(sums @ self.numerators.T, sums @ self.denominators.T)
        return divide(np.where(taking_part, ratios, 0.0).sum(-1), taking_part.sum(-1).astype(np.float64))

    def gradient(self, sums: FloatArray, taking_part: BoolArray) -> FloatArray:
        """Return d theta / d S `[3 K]` at class sums `[3 K]`; NaN where the metric is undefined."""
        below = sums @ self.denominators.T
        ratios = divide(sums @ self.numerators.T, below)
        each = (self.numerators - ratios[:, None] * self.denominators) / np.where(below > 0, below, np.nan)[:, None]
        if not taking_part.any():
            return np.full(sums.shape, np.nan)
        return np.asarray(each[taking_part].mean(axis=0))

    @cached_property
    def sizes(self) -> FloatArray:
        """Weights `[3 K]` that give a patient's rows in the denominator."""
        k = self.numerators.shape[1] // 3
        chosen = np.ones(k) if self.label_at is None else np.eye(k)[self.label_at]
        return np.kron(np.array([0.0, 1.0, 0.0]), chosen)


def _parts(k: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights `[K, 3 K]` that pick hits, truths and calls of each label."""
    return tuple(np.kron(np.eye(3)[part][None, :], np.eye(k)) for part in range(3))  # type: ignore[return-value]


@lru_cache(maxsize=64)
def measures(labels: tuple[str, ...]) -> tuple[Measure, ...]:
    """Return the metrics of every group: accuracy, UAR, macro F1."""
    hits, true, called = _parts(len(labels))
    return (
        Measure(
            name="accuracy",
            numerators=hits.sum(0)[None, :],
            denominators=true.sum(0)[None, :],
            takes="all",
            counts_rows=True,
            source="accuracy; WAR: Schuller et al. 2009",
        ),
        Measure(
            name="unweighted_average_recall",
            numerators=hits,
            denominators=true,
            takes="with truth",
            counts_rows=False,
            source="UAR: Schuller et al. 2009; balanced accuracy: Brodersen et al. 2010",
        ),
        Measure(
            name="macro_f1",
            numerators=2 * hits,
            denominators=true + called,
            takes="with truth or call",
            counts_rows=False,
            source="Sokolova, Lapalme 2009",
        ),
    )


@lru_cache(maxsize=64)
def rates(labels: tuple[str, ...]) -> tuple[Measure, ...]:
    """Return recall and selection rate of each label."""
    hits, true, called = _parts(len(labels))
    everyone = true.sum(0)[None, :]
    recalls = [
        Measure(
            name="recall",
            numerators=hits[k : k + 1],
            denominators=true[k : k + 1],
            takes="all",
            counts_rows=True,
            source="Hardt, Price, Srebro 2016",
            label=label,
            label_at=k,
        )
        for k, label in enumerate(labels)
    ]
    selected = [
        Measure(
            name="selection_rate",
            numerators=called[k : k + 1],
            denominators=everyone,
            takes="all",
            counts_rows=True,
            source="Feldman et al. 2015",
            label=label,
        )
        for k, label in enumerate(labels)
    ]
    return (*recalls, *selected)
