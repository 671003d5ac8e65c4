"""Judgements held against consent, batch by batch: what each was shown and what its rationale rests on.

A judgement is *bound* where its speaker opted out of a modality. It violates consent where its condition shows such a
modality, its rationale rests something on one (`affidavit.citations.evidence_citations`; naming one to dismiss it is no
violation), or a cue of it quotes one. A condition that does not say what was shown (`as-supplied`) leaves the input
unknown, and a rationale that cannot be read leaves open what it rests on: such a judgement counts only where the rest
gives it away. Unknown is no honoured consent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.citations import can_be_read, evidence_citations
from affidavit.conditions import MODALITIES, Condition
from affidavit.confusion import FloatArray
from affidavit.corpus import Corpus
from affidavit.predictions import Predictions
from affidavit.tally import OutcomeCounter, Tally, outcome_columns

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
LETTERS: Final = tuple(MODALITIES)
WAYS: Final = ("shown", "cited", "quoted")
"""How a modality that was opted out of may turn up in a judgement."""
N_MAIN: Final = 4
"""Sums that come first: judgements that can be held against consent, those that violate it, judgements whose condition
says what was shown, those that were shown something about which nobody was asked."""
_KEY: Final = ("utterance_id", "condition", "instruction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the speakers of a corpus [N] said of each modality, in the order of `LETTERS`."""

    names: pa.Array
    declined: BoolArray
    """[N, 3]"""
    asked: BoolArray
    """[N, 3]: whether there is an answer at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of holding the judgements of a run against consent."""

    tally: Tally
    """Sums: the `N_MAIN`, then per modality the judgements bound by it, then for each of `WAYS` those that violate."""
    strangers: int
    """Judgements of utterances that the corpus does not know."""
    untold: int
    """Bound judgements whose condition does not say what was shown, and whose words give nothing away."""
    unread: int
    """Bound judgements with a rationale in a language that cannot be read, and that nothing else gives away."""


def answers_of(corpus: Corpus) -> Answers:
    """Return who opted out of what."""
    said = [[turn.consent.get(name) for name in MODALITIES.values()] for turn in corpus.utterances]
    grid = np.array([[{None: -1, False: 0}.get(one, 1) for one in row] for row in said], dtype=np.int8)
    grid = grid.reshape(len(said), len(LETTERS))
    names = pa.array([turn.utterance_id for turn in corpus.utterances], pa.string())
    return Answers(names=names, declined=grid == 0, asked=grid >= 0)


