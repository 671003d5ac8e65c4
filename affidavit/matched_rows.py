"""The rows of a run under several conditions, matched: which row is the same judgement under another condition?

A judgement is the same where utterance, reasoner, instruction and repetition are. All rows under the conditions are
taken at once, some hundred bytes each: refuse what is too large before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions

NONE: Final = -1
"""In place of a row where there is none."""
_JUDGED_BY: Final = ("reasoner", "instruction")
_KEY: Final = (*_JUDGED_BY, "repeat")
"""With the utterance."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MatchedRows:
    """The rows [N] of a run under some of its conditions, in the order of the table."""

    place: NDArray[np.int64]
    """Of each row's condition among those that were asked for."""
    columns: Mapping[str, NDArray[Any]]
    """As `Predictions.coded_batches` gives them; `condition`, `reasoner`, `instruction` and `repeat` always."""
    texts: Mapping[str, pa.Array]
    """Columns as strings; `utterance_id` always."""

    def under(self, place: int) -> NDArray[np.int64]:
        """Return the rows under one condition."""
        return np.flatnonzero(self.place == place)

    def twins(self, rows: NDArray[np.int64], place: int) -> NDArray[np.int64]:
        """Return for each of these rows the same judgement under one condition, `NONE` where it has none."""
        where = self.under(place)
        match = self._key[where].get_indexer(self._key[rows])
        return np.where(match >= 0, where[match], NONE) if len(where) else np.full(len(rows), NONE)

    @cached_property
    def judgement(self) -> NDArray[np.int64]:
        """A code that rows share which are the same judgement but for condition and repetition."""
        code = self._utterance.astype(np.int64)
        for name in _JUDGED_BY:
            own = self.columns[name].astype(np.int64)
            code = code * (int(own.max(initial=0)) + 1) + own
        return code

    def stacked(self, names: Sequence[str]) -> FloatArray | None:
        """Return columns side by side, [N, len(names)]; None of no names."""
        return np.stack([self.columns[name] for name in names], axis=1) if names else None

    @cached_property
    def _utterance(self) -> NDArray[np.int32]:
        return np.asarray(pc.dictionary_encode(self.texts["utterance_id"]).indices.to_numpy())

    @cached_property
    def _key(self) -> pd.MultiIndex:
        return pd.MultiIndex.from_arrays([self._utterance, *(self.columns[name] for name in _KEY)])


def read_rows(
    predictions: Predictions, conditions: Sequence[str], columns: Sequence[str], *, texts: Sequence[str] = ()
) -> MatchedRows:
    """Read the rows under these conditions: coded columns, and others as strings."""
    place = np.full(len(predictions.conditions), NONE)
    place[[predictions.conditions.index(condition) for condition in conditions]] = np.arange(len(conditions))
    names, spoken = list(dict.fromkeys(["condition", *_KEY, *columns])), list(dict.fromkeys(["utterance_id", *texts]))
    kept: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    said: dict[str, list[pa.Array]] = {name: [] for name in spoken}
    for batch, told in zip(predictions.coded_batches(names), predictions.batches(spoken), strict=True):
        wanted = place[batch["condition"]] != NONE
        chosen = pa.array(wanted)
        for name, parts in kept.items():
            parts.append(batch[name][wanted])
        for name, words in said.items():
            words.append(told.column(name).filter(chosen).cast(pa.string()))
    found = {name: np.concatenate(parts) for name, parts in kept.items()}
    return MatchedRows(
        place=place[found["condition"]],
        columns=found,
        texts={name: pa.concat_arrays(words) for name, words in said.items()},
    )
