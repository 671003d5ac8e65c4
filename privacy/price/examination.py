"""What does privacy cost, and whom? Accuracy lost by group at several epsilons, and how unlike the groups' losses are.

The runs are of one model trained without privacy (the twin) and privately at three epsilons or more, with three seeds
or more each, that judged the same utterances. `accuracy_lost` is the twins' mean accuracy less that of the private
models at one epsilon, in [-1, 1], over the items that all of them judged; `accuracy_lost_difference` is the largest
less the smallest loss of two groups: the disparate impact. Patients whom a card knows are left out. Intervals hold
over patients and over seeds (`privacy.price.crossed`). The exhibit adds accuracies, macro F1, and how the loss falls
with each doubling of epsilon.

Which run is private, and at which epsilon, is said by the cards of the models: those that the plan trained, or a file
of them (option `cards`, JSON by run). Option `runs` says it too, and is held against the cards.

Source: Bagdasaryan, Poursaeed, Shmatikov 2019.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import Place
from affidavit.confusion import Statistic, accuracy, macro_f1
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.plan import Task
from affidavit.records import ExhibitColumn, Refusal
from affidavit.seeds import seed_of
from affidavit.tally import Tally
from privacy.price.crossed import Contrast, crossed
from privacy.price.exhibits import models_exhibit
from privacy.price.findings import Ground, gap_claim, group_claims, rows_of
from privacy.price.items import Items
from privacy.price.judged import NAME, judged_by, options_of, unmatched
from privacy.price.likeness import differing
from privacy.price.met import Met
from privacy.price.models import SPENT, TRAIN, Model, Models, enough, models_of, too_few

VERSION: Final = "1"
METRIC: Final = "accuracy_lost"
SOURCE: Final = "Bagdasaryan, Poursaeed, Shmatikov 2019, section 4"
ONE_TWIN: Final = "one twin: what another seed would have made of it is not in the interval"
COVERED: Final = (
    "no epsilon covers the twins' numbers, nor the patients who are judged; models of the same patients that are all "
    "released cost them more than any one's epsilon"
)
ONE_ANSWER: Final = 0.9
"""A model that answers more than this share of items alike, and far more than there are, has learnt next to nothing."""
UNPAIRED: Final = "twins and private models have other seeds: seeds are not paired"
COLUMNS: Final = (
    *BY_GROUP[:9],
    ExhibitColumn(name="epsilon", type="number", description="the epsilon asked for; empty without, and for slopes"),
    *BY_GROUP[9:],
)


def refuses_together(case: Case) -> Refusal | None:
    """Refuse runs that show no price: no twin, too few epsilons or seeds, unlike units, no ledger, nothing shared."""
    options = options_of(case)
    models = models_of(case, options.runs, options.cards, examination=NAME)
    if isinstance(models, Refusal):
        return models
    refusal = too_few(models, examination=NAME) or unmatched(case, models, options)
    if refusal is not None:
        return refusal
    judged = judged_by(case, enough(models), options)
    return judged if isinstance(judged, Refusal) else None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Study:
    """Everything that is the same for all families."""

    case: Case
    models: Models
    items: Items
    met: Met
    tally: Tally

    def evidence(self, family: tuple[str, ...]) -> Evidence:
        return self.case.book.evidence_of(self.items.runs[0], self.tally, family)

    def place(self, run: str, family: tuple[str, ...]) -> Place:
        return Place(
            examination=NAME,
            method_version=VERSION,
            run=run,
            condition=self.items.condition,
            family=family,
            has_units=self.items.base.unit != "row",
            level=self.case.statistics.level,
        )

    def lost(self, epsilon: float) -> Contrast:
        """Return the twins less the models at an epsilon."""
        models = self.models
        return Contrast(arms=(models.arm(models.twins), models.arm(models.private[epsilon])), coefficients=(1.0, -1.0))

    def slope(self) -> Contrast:
        """Return the least-squares slope of what is lost over log2 of epsilon; the twins cancel in it."""
        epsilons = np.log2(list(self.models.private))
        around = epsilons - epsilons.mean()
        arms = tuple(self.models.arm(models) for models in self.models.private.values())
        return Contrast(arms=arms, coefficients=tuple((-around / (around @ around)).tolist()))

    def caveats(self, epsilon: float, family: tuple[str, ...]) -> tuple[str, ...]:
        own, twins = self.models.private[epsilon], self.models.twins
        card, n = own[0].card, [len(self.models.arm(models).distinct) for models in (own, twins)]
        promised = f"epsilon counts for one {card.unit or 'unknown'}, at delta {card.delta:g}"
        seeds = (ONE_TWIN,) if n[1] < 2 else () if self.lost(epsilon).paired else (UNPAIRED,)
        return (
            f"{promised}; {n[0]} seeds beside {n[1]} of the twin",
            *seeds,
            *_spent(epsilon, own),
            *self._one_sided(own),
            *differing(twins, own),
            *(() if family else (COVERED,)),
            *self.met.caveats,
            *self.items.caveats,
        )

    def _one_sided(self, own: tuple[Model, ...]) -> tuple[str, ...]:
        """Say where models answer alike: what groups lose is then what their labels are, and not what was clipped."""
        told, there = self.items.one_sided([model.run for model in own])
        if told < ONE_ANSWER or told - there < 1 - ONE_ANSWER:
            return ()
        return (
            f"the private models give {told:.0%} of the items one answer, which is right for {there:.0%} at most: they "
            "learnt next to nothing, and groups lose unlike much where their labels are unlike",
        )


def _spent(epsilon: float, own: tuple[Model, ...]) -> tuple[str, ...]:
    """Say where far less was spent than was asked for."""
    spent = [model.card.accounted or epsilon for model in own]
    if min(spent) >= epsilon * SPENT:
        return ()
    return (f"asked for epsilon {epsilon:g}, and spent {min(spent):.3g} to {max(spent):.3g}",)


def examine(case: Case) -> Testimony:
    """Tell what each epsilon costs every group, and how unlike the costs are."""
    options = options_of(case)
    found = models_of(case, options.runs, options.cards, examination=NAME)
    if isinstance(found, Refusal):
        return Testimony(refusals=(found,))
    models = enough(found)
    judged = judged_by(case, models, options)
    if isinstance(judged, Refusal):
        return Testimony(refusals=(judged,))
    items, met = judged
    study = _Study(case=case, models=models, items=items, met=met, tally=items.tally(case.by))
    claims, rows = list[Claim](), list[dict[str, Cell]]()
    for done, family in enumerate(case.families, start=1):
        claims += _claims(study, family)
        rows += _rows(study, family)
        case.progress("pricing privacy", done, len(case.families))
    exhibit = ExhibitTable(
        id="price-of-privacy",
        title="Accuracy and macro F1 by group and epsilon, and what is lost to the twin",
        columns=COLUMNS,
        values={column.name: [row[column.name] for row in rows] for column in COLUMNS},
    )
    told = models_exhibit(case, found, left_out=tuple(set(found.runs) - set(models.runs)))
    return Testimony(claims=tuple(claims), exhibits=(exhibit, told), refusals=_left_out(found, models))


def _left_out(found: Models, kept: Models) -> tuple[Refusal, ...]:
    """Refuse single epsilons that have too few seeds."""
    return tuple(
        Refusal(
            examination=NAME,
            run=f"epsilon {epsilon:g}",
            because=f"it has {len({model.seed for model in models})} seeds, and three are needed",
            remedy=TRAIN,
        )
        for epsilon, models in found.private.items()
        if epsilon not in kept.private
    )


def _claims(study: _Study, family: tuple[str, ...]) -> list[Claim]:
    evidence, claims = study.evidence(family), []
    statistic, n_runs = accuracy(len(study.items.labels)), len(study.items.runs)
    for epsilon in study.models.private:
        place = study.place(f"epsilon {epsilon:g}", family)
        ground = Ground(
            place=place,
            metric=METRIC,
            higher_is_better=False,
            source=SOURCE,
            caveats=study.caveats(epsilon, family),
            seed=seed_of(study.case.book.seed, NAME, place.run, *family),
        )
        told = crossed(evidence, study.lost(epsilon), statistic, n_runs)
        claims += [*group_claims(ground, told), *([gap_claim(ground, told)] if family else [])]
    return claims


def _rows(study: _Study, family: tuple[str, ...]) -> list[dict[str, Cell]]:
    """Return accuracy and macro F1 of each arm, what is lost, and the slope."""
    evidence, rows, models = study.evidence(family), list[dict[str, Cell]](), study.models
    n_runs, n_labels = len(study.items.runs), len(study.items.labels)

    def add(run: str, metric: str, statistic: Statistic, contrast: Contrast, epsilon: float | None) -> None:
        told = crossed(evidence, contrast, statistic, n_runs)
        rows.extend(rows_of(told, study.place(run, family), metric, epsilon))

    for statistic in (accuracy(n_labels), replace(macro_f1(), common=None)):
        name = statistic.name
        add("twin", name, statistic, Contrast(arms=(models.arm(models.twins),), coefficients=(1.0,)), None)
        for epsilon, own in models.private.items():
            run = f"epsilon {epsilon:g}"
            add(run, name, statistic, Contrast(arms=(models.arm(own),), coefficients=(1.0,)), epsilon)
            add(run, f"{name}_lost", statistic, study.lost(epsilon), epsilon)
        add("every epsilon", f"{name}_lost_per_doubling", statistic, study.slope(), None)
    return rows


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Price of privacy by group",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset({METRIC, f"{METRIC}_difference"}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    together=refuses_together,
    on_request=True,
)