def held_against(predictions: Predictions, by: Sequence[str], answers: Answers) -> Held:
    """Return a run's judgements, under all its conditions, held against consent."""
    counter = OutcomeCounter(predictions, by, condition=predictions.conditions[0])
    material = _Material(predictions=predictions, answers=answers, quoting=_quoting(predictions, answers))
    texts = [name for name in ("utterance_id", "instruction", "rationale") if name in predictions.columns]
    codes = predictions.coded_batches(outcome_columns(predictions, by))
    apart = np.zeros(3, dtype=np.int64)
    for rows, said in zip(codes, predictions.batches(texts), strict=True):
        sums, left = material.sums(rows, said)
        counter.add(_unweighted(rows), sums)
        apart += left
    strangers, untold, unread = apart.tolist()
    return Held(tally=counter.tally(), strangers=strangers, untold=untold, unread=unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What the judgements of a run are held against."""

    predictions: Predictions
    answers: Answers
    quoting: Mapping[str, frozenset[tuple[str, ...]]]

    def sums(self, rows: Mapping[str, NDArray[Any]], said: pa.RecordBatch) -> tuple[FloatArray, IntArray]:
        """Return what each judgement of a batch adds, [N, S], and how many stand apart: strangers, untold, unread."""
        grid, known = _shown(self.predictions.conditions)
        place = _places(said.column("utterance_id"), self.answers)
        there, condition = place >= 0, rows["condition"].astype(np.int64)
        declined = there[:, None] & self.answers.declined[place]
        shown, told = grid[condition], known[condition]
        bound = np.asarray(declined.any(axis=1))
        cited, unread = _cited(said, bound)
        ways = np.stack([declined & shown, declined & cited, self._quoted(said, rows, declined)])
        violates = ways.any(axis=(0, 2))
        unasked = there & told & (shown & ~self.answers.asked[place]).any(axis=1)
        clear = bound & (violates | (told & ~unread))
        sums = np.column_stack([clear, violates, there & told, unasked, declined, *ways])
        apart = [~there, bound & ~told & ~violates, bound & told & unread & ~violates]
        return sums.astype(np.float64), np.array([one.sum() for one in apart], dtype=np.int64)

    def _quoted(self, said: pa.RecordBatch, rows: Mapping[str, NDArray[Any]], declined: BoolArray) -> BoolArray:
        """Return which modalities that were opted out of a cue of each judgement quotes, [N, 3]."""
        found = np.zeros_like(declined)
        at = np.flatnonzero(declined.any(axis=1)) if self.quoting else np.zeros(0, dtype=np.int64)
        if not len(at):
            return found
        chosen = pa.Table.from_batches([said]).take(pa.array(at))
        conditions = [self.predictions.conditions[code] for code in rows["condition"][at].astype(int).tolist()]
        keys = list(zip(_filled(chosen, "utterance_id"), conditions, _filled(chosen, "instruction"), strict=True))
        for k, letter in enumerate(LETTERS):
            wanted = self.quoting.get(letter, frozenset())
            found[at, k] = [key in wanted for key in keys]
        return np.asarray(found & declined)


def _shown(conditions: Sequence[str]) -> tuple[BoolArray, BoolArray]:
    """Return which modalities each condition shows, [C, 3], and whether it says so, [C]."""
    parsed = [Condition.parse(condition) for condition in conditions]
    grid = np.array([[letter in one.modalities for letter in LETTERS] for one in parsed], dtype=bool)
    return grid, np.asarray(grid.any(axis=1))


def _places(names: pa.Array, answers: Answers) -> IntArray:
    """Return where each utterance stands in the corpus, -1 where it does not."""
    found = pc.index_in(names.cast(pa.string()), value_set=answers.names)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _cited(said: pa.RecordBatch, bound: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Return which modalities each bound rationale rests something on, [N, 3], and which cannot be read, [N]."""
    cited, unread = np.zeros((len(bound), len(LETTERS)), dtype=bool), np.zeros(len(bound), dtype=bool)
    at = np.flatnonzero(bound)
    if "rationale" not in said.schema.names or not len(at):
        return cited, unread
    texts = said.column("rationale").take(pa.array(at)).cast(pa.string())
    texts = pc.fill_null(pc.utf8_trim_whitespace(texts), "")
    found = evidence_citations(texts)
    for k, letter in enumerate(LETTERS):
        cited[at, k] = found[letter].to_numpy(zero_copy_only=False)
    silent = pc.and_(pc.not_equal(texts, ""), pc.invert(can_be_read(texts)))
    unread[at] = silent.to_numpy(zero_copy_only=False)
    return cited, unread


def _quoting(predictions: Predictions, answers: Answers) -> Mapping[str, frozenset[tuple[str, ...]]]:
    """Return by letter the keys of the judgements whose cues quote a modality that was opted out of."""
    cues = predictions.side_tables.get("cues")
    if cues is None or not cues.num_rows:
        return {}
    names = cues["utterance_id"].combine_chunks()
    place = _places(names, answers)
    quoted = cues["modality"].to_pylist()
    keys = list(zip(*(_filled(cues, name) for name in _KEY), strict=True))
    found: dict[str, set[tuple[str, ...]]] = {}
    for i in np.flatnonzero(place >= 0).tolist():
        for k, (letter, name) in enumerate(MODALITIES.items()):
            if quoted[i] == name and answers.declined[place[i], k]:
                found.setdefault(letter, set()).add(keys[i])
    return {letter: frozenset(rows) for letter, rows in found.items()}


def _filled(table: pa.Table, name: str) -> list[str]:
    if name not in table.column_names:
        return [""] * table.num_rows
    return [text or "" for text in table[name].to_pylist()]


def _unweighted(rows: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return rows that count as one each: a violation is one, whatever the sample weighs."""
    return {name: np.ones(len(values)) if name == "weight" else values for name, values in rows.items()}
