"""Counts what judges make of the rationales of one run, in one pass and flat memory, condition by condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.conditions import Condition
from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from affidavit.schema import KEY
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from faithfulness.conclusions.consistency import Answers
from faithfulness.conclusions.corrections import corrected_sums, kappa_sums
from faithfulness.conclusions.gold import NONE, Gold, Matcher
from faithfulness.conclusions.judge import Judge, Outcome
from faithfulness.conclusions.sums import Layout

Judgement = tuple[str, str, str, str, str | None, str]
"""Utterance, reasoner, instruction, repeat, the conclusion (None where the judge abstained), the outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Who reads: the judge, and the control that reads the same texts without the labels' own words."""

    plain: Judge
    masked: Judge
    keep: bool = False
    """Whether judgements are kept one by one, since this judge may answer otherwise tomorrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted under one condition."""

    tally: Tally
    checked: Tally | None
    """Sums of agreement over the judgements that people have read too; None where there are none."""
    corrected: Tally | None
    judgements: tuple[Judgement, ...]
    outcomes: Mapping[Outcome, int]
    """How many of its rows came to what."""

    @property
    def spoken(self) -> int:
        """How many rows have a rationale."""
        return sum(self.outcomes.values()) - self.outcomes[Outcome.EMPTY]


@dataclass(slots=True, kw_only=True)
class _Counters:
    condition: str
    plain: OutcomeCounter
    checked: OutcomeCounter
    corrected: OutcomeCounter
    n_labels: int
    is_read: bool
    """Whether people have read anything of this run; without, nothing is counted for them."""
    outcomes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(Outcome), dtype=np.int64))
    read: int = 0
    judgements: list[Judgement] = field(default_factory=list)

    def counted(self) -> Counted:
        return Counted(
            tally=self.plain.tally(),
            checked=self.checked.tally() if self.read else None,
            corrected=self.corrected.tally() if self.read else None,
            judgements=tuple(sorted(self.judgements, key=lambda row: row[:4])),
            outcomes={outcome: int(self.outcomes[outcome]) for outcome in Outcome},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """One batch after the judges have read it."""

    rows: Mapping[str, NDArray[Any]]
    sums: FloatArray
    answers: Answers
    concluded: NDArray[np.int64]
    outcome: NDArray[np.int64]
    gold: NDArray[np.int64]
    """What people concluded, `CANNOT_TELL` where they could not, `NONE` where nobody read it."""
    judgements: Sequence[Judgement]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """One run, read by judges and in part by people."""

    predictions: Predictions
    by: Sequence[str]
    judges: Judges
    gold: Gold | None = None

    @property
    def layout(self) -> Layout:
        """How the sums lie."""
        return Layout(n_labels=len(self.predictions.labels))

    @property
    def conditions(self) -> dict[int, str]:
        """The conditions that are read, by code: all but those that only intervene (`TAV/hint=joy`)."""
        named = enumerate(self.predictions.conditions)
        return {code: name for code, name in named if not Condition.parse(name).intervenes}

    def counted(self) -> tuple[dict[str, Counted], tuple[str, ...]]:
        """Return the counts of the conditions under which any reason was given, and what is to be said of the gold."""
        counters = {code: self._counters(condition) for code, condition in self.conditions.items()}
        matcher = None if self.gold is None else Matcher(self.gold, self.predictions)
        for batch in self._batches(matcher):
            for code, counter in counters.items():
                chosen = np.flatnonzero(batch.rows["condition"] == code)
                if len(chosen):
                    _add(counter, batch, chosen)
        caveats = () if matcher is None else (matcher.caveat(),)
        counted = {counter.condition: counter.counted() for counter in counters.values()}
        return {condition: found for condition, found in counted.items() if found.spoken}, caveats

    def _counters(self, condition: str) -> _Counters:
        plain, checked, corrected = (OutcomeCounter(self.predictions, self.by, condition=condition) for _ in range(3))
        return _Counters(
            condition=condition,
            plain=plain,
            checked=checked,
            corrected=corrected,
            n_labels=len(self.predictions.labels),
            is_read=self.gold is not None,
        )

    def _batches(self, matcher: Matcher | None) -> Iterator[_Batch]:
        predictions = self.predictions
        truth = ["y_true"] if predictions.labelled else []
        columns = [*outcome_columns(predictions, self.by), "y_pred", *truth]
        coded = predictions.coded_batches(columns)
        told = None if self.gold is None else self.gold.labels(predictions.labels, run=predictions.run)
        for rows, said in zip(coded, predictions.batches([*KEY, "rationale"]), strict=True):
            rationales = said.column("rationale").cast(pa.string())
            plain = self.judges.plain.conclude(rationales, predictions.labels)
            masked = self.judges.masked.conclude(rationales, predictions.labels)
            known = rows["y_true"] if truth else np.full(len(rows["y_pred"]), -1)
            answers = Answers(truth=known, predicted=rows["y_pred"])
            gold = np.full(said.num_rows, NONE, dtype=np.int64)
            if matcher is not None and told is not None:
                place = matcher.rows(said)
                gold = np.where(place == NONE, NONE, told[np.maximum(place, 0)])
            yield _Batch(
                rows=rows,
                sums=self.layout.sums(answers, plain, masked),
                answers=answers,
                concluded=plain.label,
                outcome=plain.outcome,
                gold=gold,
                judgements=_judgements(said, plain.label, plain.outcome, predictions.labels)
                if self.judges.keep
                else (),
            )


def _add(counter: _Counters, batch: _Batch, chosen: NDArray[np.int64]) -> None:
    rows = {name: values[chosen] for name, values in batch.rows.items()}
    counter.plain.add(rows, batch.sums[chosen])
    counter.outcomes += np.bincount(batch.outcome[chosen], minlength=len(Outcome))
    if counter.is_read:
        concluded, gold = batch.concluded[chosen], batch.gold[chosen]
        answers = Answers(truth=batch.answers.truth[chosen], predicted=batch.answers.predicted[chosen])
        counter.corrected.add(rows, corrected_sums(answers, concluded, gold))
        read = np.flatnonzero(gold != NONE)
        if len(read):
            sums = kappa_sums(gold[read], concluded[read], counter.n_labels)
            counter.checked.add({name: values[read] for name, values in rows.items()}, sums)
            counter.read += len(read)
    if batch.judgements:
        counter.judgements += [batch.judgements[i] for i in chosen]


def _judgements(
    said: pa.RecordBatch, label: NDArray[np.int64], outcome: NDArray[np.int64], labels: Sequence[str]
) -> list[Judgement]:
    keys = [said.column(part).cast(pa.string()).to_pylist() for part in KEY if part != "condition"]
    concluded = [labels[code] if code >= 0 else None for code in label]
    why = [Outcome(code).name.lower() for code in outcome]
    return list(zip(*keys, concluded, why, strict=True))
