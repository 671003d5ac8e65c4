"""Which group is this speaker in? How well a probe can tell it from the model's probabilities, given the true labels.

A model from whose answers the group can be told treats groups differently in some way, also where no rate of answers
shows it; and a model that was trained to hide the group has to be asked by somebody against whom it was not trained.
The probe is fresh (its own seed) and wide (the mean over a unit's rows of the log-probabilities and of `width` random
functions of them), and is cross-fitted: each unit is told by a probe that was fitted on others.
`leakage_balanced_accuracy` is the mean over groups of the share of their units that is told right, in [0, 1]; beside it
stands what the same probe reaches when groups are dealt anew to the units, about one over the number of groups, and
the permutation test of that. Its interval is over units, and no narrower than those draws spread; the exhibit's, of
single groups, take units for independent.

Rows are compared within their true label, so that groups whose labels differ are not told by that: what is left
violates equalized odds. `conditional: false`, or a table without labels, asks for demographic parity instead. The
option `baseline` names a run (the model before an intervention): `leakage_balanced_accuracy_change` is then each other
run's less the baseline's, paired by unit, below zero where less can be told. Not being told is no proof: a stronger
probe, or one that sees more than probabilities, may tell.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.examinations import FunctionExamination, Testimony
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn, Record, Refusal
from affidavit.seeds import seed_of
from audit.columns import ESTIMATE, PLACE
from audit.mitigation.leakage_claims import (
    CHANGE,
    METRIC,
    NAME,
    VERSION,
    Told,
    change_claim,
    leakage_claim,
    leakage_rows,
)
from audit.mitigation.probe import balanced_accuracy, guesses
from audit.mitigation.unit_numbers import Counter, UnitNumbers, lens

COLUMNS: Final = (
    *PLACE[:4],
    ExhibitColumn(name="metric", type="text", description="told: the share of the group's units that is told right"),
    *ESTIMATE,
)


class LeakageOptions(Record):
    """The options of this examination in a plan."""

    features: tuple[str, ...] | None = None
    """Which sensitive features; each of the plan's where absent."""
    condition: str | None = None
    """Under which condition; the fullest of the run where absent."""
    conditional: bool = True
    """Whether answers are compared within the true label."""
    baseline: str | None = None
    """The run that others are compared with: the model before an intervention."""
    width: int = Field(default=64, ge=0, le=2000)
    """Random functions that the probe sees beside the log-probabilities."""
    folds: int = Field(default=5, ge=2)
    permutations: int = Field(default=199, ge=99)
    most_units: int = Field(default=5000, ge=20)
    """Units that are told, drawn at random where there are more."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without probabilities or without features."""
    _options(case)
    (run,) = case.runs.values()
    if not case.by:
        return Refusal(examination=NAME, because="there is no sensitive feature", remedy="name features (--by accent)")
    if any(name.startswith("prob_") for name in run.columns):
        return None
    return Refusal(
        examination=NAME,
        because="a probe looks at probabilities, and the table has none",
        remedy="add the probability of each label, in columns prob_<label>",
    )


def examine(case: Case) -> Testimony:
    """Tell every feature from the probabilities of every run."""
    options, refusals = _options(case), list[Refusal]()
    told: dict[str, list[Told]] = {}
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        features = case.by if options.features is None else options.features
        numbers = _numbers(case, run, predictions, options, features)
        found = [_told(case, run, numbers, feature, options) for feature in features]
        told[run] = [one for one in found if isinstance(one, Told)]
        refusals += [one for one in found if isinstance(one, Refusal)]
        case.progress("probing for groups", done, len(case.runs))
    claims = [leakage_claim(case, one) for several in told.values() for one in several]
    before = {one.feature: one for one in told.get(options.baseline or "", [])}
    claims += [
        change_claim(case, one, before[one.feature])
        for run, several in told.items()
        if run != options.baseline
        for one in several
        if one.feature in before
    ]
    return Testimony(claims=tuple(claims), exhibits=(_exhibit(case, told),), refusals=tuple(refusals))


def _options(case: Case) -> LeakageOptions:
    options = read_options(LeakageOptions, case.options, of=f"examination {NAME}")
    for feature in options.features or ():
        _require(feature, case.by, "features")
    if options.baseline is not None:
        _require(options.baseline, tuple(case.book.runs), "baseline")
    return options


