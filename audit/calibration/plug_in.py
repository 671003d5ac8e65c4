"""The expected calibration error, given only beside its debiased twin and beside what a calibrated model would show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.claims import Place, place_finding
from affidavit.evidence import Evidence
from affidavit.examinations import Claim
from affidavit.records import Estimate, Finding, NullExpectation, Verdict
from affidavit.statistics.calibration import (
    consistency_errors,
    design_effect,
    expected_calibration_error,
    unit_scores,
)
from audit.calibration.measures import top_moments
from audit.calibration.sums import Layout
from audit.unit_sums import folded

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
METRIC: Final = "expected_calibration_error"
SOURCE: Final = (
    "plug-in expected calibration error: Naeini, Cooper, Hauskrecht 2015; consistency resampling: Bröcker, Smith 2007"
)
UNDEFINED: Final = "undefined: no rows that the metric could be computed on"
WHY: Final = (
    "the plug-in is biased upwards, the more the fewer the rows: its interval is that of squared_calibration_error"
)


def plug_in_claims(
    place: Place, evidence: Evidence, *, places: Layout, n_draws: int, rng: np.random.Generator
) -> list[Claim]:
    """Return one claim a group, with what a calibrated model would show in place of an interval."""
    grouped = evidence.grouped
    moments = folded(top_moments(places, grouped.sums), grouped.group, len(grouped.groups))
    rows, units = grouped.rows(), grouped.units()
    draws = rng.standard_normal((n_draws, len(grouped.sums)))
    claims = []
    for group, named in enumerate(grouped.groups):
        own = grouped.group == group
        scores = _scores(places, grouped.sums[own], draws[:, own], rng)
        value, null = _beside_chance(places, evidence.totals[group], moments[group], scores=scores)
        estimate = Estimate(
            value=value,
            why_no_interval=UNDEFINED if value is None else WHY,
            n=int(rows[group]),
            n_clusters=int(units[group]) if place.has_units else None,
        )
        claims.append(Claim(finding=_finding(place, named, estimate, null)))
    return claims


def _scores(places: Layout, sums: FloatArray, draws: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return scores of a group's bins that stray together as its units do."""
    rows, residual, *_ = places.top(sums)
    total = rows.sum(axis=0)
    distance = np.divide(residual.sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
    return unit_scores(residual - distance * rows, draws, rng.standard_normal((len(draws), places.n_bins)))


def _beside_chance(
    places: Layout, sums: FloatArray, moments: FloatArray, *, scores: FloatArray
) -> tuple[float | None, NullExpectation | None]:
    """Return a group's plug-in error and what a calibrated model would show; nothing of a group without rows."""
    rows, residual, confidence, count, *squares = places.top(sums)
    if not rows.any():
        return None, None
    effect = design_effect(moments, np.concatenate([count, *squares]))
    mean = np.divide(confidence, rows, out=np.zeros_like(rows), where=rows > 0)
    drawn = consistency_errors(_effective_rows(rows, squares[0]), mean, scores=scores, design_effect=effect)
    return float(expected_calibration_error(rows, residual)), _null(drawn)


def _finding(place: Place, groups: Mapping[str, str], estimate: Estimate, null: NullExpectation | None) -> Finding:
    finding = place_finding(place, METRIC, estimate, groups=groups, higher_is_better=False, source=SOURCE)
    if null is None:
        return finding
    # an answer although it has no interval: it stands beside what chance gives
    answered = {"null_expectation": null, "verdict": Verdict.INFORMATIVE, "because": None}
    return finding.model_copy(update=answered)


def _effective_rows(rows: FloatArray, squares: FloatArray) -> IntArray:
    """Return how many rows of equal weight each bin is worth (Kish 1965); its rows where there are no weights."""
    worth = np.divide(rows**2, squares, out=np.zeros_like(rows), where=squares > 0)
    return np.asarray(np.maximum(np.rint(worth), rows > 0).astype(np.int64))


def _null(drawn: FloatArray) -> NullExpectation:
    return NullExpectation(
        value=float(drawn.mean()),
        high=float(np.quantile(drawn, 0.95)),
        method=f"{len(drawn)} draws of a calibrated model whose units stray as far as these",
    )
