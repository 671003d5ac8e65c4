"""The judgements of one condition, each with its twins: the same judgement under other conditions.

A twin is the same utterance, judged by the same reasoner under the same instruction in the same repetition. What a
table alone tells of faithfulness rests on twins: what became of the answer when something was taken away or changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from affidavit.conditions import MODALITIES
from affidavit.confusion import FloatArray
from affidavit.matched_rows import NONE, MatchedRows, read_rows
from affidavit.predictions import Predictions
from affidavit.records import Record, Refusal
from affidavit.tally import outcome_columns
from faithfulness.conclusions.repeats import next_repetition

NOBODY: Final = -1
"""In place of an answer where there is none."""
Codes = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class MatchingOptions(Record):
    """What every examination of twins can be told in a plan."""

    most_rows: int = Field(default=5_000_000, ge=1)
    """A run with more rows is refused: matching judgements takes them all at once, some hundred bytes each."""

    def refuses(self, run: Predictions, *, examination: str) -> Refusal | None:
        """Refuse a run that is too large to be matched; how it is read has no say in that."""
        if run.n_rows <= self.most_rows:
            return None
        return Refusal(
            examination=examination,
            because=f"the table has {run.n_rows:,} rows, and at most {self.most_rows:,} are matched",
            remedy="audit a sample of the utterances, or set the option most_rows of this examination in the plan",
        )


def without_interventions(examination: str, remedy: str) -> Refusal:
    """Refuse a run without the conditions that an examination is made of; the reason is the same for all of them."""
    because = "it needs utterances judged anew after an intervention (docs/faithfulness.md lists which)"
    return Refusal(examination=examination, because=because, remedy=remedy)


def without_twins(examination: str, run: str, base: str, others: Sequence[str]) -> Refusal:
    """Refuse a part of a run in which no judgement under the base has a twin under each of the others."""
    each = f"each of {', '.join(others)}" if len(others) > 1 else others[0]
    return Refusal(
        examination=examination,
        run=run,
        because=f"no utterance was judged under {base} and under {each}",
        remedy="ask for the same utterances, instructions and repetitions under each of these conditions",
    )


def lacking_twins(matched: BoolArray, others: Sequence[str]) -> tuple[str, ...]:
    """Return a caveat that counts judgements [N] that take no part, for want of a twin; none where all are matched."""
    missing = int((~matched).sum())
    where = others[0] if len(others) == 1 else "one of them"
    return (f"{missing:,} judgements have no twin under {where}",) if missing else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """What became of each judgement [N] under one other condition."""

    answer: Codes
    """Codes of labels, `NOBODY` where it was not judged."""
    likelihood: FloatArray
    """The probability that the base condition's answer has here; NaN where unknown."""
    distance: FloatArray
    """The total variation distance between the probabilities here and under the base; NaN where unknown."""
    weight_shift: FloatArray
    """Half the sum of what the weights of modalities moved; NaN where unknown."""
    rationale: pa.Array
    """What was said here; null where nothing was."""

    @property
    def judged(self) -> BoolArray:
        """Whether there is a twin."""
        return np.asarray(self.answer != NOBODY)

    @property
    def has_rationale(self) -> BoolArray:
        """Whether a reason was given."""
        return _is_said(_trimmed(self.rationale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """The judgements [N] under a base condition of one run."""

    predictions: Predictions
    condition: str
    rows: Mapping[str, NDArray[Any]]
    """The `outcome_columns` of each judgement."""
    answer: Codes
    truth: Codes
    """Codes of reference labels; `NOBODY` throughout where the table has none."""
    instruction: Codes
    """Codes into the run's levels."""
    likelihood: FloatArray
    """The probability of the answer; NaN where the table has no probabilities."""
    rationale: pa.Array
    """Trimmed; empty where there is none."""
    again: Codes
    """The answer of the next repetition of the judgement, the first after the last; `NOBODY` where it has none."""
    twins: Mapping[str, Twin]
    """By condition."""

    @property
    def has_rationale(self) -> BoolArray:
        """Whether a reason was given."""
        return _is_said(self.rationale)

    @property
    def repeated(self) -> BoolArray:
        """Whether the judgement was repeated."""
        return np.asarray(self.again != NOBODY)

    @property
    def changed_on_repetition(self) -> BoolArray:
        """Whether its repetition gave another answer: the model's own noise."""
        return np.asarray(self.repeated & (self.again != self.answer))

    @property
    def has_probabilities(self) -> bool:
        """Whether probabilities are known."""
        return bool(not np.isnan(self.likelihood).all())


def read_judgements(predictions: Predictions, by: Sequence[str], base: str, others: Sequence[str]) -> Judgements:
    """Read the judgements under a base condition and match those under the others to them."""
    table = _read(predictions, by, (base, *others))
    rows, told, own = table.read.columns, table.told, table.read.under(0)
    following = next_repetition(table.read.judgement[own], rows["repeat"][own])
    return Judgements(
        predictions=predictions,
        condition=base,
        rows={name: rows[name][own] for name in outcome_columns(predictions, by)},
        answer=told[own],
        truth=rows["y_true"][own].astype(np.int64) if predictions.labelled else np.full(len(own), NOBODY),
        instruction=rows["instruction"][own].astype(np.int64),
        likelihood=np.full(len(own), np.nan) if table.shares is None else table.shares[own, told[own]],
        rationale=_trimmed(table.texts.take(pa.array(own))),
        again=np.where(following == NONE, NOBODY, told[own][following]),
        twins={condition: table.twin(own, place) for place, condition in enumerate(others, start=1)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    read: MatchedRows
    told: Codes
    shares: FloatArray | None
    weights: FloatArray | None
    texts: pa.Array

    def twin(self, own: Codes, place: int) -> Twin:
        """Return the twins of the rows `own` under one condition."""
        row = self.read.twins(own, place)
        found = row != NONE
        other = np.where(found, row, 0)
        likelihood = np.full(len(own), np.nan)
        if self.shares is not None:
            likelihood = np.where(found, self.shares[other, self.told[own]], np.nan)
        return Twin(
            answer=np.where(found, self.told[other], NOBODY),
            likelihood=likelihood,
            distance=_half_moved(self.shares, own, other, found),
            weight_shift=_half_moved(self.weights, own, other, found),
            rationale=self.texts.take(pa.array(row, mask=~found)),
        )


def _read(predictions: Predictions, by: Sequence[str], conditions: Sequence[str]) -> _Table:
    """Read the rows under the conditions with rationales, probabilities and weights, where there are any."""
    names = [*outcome_columns(predictions, by), "y_pred", *(["y_true"] if predictions.labelled else [])]
    likely = [f"prob_{label}" for label in predictions.labels]
    likely = likely if set(likely) <= set(predictions.columns) else []
    weighed = [f"weight_{name}" for name in MODALITIES.values() if f"weight_{name}" in predictions.columns]
    spoken = ["rationale"] if "rationale" in predictions.columns else []
    read = read_rows(predictions, conditions, [*names, *likely, *weighed], texts=spoken)
    return _Table(
        read=read,
        told=read.columns["y_pred"].astype(np.int64),
        shares=read.stacked(likely),
        weights=read.stacked(weighed),
        texts=read.texts["rationale"] if spoken else pa.nulls(len(read.place), pa.string()),
    )


def _half_moved(shares: FloatArray | None, own: Codes, other: Codes, found: BoolArray) -> FloatArray:
    """Return half the sum of absolute differences of shares, NaN where there is nothing to compare."""
    if shares is None:
        return np.full(len(own), np.nan)
    return np.where(found, 0.5 * np.abs(shares[other] - shares[own]).sum(axis=1), np.nan)


def _is_said(trimmed: pa.Array) -> BoolArray:
    return np.asarray(pc.not_equal(trimmed, "").to_numpy(zero_copy_only=False))


def _trimmed(texts: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
