"""Which intervention would narrow the gaps, and at whose cost? Each measured before and after on unseen units.

From a table of predictions the honest interventions are those that work on its probabilities. Units are dealt into two
halves, dialogues whole where the table names them (the option `dialogues` can say otherwise), groups alike in both;
interventions are fitted on one half and measured on the other, which they have never seen. For each of them and each
sensitive feature: `..._accuracy_change` is the price, accuracy after less before; `..._worst_group_accuracy_change` is
that of the group which had the lowest accuracy in the fitting half; `..._demographic_parity_change` and
`..._equalized_odds_change` are what became of the difference between the two groups, in the rate of the label, that
were furthest apart in the fitting half: after less before, so below zero where the gap narrowed, or was turned round;
each finding says which. A pair picked on one half and measured on the other owes nothing to luck. All intervals are
paired by row and made over units. The exhibits list who pays (accuracy of every group, before, after and changed) and
the whole gaps before and after beside chance.

Interventions: `stacking` (a control: a logistic regression over the probabilities and nothing for fairness, so that
what the regression does by itself is seen), `reweighing` of it (Kamiran, Calders 2012; weights capped),
`parity_offsets` (answers equally frequent in every group, for any number of labels: Denis et al. 2024),
`threshold_optimizer` (Hardt et al. 2016), `exponentiated_gradient` (Agarwal et al. 2018) and `adversarial` (Zhang et
al. 2018; where it is named), the last three by Fairlearn. Thresholds and exponentiated gradient decide between two
answers only; with more labels they are refused unless the option `labels` names those that are to stand against the
rest, one at a time. The option `constraint` says what Fairlearn's three make alike. Those that decide by the group of
who is judged say so: it must be known of everybody, and deciding by it can be unlawful.

Interventions while a model is trained are trainers: `group-dro` and `gradient-reversal`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import ExhibitColumn, Record, Refusal
from affidavit.seeds import seed_of
from audit.mitigation.material import Dialogues, Material, read_material
from audit.mitigation.methods import METHODS, Method, Name
from audit.mitigation.recipe import Constraint, Recipe
from audit.mitigation.told import ENDINGS, Row, Told
from audit.mitigation.trial import NAME, VERSION, Trial

_TRIED: Final = (
    ExhibitColumn(name="intervention", type="text", description="which intervention"),
    ExhibitColumn(name="needs_group", type="text", description="whether it decides by the group of who is judged"),
    ExhibitColumn(name="against_rest", type="text", description="the label that stands against the rest, if one does"),
    ExhibitColumn(name="metric", type="text", description="the metric"),
    ExhibitColumn(name="when", type="text", description="before, after, or change: after less before"),
)
DEFAULT: Final[tuple[Name, ...]] = tuple(method.name for method in METHODS if method.name != "adversarial")
LARGEST_BLOCK: Final = 0.5
"""Where a larger share of the units hangs together, one half would hold nearly everybody."""
PRICE: Final = (*PLACE, *_TRIED, *ESTIMATE)
GAPS: Final = (
    *PLACE[:3],
    *_TRIED,
    ExhibitColumn(name="between", type="text", description="every group, or the rate and the pair of groups"),
    *ESTIMATE,
    ExhibitColumn(name="chance", type="number", description="the mean gap that chance alone gives"),
)


class MitigationOptions(Record):
    """The options of this examination in a plan."""

    interventions: tuple[Name, ...] | None = None
    """Which are tried; where absent all but `adversarial`, which trains a network for each feature."""
    features: tuple[str, ...] | None = None
    """For which sensitive features; each of the plan's where absent."""
    condition: str | None = None
    """Under which condition; the fullest of the run where absent."""
    labels: tuple[str, ...] = ()
    """Labels that stand against the rest, one at a time, for interventions between two answers and the control."""
    constraint: Constraint = "equalized_odds"
    """What Fairlearn's interventions make alike."""
    dialogues: Dialogues = "whole"
    """Whether the halves share no dialogue; `cut` keeps units apart alone, for a cast that meets in every dialogue."""
    largest_weight: float = Field(default=10.0, ge=1)
    """Reweighing caps its weights here: one rare row would else stand for a hundred."""
    epochs: int = Field(default=6, ge=1)
    """Of the adversarial network."""
    strength: float = Field(default=1.0, gt=0)
    """Of its adversary."""
    most_fitting_rows: int = Field(default=20_000, ge=100)
    """Rows that interventions are fitted on, drawn at random where the half has more."""
    most_rows: int = Field(default=2_000_000, ge=1)
    """A run with more rows is refused: fitting takes those of a condition all at once."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without probabilities, features or enough units, or one that is too large."""
    options = _options(case)
    (run,) = case.runs.values()
    because, remedy = "", ""
    if not any(name.startswith("prob_") for name in run.columns):
        because = "interventions after training work on probabilities, and the table has none"
        remedy = "add the probability of each label, in columns prob_<label>"
    elif not case.by:
        because, remedy = "there is no sensitive feature", "name features (--by accent,age)"
    elif run.n_rows > options.most_rows:
        because = f"the table has {run.n_rows:,} rows, and interventions are tried on at most {options.most_rows:,}"
        remedy = "audit a sample of the utterances, or set the option most_rows of this examination in the plan"
    return Refusal(examination=NAME, because=because, remedy=remedy) if because else None


