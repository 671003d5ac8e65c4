"""Metrics of sets of labels as functions of sums over rows.

A row adds, weighted: 1, whether the whole set is right, the labels that are wrong, its Jaccard index, and per label
whether it is a hit, true, and predicted. A row with no label, true or predicted, is right: its Jaccard index is 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, macro_f1, ratio_statistic

LEADING: Final = ("rows", "exact", "wrong", "jaccard")


def set_sums(truth: FloatArray, predicted: FloatArray, weight: FloatArray) -> FloatArray:
    """Return what each row adds, [N, 4 + 3L], of answers [N, L] that are 0 or 1."""
    hits = truth * predicted
    wrong = np.abs(truth - predicted).sum(axis=1)
    either = np.maximum(truth, predicted).sum(axis=1)
    jaccard = np.where(either > 0, hits.sum(axis=1) / np.maximum(either, 1.0), 1.0)
    leading = np.stack([np.ones(len(truth)), (wrong == 0).astype(np.float64), wrong, jaccard], axis=1)
    return np.asarray(np.concatenate([leading, hits, truth, predicted], axis=1) * weight[:, None])


def _pick(column: str, n_labels: int) -> FloatArray:
    return np.asarray(np.eye(len(LEADING) + 3 * n_labels)[LEADING.index(column)])


def _of_label(part: int, n_labels: int, k: int | None = None) -> FloatArray:
    """Return the weights that pick hits (0), true (1) or predicted (2), of one label or of all."""
    chosen = np.ones(n_labels) if k is None else np.eye(n_labels)[k]
    return np.concatenate([np.zeros(len(LEADING)), np.kron(np.eye(3)[part], chosen)])


def subset_accuracy(n_labels: int) -> Statistic:
    """Return the share of rows whose whole set of labels is right."""
    rows = _pick("rows", n_labels)
    source = "subset accuracy (exact match): Zhu et al. 2005"
    return ratio_statistic("subset_accuracy", _pick("exact", n_labels), rows, source=source)


def hamming_loss(n_labels: int) -> Statistic:
    """Return the share of labels that are wrong."""
    answers = n_labels * _pick("rows", n_labels)
    source = "Hamming loss: Schapire, Singer 1999"
    made = ratio_statistic("hamming_loss", _pick("wrong", n_labels), answers, source=source, higher_is_better=False)
    return replace(made, counts_rows=False)


def jaccard_index(n_labels: int) -> Statistic:
    """Return the mean over rows of |true and predicted| / |true or predicted|."""
    source = "Jaccard index, mean over rows: Godbole, Sarawagi 2004"
    made = ratio_statistic("jaccard_index", _pick("jaccard", n_labels), _pick("rows", n_labels), source=source)
    return replace(made, counts_rows=False)


def micro_f1(n_labels: int) -> Statistic:
    """Return 2 hits / (true + predicted) over all labels together."""
    hits, true, predicted = (_of_label(part, n_labels) for part in range(3))
    made = ratio_statistic("micro_f1", 2 * hits, true + predicted, source="micro-averaged F1: Yang 1999")
    return replace(made, counts_rows=False)


def macro_f1_of_labels() -> Statistic:
    """Return the mean F1 over the labels that occur in the reference, as truth or as prediction."""
    plain, start = macro_f1(), len(LEADING)

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return plain.value(sums[..., start:], reference[..., start:])

    def common(totals: FloatArray) -> FloatArray:
        """Leave out a label that some group lacks: nobody is averaged over other labels than the rest."""
        n_labels = (totals.shape[1] - start) // 3
        shared = (totals[:, start + n_labels : start + 2 * n_labels] > 0).all(axis=0)
        kept = np.concatenate([np.ones(start, dtype=bool), np.tile(shared, 3)])
        return np.where(kept, totals, 0.0)

    return Statistic(name="macro_f1", value=value, common=common, source="macro-averaged F1: Yang 1999")


def label_recall(k: int, n_labels: int, label: str) -> Statistic:
    """Return P(predicted | true) of a label."""
    made = ratio_statistic(
        "recall", _of_label(0, n_labels, k), _of_label(1, n_labels, k), source="Hardt, Price, Srebro 2016"
    )
    return replace(made, label=label)


def label_false_positive_rate(k: int, n_labels: int, label: str) -> Statistic:
    """Return P(predicted | not true) of a label."""
    hits, true, predicted = (_of_label(part, n_labels, k) for part in range(3))
    made = ratio_statistic(
        "false_positive_rate",
        predicted - hits,
        _pick("rows", n_labels) - true,
        source="Hardt, Price, Srebro 2016",
        higher_is_better=False,
    )
    return replace(made, label=label)
