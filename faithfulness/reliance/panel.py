"""Utterances judged under all of some conditions: how well under each, by unit and group, and what is made of it.

Columns are `nothing` (the commonest label, which needs no modality) and the conditions. Three measures of how well:

| measure | value of a column | without any modality |
|---|---|---|
| `accuracy` | share of answers that are right | how often the guess at the commonest label is right |
| `unweighted_average_recall` | mean recall over the labels that the group has | 1 / K for a guess at one of K labels |
| `answer_probability` | mean probability of the answers that were given under the base | how common those labels are |

Every number of interest is a weighted sum over columns, or a ratio of two: one number an utterance, so that pairing
enters every variance by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np

from affidavit.case import Case
from affidavit.confusion import FloatArray, Statistic, Value, divide, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.tally import OutcomeCounter, Tally
from faithfulness.reliance.judged import Judged
from faithfulness.reliance.operators import NOTHING
from faithfulness.reliance.prior import constant_guess, label_shares, labels_by_unit
from faithfulness.twins import Codes

Measure = Literal["accuracy", "unweighted_average_recall", "answer_probability"]
ACCURACY: Final[Measure] = "accuracy"
RECALL: Final[Measure] = "unweighted_average_recall"
PROBABILITY: Final[Measure] = "answer_probability"
FLIPS: Final = "repeat_flip_rate"
_ROUNDING: Final = 1e-14
_AT_ONCE: Final = 65_536
"""Utterances counted at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One run's utterances under all of some conditions."""

    case: Case
    judged: Judged
    columns: tuple[str, ...]
    """`nothing`, then conditions."""
    tally: Tally
    """Sums: of labels [K]; right answers by label [C, K]; repeated ones, and of those how many pairs of repetitions
    differ [2]. Its condition is the one that findings name."""
    likely: Tally | None
    """Sums: everybody, probabilities [C]; None where they are not known. Apart, since rows that are alike in what is
    right are counted together where rows are the units."""
    guess: FloatArray
    """How often each label is guessed without any modality, [K]."""
    missing: int
    """Utterances judged under the base and one of the conditions, but not under all."""
    contradicted: int
    """Utterances with more than one reference label."""

    @property
    def run(self) -> str:
        """The run."""
        return self.judged.predictions.run

    @property
    def n_labels(self) -> int:
        """Labels of the run."""
        return len(self.judged.predictions.labels)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is known of every column, the main one first."""
        return (ACCURACY, RECALL, *([PROBABILITY] if self.likely is not None else []))

    @property
    def repeated(self) -> bool:
        """Whether any of its judgements was repeated under the base."""
        return bool(self.tally.sums[:, -2].sum() > 0)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to say of what takes no part, and of labels about as common."""
        shown = ", ".join(self.columns[1:])
        labels = self.judged.predictions.labels
        shared = [label for label, share in zip(labels, self.guess, strict=True) if share > 0]
        return (
            *([f"{self.missing:,} utterances were not judged under each of {shown}"] if self.missing else []),
            *([f"{self.contradicted:,} utterances have more than one reference label"] if self.contradicted else []),
            *([f"about as common, so that each is guessed as often: {', '.join(shared)}"] if len(shared) > 1 else []),
        )

    def weights(self, values: Mapping[str, float]) -> FloatArray:
        """Return weights over columns [C] from weights by name."""
        return np.array([values.get(column, 0.0) for column in self.columns])

    def evidence(self, family: tuple[str, ...], measure: Measure) -> Evidence:
        """Return evidence over the sums of one measure: [1 + C], by label [K + C K] for average recall."""
        if measure == PROBABILITY and self.likely is not None:
            return self.case.book.evidence_of(self.run, self.likely, family)
        drawn = self._drawn(family)
        if measure == RECALL:
            return drawn.projected(lambda sums: sums[..., :-2])
        return drawn.projected(partial(_over_labels, n_labels=self.n_labels))

    def noise_evidence(self, family: tuple[str, ...]) -> Evidence:
        """Return evidence over repeated judgements and how many of their pairs of repetitions differ, [2]."""
        return self._drawn(family).projected(lambda sums: sums[..., -2:])

    def linear(
        self, name: str, measure: Measure, weights: FloatArray, *, bounds: tuple[float, float], source: str
    ) -> Statistic:
        """Return the sum over columns of weights [C] times the measure, within bounds."""
        low, high = bounds
        if measure == RECALL:
            mean = _mean_recall(name, weights, self.n_labels, source=source)
            return replace(mean, low=low, high=high, value=_exact_at_zero(mean.value))
        everything = np.eye(1 + len(weights))[0]
        numerator = np.concatenate([[0.0], weights])
        plain = ratio_statistic(name, numerator, everything, source=source, higher_is_better=None)
        return replace(plain, low=low, high=high, counts_rows=False, value=_exact_at_zero(plain.value))

    def _drawn(self, family: tuple[str, ...]) -> Evidence:
        return self.case.book.evidence_of(self.run, self.tally, family)


