"""Which group is this speaker in? How well a probe can tell it from the model's probabilities, given the true labels.

A model from whose answers the group can be told treats groups differently in some way, also where no rate of answers
shows it; and a model that was trained to hide the group has to be asked by somebody against whom it was not trained.
The probe is fresh (its own seed) and wide (the mean over a unit's rows of the log-probabilities and of `width` random
functions of them), and is cross-fitted: each unit is told by a probe that was fitted on others.
`leakage_balanced_accuracy` is the mean over groups of the share of their units that is told right, in [0, 1]; beside it
stands what the same probe reaches when groups are dealt anew to the units, about one over the number of groups, and
the permutation test of that. Its interval is over units, and no narrower than those draws spread; the exhibit's, of
single groups, take units for independent.

As many rows of each unit are looked at (`audit.mitigation.unit_numbers` says why): as many as `MOST_UNITS_KEPT` of each
group's units have; units with fewer are left out, and counted.

Rows are compared within their true label, so that groups whose labels differ are not told by that: what is left
violates equalized odds. `conditional: false`, or a table without labels, asks for demographic parity instead. The
option `baseline` names a run (the model before an intervention): `leakage_balanced_accuracy_change` is then each other
run's less the baseline's, paired by unit, below zero where less can be told. Not being told is no proof: a stronger
probe, or one that sees more than probabilities, may tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.examinations import FunctionExamination, Testimony
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn, Record, Refusal
from affidavit.seeds import seed_of
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
from audit.mitigation.unit_numbers import Counter, Roll, UnitNumbers, drawn_rows, lens, read_roll

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
MOST_UNITS_KEPT: Final = 0.8
"""Of each group: as many rows of each unit are looked at as this share of the group's units have."""
MOST_ROWS: Final = 1000
"""Of one unit."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of one run."""

    case: Case
    options: LeakageOptions
    predictions: Predictions
    condition: str
    roll: Roll
    conditional: bool
    caveats: tuple[str, ...]


def examine(case: Case) -> Testimony:
    """Tell every feature from the probabilities of every run."""
    options, refusals = _options(case), list[Refusal]()
    told: dict[str, list[Told]] = {}
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        features = case.by if options.features is None else options.features
        asked = _asked(case, predictions, options, features)
        found = [_told(asked, feature) for feature in features]
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


def _asked(case: Case, predictions: Predictions, options: LeakageOptions, features: tuple[str, ...]) -> _Asked:
    """Return the condition, the units and their groups, and what is to be said of them."""
    condition = options.condition or predictions.conditions[0]
    _require(condition, predictions.conditions, "condition")
    units, caveats = np.arange(predictions.n_units), []
    if len(units) > options.most_units:
        rng = np.random.default_rng(seed_of(case.book.seed, NAME, "units"))
        units = np.sort(rng.choice(units, options.most_units, replace=False))
        caveats.append(f"{options.most_units:,} of {predictions.n_units:,} units, drawn at random")
    conditional = options.conditional and predictions.labelled
    caveats.append("answers compared within the true label" if conditional else "whatever the true label")
    if "weight" in predictions.columns:
        caveats.append("the table's weights have no part in it")
    return _Asked(
        case=case,
        options=options,
        predictions=predictions,
        condition=condition,
        roll=read_roll(predictions, features, units, condition),
        conditional=conditional,
        caveats=tuple(caveats),
    )


