"""How far does a predicted set of emotion words match a gold one, after words are mapped to clusters?

With Y the gold and Z the predicted set of clusters of a row: precision |Y & Z| / |Z|, recall
|Y & Z| / |Y|, each a mean over rows; F = 2PR / (P + R) of those means, not the mean of rows' F.

| row | what happens |
|---|---|
| no gold word | skipped, and counted |
| gold words, none of them mapped | skipped, and counted |
| no predicted word, or none mapped | precision and recall 0 |
| a predicted word that is not mapped | dropped, as published; strict precision is |Y & Z| / (|Z| + dropped) |

Words are counted once a row. Listing every emotion buys recall: `predicted_set_size` belongs beside every score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from faithfulness.open_vocabulary.extraction import WordRows
from faithfulness.open_vocabulary.mappings import SetMapping

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE: Final = "set metrics after mapping: Lian et al. 2024 (MER2024, open vocabulary), 2025 (emotion wheel)"
COLUMNS: Final = (
    *("rows", "kept", "no_gold", "unmapped_gold", "empty_prediction", "exact", "neutral_gold"),
    *("precision", "precision_strict", "recall", "gold_size", "predicted_size"),
    *("predicted_words", "predicted_unmapped", "predicted_ambiguous", "gold_words", "gold_unmapped"),
)
"""What each row adds. `no_gold` and `unmapped_gold` are skipped rows; all after `kept` but those and the gold's words
count kept rows alone. Sizes count clusters, words count words as given."""
_OF_ROWS: Final = ("exact_set_rate", "empty_prediction_rate", "no_gold_rate", "unmapped_gold_rate")
"""Shares of rows; all else is a mean of fractions or a share of words, which varies otherwise."""
_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One side, mapped: counts [N] and the keys row * n_clusters + cluster."""

    words: _Numbers
    unmapped: _Numbers
    ambiguous: _Numbers
    size: _Numbers
    keys: _Numbers


