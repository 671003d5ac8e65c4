"""Multiclass metrics as functions of class sums: per class k the hits, the rows that are k, the rows called k.

Class sums are [..., 3K] in the order hits, true, predicted; they add over rows and units, and every metric here is a
function of them. `reference` holds the sums that fix which classes take part: an average over classes never changes
its classes between the estimate, its replicates and its leave-one-out values. Undefined is NaN inside the house.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Value = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """A statistic of sums [..., S] given the group's own sums [..., S] as reference."""

    name: str
    value: Value
    low: float = 0.0
    high: float | None = 1.0
    """The range; None where there is no upper end."""
    higher_is_better: bool | None = True
    ratio: tuple[FloatArray, FloatArray] | None = None
    """Weights [S] of numerator and denominator where the statistic is a ratio of sums."""
    counts_rows: bool = False
    """Whether the numerator counts rows of the denominator, so that one row a unit makes it a plain proportion."""
    averages_rates: bool = False
    """Whether it is a mean of rates of rows over classes, so that it varies about as such a rate does."""
    common: Callable[[FloatArray], FloatArray] | None = None
    """From sums [G, S] the reference under which all groups are averaged over the same classes."""
    source: str = ""
    label: str | None = None
    """The class that it speaks of, where it speaks of one."""


def class_sums(matrices: FloatArray, n_labels: int) -> FloatArray:
    """Reduce flattened confusion matrices [..., K*K] (true x predicted) to class sums [..., 3K]."""
    square = matrices.reshape(*matrices.shape[:-1], n_labels, n_labels)
    return np.concatenate([np.diagonal(square, axis1=-2, axis2=-1), square.sum(-1), square.sum(-2)], axis=-1)


def _parts(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    hits, true, predicted = np.split(sums, 3, axis=-1)
    return hits, true, predicted


def divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the quotient, NaN where the denominator is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def ratio_statistic(
    name: str,
    numerator: FloatArray,
    denominator: FloatArray,
    *,
    source: str,
    higher_is_better: bool | None = True,
    high: float | None = 1.0,
) -> Statistic:
    """Return the statistic (sums . numerator) / (sums . denominator)."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return divide(sums @ numerator, sums @ denominator)

    return Statistic(
        name=name,
        value=value,
        high=high,
        higher_is_better=higher_is_better,
        ratio=(numerator, denominator),
        counts_rows=high == 1.0,
        source=source,
    )


def accuracy(n_labels: int, name: str = "accuracy") -> Statistic:
    """Return the share of rows whose label is right; also called WAR, the weighted average recall.

    Weighted by class frequency, the mean of recalls is the accuracy: WAR has its name for the emotion literature.
    """
    hits, true, _ = _indicators(n_labels)
    return ratio_statistic(name, hits, true, source="accuracy; WAR: Schuller et al. 2009")


def selection_rate(k: int, n_labels: int) -> Statistic:
    """Return P(predicted = k)."""
    predicted, everyone = _indicators(n_labels, k)[2], _indicators(n_labels)[1]
    return ratio_statistic(
        "selection_rate",
        predicted,
        everyone,
        higher_is_better=None,
        source="Feldman et al. 2015",
    )


def recall(k: int, n_labels: int) -> Statistic:
    """Return P(predicted = k | true = k)."""
    hits, true, _ = _indicators(n_labels, k)
    return ratio_statistic("recall", hits, true, source="Hardt, Price, Srebro 2016")


def false_positive_rate(k: int, n_labels: int) -> Statistic:
    """Return P(predicted = k | true != k)."""
    hits, true, predicted = _indicators(n_labels, k)
    everyone = _indicators(n_labels)[1]
    return ratio_statistic(
        "false_positive_rate",
        predicted - hits,
        everyone - true,
        higher_is_better=False,
        source="Hardt, Price, Srebro 2016",
    )


def _indicators(n_labels: int, k: int | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weights [3K] that pick hits, true and predicted, of one class or of all."""
    chosen = np.ones(n_labels) if k is None else np.eye(n_labels)[k]
    return tuple(np.kron(np.eye(3)[part], chosen) for part in range(3))  # type: ignore[return-value]


def unweighted_average_recall() -> Statistic:
    """Return the mean recall over the classes that the reference holds (balanced accuracy)."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        hits, true, _ = _parts(sums)
        taking_part = _parts(reference)[1] > 0
        return _mean_over(divide(hits, true), taking_part)

    return Statistic(
        name="unweighted_average_recall",
        value=value,
        common=_classes_in_every_group,
        averages_rates=True,
        source="UAR: Schuller et al. 2009; balanced accuracy: Brodersen et al. 2010",
    )


def macro_f1() -> Statistic:
    """Return the mean F1 over the classes that occur in the reference as truth or as prediction."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        _, true, predicted = _parts(reference)
        return _mean_over(
            _f1(sums, reference), np.broadcast_to((true + predicted) > 0, sums[..., : true.shape[-1]].shape)
        )

    return Statistic(
        name="macro_f1",
        value=value,
        common=_classes_in_every_group,
        averages_rates=True,
        source="Sokolova, Lapalme 2009",
    )


def weighted_f1() -> Statistic:
    """Return the mean F1 over classes, weighted by how often each is the truth."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        true = _parts(sums)[1]
        return divide((np.nan_to_num(_f1(sums, reference)) * true).sum(-1), true.sum(-1))

    return Statistic(name="weighted_f1", value=value, averages_rates=True, source="Sokolova, Lapalme 2009")


def _f1(sums: FloatArray, reference: FloatArray) -> FloatArray:
    """Return F1 per class; a class that the reference knows only as a prediction scores 0, as it does there."""
    hits, true, predicted = _parts(sums)
    f1 = divide(2 * hits, true + predicted)
    only_predicted = np.broadcast_to(_parts(reference)[1] == 0, f1.shape)
    return np.where(np.isnan(f1) & only_predicted, 0.0, f1)


def _mean_over(values: FloatArray, taking_part: NDArray[np.bool_]) -> FloatArray:
    """Return the mean over the classes that take part; NaN where one of them is undefined or none takes part."""
    mask = np.broadcast_to(taking_part, values.shape)
    return divide(np.where(mask, values, 0.0).sum(-1), mask.sum(-1).astype(np.float64))


def _classes_in_every_group(totals: FloatArray) -> FloatArray:
    """Return sums in which a class that some group lacks is empty for all."""
    shared = (_parts(totals)[1] > 0).all(axis=0)
    return np.where(np.tile(shared, 3), totals, 0.0)


def performance(n_labels: int) -> tuple[Statistic, ...]:
    """Return the performance metrics in the order of reports."""
    return (
        accuracy(n_labels),
        unweighted_average_recall(),
        accuracy(n_labels, "weighted_average_recall"),
        weighted_f1(),
        macro_f1(),
    )