def _numbers(
    case: Case, run: str, predictions: Predictions, options: LeakageOptions, features: tuple[str, ...]
) -> tuple[str, UnitNumbers, tuple[str, ...]]:
    """Return the condition, the numbers about its units, and what is to be said of them."""
    condition = options.condition or predictions.conditions[0]
    _require(condition, predictions.conditions, "condition")
    units, caveats = np.arange(predictions.n_units), []
    if len(units) > options.most_units:
        rng = np.random.default_rng(seed_of(case.book.seed, NAME, "units"))
        units = np.sort(rng.choice(units, options.most_units, replace=False))
        caveats.append(f"{options.most_units:,} of {predictions.n_units:,} units, drawn at random")
    given = lens(len(predictions.labels), width=options.width, seed=seed_of(case.book.seed, NAME, "functions"))
    counter = Counter(predictions, features, units, given)
    counter.read(condition)
    conditional = options.conditional and predictions.labelled
    caveats.append("answers compared within the true label" if conditional else "whatever the true label")
    if "weight" in predictions.columns:
        caveats.append("the table's weights have no part in it")
    return condition, counter.numbers(conditional=conditional), tuple(caveats)


def _told(
    case: Case,
    run: str,
    given: tuple[str, UnitNumbers, tuple[str, ...]],
    feature: str,
    options: LeakageOptions,
) -> Told | Refusal:
    condition, numbers, caveats = given
    levels, own = case.runs[run].levels[f"group_{feature}"], numbers.groups[feature]
    several = int((own < 0).sum())
    counts = np.bincount(own[own >= 0], minlength=len(levels))
    taking_part = np.flatnonzero(counts >= case.statistics.compared_units)
    if len(taking_part) < 2 or not numbers.numbers.shape[1]:
        return _nothing(run, feature, several, numbers, case.statistics.compared_units)
    rows = np.isin(own, taking_part)
    group = np.searchsorted(taking_part, own[rows])
    rng = np.random.default_rng(seed_of(case.book.seed, NAME, "folds", feature))
    fold = rng.permutation(len(group)) % options.folds
    dealt = np.stack([group, *(rng.permutation(group) for _ in range(options.permutations))])
    guessed = guesses(numbers.numbers[rows], dealt, n_groups=len(taking_part), fold=fold)
    several_said = (f"{several} units that lie in several groups of {feature} are left out",) if several else ()
    return Told(
        run=run,
        condition=condition,
        feature=feature,
        levels=tuple(levels[g] for g in taking_part),
        left_out=tuple(level for g, level in enumerate(levels) if g not in taking_part),
        unit=numbers.unit[rows],
        n_rows=numbers.n_rows[rows],
        group=group,
        guessed=guessed[0],
        chance=balanced_accuracy(guessed[1:], dealt[1:], n_groups=len(taking_part)),
        caveats=(*caveats, *several_said),
    )


def _nothing(run: str, feature: str, several: int, numbers: UnitNumbers, least: int) -> Refusal:
    """Refuse a feature of which nothing can be told."""
    if not numbers.numbers.shape[1]:
        because, remedy = "the probabilities are the same for every unit", "check the columns prob_<label>"
    elif several > len(numbers.unit) / 2:
        because = f"{feature} differs within units, so no unit has a group"
        remedy = "name features of the unit (option features)"
    else:
        because = f"fewer than two groups of {feature} have {least} units"
        remedy = "bring more units of each group, or name another feature (option features)"
    return Refusal(examination=NAME, run=run, because=because, remedy=remedy)


def _exhibit(case: Case, told: dict[str, list[Told]]) -> ExhibitTable:
    rows = [row for several in told.values() for one in several for row in leakage_rows(case, one)]
    return ExhibitTable(
        id="leakage-by-group",
        title="Units of each group that a probe tells right",
        columns=COLUMNS,
        values={column.name: [row[column.name] for row in rows] for column in COLUMNS},
    )


def _require(name: str, allowed: tuple[str, ...], option: str) -> None:
    if name not in allowed:
        raise PlanError(
            f"{name!r} is not there",
            slug="plan-impossible",
            where=f"examination {NAME}, option {option}",
            allowed=", ".join(allowed),
            remedy="correct the option",
        )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="What answers tell of groups",
    method_version=VERSION,
    access=("table", "probabilities"),
    metrics=frozenset({METRIC, CHANGE}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