def examine(case: Case) -> Testimony:
    """Try every intervention for every feature of every run."""
    options, found = _options(case), _Found()
    for run, predictions in case.runs.items():
        condition = options.condition or predictions.conditions[0]
        _require(condition, predictions.conditions, "condition")
        for label in options.labels:
            _require(label, predictions.labels, "labels")
        material = read_material(predictions, case.by, condition, dialogues=options.dialogues)
        _try_all(case, run, material, options, found)
    return Testimony(
        claims=tuple(found.claims),
        exhibits=(
            _exhibit("mitigation-price", "Accuracy of every group before and after interventions", PRICE, found.price),
            _exhibit("mitigation-gaps", "Gaps before and after interventions", GAPS, found.gaps),
        ),
        refusals=tuple(dict.fromkeys(found.refusals)),
    )


@dataclass(slots=True)
class _Found:
    claims: list[Claim] = field(default_factory=list)
    price: list[Row] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def _try_all(case: Case, run: str, material: Material, options: MitigationOptions, found: _Found) -> None:
    if (refusal := _inseparable(run, material)) is not None:
        found.refusals.append(refusal)
        return
    seed, labels = seed_of(case.book.seed, NAME, run, material.condition), material.predictions.labels
    second = material.held_out(case.by, seed=seed)
    several = len(labels) > 2
    tasks = (None, *options.labels) if several else (options.labels or labels[-1:])
    chosen = DEFAULT if options.interventions is None else options.interventions
    methods = [method for method in METHODS if method.name in chosen]
    features = case.by if options.features is None else options.features
    recipe = _recipe(options, seed)
    for done, feature in enumerate(features, start=1):
        for label in tasks:
            trial = Trial(
                case=case,
                run=run,
                material=material,
                feature=feature,
                label=label,
                second=second,
                most_fitting_rows=options.most_fitting_rows,
            )
            _try(trial, [m for m in methods if _fits(m, label, several=several)], recipe, found)
        case.progress("trying interventions", done, len(features))
    if several and not options.labels:
        found.refusals += [_undecided(run, method, material) for method in methods if method.binary]


def _inseparable(run: str, material: Material) -> Refusal | None:
    """Refuse rows that cannot be parted into two halves: one block holds them, or most of their units."""
    if len(np.unique(material.unit)) < 2:
        return _refusal(run, "all rows are of one unit, and cannot be parted", "bring more units")
    if (share := material.largest_block) <= LARGEST_BLOCK:
        return None
    because = f"units share dialogues, so that {share:.0%} of them hang together and cannot be parted into two halves"
    remedy = "bring dialogues of one patient each, or keep units apart alone, knowingly (option dialogues: cut)"
    return _refusal(run, because, remedy)


