"""What soft labels are compared by: per row how far the model is from the annotators, and they from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.statistics.divergence import (
    cross_entropy,
    distribution,
    entropy,
    expected_agreement,
    jensen_shannon_divergence,
)
from affidavit.tally import Tally, outcome_columns
from audit.unit_sums import UnitSums, distributions, folded

FloatArray = NDArray[np.float64]
COLUMNS: Final = (
    "rows",
    "divergence",
    "entropy",
    "entropy_squared",
    "divergence_entropy",
    "cross_entropy",
    "annotators",
    "model",
)
"""The sums of a row, in order; the first five are what `audit.annotators.adjustment` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftSums:
    """One run's sums by condition, and how many rows want a remark."""

    tallies: Mapping[str, Tally]
    n_rows: int
    floored: int
    """Rows in which a label that annotators gave has a probability below the floor."""
    votes: Votes


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """What shares tell of how many annotators gave them."""

    uneven: int = 0
    """Rows whose shares are no multiples of one over the number of annotators."""
    fewest: int = 1
    """So many annotators there were at least in some row: shares of n votes have sum s^2 >= 1/n."""

    def and_those_of(self, shares: FloatArray, annotators: int | None) -> Votes:
        """Return what these and further shares [N, K] tell."""
        least = (shares**2).sum(axis=1).min(initial=1.0)
        return Votes(
            uneven=self.uneven + n_uneven(shares, annotators),
            fewest=max(self.fewest, int(np.ceil(1 / least - 1e-3))),
        )

    def refuses(self, annotators: int | None, *, run: str, examination: str) -> Refusal | None:
        """Refuse a number of annotators that is too small to have given some row's shares."""
        if annotators is None or annotators >= self.fewest:
            return None
        return Refusal(
            examination=examination,
            run=run,
            because=f"the option annotators says {annotators}, and in some rows at least {self.fewest} gave the shares",
            remedy="say how many annotators labelled each row, in the option annotators of this examination",
        )


def soft_labels(run: Predictions) -> tuple[str, ...]:
    """Return the labels that annotators could give, those of the label space first."""
    named = [name.removeprefix("soft_") for name in run.columns if name.startswith("soft_")]
    return (*(label for label in run.labels if label in named), *(label for label in named if label not in run.labels))


def count_soft_labels(
    predictions: Predictions, by: tuple[str, ...], *, annotators: int | None, floor: float
) -> SoftSums:
    """Read a run once and return its sums; probabilities below `floor` count as it in cross-entropy."""
    labels = tuple(dict.fromkeys((*predictions.labels, *soft_labels(predictions))))
    stored = [name for name in predictions.columns if name.startswith(("prob_", "soft_"))]
    counter = UnitSums(predictions, by)
    floored, votes = 0, Votes()
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), "y_pred", *stored]):
        shares = distribution(distributions(predictions, batch, "soft_", labels))
        model = _model(predictions, batch, labels)
        values = _row_values(shares, model, batch["y_pred"], annotators=annotators, floor=floor)
        weighted = values * batch["weight"][:, None] if "weight" in batch else values
        counter.add(batch, partial(folded, weighted))
        floored += int(((shares > 0) & (model < floor)).any(axis=1).sum())
        votes = votes.and_those_of(shares, annotators)
    return SoftSums(tallies=counter.tallies(), n_rows=predictions.n_rows, floored=floored, votes=votes)


def n_uneven(shares: FloatArray, annotators: int | None) -> int:
    """Return in how many rows [N, K] so many annotators cannot have given the shares; a tenth of a vote is rounding."""
    if annotators is None:
        return 0
    votes = shares * annotators
    return int((np.abs(votes - np.rint(votes)) > 0.1).any(axis=1).sum())


def has_probabilities(predictions: Predictions) -> bool:
    """Say whether the model gave a distribution."""
    return any(name.startswith("prob_") for name in predictions.columns)


def _model(predictions: Predictions, batch: Mapping[str, NDArray[Any]], labels: tuple[str, ...]) -> FloatArray:
    """Return the model's distribution [N, K]: its probabilities, or its answer as certain."""
    if has_probabilities(predictions):
        return distribution(distributions(predictions, batch, "prob_", labels))
    return np.asarray(np.eye(len(labels))[batch["y_pred"]])


def _row_values(
    shares: FloatArray, model: FloatArray, answer: NDArray[np.int32], *, annotators: int | None, floor: float
) -> FloatArray:
    """Return what each row adds, [N, 8] in the order of `COLUMNS`."""
    divergence, h = jensen_shannon_divergence(model, shares), entropy(shares)
    together = expected_agreement(shares, annotators=annotators)
    with_model = np.take_along_axis(shares, answer.astype(np.int64)[:, None], axis=1)[:, 0]
    crossed = cross_entropy(shares, model, floor=floor)
    return np.stack([np.ones(len(h)), divergence, h, h * h, divergence * h, crossed, together, with_model], axis=1)
