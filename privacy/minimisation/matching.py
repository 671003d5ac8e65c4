"""The judgements of a run that were made under every set of modalities, matched: right or wrong under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affidavit.conditions import Condition
from affidavit.confusion import FloatArray
from affidavit.matched_rows import NONE, read_rows
from affidavit.predictions import Predictions
from affidavit.tally import Tally, outcome_columns, tally_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What was judged under the full set and under each smaller one."""

    full: str
    smaller: tuple[str, ...]
    """The other sets, as conditions."""
    tally: Tally
    """Sums: judgements, those right under the full set, those right under each of `smaller`."""
    n_matched: int
    n_full: int
    """Judgements under the full set, matched or not."""


def sets_of(conditions: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the fullest set of modalities of a run and the smaller ones within it; None without two of them.

    >>> sets_of(("TAV", "TAV/noise=10dB", "TA", "T", "as-supplied"))
    ('TAV', ('TA', 'T'))
    """
    plain = {text: Condition.parse(text) for text in conditions}
    sets = {text: one.modalities for text, one in plain.items() if one.modalities and one.operator is None}
    if not sets:
        return None
    full = max(sets, key=lambda text: len(sets[text]))
    smaller = tuple(text for text, letters in sets.items() if letters < sets[full])
    return (full, smaller) if smaller else None


def matched(predictions: Predictions, by: Sequence[str], full: str, smaller: Sequence[str]) -> Matched | None:
    """Return the judgements that were made under all sets; None where there are none."""
    names = outcome_columns(predictions, by)
    read = read_rows(predictions, (full, *smaller), [*names, "y_true", "y_pred"])
    right: FloatArray = (read.columns["y_true"] == read.columns["y_pred"]).astype(np.float64)
    own = read.under(0)
    found, there = [right[own]], np.ones(len(own), dtype=bool)
    for place in range(1, 1 + len(smaller)):
        twin = read.twins(own, place)
        there &= twin != NONE
        found.append(right[twin])
    if not there.any():
        return None
    sums = np.column_stack([np.ones(len(own)), *found])[there]
    kept = {name: read.columns[name][own][there] for name in names}
    tally = tally_outcomes(predictions, by, condition=full, rows=kept, sums=sums)
    return Matched(full=full, smaller=tuple(smaller), tally=tally, n_matched=int(there.sum()), n_full=len(own))
