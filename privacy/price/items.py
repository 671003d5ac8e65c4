"""The items that every model judged, with what each answered, counted by unit and group.

An item is an utterance (in a repetition, under an instruction) under one condition. Items that some model did not
judge, or that two tables give different reference labels, take no part and are counted. The first run says in which
unit and group an item is, and what it weighs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from affidavit.tally import OutcomeCounter, Tally, outcome_columns

IntArray = NDArray[np.int64]
PEOPLE: Final = ("unit_id", "speaker_id")
"""What a unit may be that a card can know."""
_CHUNK: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The shared items [N] of several runs [R] under one condition."""

    runs: tuple[str, ...]
    base: Predictions
    """The first run: it has the say over units and groups."""
    condition: str
    labels: tuple[str, ...]
    rows: Mapping[str, NDArray[Any]]
    """The `outcome_columns` of the base, [N] each."""
    truth: IntArray
    answers: IntArray
    """[N, R], codes of labels."""
    caveats: tuple[str, ...]

    @property
    def patients(self) -> tuple[str, ...] | None:
        """Whose they are, by name; None where the tables name nobody."""
        if self.base.unit not in PEOPLE:
            return None
        return tuple(self.base.levels["unit"][code] for code in np.unique(self.rows["unit"]))

    def without(self, units: Collection[str]) -> Items | None:
        """Return the items of other units; None where there is none."""
        levels = () if self.base.unit == "row" else self.base.levels["unit"]
        own = [code for code, name in enumerate(levels) if name in units]
        keep = np.flatnonzero(~np.isin(self.rows["unit"], own))
        if not len(keep):
            return None
        rows = {name: values[keep] for name, values in self.rows.items()}
        return replace(self, rows=rows, truth=self.truth[keep], answers=self.answers[keep])

    def one_sided(self, runs: Collection[str]) -> tuple[float, float]:
        """Return the share of the commonest answer, mean over these runs, and that of the commonest reference."""
        places = [place for place, run in enumerate(self.runs) if run in runs]
        told = [np.bincount(self.answers[:, place]).max() for place in places]
        return float(np.mean(told) / len(self.truth)), float(np.bincount(self.truth).max() / len(self.truth))

    def tally(self, features: Sequence[str]) -> Tally:
        """Count class sums by unit and group: [.., R * 3K], hits, truths and answers of each run in turn."""
        counter = OutcomeCounter(self.base, features, condition=self.condition)
        for some, sums in self._sums():
            counter.add({name: values[some] for name, values in self.rows.items()}, sums)
        return counter.tally()

    def _sums(self) -> Iterator[tuple[slice, FloatArray]]:
        eye = np.eye(len(self.labels))
        for start in range(0, len(self.truth), _CHUNK):
            some = slice(start, start + _CHUNK)
            true = eye[self.truth[some]]
            parts = []
            for answer in self.answers[some].T:
                told = eye[answer]
                parts += [true * told, true, told]
            yield some, np.concatenate(parts, axis=1)


def shared_condition(runs: Sequence[Predictions]) -> str | None:
    """Return the fullest condition of use that every run has; None where there is none."""
    first, *others = runs
    shared = [name for name in first.conditions_of_use if all(name in other.conditions for other in others)]
    return shared[0] if shared else None


def match_items(runs: Mapping[str, Predictions], by: Sequence[str], condition: str) -> Items | None:
    """Return the items that all runs judged under a condition; None where there is none."""
    instructed = any(len(run.levels["instruction"]) > 1 for run in runs.values())
    tables = [_read(run, by, condition, instructed=instructed) for run in runs.values()]
    base, *others = tables
    in_all = np.ones(len(base.key), dtype=bool)
    agreed, moved = in_all.copy(), 0
    answers = [base.answer]
    for other in others:
        place = other.key.get_indexer(base.key)
        found = place >= 0
        in_all &= found
        agreed &= ~found | (other.truth[place] == base.truth)
        moved += int((found & (other.unit[place] != base.unit)).sum())
        answers.append(other.answer[place])
    keep = np.flatnonzero(in_all & agreed)
    if not len(keep):
        return None
    keep = keep[base.key[keep].argsort()]
    labels = tuple(
        dict.fromkeys(label for run in runs.values() for n in ("y_pred", "y_true") for label in run.levels[n])
    )
    spelt = pd.Index(labels)
    numbered = "row" not in {run.unit for run in runs.values()}
    return Items(
        runs=tuple(runs),
        base=next(iter(runs.values())),
        condition=condition,
        labels=labels,
        rows={name: values[keep] for name, values in base.rows.items()},
        truth=spelt.get_indexer(pd.Index(base.truth[keep])),
        answers=np.stack([spelt.get_indexer(pd.Index(answer[keep])) for answer in answers], axis=1),
        caveats=_caveats(
            alone=_n_items(tables) - int(in_all.sum()),
            contradicted=int((in_all & ~agreed).sum()),
            moved=moved if numbered else 0,
            weighted=[run.run for run in runs.values() if "weight" in run.columns],
            n_runs=len(runs),
        ),
    )


def _caveats(*, alone: int, contradicted: int, moved: int, weighted: Sequence[str], n_runs: int) -> tuple[str, ...]:
    some = 0 < len(weighted) < n_runs
    said = [
        (alone, f"{alone:,} items take no part: some model did not judge them"),
        (contradicted, f"{contradicted:,} items take no part: tables give them different reference labels"),
        (moved, f"{moved:,} answers are of another unit in another table; the first run has the say"),
        (some, f"{len(weighted)} of {n_runs} tables have weights; the first run has the say"),
    ]
    return tuple(text for count, text in said if count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """The rows of one run under a condition."""

    key: pd.MultiIndex
    truth: NDArray[Any]
    answer: NDArray[Any]
    unit: NDArray[Any]
    rows: Mapping[str, NDArray[Any]]


def _n_items(tables: Sequence[_Table]) -> int:
    """Return how many items there are in any of the tables."""
    found, *others = [table.key for table in tables]
    for other in others:
        if not found.equals(other):
            found = found.append(other[found.get_indexer(other) < 0])
    return len(found)


def _read(run: Predictions, by: Sequence[str], condition: str, *, instructed: bool) -> _Table:
    names = list(dict.fromkeys([*outcome_columns(run, by), "repeat", "y_true", "y_pred", "instruction"]))
    batches = list(run.coded_batches(names))
    columns = {name: np.concatenate([batch[name] for batch in batches]) for name in names}
    texts = pa.Table.from_batches(list(run.batches(["utterance_id"]))).column(0).cast(pa.string())
    own = np.flatnonzero(columns["condition"] == run.conditions.index(condition))
    columns = {name: values[own] for name, values in columns.items()}
    utterance = texts.take(pa.array(own)).to_numpy()

    def spelt(name: str) -> NDArray[Any]:
        return np.asarray(np.array(run.levels[name], dtype=object)[columns[name]])

    instruction = [spelt("instruction")] if instructed else []
    return _Table(
        key=pd.MultiIndex.from_arrays([utterance, columns["repeat"], *instruction]),
        truth=spelt("y_true"),
        answer=spelt("y_pred"),
        unit=columns["unit"] if run.unit == "row" else spelt("unit"),
        rows=columns,
    )
