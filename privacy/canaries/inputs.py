"""Which utterances are canaries, and what a model makes of them.

A canary is a text that nobody would say, with a label that does not follow from it; a model that does better on those
that it saw than on those that it did not has learnt them by heart. Two designs keep the coins fair:

- `coin_design`: canaries are made, and each is planted with probability 1/2. The bound is of adding or removing one.
- `pair_design`: canaries are made two by two, alike, and one of each two is planted. The bound is of replacing one.
  Planted canaries beside as many that were drawn alike and never planted are such pairs (the clinic's fault `canaries`
  with `canary_repeats: 1`, and `corpora.clinic.faults.reserve_canaries`).

A canary is in one patient, and no patient has two: one that is repeated in k patients is bounded by what is promised to
k of them together, and would refute a promise to one that holds.

`canary_table` writes what `one-run-audit` reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

BoolArray = NDArray[np.bool_]


def coin_design(n_canaries: int, *, rng: np.random.Generator) -> BoolArray:
    """Return which canaries to plant: each by a fair coin of its own [m]."""
    return np.asarray(rng.random(n_canaries) < 0.5)


def pair_design(n_pairs: int, *, rng: np.random.Generator) -> BoolArray:
    """Return which of each two canaries to plant [n_pairs, 2]."""
    first = rng.random(n_pairs) < 0.5
    return np.stack([first, ~first], axis=1)


def canary_table(
    canary: Sequence[str],
    *,
    included: ArrayLike,
    score: ArrayLike,
    baseline: ArrayLike | None = None,
    pair: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> pa.Table:
    """Return the table of canaries: one row each; scores are higher where the canary looks planted (less loss).

    `baseline` are the scores of the same canaries in another training, as one without privacy.

    Raises:
        ValueError: the columns are of unequal length, or `included` has something else than true and false, 1 and 0.
    """
    planted = np.asarray(included)
    if planted.dtype.kind not in "biuf" or not np.isin(planted, (0, 1)).all():
        raise ValueError("included is true or false (1 or 0) for every canary: who was planted has to be known")
    columns: dict[str, Sequence[object] | NDArray[np.float64] | BoolArray] = {
        "canary": list(canary),
        "included": planted.astype(bool),
        "score": np.asarray(score, dtype=np.float64),
    }
    if baseline is not None:
        columns["score_baseline"] = np.asarray(baseline, dtype=np.float64)
    if pair is not None:
        columns["pair"] = list(pair)
    columns |= {f"group_{feature}": list(levels) for feature, levels in (groups or {}).items()}
    if len(sizes := {len(values) for values in columns.values()}) > 1:
        raise ValueError(f"columns of {sorted(sizes)} rows")
    return pa.table({name: pa.array(values) for name, values in columns.items()})