def set_sums(gold: WordRows, predicted: WordRows, mapping: SetMapping) -> FloatArray:
    """Return what each row adds to `COLUMNS`, [N, S]; sums add over rows and units.

    Raises:
        ValueError: the two sides have different numbers of rows.
    """
    if gold.n_rows != predicted.n_rows:
        raise ValueError(f"gold has {gold.n_rows} rows and the prediction {predicted.n_rows}")
    clusters = sorted(set(mapping.clusters.values()))
    true, called = _mapped(gold, mapping, clusters), _mapped(predicted, mapping, clusters)
    shared = np.intersect1d(true.keys, called.keys, assume_unique=True)
    hits = np.bincount(shared // max(len(clusters), 1), minlength=gold.n_rows).astype(np.float64)
    kept = true.size > 0
    neutral = _has_only(true, clusters, mapping.neutral, gold.n_rows)
    columns: dict[str, NDArray[np.generic]] = {
        "rows": np.ones(gold.n_rows),
        "kept": kept,
        "no_gold": true.words == 0,
        "unmapped_gold": (true.words > 0) & ~kept,
        "empty_prediction": kept & (called.size == 0),
        "exact": kept & (hits == true.size) & (hits == called.size),
        "neutral_gold": neutral,
        "precision": hits / np.maximum(called.size, 1),
        "precision_strict": hits / np.maximum(called.size + called.unmapped, 1),
        "recall": hits / np.maximum(true.size, 1),
        "gold_size": true.size,
        "predicted_size": called.size * kept,
        "predicted_words": called.words * kept,
        "predicted_unmapped": called.unmapped * kept,
        "predicted_ambiguous": called.ambiguous * kept,
        "gold_words": true.words,
        "gold_unmapped": true.unmapped,
    }
    return np.stack([columns[name] for name in COLUMNS], axis=1).astype(np.float64)


def membership(words: WordRows, mapping: SetMapping, clusters: Sequence[str]) -> NDArray[np.bool_]:
    """Return which rows [N] name which clusters [K]."""
    side = _mapped(words, mapping, clusters)
    found = np.zeros(words.n_rows * len(clusters), dtype=np.bool_)
    found[side.keys] = True
    return found.reshape(words.n_rows, len(clusters))


def kept_by_all(sums: Sequence[FloatArray]) -> NDArray[np.bool_]:
    """Return the rows [N] that every mapping keeps: only over those do scores under several mappings compare."""
    return np.asarray(np.all([one[:, COLUMNS.index("kept")] > 0 for one in sums], axis=0))


def set_statistics() -> tuple[Statistic, ...]:
    """Return all scores and rates as functions of sums [..., S] of `COLUMNS`; NaN where a denominator is zero.

    F is 0 where precision and recall are. `set_average` is (P + R) / 2, MER2024's score.
    """
    return tuple(replace(statistic, counts_rows=statistic.name in _OF_ROWS) for statistic in _scores())


def _scores() -> tuple[Statistic, ...]:
    kept, gold, called = _pick("kept"), _pick("gold_words"), _pick("predicted_words")
    means = {"precision": True, "precision_strict": True, "recall": True, "exact": True, "empty_prediction": False}
    names = MappingProxyType({"exact": "exact_set_rate", "empty_prediction": "empty_prediction_rate"})
    return (
        *(
            ratio_statistic(names.get(name, f"set_{name}"), _pick(name), kept, source=SOURCE, higher_is_better=good)
            for name, good in means.items()
        ),
        *_combined(),
        *(
            ratio_statistic(
                f"{side}_set_size", _pick(f"{side}_size"), kept, source=SOURCE, high=None, higher_is_better=None
            )
            for side in ("predicted", "gold")
        ),
        _share("out_of_vocabulary_rate", "predicted_unmapped", called),
        _share("gold_out_of_vocabulary_rate", "gold_unmapped", gold),
        _share("ambiguous_word_rate", "predicted_ambiguous", called),
        *(_share(f"{name}_rate", name, _pick("rows")) for name in ("no_gold", "unmapped_gold")),
    )


def f_of_means(precision: FloatArray, recall: FloatArray) -> FloatArray:
    """2PR / (P + R); 0 where both are 0, NaN where either is.

    >>> f_of_means(np.array([0.5, 0.0]), np.array([1.0, 0.0])).round(6).tolist()
    [0.666667, 0.0]
    """
    both = precision + recall
    return np.where(both == 0, 0.0, divide(2 * precision * recall, both))


def average_of_means(precision: FloatArray, recall: FloatArray) -> FloatArray:
    """(P + R) / 2."""
    return np.asarray((precision + recall) / 2)


def _combined() -> tuple[Statistic, ...]:
    ways: dict[str, tuple[str, Callable[[FloatArray, FloatArray], FloatArray]]] = {
        "set_f1": ("precision", f_of_means),
        "set_f1_strict": ("precision_strict", f_of_means),
        "set_average": ("precision", average_of_means),
    }
    return tuple(
        Statistic(name=name, value=partial(_of_means, precision, combine), source=SOURCE)
        for name, (precision, combine) in ways.items()
    )


def _of_means(
    precision: str, combine: Callable[[FloatArray, FloatArray], FloatArray], sums: FloatArray, reference: FloatArray
) -> FloatArray:
    kept = sums @ _pick("kept")
    return combine(divide(sums @ _pick(precision), kept), divide(sums @ _pick("recall"), kept))


def _pick(column: str) -> FloatArray:
    return np.asarray(np.eye(len(COLUMNS))[COLUMNS.index(column)])


def _share(name: str, column: str, under: FloatArray) -> Statistic:
    return ratio_statistic(name, _pick(column), under, source=SOURCE, higher_is_better=False)


def _mapped(side: WordRows, mapping: SetMapping, clusters: Sequence[str]) -> _Side:
    row, word, words = _distinct(side)
    place = {cluster: i for i, cluster in enumerate(clusters)}
    of_word = np.array([place.get(mapping.clusters.get(text, ""), -1) for text in words] or [-1], dtype=np.int64)[word]
    unclear = np.array([text in mapping.ambiguous for text in words] or [False])[word]
    known = of_word >= 0
    keys = np.unique(row[known] * len(clusters) + of_word[known])
    count = partial(np.bincount, minlength=side.n_rows)
    return _Side(
        words=count(row),
        unmapped=count(row[~known]),
        ambiguous=count(row[unclear]),
        size=count(keys // max(len(clusters), 1)),
        keys=keys,
    )


def _distinct(side: WordRows) -> tuple[_Numbers, _Numbers, list[str]]:
    """Return row and word of every word once a row, and the words."""
    import pyarrow.compute as pc

    coded: pa.DictionaryArray = pc.dictionary_encode(side.word)
    words = coded.dictionary.to_pylist()
    keys = np.unique(side.row * max(len(words), 1) + coded.indices.to_numpy())
    return keys // max(len(words), 1), keys % max(len(words), 1), words


def _has_only(side: _Side, clusters: Sequence[str], cluster: str | None, n_rows: int) -> NDArray[np.bool_]:
    if cluster is None or cluster not in clusters:
        return np.zeros(n_rows, dtype=np.bool_)
    rows = side.keys[side.keys % len(clusters) == clusters.index(cluster)] // len(clusters)
    return np.asarray((side.size == 1) & (np.bincount(rows, minlength=n_rows) > 0))