def _told(asked: _Asked, feature: str) -> Told | Refusal:
    case, options, roll = asked.case, asked.options, asked.roll
    levels, own = asked.predictions.levels[f"group_{feature}"], roll.groups[feature]
    several, least = int((own == -1).sum()), case.statistics.compared_units
    taking_part = np.flatnonzero(np.bincount(own[own >= 0], minlength=len(levels)) >= least)
    if len(taking_part) < 2:
        return _too_few(asked, feature, several)
    size = _rows_of_each([roll.n_rows[own == g] for g in taking_part], least=least)
    rows = np.isin(own, taking_part) & (roll.n_rows >= size)
    group = np.searchsorted(taking_part, own[rows])
    numbers = _numbers(asked, feature, rows, size)
    if not numbers.numbers.shape[1]:
        return _nothing(asked, feature)
    rng = np.random.default_rng(seed_of(case.book.seed, NAME, "folds", feature))
    fold = rng.permutation(len(group)) % options.folds
    dealt = np.stack([group, *(rng.permutation(group) for _ in range(options.permutations))])
    guessed = guesses(numbers.numbers, dealt, n_groups=len(taking_part), fold=fold)
    several_said = (f"{several} units that lie in several groups of {feature} are left out",) if several else ()
    return Told(
        run=asked.predictions.run,
        condition=asked.condition,
        feature=feature,
        levels=tuple(levels[g] for g in taking_part),
        left_out=tuple(level for g, level in enumerate(levels) if g not in taking_part),
        unit=numbers.unit,
        n_rows=np.full(len(group), size),
        group=group,
        guessed=guessed[0],
        chance=balanced_accuracy(guessed[1:], dealt[1:], n_groups=len(taking_part)),
        caveats=(*asked.caveats, *_of_each(asked, size, own, taking_part), *several_said),
    )


def _rows_of_each(counts: Sequence[IntArray], *, least: int) -> int:
    """Return how many rows of each unit are looked at: most units of every group, and `least` of them, have as many."""
    sizes = [np.sort(rows)[::-1][max(math.ceil(MOST_UNITS_KEPT * len(rows)), least) - 1] for rows in counts]
    return int(min(*sizes, MOST_ROWS))


def _numbers(asked: _Asked, feature: str, rows: BoolArray, size: int) -> UnitNumbers:
    """Return the numbers about these units, from so many rows of each."""
    seed, predictions = asked.case.book.seed, asked.predictions
    drawn = drawn_rows(
        asked.roll.unit[rows], asked.roll.n_rows[rows], size=size, seed=seed_of(seed, NAME, "rows", feature)
    )
    given = lens(len(predictions.labels), width=asked.options.width, seed=seed_of(seed, NAME, "functions"))
    counter = Counter(predictions, drawn, given)
    counter.read(asked.condition)
    return counter.numbers(conditional=asked.conditional)


def _of_each(asked: _Asked, size: int, own: IntArray, taking_part: IntArray) -> tuple[str, ...]:
    """Return what was left out so that as many rows of each unit are looked at."""
    counts = asked.roll.n_rows[np.isin(own, taking_part)]
    fewer, rows = int((counts < size).sum()), "row" if size == 1 else "rows"
    said = (f"{size:,} {rows} of each unit, drawn at random",) if (counts > size).any() else ()
    return (*said, *((f"{fewer} units that have fewer rows are left out",) if fewer else ()))


def _too_few(asked: _Asked, feature: str, several: int) -> Refusal:
    """Refuse a feature with fewer than two groups of units."""
    least = asked.case.statistics.compared_units
    if several > len(asked.roll.unit) / 2:
        because = f"{feature} differs within units, so no unit has a group"
        remedy = "name features of the unit (option features)"
    else:
        because = f"fewer than two groups of {feature} have {least} units"
        remedy = "bring more units of each group, or name another feature (option features)"
    return _refusal(asked, because, remedy)


def _nothing(asked: _Asked, feature: str) -> Refusal:
    """Refuse a feature whose units all have the same numbers."""
    within = ", within the true label," if asked.conditional else ""
    because = f"the probabilities are the same{within} for every unit that has a group of {feature}"
    return _refusal(asked, because, "check the columns prob_<label>, or bring more utterances")


def _refusal(asked: _Asked, because: str, remedy: str) -> Refusal:
    return Refusal(examination=NAME, run=asked.predictions.run, because=because, remedy=remedy)


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
