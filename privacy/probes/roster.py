"""Which utterances of which units are looked at: the roster that every source's vectors are laid beside.

It is in the order of utterance ids, so that the order of the table has no say, and of an utterance that was judged
several times it takes one judgement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.predictions import Predictions
from privacy.probes.texts import READ

IntArray = NDArray[np.int64]
NOBODY: Final = frozenset({"row", "utterance_id"})
"""What a unit is where the table names no people."""
_ORDER: Final = ("utterance_id", "reasoner", "instruction", "repeat")
_TEXTS: Final = ("utterance_id", "dialogue_id", "rationale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Utterances [N] of at most so many units, at most so many of each."""

    utterance_ids: tuple[str, ...]
    unit: IntArray
    """[N], codes of the run's units"""
    groups: Mapping[str, IntArray]
    """By feature [N], codes of its levels"""
    dialogues: tuple[str, ...] | None
    """[N]; None where the table has none"""
    rationales: tuple[str, ...] | None
    """[N], trimmed, empty where there is none; None where the table has none"""
    n_utterances: int
    """Utterances that it was drawn from."""
    n_units: int
    """Units that it was drawn from."""
    n_again: int = 0
    """Other judgements of the utterances that it was drawn from, which are not looked at."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.utterance_ids)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What is to be said of the draw."""
        units, told = len(np.unique(self.unit)), list[str]()
        if len(self) < self.n_utterances:
            told.append(
                f"{len(self):,} of {self.n_utterances:,} utterances of {units:,} of {self.n_units:,} units, at random"
            )
        if self.n_again:
            told.append(f"one judgement of each utterance; {self.n_again:,} others are not looked at")
        return tuple(told)


def draw_roster(
    predictions: Predictions,
    features: Sequence[str],
    condition: str,
    *,
    most: tuple[int, int],
    rng: np.random.Generator,
) -> Roster:
    """Draw at most `most` (units, utterances of each) under a condition."""
    frame, n_again = _judged(predictions, features, condition)
    units = np.unique(frame["unit"].to_numpy())
    if len(units) > most[0]:
        chosen = np.sort(rng.choice(units, most[0], replace=False))
        drawn = frame[np.isin(frame["unit"].to_numpy(), chosen)]
    else:
        drawn = frame
    turn = pd.Series(rng.permutation(len(drawn)), index=drawn.index)
    drawn = drawn[turn.groupby(drawn["unit"]).rank(method="first") <= most[1]]
    return Roster(
        utterance_ids=tuple(drawn["utterance_id"]),
        unit=drawn["unit"].to_numpy(dtype=np.int64),
        groups={name: drawn[f"group_{name}"].to_numpy(dtype=np.int64) for name in features},
        dialogues=_sessions(drawn),
        rationales=tuple(drawn["rationale"].fillna("").str.strip()) if "rationale" in drawn else None,
        n_utterances=len(frame),
        n_units=len(units),
        n_again=n_again,
    )


def _sessions(drawn: pd.DataFrame) -> tuple[str, ...] | None:
    """Return the dialogue of each utterance; one without a name is its own."""
    if "dialogue_id" not in drawn or drawn["dialogue_id"].isna().all():
        return None
    return tuple(drawn["dialogue_id"].fillna(drawn["utterance_id"]))


def _judged(predictions: Predictions, features: Sequence[str], condition: str) -> tuple[pd.DataFrame, int]:
    """Return each utterance judged under the condition once, in the order of ids, and how many others there are."""
    place = predictions.conditions.index(condition)
    told = [name for name in ("reasoner", "instruction", "repeat") if name in predictions.columns]
    coded = ["condition", "unit", *(f"group_{feature}" for feature in features), *told]
    texts = [name for name in _TEXTS if name in predictions.columns]
    parts = []
    for codes, said in zip(predictions.coded_batches(coded), predictions.batches(texts), strict=True):
        wanted = codes["condition"] == place
        part = pd.DataFrame({name: values[wanted] for name, values in codes.items()})
        for name in texts:
            column = said.column(name).filter(pa.array(wanted)).cast(pa.string())
            part[name] = (column if name != "rationale" else _beginning(column)).to_pylist()
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    order = [name for name in (*_ORDER, "rationale") if name in frame]
    once = frame.sort_values(order, kind="stable").drop_duplicates("utterance_id", ignore_index=True)
    return once, len(frame) - len(once)


def _beginning(texts: pa.Array) -> pa.Array:
    """Return trimmed texts up to what is read of one, and a character more, which tells that there is more."""
    return pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(texts), 0, READ + 1)
