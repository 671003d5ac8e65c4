"""Which combination of features is treated worst? Found on half of the units, confirmed on the other half.

A model can be fair by accent and fair by sex and still fail women of one accent. The violation of a subgroup g is
P(g) |rate(g) - rate(all)|: how far its rate is from everybody's, weighted by how many it is. Searched are all
conjunctions of levels up to a depth, and, by a learned auditor, unions of cells that a linear rule over levels and
pairs of levels sets apart. The rate is the accuracy; a plan may ask for selection rates, recalls and false positive
rates by class.

The units are split in two, every combination of levels as evenly as it can be. One half is searched:
`subgroup_violation_searched` is the greatest violation there, beside what chance alone finds (units dealt anew), with
a band that holds for every subgroup searched. What was found is then measured on the other half, where nothing was
chosen: `subgroup_violation` and `subgroup_violation_learned` are signed (negative: the other way round than found),
with an interval over units and one one-sided test each. The difference between the searched and the held-out value is
the optimism of the search. Held-out units can show a violation, not that there is none: a criterion is passed only
where the band of all searched subgroups lies below it too, with what the subgroups too small to be searched could add.

Options: `depth` (3), `min_units` (30; subgroups of fewer are listed as suppressed, with their count), `rates`
(`accuracy`, `selection_rate`, `recall`, `false_positive_rate`; the last three over all classes), `shown` (10).

Source: Kearns, Neel, Roth, Wu 2018.
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
from audit.subgroups.claims import site_of
from audit.subgroups.conjunctions import conjunctions_of
from audit.subgroups.draws import Draws
from audit.subgroups.halves import cell_sums, cells_of, halved, searched_units
from audit.subgroups.listing import LISTED, Listing
from audit.subgroups.rates import NEED_LABELS
from audit.subgroups.subgroup_claims import (
    DIFFERENCE,
    LEARNED,
    SEARCHED,
    VIOLATION,
    Study,
    SubgroupOptions,
    subgroup_claims,
)

NAME = "subgroup-search"
VERSION = "1"


def options_of(case: Case) -> SubgroupOptions:
    """Return the options of a case.

    Raises:
        PlanError: an unknown key, or a value of the wrong kind.
    """
    return read_options(SubgroupOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a plan with fewer than two features, and rates that the run has no labels for."""
    options = options_of(case)
    (run,) = case.runs.values()
    if len(case.by) < 2:
        return Refusal(
            examination=NAME,
            because=f"subgroups are made of two features or more, and the plan names {len(case.by)}",
            remedy="name two features or more in `by`; the groups of one feature are compared by performance",
        )
    if not run.labelled and (wanting := NEED_LABELS & set(options.rates or ())):
        return Refusal(
            examination=NAME,
            because=f"{', '.join(sorted(wanting))} need reference labels, and the table has none",
            remedy="add y_true, or search selection_rate alone",
        )
    return None


def examine(case: Case) -> Testimony:
    """Search and confirm under every condition of every run."""
    options = options_of(case)
    claims: list[Claim] = []
    listing = Listing()
    for run, predictions in case.runs.items():
        draws = Draws(options=case.statistics, seed=seed_of(case.book.seed, run, NAME))
        tallies = [case.book.tally(run, condition) for condition in predictions.conditions_of_use]
        cells = cells_of(tallies)
        chosen = np.zeros(0, dtype=bool) if tallies[0].alike else searched_units(tallies, seed=_seed(case, run))
        for done, (condition, tally) in enumerate(zip(predictions.conditions_of_use, tallies, strict=True), start=1):
            whole = cell_sums(tally, cells)
            study = Study(
                case=case,
                options=options,
                predictions=predictions,
                site=site_of(case, run, condition, examination=NAME, method_version=VERSION),
                draws=draws,
                conjunctions=conjunctions_of(tally, cells, depth=options.depth),
                halves=halved(whole, chosen, seed=seed_of(_seed(case, run), condition)),
            )
            claims += subgroup_claims(study, listing)
            case.progress("searching subgroups", done, len(tallies))
    exhibit = ExhibitTable(
        id=NAME, title="Subgroups found, and what held-out units say", columns=LISTED, values=listing.columns
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,))


def _seed(case: Case, run: str) -> int:
    return seed_of(case.book.seed, run, "halves")


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Subgroups made by several features",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset({VIOLATION, SEARCHED, LEARNED, DIFFERENCE}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
