"""What reviews tell, as functions of sums over judgements.

Every judgement counts by the mean of its reviewers' scores and by its weight in the sample, so that a card that a
reviewer left out changes nobody's share. A score is 1 to 4 (EMER).

| number | from | range |
|---|---|---|
| mean score | of rationales; of shuffled ones, the control | 1 to 4 |
| beyond the control | the first less the second | -3 to 3 |
| plausible rate | reviews of 3 or 4 | 0 to 1 |
| alpha | Krippendorff's, ordinal, of the reviewers of each card | up to 1 |
| agreement with oneself | cards that came twice and got the same score from the same reviewer | 0 to 1 |
| completion | cards that were reviewed, of those that were given out | 0 to 1 |
| rank correlation | of an automatic score with the mean score, ranks among everybody | -1 to 1 |
| AUROC | of an automatic score for a mean score of at least 2.5 | 0 to 1 |

AUROC counts ties half; more than `BINS` different automatic scores are cut at quantiles, and ties within a cut count
half as well.

Source: Lian et al. 2023 (EMER), human evaluation; Krippendorff 2018, chapter 12; Spearman 1904; Hanley, McNeil 1982.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.statistics.krippendorff import coincidences, krippendorff_alpha, ordinal
from faithfulness.human_review.matching import Scores

SOURCE: Final = "Lian et al. 2023 (EMER), human evaluation on four points"
SCORE: Final = "human_plausibility"
OTHERS: Final = f"{SCORE}_other_reviewers"
LEAST, MOST, GOOD = 1, 4, 3
GOOD_MEAN: Final = 2.5
"""A mean score from here on is nearer to correct for the most part than to correct in a small part."""
BINS: Final = 32
_PLAIN: Final = (
    *("items", "score", "good", "shuffled_items", "shuffled_score", "again", "same", "assigned", "done", "values"),
    *("compared", "x", "y", "xx", "yy", "xy"),
)
_AT: Final = {name: place for place, name in enumerate(_PLAIN)}
_ALPHA: Final = slice(len(_PLAIN), len(_PLAIN) + MOST * MOST)
_GOOD: Final = slice(_ALPHA.stop, _ALPHA.stop + BINS)
_BAD: Final = slice(_GOOD.stop, _GOOD.stop + BINS)
N_SUMS: Final = _BAD.stop


def review_sums(scores: Sequence[Scores], automatic: Sequence[float | None]) -> FloatArray:
    """Return what each judgement adds, [N, S]."""
    sums = np.zeros((len(scores), N_SUMS))
    for row, item in zip(sums, scores, strict=True):
        _add_scores(row, item)
    own = np.array([np.mean(list(item.own.values())) if item.own else np.nan for item in scores])
    given = np.array([np.nan if value is None else value for value in automatic])
    known = np.flatnonzero(~np.isnan(own) & ~np.isnan(given))
    if len(known):
        weight = np.array([item.weight for item in scores])[known]
        _add_comparison(sums, known, (own[known], given[known]), weight)
    return sums


def _add_scores(row: FloatArray, item: Scores) -> None:
    for scores, prefix in ((item.own, ""), (item.shuffled, "shuffled_")):
        if scores:
            row[_AT[f"{prefix}items"]] = item.weight
            row[_AT[f"{prefix}score"]] = item.weight * float(np.mean(list(scores.values())))
    if item.own:
        row[_AT["good"]] = item.weight * float(np.mean([score >= GOOD for score in item.own.values()]))
        counts = np.bincount(np.array(list(item.own.values())) - LEAST, minlength=MOST).astype(np.float64)
        row[_ALPHA] = item.weight * coincidences(counts).ravel()
        row[_AT["values"]] = len(item.own) if len(item.own) > 1 else 0
    twice = item.again.keys() & item.own.keys()
    row[_AT["again"]] = len(twice)
    row[_AT["same"]] = sum(item.again[name] == item.own[name] for name in twice)
    row[_AT["assigned"]], row[_AT["done"]] = item.assigned, item.done


def _add_comparison(
    sums: FloatArray, known: NDArray[np.int64], pairs: tuple[FloatArray, FloatArray], weight: FloatArray
) -> None:
    own, given = pairs
    x, y = (rankdata(values) / len(values) for values in (given, own))
    for name, values in zip(_PLAIN[-6:], (np.ones(len(x)), x, y, x * x, y * y, x * y), strict=True):
        sums[known, _AT[name]] = weight * values
    bins = _binned(given)
    good = own >= GOOD_MEAN
    sums[known[good], _GOOD.start + bins[good]] = weight[good]
    sums[known[~good], _BAD.start + bins[~good]] = weight[~good]


def _binned(values: FloatArray) -> NDArray[np.int64]:
    """Return the place of each value among the different ones, or among quantiles where there are too many."""
    different = np.unique(values)
    if len(different) > BINS:
        different = np.unique(np.quantile(values, np.arange(BINS) / BINS, method="inverted_cdf"))
    return np.asarray(np.searchsorted(different, values, side="right") - 1)


def _ratio(name: str, over: str, under: str, *, better: bool | None, high: float | None = 1.0) -> Statistic:
    eye = np.eye(N_SUMS)
    plain = ratio_statistic(name, eye[_AT[over]], eye[_AT[under]], source=SOURCE, higher_is_better=better, high=high)
    return replace(plain, low=float(LEAST) if high == MOST else 0.0, counts_rows=False)


def _of(
    name: str, value: Callable[[FloatArray], FloatArray], *, low: float, high: float, source: str = SOURCE
) -> Statistic:
    def of_sums(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return value(sums)

    return Statistic(name=name, value=of_sums, low=low, high=high, higher_is_better=True, source=source)


def _beyond(sums: FloatArray) -> FloatArray:
    own = divide(sums[..., _AT["score"]], sums[..., _AT["items"]])
    return own - divide(sums[..., _AT["shuffled_score"]], sums[..., _AT["shuffled_items"]])


def _alpha(sums: FloatArray) -> FloatArray:
    # Alpha corrects for how many scores there are: the number that were given, and not that which their weights make.
    observed = sums[..., _ALPHA].reshape(*sums.shape[:-1], MOST, MOST)
    given = divide(sums[..., _AT["values"]], observed.sum(axis=(-2, -1)))
    return krippendorff_alpha(observed * given[..., None, None], ordinal)


def _correlation(sums: FloatArray) -> FloatArray:
    n, x, y, xx, yy, xy = (sums[..., _AT[name]] for name in _PLAIN[-6:])
    spread = (n * xx - x * x) * (n * yy - y * y)
    constant = spread <= (1e-9 * np.maximum(n, 1.0) ** 2) ** 2
    with np.errstate(invalid="ignore"):
        return np.where(constant, np.nan, (n * xy - x * y) / np.sqrt(np.where(constant, 1.0, spread)))


def _auroc(sums: FloatArray) -> FloatArray:
    good, bad = sums[..., _GOOD], sums[..., _BAD]
    below = np.cumsum(bad, axis=-1) - bad / 2
    return divide((good * below).sum(-1), good.sum(-1) * bad.sum(-1))


SCORES: Final = (
    _ratio(SCORE, "score", "items", better=True, high=float(MOST)),
    _ratio(f"{SCORE}_shuffled", "shuffled_score", "shuffled_items", better=None, high=float(MOST)),
)
ALPHA: Final = _of(
    "reviewer_krippendorff_alpha", _alpha, low=-1.0, high=1.0, source="Krippendorff 2018, chapter 12, ordinal"
)
COMPARED: Final = (
    _of("automatic_human_rank_correlation", _correlation, low=-1.0, high=1.0, source="Spearman 1904"),
    _of("automatic_human_auroc", _auroc, low=0.0, high=1.0, source="Hanley, McNeil 1982"),
)
FURTHER: Final = (
    _of(f"{SCORE}_beyond_shuffled", _beyond, low=float(LEAST - MOST), high=float(MOST - LEAST)),
    _ratio("plausible_rate", "good", "items", better=True),
    _ratio("reviewer_self_agreement_rate", "same", "again", better=True),
)
COMPLETION: Final = _ratio("review_completion_rate", "done", "assigned", better=True)
METRICS: Final = frozenset(
    {s.name for s in (*SCORES, ALPHA, *COMPARED, *FURTHER, COMPLETION)} | {OTHERS, f"{SCORE}_difference"}
)
SPEAKS_OF: Final = MappingProxyType(
    {
        SCORE: _AT["items"],
        "plausible_rate": _AT["items"],
        f"{SCORE}_shuffled": _AT["shuffled_items"],
        "reviewer_self_agreement_rate": _AT["again"],
        "review_completion_rate": _AT["assigned"],
        **{statistic.name: _AT["compared"] for statistic in COMPARED},
    }
)
"""Metric to the sum that a judgement adds something to where the metric speaks of it."""