def _fits(method: Method, label: str | None, *, several: bool) -> bool:
    """Say whether an intervention belongs to a task: those between two answers, and the control, to one of two."""
    if label is None:
        return not method.binary
    return method.binary or method.name == "stacking" or not several


def _try(trial: Trial, methods: list[Method], recipe: Recipe, found: _Found) -> None:
    before, refused = False, dict[tuple[str, str], list[str]]()
    for method in methods:
        if (why := _refused(trial, method)) is not None:
            refused.setdefault(why, []).append(method.name)
            continue
        answers, left = trial.answers(method, recipe)
        told = Told(trial=trial, method=method, recipe=recipe, answers=answers, left=left)
        found.claims += told.claims()
        if not before:
            found.price += _untreated(told.price_rows("before"))
            found.gaps += _untreated(told.gap_rows("before"))
            before = True
        found.price += [*told.price_rows("after"), *told.price_rows("change")]
        found.gaps += told.gap_rows("after")
    found.refusals += [
        _refusal(trial.run, f"{', '.join(names)}: {because}", remedy) for (because, remedy), names in refused.items()
    ]


def _untreated(rows: list[Row]) -> list[Row]:
    """Return rows that are the same whatever is tried."""
    return [row | {"intervention": "none", "needs_group": "no"} for row in rows]


def _refused(trial: Trial, method: Method) -> tuple[str, str] | None:
    """Return why an intervention cannot be fitted here, and what would help."""
    feature = trial.feature
    if (package := method.lacking()) is not None:
        extras = "mitigate,train" if package == "torch" else "mitigate"
        return f"the package {package!r} is not installed", f"install the extra: pip install 'affidavit[{extras}]'"
    able = trial.able(method)
    if len(able) < 2:
        least = trial.case.statistics.compared_units
        each = " with each of the two answers" if method.binary else ""
        because = f"fewer than two groups of {feature} have {least} units{each} in the half that is fitted on"
        return because, "bring more units of each group, or name another feature (option features)"
    rows = trial.fitting_rows & np.isin(trial.sample.group, able)
    if len(np.unique(trial.sample.truth[rows])) < 2:
        return "the half that is fitted on has one label only", "bring utterances with several labels"
    return None


def _undecided(run: str, method: Method, material: Material) -> Refusal:
    n_labels = len(material.predictions.labels)
    because = f"{method.name} decides between two answers, and {n_labels} labels are no such decision: what it makes "
    because += "alike for one label is undone where another label's score is larger"
    return _refusal(run, because, "name labels that are to stand against the rest, in the option labels")


def _refusal(run: str, because: str, remedy: str) -> Refusal:
    return Refusal(examination=NAME, run=run, because=because, remedy=remedy)


def _recipe(options: MitigationOptions, seed: int) -> Recipe:
    return Recipe(
        constraint=options.constraint,
        largest_weight=options.largest_weight,
        epochs=options.epochs,
        strength=options.strength,
        seed=seed,
    )


def _options(case: Case) -> MitigationOptions:
    options = read_options(MitigationOptions, case.options, of=f"examination {NAME}")
    for feature in options.features or ():
        _require(feature, case.by, "features")
    return options


def _require(name: str, allowed: tuple[str, ...], option: str) -> None:
    if name not in allowed:
        raise PlanError(
            f"{name!r} is not there",
            slug="plan-impossible",
            where=f"examination {NAME}, option {option}",
            allowed=", ".join(allowed),
            remedy="correct the option",
        )


def _exhibit(name: str, title: str, columns: tuple[ExhibitColumn, ...], rows: list[Row]) -> ExhibitTable:
    values = {column.name: [row[column.name] for row in rows] for column in columns}
    return ExhibitTable(id=name, title=title, columns=columns, values=values)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Interventions and their price",
    method_version=VERSION,
    access=("table", "labels", "probabilities"),
    metrics=frozenset(f"{method.prefix}_{ending}" for method in METHODS for ending in ENDINGS),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
