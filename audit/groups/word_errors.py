"""Whom does the recogniser mishear? Word error rate of every group: errors over reference words, and per unit.

The rate is a ratio of sums (long utterances weigh more); `word_error_rate_per_unit` is the mean over units. It has no
upper end: insertions can exceed the words that were said.
"""

from __future__ import annotations

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, gap_claim, group_claims, places
from affidavit.confusion import ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Task

NAME = "word-errors"
VERSION = "1"
WORD_ERROR_RATE = ratio_statistic(
    "word_error_rate",
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
    higher_is_better=False,
    high=None,
    source="word error rate: errors / reference words; by group: Koenecke et al. 2020",
)
PER_UNIT = ratio_statistic(
    "word_error_rate_per_unit",
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
    higher_is_better=False,
    high=None,
    source="mean over units of the unit's word error rate",
)


def examine(case: Case) -> Testimony:
    """Measure every group of every family under every condition."""
    claims: list[Claim] = []
    gaps: list[Claim] = []
    steps = places(case, examination=NAME, method_version=VERSION)
    for done, place in enumerate(steps, start=1):
        found, apart = _family(case, place)
        claims += found
        gaps += apart
        case.progress("measuring word errors", done, len(steps))
    rows = claim_rows(claims)
    exhibit = ExhibitTable(
        id="word-errors-by-group",
        title="Word error rate of every group",
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )
    return Testimony(claims=(*claims, *gaps), exhibits=(exhibit,))


def _family(case: Case, place: Place) -> tuple[list[Claim], list[Claim]]:
    evidence = case.book.evidence(place.run, place.condition, place.family)
    claims = group_claims(place, measure(evidence, WORD_ERROR_RATE), caveats={})
    if place.has_units:
        claims += group_claims(place, measure(evidence.per_unit([WORD_ERROR_RATE]), PER_UNIT), caveats={})
    gaps = []
    if place.family:
        for scale in ("difference", "ratio"):
            gap = measure_gap(evidence, [WORD_ERROR_RATE], GapKind(name=f"word_error_rate_{scale}", scale=scale))
            gaps.append(gap_claim(place, gap, source="Koenecke et al. 2020; bounds of docs/statistics.md"))
    return claims, gaps


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Word error rate by group",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset(
        {"word_error_rate", "word_error_rate_per_unit", "word_error_rate_difference", "word_error_rate_ratio"}
    ),
    tasks=frozenset({Task.TRANSCRIPTION}),
    function=examine,
)
