"""Each judgement of one run beside what people wrote of the same utterance, read once.

References stand in the table (`reference_rationale`), or in the corpus behind the run (`Utterance.rationales`, by the
instruction family that a judgement answers, else `explain`, else the first). An utterance without one takes no part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.schema import KEY
from affidavit.tally import outcome_columns
from faithfulness.conclusions.gold import NONE, Gold, Matcher
from faithfulness.conclusions.repeats import next_repetition

REFERENCE: Final = "reference_rationale"
EXPLAIN: Final = "explain"
_IDENTITY: Final = ("utterance_id", "reasoner", "instruction", "repeat")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """The judgements [N] of a run that have a rationale and a reference, in the order of their keys."""

    rows: Mapping[str, NDArray[Any]]
    """Their `outcome_columns`."""
    keys: Mapping[str, Sequence[str]]
    """Their `KEY` as text."""
    predicted: pa.Array
    reference: pa.Array
    stratum: NDArray[np.int64]
    """Codes of reference labels, 0 throughout where there are no closed labels."""
    gold: NDArray[np.int64]
    """The row of the gold file, -1 for none."""
    unreferenced: NDArray[np.int64]
    """By code of the condition: rationales without a reference."""
    silent: NDArray[np.int64]
    """By code of the condition: judgements without a rationale that have a reference."""
    caveats: tuple[str, ...]

    def __len__(self) -> int:
        """Return N."""
        return len(self.stratum)

    def shuffled(self, rng: np.random.Generator, *, within_label: bool) -> pa.Array:
        """Return for each judgement the reference of another utterance under its condition, null for none."""
        codes = _ranks(self.keys["utterance_id"])
        place = np.full(len(self), NONE, dtype=np.int64)
        label = self.stratum if within_label else np.zeros_like(self.stratum)
        where = self.rows["condition"].astype(np.int64) * (int(label.max(initial=0)) + 1) + label
        for stratum in np.unique(where):
            own = np.flatnonzero(where == stratum)
            utterances, first, member = np.unique(codes[own], return_index=True, return_inverse=True)
            if len(utterances) > 1:
                order = rng.permutation(len(utterances))
                following = np.empty_like(order)
                following[order] = np.roll(order, -1)  # a cycle: nobody keeps its own
                place[own] = own[first[following[member.reshape(-1)]]]
        return self.reference.take(pa.array(place, mask=place == NONE))

    def next_repetition(self) -> NDArray[np.int64]:
        """Return where the next repetition of each judgement stands, the first after the last; -1 for none."""
        names = [name for name in KEY if name != "repeat"]
        frame = pd.DataFrame({name: self.keys[name] for name in names})
        judged = frame.groupby(names, sort=False).ngroup().to_numpy()
        return next_repetition(judged, np.array([int(text) for text in self.keys["repeat"]], dtype=np.int64))


def has_references(case: Case, run: str) -> bool:
    """Say whether a run's table or its corpus holds what people wrote."""
    live = case.live.get(run)
    in_corpus = live is not None and any(utterance.rationales for utterance in live.corpus.utterances)
    return REFERENCE in case.runs[run].columns or in_corpus


def read_pairs(case: Case, run: str, gold: Gold | None) -> Pairs:
    """Read the judgements of a run beside their references.

    Raises:
        PlanError: a gold row is about several judgements.
    """
    predictions = case.runs[run]
    matcher = None if gold is None else Matcher(gold, predictions)
    live = case.live.get(run)
    references = _Corpus(None if live is None else live.corpus)
    n_conditions = len(predictions.conditions)
    parts = [_Part(*each, references, matcher, n_conditions) for each in _batches(predictions, case.by)]
    rows = {name: np.concatenate([part.rows[name] for part in parts]) for name in parts[0].rows}
    keys = {name: [text for part in parts for text in part.keys[name]] for name in KEY}
    order = np.lexsort([_ranks(keys[name]) for name in reversed(_IDENTITY)])
    return Pairs(
        rows={name: values[order] for name, values in rows.items()},
        keys={name: [texts[i] for i in order] for name, texts in keys.items()},
        predicted=pa.concat_arrays([part.predicted for part in parts]).take(pa.array(order)),
        reference=pa.concat_arrays([part.reference for part in parts]).take(pa.array(order)),
        stratum=np.concatenate([part.stratum for part in parts])[order],
        gold=np.concatenate([part.gold for part in parts])[order],
        unreferenced=np.sum([part.unreferenced for part in parts], axis=0),
        silent=np.sum([part.silent for part in parts], axis=0),
        caveats=() if matcher is None else (matcher.caveat(),),
    )


