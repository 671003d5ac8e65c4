"""The answers to each utterance under single modalities and under the base, as codes, dealt into blocks of units.

What was not judged under each of them takes no part and is counted, so that all pairs of modalities speak of the same
judgements. Rows are put into an order of their own: nothing depends on how the table was sorted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pyarrow as pa

from affidavit.conditions import MODALITIES, Condition
from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from faithfulness.citation.removals import fullest
from faithfulness.twins import BoolArray, Codes, Judgements

ANSWER: Final = "answer"
REFERENCE: Final = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Singles:
    """A base condition of a run, and its conditions of one modality each."""

    base: str
    letters: tuple[str, ...]
    """Text first; each is a condition of its own."""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of modalities, each once."""
        return tuple(combinations(self.letters, 2))


def singles(conditions: Sequence[str]) -> Singles | None:
    """Return the fullest condition and those of its modalities that were shown alone; None where under two were.

    >>> singles(["TAV", "TA", "T", "V", "A/noise=10dB"])
    Singles(base='TAV', letters=('T', 'V'))
    """
    base = fullest(conditions)
    shown = Condition.parse(base).modalities if base is not None else frozenset()
    letters = tuple(letter for letter in MODALITIES if letter in shown and letter in conditions)
    return Singles(base=base, letters=letters) if base is not None and len(letters) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The judgements [N] that have an answer under the base and under every single modality."""

    singles: Singles
    n_labels: int
    alone: Mapping[str, Codes]
    """By letter: the answer under that modality alone."""
    targets: Mapping[str, Codes]
    """`ANSWER`: under the base; `REFERENCE`: the label, where the table has labels."""
    unit: Codes
    utterance: Codes
    """Repetitions of a judgement are of one utterance, and no evidence of their own."""
    groups: Mapping[str, Codes]
    """By feature: the code of the level."""
    weight: FloatArray
    left_out: int
    """Judgements under the base that lack an answer under some single modality."""

    def cells(self, pair: tuple[str, str], target: str) -> Codes:
        """Return the cell of each judgement in the joint table [K, K, K] of two answers and a target, raveled."""
        first, second = (self.alone[letter] for letter in pair)
        return np.asarray((first * self.n_labels + second) * self.n_labels + self.targets[target])

    def member(self, feature: str | None, level: int) -> BoolArray:
        """Return who belongs to a group: everybody where no feature is named."""
        return np.ones(len(self.unit), dtype=np.bool_) if feature is None else np.asarray(self.groups[feature] == level)


def judged_alone(judgements: Judgements, wanted: Singles) -> BoolArray:
    """Say which judgements [N] under the base have an answer under every single modality."""
    return np.asarray(np.all([judgements.twins[letter].judged for letter in wanted.letters], axis=0))


def read_answers(judgements: Judgements, by: Sequence[str], wanted: Singles) -> Answers:
    """Take judgements under the base with those under single modalities, in an order that rows do not decide."""
    predictions, judged = judgements.predictions, judged_alone(judgements, wanted)
    rows = {name: values[judged] for name, values in judgements.rows.items()}
    alone = {letter: judgements.twins[letter].answer[judged] for letter in wanted.letters}
    targets = {ANSWER: judgements.answer[judged], REFERENCE: judgements.truth[judged]}
    if not predictions.labelled:
        del targets[REFERENCE]
    unit = rows["unit"].astype(np.int64)
    weight = rows.get("weight", np.ones(len(unit))).astype(np.float64)
    utterance = _utterances(predictions, wanted.base)[judged]
    groups = {feature: rows[f"group_{feature}"].astype(np.int64) for feature in by}
    nobody = predictions.unit == "row"  # rows are numbered as they stand: they sort by what they hold instead
    keys = [weight, *groups.values(), *targets.values(), *alone.values(), utterance, *([] if nobody else [unit])]
    order = np.lexsort(keys)
    return Answers(
        singles=wanted,
        n_labels=len(predictions.labels),
        alone={letter: codes[order] for letter, codes in alone.items()},
        targets={name: codes[order] for name, codes in targets.items()},
        unit=utterance[order] if nobody else unit[order],
        utterance=utterance[order],
        groups={feature: codes[order] for feature, codes in groups.items()},
        weight=weight[order],
        left_out=int((~judged).sum()),
    )


def _utterances(predictions: Predictions, base: str) -> Codes:
    """Return which utterance each judgement under the base is of, in the order of `Judgements`; codes by their ids."""
    place = predictions.conditions.index(base)
    ids: list[str] = []
    batches = predictions.batches(["utterance_id"])
    for coded, named in zip(predictions.coded_batches(["condition"]), batches, strict=True):
        ids += named.column("utterance_id").filter(pa.array(coded["condition"] == place)).to_pylist()
    return np.unique(np.array(ids, dtype=object), return_inverse=True)[1].reshape(-1).astype(np.int64)


def dealt_into_blocks(unit: Codes, n_blocks: int, rng: np.random.Generator) -> Codes:
    """Return the block [N] of each judgement: units dealt at random into blocks of as many units, or one more."""
    own, row = np.unique(unit, return_inverse=True)
    block = np.empty(len(own), dtype=np.int64)
    block[rng.permutation(len(own))] = np.arange(len(own)) % n_blocks
    return np.asarray(block[row.reshape(-1)])


def by_block(cells: Codes, block: Codes, weight: FloatArray, shape: tuple[int, int, int]) -> FloatArray:
    """Return joint tables [B, n1, n2, Y] by block, without the labels that occur in none of them."""
    size, n_blocks = int(np.prod(shape)), int(block.max(initial=0)) + 1
    flat = np.bincount(block * size + cells, weights=weight, minlength=n_blocks * size)
    tables = flat.reshape(n_blocks, *shape)
    whole = tables.sum(axis=0)
    for axis, others in ((1, (1, 2)), (2, (0, 2)), (3, (0, 1))):
        tables = tables.compress(whole.sum(axis=others) > 0, axis=axis)
    return np.asarray(tables)


def dealt_anew(codes: Codes, unit: Codes, utterance: Codes, rng: np.random.Generator) -> Codes:
    """Deal codes [N] anew: units change places, and utterances among themselves; what belongs together stays together.

    What units have in common (a person who is always sad) is kept, and so are the repetitions of an utterance, which
    hardly differ: else the spread over deals is too small.
    """
    (rank, own), (places, mixed) = _ranks(unit), _ranks(utterance)
    place, first, second = rng.permutation(own), rng.permutation(mixed), rng.permutation(mixed)
    order = np.lexsort((rng.random(len(codes)), first[places], place[rank]))
    dealt = np.empty_like(codes)
    dealt[np.lexsort((rng.random(len(codes)), second[places], rank))] = codes[order]
    return dealt


def _ranks(codes: Codes) -> tuple[Codes, int]:
    """Return codes [N] without gaps, and how many there are."""
    found, rank = np.unique(codes, return_inverse=True)
    return rank.reshape(-1), len(found)
