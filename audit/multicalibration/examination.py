"""Does a probability mean the same for every subgroup? The worst |E[y - f | f in v, S]|, found on half of the units.

A model is alpha-multicalibrated if in every subgroup S and score bin v that hold a share gamma of the rows, the mean
outcome is within alpha of the mean score. A model can be well calibrated for everybody and still say 0.8 to one
subgroup of which 0.5 come true. Subgroups are the conjunctions of levels up to a depth, scores the probability of the
label that was named (`scores: top-label`) or of every class (`classwise`), bins of equal width.

As in the search for subgroups, the units are split in two. `multicalibration_violation_searched` is the greatest
violation on one half, beside what chance gives where every score is right (every unit's residuals times a normal
multiplier), with a band that holds for all cells searched. `multicalibration_violation` is the same cell on the other
half, signed (negative: the other way round than found), with an interval over units and one one-sided test;
`multicalibration_excess` is how much of it everybody in that bin does not share. A criterion is passed only where the
band of all searched cells lies below it too.

Options: `depth` (2), `scores` (top-label), `bins` (10), `gamma` (0.01), `min_units` (30), `shown` (10), `most_rows`.

Source: Hebert-Johnson, Kim, Reingold, Rothblum 2018 (multicalibration); Kearns et al. 2018.
"""

from __future__ import annotations

import numpy as np

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from audit.multicalibration.claims import (
    EXCESS,
    SEARCHED,
    VIOLATION,
    MulticalibrationOptions,
    Study,
    score_claims,
)
from audit.multicalibration.listing import LISTED, ScoreListing
from audit.multicalibration.scores import bins_of, counted
from audit.subgroups.claims import site_of
from audit.subgroups.conjunctions import Conjunctions
from audit.subgroups.draws import Draws
from audit.subgroups.halves import dealt_units, halved

NAME = "multicalibration"
VERSION = "1"


def options_of(case: Case) -> MulticalibrationOptions:
    """Return the options of a case.

    Raises:
        PlanError: an unknown key, or a value of the wrong kind.
    """
    return read_options(MulticalibrationOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a plan without features, a run without probabilities of every label, and rows too many to be units."""
    options = options_of(case)
    (run,) = case.runs.values()
    if not case.by:
        return Refusal(
            examination=NAME, because="the plan names no feature to make subgroups of", remedy="name one in `by`"
        )
    lacking = [label for label in run.labels if f"prob_{label}" not in run.columns]
    if lacking:
        return Refusal(
            examination=NAME,
            because=f"there is no probability of {', '.join(lacking)}",
            remedy="ask the supplier for a column prob_<label> of every label; those of a row sum to one",
        )
    n_sums = run.n_rows * (len(run.labels) if options.scores == "classwise" else 1)
    if run.unit == "row" and n_sums > options.most_rows:
        return Refusal(
            examination=NAME,
            because=f"rows are the units, and {n_sums:,} sums of rows are more than {options.most_rows:,}",
            remedy="add speaker_id, audit a sample, or raise the option most_rows of this examination",
        )
    return None


def examine(case: Case) -> Testimony:
    """Search and confirm under every condition of every run."""
    options = options_of(case)
    claims: list[Claim] = []
    listing = ScoreListing()
    for run, predictions in case.runs.items():
        draws = Draws(options=case.statistics, seed=seed_of(case.book.seed, run, NAME))
        bins = bins_of(options.scores, predictions.labels, options.bins)
        found = counted(predictions, case.by, bins)
        cells = np.unique(found.cell, axis=0)
        levels = tuple(predictions.levels[f"group_{feature}"] for feature in case.by)
        conjunctions = Conjunctions(features=case.by, levels=levels, cells=cells, depth=options.depth)
        seed = seed_of(case.book.seed, run, "halves")
        chosen = dealt_units(found.unit, found.cell, n_units=predictions.n_units, seed=seed)
        shape = tuple(map(len, levels))
        for done, condition in enumerate(predictions.conditions_of_use, start=1):
            whole = found.under(
                predictions.conditions.index(condition), cells, shape, weighted="weight" in predictions.columns
            )
            study = Study(
                case=case,
                options=options,
                bins=bins,
                site=site_of(case, run, condition, examination=NAME, method_version=VERSION),
                draws=draws,
                conjunctions=conjunctions,
                halves=halved(whole, chosen, seed=seed),
            )
            claims += score_claims(study, listing)
            case.progress("searching calibration", done, len(predictions.conditions_of_use))
    exhibit = ExhibitTable(
        id=NAME, title="Worst calibrated subgroups, and what held-out units say", columns=LISTED, values=listing.columns
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,))


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Calibration in every subgroup",
    method_version=VERSION,
    access=("table", "labels", "probabilities"),
    metrics=frozenset({VIOLATION, SEARCHED, EXCESS}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
