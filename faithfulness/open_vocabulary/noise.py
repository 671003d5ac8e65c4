"""How often does the set of clusters change when the same judgement is repeated? The reasoner's own noise.

Matching repetitions takes all rows at once, some hundred bytes each, so it is left out of very large tables, however
they are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.confusion import Statistic, ratio_statistic
from affidavit.predictions import Predictions
from affidavit.tally import OutcomeCounter, Tally
from faithfulness.conclusions.repeats import NONE, has_repeats, next_repetition

METRIC: Final = "set_repeat_change_rate"
MOST_ROWS: Final = 5_000_000
KEY: Final = ("condition", "reasoner", "instruction", "repeat")
"""With the utterance, what tells judgements apart; as codes."""


@dataclass(kw_only=True)
class Repeats:
    """Collects the sets of a run batch by batch, and compares those of the same judgement."""

    predictions: Predictions
    by: Sequence[str]
    _rows: list[Mapping[str, NDArray[Any]]] = field(default_factory=list)
    _utterances: list[pa.Array] = field(default_factory=list)
    _sets: list[NDArray[np.uint8]] = field(default_factory=list)

    def add(self, rows: Mapping[str, NDArray[Any]], utterances: pa.Array, sets: NDArray[np.bool_]) -> None:
        """Add rows with their `outcome_columns` and `KEY`, the utterances, and which clusters each names, [N, K]."""
        self._rows.append(rows)
        self._utterances.append(utterances.cast(pa.string()))
        self._sets.append(np.packbits(sets, axis=1))

    def tallies(self) -> dict[str, Tally]:
        """Return for each condition with repetitions how many judgements were repeated, and how many changed."""
        if not self._rows:
            return {}
        rows = {name: np.concatenate([part[name] for part in self._rows]) for name in self._rows[0]}
        utterance = pa.concat_arrays(self._utterances).dictionary_encode().indices.to_numpy()
        frame = pd.DataFrame({"utterance": utterance, **{name: rows[name] for name in KEY[:-1]}})
        judgement = frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy()
        following = next_repetition(judgement, rows["repeat"])
        sets = np.concatenate(self._sets)
        repeated = following != NONE
        changed = repeated & (sets != sets[following]).any(axis=1)
        found = {}
        for code, condition in enumerate(self.predictions.conditions):
            chosen = np.flatnonzero(repeated & (rows["condition"] == code))
            if len(chosen):
                counter = OutcomeCounter(self.predictions, self.by, condition=condition)
                sums = np.stack([np.ones(len(chosen)), changed[chosen]], axis=1)
                counter.add({name: values[chosen] for name, values in rows.items()}, sums)
                found[condition] = counter.tally()
        return found


def repeats_of(predictions: Predictions, by: Sequence[str]) -> Repeats | None:
    """Return what collects a run's repetitions; None where it has none, or too many rows to match them."""
    if predictions.n_rows > MOST_ROWS or not has_repeats(predictions):
        return None
    return Repeats(predictions=predictions, by=by)


def change_rate() -> Statistic:
    """Return the share of repeated judgements whose set is another one the next time."""
    return ratio_statistic(
        METRIC,
        np.array([0.0, 1.0]),
        np.array([1.0, 0.0]),
        source="share of repetitions with another answer",
        higher_is_better=None,
    )