def flip_rate() -> Statistic:
    """Return how often two repetitions of a judgement differ, [0, 1], of `noise_evidence`."""
    source = "sampling noise floor"
    plain = ratio_statistic(FLIPS, np.array([0.0, 1.0]), np.array([1.0, 0.0]), source=source, higher_is_better=False)
    return replace(plain, counts_rows=False)


def ratio_of_columns(name: str, above: FloatArray, below: FloatArray, *, high: float | None, source: str) -> Statistic:
    """Return a ratio of two weighted sums [1 + C] of accuracies, at most `high`; the first is 1 itself, NaN at 0 below.

    Not declared a ratio of sums: a unit that is never right adds nothing below and still counts above.
    """

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return divide(sums @ above, sums @ below)

    return Statistic(name=name, value=value, low=-np.inf, high=high, higher_is_better=None, source=source)


def panel_of(case: Case, judged: Judged, conditions: Sequence[str], *, name: str) -> Panel | None:
    """Count the utterances that were judged under the base and all of the conditions; None where there is none.

    `name` is the condition that findings name.
    """
    columns = tuple(dict.fromkeys(conditions))
    complete = judged.complete(columns)
    if not complete.any():
        return None
    chosen = judged.columns(columns)
    any_of = ~np.isnan(judged.right[:, chosen]).all(axis=1)
    by_unit = labels_by_unit(
        judged.label[complete],
        judged.rows["unit"][complete],
        weight=judged.weight[complete],
        n_labels=len(judged.predictions.labels),
    )
    guess, shares = constant_guess(by_unit), label_shares(by_unit)
    known = judged.likely is not None and not np.isnan(judged.likely[complete][:, chosen]).any()
    places = np.flatnonzero(complete)
    return Panel(
        case=case,
        judged=judged,
        columns=(NOTHING, *columns),
        tally=_counted(case, judged, places, partial(_right, chosen=chosen, guess=guess), name=name),
        likely=_counted(case, judged, places, partial(_likely, chosen=chosen, shares=shares), name=name)
        if known
        else None,
        guess=guess,
        missing=int((any_of & ~judged.contradicted & ~complete).sum()),
        contradicted=int((any_of & judged.contradicted).sum()),
    )


def _counted(
    case: Case, judged: Judged, places: Codes, sums_of: Callable[[Judged, Codes], FloatArray], *, name: str
) -> Tally:
    """Count utterances at some places by what each adds, in parts that fit into memory."""
    counter = OutcomeCounter(judged.predictions, case.by, condition=name)
    for start in range(0, len(places), _AT_ONCE):
        part = places[start : start + _AT_ONCE]
        weight = 1.0 if counter.weighted else judged.weight[part, None]
        counter.add({column: values[part] for column, values in judged.rows.items()}, sums_of(judged, part) * weight)
    return counter.tally()


def _right(judged: Judged, part: Codes, *, chosen: Sequence[int], guess: FloatArray) -> FloatArray:
    """Return what each utterance adds to labels, right answers and noise, not yet weighted."""
    labels = np.eye(len(guess))[judged.label[part]]
    right = [guess[judged.label[part]], *(judged.right[part, c] for c in chosen)]
    repeated = ~np.isnan(judged.differing[part])
    noise = [repeated.astype(np.float64), np.where(repeated, judged.differing[part], 0.0)]
    return np.column_stack([labels, *(labels * r[:, None] for r in right), *noise])


def _likely(judged: Judged, part: Codes, *, chosen: Sequence[int], shares: FloatArray) -> FloatArray:
    """Return what each utterance adds to probabilities, not yet weighted: without any modality, how common labels are.

    Raises:
        ValueError: probabilities are not known.
    """
    if judged.likely is None:
        raise ValueError("Expected probabilities.")
    return np.column_stack([np.ones(len(part)), judged.answers[part] @ shares, judged.likely[part][:, chosen]])


def _over_labels(sums: FloatArray, *, n_labels: int) -> FloatArray:
    """Return the sums [..., 1 + C] of everybody and right answers, out of those of a panel."""
    kept = sums[..., :-2]
    return np.asarray(kept.reshape(*kept.shape[:-1], kept.shape[-1] // n_labels, n_labels).sum(axis=-1))


def _exact_at_zero(value: Value) -> Value:
    """Return a statistic's value in which thirds and sixths that cancel leave nothing, and not what rounding leaves."""

    def exact(sums: FloatArray, reference: FloatArray) -> FloatArray:
        found = value(sums, reference)
        return np.where(np.abs(found) < _ROUNDING, 0.0, found)

    return exact


def _mean_recall(name: str, weights: FloatArray, n_labels: int, *, source: str) -> Statistic:
    """Return the weighted sum of average recalls, over the labels of the reference; of [..., K + C K]."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        right = sums[..., n_labels:].reshape(*sums.shape[:-1], len(weights), n_labels)
        gained = np.einsum("...ck,c->...k", right, weights)
        taking_part = np.broadcast_to(reference[..., :n_labels] > 0, gained.shape)
        recalls = np.where(taking_part, divide(gained, sums[..., :n_labels]), 0.0)
        return divide(recalls.sum(-1), taking_part.sum(-1).astype(np.float64))

    return Statistic(name=name, value=value, higher_is_better=None, source=source)
