"""The judgements of one condition with the atoms of their rationales, and who stands in for whom as a control.

A rationale that is absent, or in a language that the lists do not read, states nothing that anybody could know: it
takes no part and is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.citations import can_be_read
from affidavit.predictions import Predictions
from affidavit.tally import outcome_columns
from faithfulness.grounding.atoms import Atoms, atoms_of
from faithfulness.grounding.transcripts import words_of
from faithfulness.grounding.vocabulary import BoolArray, IntArray, Vocabulary

SHUFFLES: Final = 8
"""Rationales of other utterances with the same answer that stand in for each one."""
NOBODY: Final = -1
_ORDER: Final = ("reasoner", "instruction", "repeat", "rank")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Judgements [N] with a rationale that can be read."""

    rows: Mapping[str, NDArray[Any]]
    """The `outcome_columns` of each, and `y_pred`, `reasoner`, `instruction`, `repeat`."""
    utterances: tuple[str, ...]
    """Distinct ids [U], in alphabetical order."""
    utterance: IntArray
    """[N] places in `utterances`."""
    texts: tuple[str, ...]
    """Distinct rationales [T]."""
    text: IntArray
    """[N] places in `texts`."""
    n_silent: int
    n_unreadable: int

    def __len__(self) -> int:
        return len(self.utterance)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What distinct rationales [T] state."""

    atoms: tuple[Atoms, ...]
    stated: BoolArray
    """[T, C]"""
    denied: BoolArray
    """[T, C]"""
    unread: IntArray
    """[T, 4]"""


def read_judged(predictions: Predictions, by: Sequence[str], condition: str) -> Judged:
    """Read the judgements under a condition."""
    rows, ids, texts = _rows(predictions, by, predictions.conditions.index(condition))
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(texts, ""))
    spoken = _array(pc.not_equal(trimmed, ""))
    readable = spoken & _array(can_be_read(trimmed))
    kept = pa.array(readable)
    names, utterance = _distinct(ids.filter(kept))
    distinct, text = _distinct(trimmed.filter(kept))
    return Judged(
        rows={name: values[readable] for name, values in rows.items()},
        utterances=names,
        utterance=utterance,
        texts=distinct,
        text=text,
        n_silent=int((~spoken).sum()),
        n_unreadable=int((spoken & ~readable).sum()),
    )


def told_by(texts: Sequence[str], cues: Vocabulary, labels: Sequence[str]) -> Told:
    """Read every distinct rationale once."""
    names = frozenset(word for label in labels for word in words_of(label))
    atoms = tuple(atoms_of(text, cues, labels=names) for text in texts)
    stated = np.zeros((len(atoms), len(cues.entries)), dtype=bool)
    denied = np.zeros_like(stated)
    for i, each in enumerate(atoms):
        stated[i, list(each.stated)] = True
        denied[i, list(each.denied)] = True
    unread = np.array([each.unread for each in atoms], dtype=np.int64).reshape(len(atoms), -1)
    return Told(atoms=atoms, stated=stated, denied=denied, unread=unread)


def stand_ins(judged: Judged, rng: np.random.Generator) -> IntArray:
    """Return for each judgement others with the same answer to another utterance, [N, SHUFFLES]; `NOBODY` for none.

    Judgements of one answer are put in a random order of their utterances, repetition by repetition, and each takes the
    next ones: nothing depends on the order of rows, and no repetition of its own stands in the way.
    """
    rank = rng.permutation(len(judged.utterances))[judged.utterance]
    keys = {"rank": rank, **{name: judged.rows[name] for name in _ORDER[:-1]}}
    order = np.lexsort([keys[name] for name in reversed(_ORDER)])
    answer = judged.rows["y_pred"]
    partners = np.full((len(judged), SHUFFLES), NOBODY, dtype=np.int64)
    for label in np.unique(answer):
        own = order[answer[order] == label]
        for shift in range(1, min(SHUFFLES, len(own) - 1) + 1):
            other = np.roll(own, -shift)
            partners[own, shift - 1] = np.where(judged.utterance[other] != judged.utterance[own], other, NOBODY)
    return partners


def _rows(
    predictions: Predictions, by: Sequence[str], condition: int
) -> tuple[dict[str, NDArray[Any]], pa.Array, pa.Array]:
    """Return codes, ids and rationales of the rows under a condition."""
    names = [*outcome_columns(predictions, by), "y_pred", "reasoner", "instruction", "repeat"]
    kept: list[dict[str, NDArray[Any]]] = []
    ids: list[pa.Array] = []
    texts: list[pa.Array] = []
    batches = predictions.batches(["utterance_id", "rationale"])
    for coded, said in zip(predictions.coded_batches(names), batches, strict=True):
        wanted = coded["condition"] == condition
        kept.append({name: values[wanted] for name, values in coded.items()})
        chosen = pa.array(wanted)
        ids.append(said.column("utterance_id").filter(chosen).cast(pa.string()))
        texts.append(said.column("rationale").filter(chosen).cast(pa.string()))
    rows = {name: np.concatenate([batch[name] for batch in kept]) for name in kept[0]}
    return rows, pa.concat_arrays(ids), pa.concat_arrays(texts)


def _distinct(texts: pa.Array) -> tuple[tuple[str, ...], IntArray]:
    """Return the distinct texts in alphabetical order, and the place of each text among them."""
    encoded = pc.dictionary_encode(texts)
    found = encoded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    return tuple(found[i] for i in order), place[encoded.indices.to_numpy(zero_copy_only=False)]


def _array(values: pa.Array) -> BoolArray:
    return np.asarray(values.to_numpy(zero_copy_only=False))
