"""How large a gap does a model without any bias show, given who is in this table? A threshold made for its own sizes.

For each gap: the 95 % quantile of what 1,000 random models show that answer without looking, with the table's own
groups, units and label balance, and the observed gap less that quantile, which is above zero where the gap is more than
such models show. This is how ser-tests sets its thresholds (Derington et al. 2023; there the largest of 1,000, with
rows as units), beside the permutation of units that every gap here has. The two ask different things: permutations
keep the audited model's accuracy and the spread of its units, random models have neither, so for a good model they
may lie apart; for a random model they agree. Only the fullest condition: it is the table that sets the sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binom

from affidavit.case import Case
from affidavit.claims import Place, needs_groups, places_under
from affidavit.comparisons import compare
from affidavit.confusion import FloatArray, accuracy, false_positive_rate, recall, selection_rate
from affidavit.confusion import unweighted_average_recall as uar
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, MeasuredGap, measure_gap
from affidavit.intervals import Reason
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn, Interval, NullExpectation, Refusal
from affidavit.seeds import seed_of
from affidavit.tally import IntArray, Tally
from audit.deviation.deviations import Deviations
from audit.deviation.from_everybody import Rate, largest_deviation, largest_over, rates_of
from audit.deviation.random_models import RandomModels, random_models
from audit.family_claims import TOO_FEW, FamilyNumber, family_claim

NAME = "chance-thresholds"
VERSION = "2"
N_MODELS: Final = 1000
MOST_LABELS: Final = 20
"""Confusion matrices of so many labels are drawn in half a minute for a thousand units."""
QUANTILE: Final = 0.95
LOST: Final = 0.05
"""Above this share of random models that leave a gap undefined there is no threshold."""
SOURCE: Final = (
    "random models without bias: ser-tests, Derington et al. 2023; unit-aware: audit/deviation/random_models.py"
)
GAPS: Final = (
    "accuracy_difference",
    "unweighted_average_recall_difference",
    "demographic_parity_difference_max",
    "equalized_odds_difference_max",
)
Cells = dict[str, list[str | int | float | None]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """A gap of the table, and how the same gap is computed of other sums."""

    name: str
    value: float
    interval_at: Callable[[float], Interval | Reason]
    groups: IntArray
    permuted: NullExpectation | None
    of: Callable[[FloatArray], FloatArray]
    """From class sums [B, G, 3K] to gaps [B]."""
    partly_left_out: tuple[str, ...] = ()


def examine(case: Case) -> Testimony:
    """Draw the random models of each run and hold every gap of every family against them."""
    claims: list[Claim] = []
    cells: Cells = {column.name: [] for column in COLUMNS}
    for run, predictions in case.runs.items():
        condition = predictions.conditions[0]
        tally = case.book.tally(run, condition)
        cell, codes = _cells(tally)
        models = random_models(tally, cell, len(codes), units=predictions.unit != "row")
        draws = models.class_sums(N_MODELS, rng=np.random.default_rng(seed_of(case.book.seed, NAME, run)))
        here = places_under(case, run, condition, examination=NAME, method_version=VERSION)
        for done, place in enumerate([place for place in here if place.family], start=1):
            evidence = case.book.evidence(run, condition, place.family)
            folded = draws.swapaxes(0, 1)
            sums = _folded(folded, _group_of(tally, codes, place.family, evidence), len(evidence.grouped.groups))
            for observed in _observed(evidence, predictions):
                claims += _claims(place, evidence, observed, sums, models, cells=cells)
            case.progress("drawing random models", done, len(here) - 1)
    title = "What random models without bias show, beside the observed gap and the permutation of units"
    return Testimony(
        claims=tuple(claims),
        exhibits=(ExhibitTable(id="chance-thresholds", title=title, columns=COLUMNS, values=cells),),
    )


def _cells(tally: Tally) -> tuple[IntArray, IntArray]:
    """Return the cell [R] of each row of the tally, and the level codes [C, F] of each cell."""
    codes, cell = np.unique(tally.cell, axis=0, return_inverse=True)
    return cell.reshape(-1), codes


def _group_of(tally: Tally, codes: IntArray, family: Sequence[str], evidence: Evidence) -> IntArray:
    """Return the group [C] of each cell among the groups of a family."""
    positions = [tally.features.index(feature) for feature in family]
    known = {tuple(groups.values()): g for g, groups in enumerate(evidence.grouped.groups)}
    return np.array([known[tuple(tally.levels[i][row[i]] for i in positions)] for row in codes])


def _folded(draws: FloatArray, group: IntArray, n_groups: int) -> FloatArray:
    """Return sums [B, G, S] from draws [C, B, S] and the group [C] of each cell."""
    folded = np.zeros((n_groups, *draws.shape[1:]))
    np.add.at(folded, group, draws)
    return folded.swapaxes(0, 1)


def _observed(evidence: Evidence, predictions: Predictions) -> list[Observed]:
    n = len(predictions.labels)
    named = {
        GAPS[0]: [accuracy(n)],
        GAPS[1]: [uar()],
        GAPS[2]: [selection_rate(k, n) for k in range(n)],
        GAPS[3]: [statistic(k, n) for k in range(n) for statistic in (recall, false_positive_rate)],
    }
    gaps = [
        _gap(measure_gap(evidence, statistics, GapKind(name=name, scale="difference")))
        for name, statistics in named.items()
    ]
    return [*gaps, *(_deviation(evidence, rate) for rate in rates_of(predictions.labels, labelled=True))]


def _gap(gap: MeasuredGap) -> Observed:
    def of(sums: FloatArray) -> FloatArray:
        values = (
            c.measured.statistic.value(sums[:, c.compared], c.measured.reference[c.compared]) for c in gap.components
        )
        return gap.kind.combined(np.stack([gap.kind.over_groups(value) for value in values], axis=-1))

    compared = sorted({int(group) for component in gap.components for group in component.compared})
    return Observed(
        name=gap.kind.name,
        value=gap.value,
        interval_at=gap.interval,
        groups=np.array(compared, dtype=np.int64),
        permuted=gap.null_expectation(),
        of=of,
    )


def _deviation(evidence: Evidence, rate: Rate) -> Observed:
    parts = [Deviations(comparison=compare(evidence, statistic)) for statistic in rate.statistics]
    number = largest_deviation(evidence, rate, parts)
    kept = [part for part in parts if not np.isnan(part.largest)]
    return Observed(
        name=number.metric,
        value=number.value,
        interval_at=number.interval_at,
        groups=number.groups,
        permuted=number.chance,
        of=lambda sums: largest_over(kept, sums),
        partly_left_out=number.partly_left_out,
    )


def _claims(
    place: Place, evidence: Evidence, observed: Observed, sums: FloatArray, models: RandomModels, *, cells: Cells
) -> list[Claim]:
    draws = np.sort(observed.of(sums)) if not np.isnan(observed.value) else np.array([])
    known = draws[~np.isnan(draws)]
    enough = len(known) > 0 and len(known) >= (1 - LOST) * len(draws)
    known = known if enough else np.array([])
    threshold = FamilyNumber(
        metric=f"{observed.name}_chance_threshold",
        value=float(np.quantile(known, QUANTILE)) if enough else float("nan"),
        interval_at=lambda level: _quantile_bounds(known, level),
        higher_is_better=False,
        source=SOURCE,
        groups=observed.groups,
        chance=observed.permuted,
        caveats=(_described(models),),
        partly_left_out=observed.partly_left_out,
    )
    over = FamilyNumber(
        metric=f"{observed.name}_over_chance",
        value=observed.value - threshold.value,
        interval_at=lambda level: _over(observed, known, level),
        higher_is_better=False,
        source=SOURCE,
        groups=observed.groups,
        partly_left_out=observed.partly_left_out,
    )
    claims = [family_claim(place, evidence, number) for number in (threshold, over)]
    _add(cells, place, observed, known, claims[0], models)
    return claims


def _quantile_bounds(draws: FloatArray, level: float) -> Interval | Reason:
    """Return what so few draws leave open of their quantile, by order statistics (Conover 1999, section 3.2)."""
    n = len(draws)
    if n == 0:
        return "too many of the random models leave a group without a class"
    low, high = binom.ppf([(1 - level) / 2, (1 + level) / 2], n, QUANTILE).astype(int)
    if high >= n:
        return f"{n} random models are too few for this level"
    return Interval(low=draws[max(low - 1, 0)], high=draws[high], level=level, method=f"order statistics of {n} draws")


def _over(observed: Observed, draws: FloatArray, level: float) -> Interval | Reason:
    """Return bounds of the gap less the threshold, each of which may err with half of what the level leaves."""
    half = (1 + level) / 2
    gap, threshold = observed.interval_at(half), _quantile_bounds(draws, half)
    if not isinstance(gap, Interval):
        return gap
    if not isinstance(threshold, Interval):
        return threshold
    method = f"{gap.method}, less the quantile's bounds"
    return Interval(low=gap.low - threshold.high, high=gap.high - threshold.low, level=level, method=method)


def _described(models: RandomModels) -> str:
    return (
        f"the 95 % quantile of {N_MODELS} models that give each label as often as this one does, whatever is true; "
        f"two answers to one unit agree by {models.favour**2:.3f} of what chance leaves more than their truths explain"
    )


def _add(
    cells: Cells, place: Place, observed: Observed, draws: FloatArray, threshold: Claim, models: RandomModels
) -> None:
    interval = observed.interval_at(place.level) if not np.isnan(observed.value) else TOO_FEW
    known, permuted = isinstance(interval, Interval), observed.permuted
    row: dict[str, str | int | float | None] = {
        "run": place.run,
        "condition": place.condition,
        "features": " x ".join(place.family),
        "metric": observed.name,
        "observed": None if np.isnan(observed.value) else observed.value,
        "low": interval.low if isinstance(interval, Interval) and known else None,
        "high": interval.high if isinstance(interval, Interval) and known else None,
        "random_mean": float(draws.mean()) if len(draws) else None,
        "random_threshold": threshold.finding.estimate.value,
        "random_largest": float(draws[-1]) if len(draws) else None,
        "permuted_mean": permuted.value if permuted else None,
        "permuted_threshold": permuted.high if permuted else None,
        "likeness": models.favour**2,
        "n": threshold.finding.estimate.n,
        "n_clusters": threshold.finding.estimate.n_clusters,
    }
    for name, column in cells.items():
        column.append(row[name])


def _refusal(case: Case) -> Refusal | None:
    (run,) = case.runs.values()
    if "weight" in run.columns:
        return Refusal(
            examination=NAME,
            because="the table has weights, and random models answer rows, not weights",
            remedy="audit the table without weights, or read what permutations give beside each gap",
        )
    if len(run.labels) > MOST_LABELS:
        return Refusal(
            examination=NAME,
            because=f"there are {len(run.labels)} labels, and random models are drawn for at most {MOST_LABELS}",
            remedy="map the labels to coarser ones, or read what permutations give beside each gap",
        )
    return needs_groups(NAME)(case)


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


COLUMNS: Final = (
    _column("run", "text", "the run"),
    _column("condition", "text", "what the reasoner was shown"),
    _column("features", "text", "the features whose groups are compared"),
    _column("metric", "text", "the gap"),
    _column("observed", "number", "the gap of this table"),
    _column("low", "number", "lower end of its interval"),
    _column("high", "number", "upper end of its interval"),
    _column("random_mean", "number", "its mean over random models without bias"),
    _column("random_threshold", "number", "its 95 % quantile over them"),
    _column("random_largest", "number", "the largest of them, which is the threshold of ser-tests"),
    _column("permuted_mean", "number", "its mean when units are dealt anew to the groups"),
    _column("permuted_threshold", "number", "its 95 % quantile then"),
    _column("likeness", "number", "by how much two answers to one unit agree more than their truths explain"),
    _column("n", "integer", "rows of the compared groups", "rows"),
    _column("n_clusters", "integer", "units of the compared groups", "units"),
)
EXAMINATION = FunctionExamination(
    name=NAME,
    title="Thresholds from random models",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(
        f"{name}_{ending}"
        for name in (*GAPS, *(rate.metric for rate in rates_of(("a", "b"), labelled=True)))
        for ending in ("chance_threshold", "over_chance")
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=_refusal,
)