def _batches(
    predictions: Predictions, by: Sequence[str]
) -> Iterator[tuple[Mapping[str, NDArray[Any]], pa.RecordBatch]]:
    truth = ["y_true"] if _has_classes(predictions) else []
    texts = [REFERENCE] if REFERENCE in predictions.columns else []
    said = predictions.batches([*KEY, "rationale", *texts])
    coded = predictions.coded_batches([*outcome_columns(predictions, by), *truth])
    yield from zip(coded, said, strict=True)


def _ranks(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the place of each text among the different ones in order, so that no order of rows matters."""
    return np.asarray(pd.factorize(np.array(texts, dtype=object), sort=True)[0], dtype=np.int64)


def _has_classes(predictions: Predictions) -> bool:
    return predictions.task is Task.MULTICLASS and predictions.labelled


class _Corpus:
    """What people wrote, by utterance."""

    def __init__(self, corpus: Corpus | None) -> None:
        utterances = () if corpus is None else corpus.utterances
        self.of = {each.utterance_id: each.rationales for each in utterances if each.rationales}

    def text(self, utterance: str, instruction: str) -> str | None:
        known = self.of.get(utterance)
        if not known:
            return None
        return known.get(instruction) or known.get(EXPLAIN) or known[min(known)]


class _Part:
    """One batch, less the rows without a rationale or a reference."""

    def __init__(
        self,
        rows: Mapping[str, NDArray[Any]],
        said: pa.RecordBatch,
        references: _Corpus,
        matcher: Matcher | None,
        n_conditions: int,
    ) -> None:
        spoken = pc.utf8_trim_whitespace(pc.fill_null(said.column("rationale").cast(pa.string()), ""))
        known = self._references(said, references)
        there = pc.not_equal(spoken, "").to_numpy(zero_copy_only=False)
        referenced = pc.not_equal(known, "").to_numpy(zero_copy_only=False)
        kept = there & referenced
        gold = np.full(said.num_rows, NONE, dtype=np.int64) if matcher is None else matcher.rows(said)
        chosen = pa.array(kept)
        truth = rows.get("y_true")
        self.rows = {name: values[kept] for name, values in rows.items() if name != "y_true"}
        self.keys = {name: said.column(name).filter(chosen).cast(pa.string()).to_pylist() for name in KEY}
        self.predicted, self.reference = (text.filter(chosen).cast(pa.large_string()) for text in (spoken, known))
        self.stratum = np.zeros(int(kept.sum()), dtype=np.int64) if truth is None else truth[kept].astype(np.int64)
        self.gold = gold[kept]
        self.unreferenced, self.silent = (
            np.bincount(rows["condition"][lacking], minlength=n_conditions)
            for lacking in (there & ~referenced, referenced & ~there)
        )

    @staticmethod
    def _references(said: pa.RecordBatch, references: _Corpus) -> pa.Array:
        """Return the references of a batch; those of the table first, empty where there is none."""
        told = pa.nulls(said.num_rows, pa.string())
        if REFERENCE in said.schema.names:
            told = said.column(REFERENCE).cast(pa.string())
        if references.of:
            names = (said.column(name).cast(pa.string()).to_pylist() for name in ("utterance_id", "instruction"))
            known = [references.text(*pair) for pair in zip(*names, strict=True)]
            told = pc.coalesce(told, pa.array(known, pa.string()))
        return pc.utf8_trim_whitespace(pc.fill_null(told, ""))
