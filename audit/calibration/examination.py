"""Does the model know what it does not know, and equally well for everybody?

The confidence of a row is the probability of its predicted label. `overconfidence` is mean confidence less accuracy,
signed: above zero the model claims too much. `squared_calibration_error` is the mean squared distance of confidence
from accuracy over bins, less what noise alone adds to it, the noise measured between units; its root is on the scale of
probabilities, and it is below zero where the distance is less than its noise. The classwise form does the same for the
probability of every class and takes the mean. Both have intervals at every group size; the first two have gaps.

`expected_calibration_error` is the plug-in that others report. It is biased upwards, most in small groups, so that
equally calibrated groups look unequal: it stands beside what a perfectly calibrated model of the group's size, and of
the group's spread between units, would show, and has neither interval nor gap.

Bins hold equal numbers of rows, cut on everybody under the condition, the same for every group: 15, or fewer so that
each holds at least 20 rows. A bin in which a group has fewer than three units takes no part in its squared error; the
share of rows that this leaves out is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, gap_claim, group_claims, places_under
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import Measured, measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Record, Refusal
from affidavit.seeds import seed_of
from affidavit.statistics.calibration import LEAST_UNITS, MOMENTS, bins_taking_part
from affidavit.tally import Tally
from audit.calibration.bins import Bins, find_bins
from audit.calibration.curves import RELIABILITY, Cells, add_curves
from audit.calibration.evidence import gap_without_sums, jackknifed, without_sums
from audit.calibration.measures import (
    OVERCONFIDENCE,
    SQUARED_ERROR,
    class_moments,
    classwise_squared_error,
    overall_residual,
    top_moments,
)
from audit.calibration.plug_in import METRIC, plug_in_claims
from audit.calibration.sums import Layout, calibration_sums, layout

NAME = "calibration"
VERSION = "1"
_NAMED: Final = 6


class CalibrationOptions(Record):
    """The options of this examination in a plan."""

    bins: int = Field(default=15, ge=2, le=100)
    """Bins of equal mass, at most; cut on everybody under a condition."""
    rows_per_bin: int = Field(default=20, ge=1)
    """Rows that a bin holds at least, over everybody: fewer rows make fewer bins."""
    draws: int = Field(default=400, ge=100, le=100_000)
    """Perfectly calibrated models drawn beside each plug-in error."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without a probability for every label; one with none at all is refused for want of access."""
    read_options(CalibrationOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    missing = [label for label in run.labels if f"prob_{label}" not in run.columns]
    if not missing:
        return None
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return Refusal(
        examination=NAME,
        because=f"labels without a probability: {', '.join(missing[:_NAMED])}{more}",
        remedy="ask the supplier for the probability of every label of the label space, in columns prob_<label>",
    )


def examine(case: Case) -> Testimony:
    """Measure the calibration of every group under every condition."""
    options = read_options(CalibrationOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    gaps: list[Claim] = []
    curves: Cells = {column.name: [] for column in RELIABILITY}
    for run, predictions in case.runs.items():
        bins = find_bins(predictions, most=options.bins, rows_per_bin=options.rows_per_bin)
        places = layout(bins, len(predictions.labels))
        tallies = calibration_sums(predictions, case.by, bins=bins, places=places)
        for done, condition in enumerate(predictions.conditions_of_use, start=1):
            under = _Condition(
                case=case,
                run=run,
                tally=tallies[condition],
                bins=bins[predictions.conditions.index(condition)],
                places=places,
                n_draws=options.draws,
            )
            for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
                found, apart = under.family(place, curves)
                claims += found
                gaps += apart
            case.progress("measuring calibration", done, len(predictions.conditions_of_use))
    return Testimony(claims=(*claims, *gaps), exhibits=_exhibits(claims, curves))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    """One run under one condition."""

    case: Case
    run: str
    tally: Tally
    bins: Bins
    places: Layout
    n_draws: int

    def family(self, place: Place, curves: Cells) -> tuple[list[Claim], list[Claim]]:
        """Return the claims of every group and the gaps between them, and add the curves."""
        evidence = self.case.book.evidence_of(self.run, self.tally, place.family)
        add_curves(curves, place, evidence, places=self.places, edges=self.bins.edges)
        signed = jackknifed(evidence, partial(overall_residual, self.places))
        squared = jackknifed(evidence, partial(top_moments, self.places))
        by_class = jackknifed(evidence, partial(class_moments, self.places))
        classwise = measure(by_class, classwise_squared_error(self.places.n_labels))
        debiased = measure(squared, SQUARED_ERROR)
        claims = [
            *group_claims(place, measure(signed, OVERCONFIDENCE), caveats={}),
            *group_claims(place, without_sums(debiased), caveats=_left_out(debiased)),
            *group_claims(place, without_sums(classwise), caveats={}),
            *plug_in_claims(place, evidence, places=self.places, n_draws=self.n_draws, rng=self._rng(place)),
        ]
        if not place.family:
            return claims, []
        return claims, [self._gap(place, signed, overall=True), self._gap(place, squared, overall=False)]

    def _gap(self, place: Place, evidence: Evidence, *, overall: bool) -> Claim:
        statistic = OVERCONFIDENCE if overall else SQUARED_ERROR
        kind = GapKind(name=f"{statistic.name}_difference", scale="difference")
        gap = measure_gap(evidence, [statistic], kind)
        claim = replace(gap_claim(place, gap, source=statistic.source), interval_at=gap_without_sums(gap).interval)
        if overall or evidence.grouped.nested:
            return claim
        # only resamples are left to say what chance gives, and those of a debiased error are centred on the biased one
        return replace(claim, finding=claim.finding.model_copy(update={"null_expectation": None}))

    def _rng(self, place: Place) -> np.random.Generator:
        return np.random.default_rng(
            seed_of(self.case.book.seed, NAME, "consistency", place.run, place.condition, *place.family)
        )


def _left_out(measured: Measured) -> dict[int, tuple[str, ...]]:
    """Return per group the caveat that some of its rows lie where it has too few units."""
    totals = measured.evidence.totals
    rows = np.split(totals, MOMENTS, axis=1)[0]
    lost = np.where(bins_taking_part(totals), 0.0, rows).sum(axis=1)
    return {
        group: (f"{lost[group] / rows[group].sum():.1%} of its rows lie in bins of fewer than {LEAST_UNITS} units",)
        for group in np.flatnonzero(lost > 0).tolist()
    }


def _exhibits(claims: list[Claim], curves: Cells) -> tuple[ExhibitTable, ...]:
    rows = claim_rows(claims)
    return (
        ExhibitTable(
            id="calibration-by-group",
            title="Calibration of every group",
            columns=BY_GROUP,
            values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
        ),
        ExhibitTable(id="reliability-curves", title="Reliability curves", columns=RELIABILITY, values=curves),
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Calibration by group",
    method_version=VERSION,
    access=("table", "labels", "probabilities"),
    metrics=frozenset(
        {
            OVERCONFIDENCE.name,
            f"{OVERCONFIDENCE.name}_difference",
            SQUARED_ERROR.name,
            f"{SQUARED_ERROR.name}_difference",
            "classwise_squared_calibration_error",
            METRIC,
        }
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
