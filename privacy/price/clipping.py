"""Whose gradients does private training cut? The share of clipped patients and the size of gradients, by group.

Clipping takes most from whom the model knows least, so a small group with large gradients learns least (Bagdasaryan et
al. 2019). Of every patient whom a run judged, the gradient of the trained model's loss is taken; told are, for the
private models at each epsilon and for their twins, `clipped_gradient_share`, the share of patients whose norm is above
the clipping bound of the card, in [0, 1], how far groups' shares are apart, and `gradient_norm`, its mean.

Patients whom a card knows are left out: norms of trained patients would be a release of their own, and spend budget. Of
the others, numbers made from a private model cost the patients that it was trained on nothing more (post-processing);
those of the twin, which is not private, may; and no budget covers the patients who are measured.

Option `clip_norm` stands in where the cards have none or several. Needs a reasoner that opens with its losses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place
from affidavit.confusion import ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Record, Refusal
from affidavit.seeds import seed_of
from privacy.price.crossed import Contrast, crossed
from privacy.price.examination import COLUMNS
from privacy.price.findings import Ground, gap_claim, group_claims, rows_of
from privacy.price.items import PEOPLE
from privacy.price.models import Declared, Model, Models, models_of, private_of
from privacy.price.norms import Asked, Norms, measured_norms

NAME: Final = "gradient-clipping"
VERSION: Final = "1"
SHARE: Final = "clipped_gradient_share"
NORM: Final = "gradient_norm"
SOURCE: Final = "Bagdasaryan, Poursaeed, Shmatikov 2019, section 4"
HELD_OUT: Final = (
    "of patients whom no card names as trained on: post-processing, which costs those who trained the model no budget; "
    "none covers the patients who are measured"
)
TWIN: Final = (
    "of a model that is not private, which no budget covers; how many gradients the private models' bound would clip"
)
_SHARE: Final = ratio_statistic(
    SHARE, np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]), source=SOURCE, higher_is_better=None
)
_NORM: Final = ratio_statistic(
    NORM, np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]), source=SOURCE, higher_is_better=None, high=None
)


class ClippingOptions(Record):
    """The options of this examination in a plan."""

    runs: Mapping[str, Declared] = Field(default_factory=dict)
    """What is said of single runs: `private`, `epsilon`, `seed`; held against their cards."""
    cards: str | None = None
    """A JSON file with the card of each run's model, by run, where the plan did not train them."""
    clip_norm: float | None = Field(default=None, gt=0)
    """The clipping bound for every model; that of each one's card where absent."""
    most_units: int = Field(default=500, ge=2)
    """Patients whose gradients are taken, drawn at random where there are more."""


def _options(case: Case) -> ClippingOptions:
    return read_options(ClippingOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a run whose table names nobody."""
    (run,) = case.runs.values()
    if run.unit not in PEOPLE:
        return Refusal(
            examination=NAME, because="the table names no patients", remedy="judge a corpus whose utterances have units"
        )
    return None


def refuses_together(case: Case) -> Refusal | None:
    """Refuse runs among which no model is private, or whose clipping bound nobody knows."""
    options = _options(case)
    models = models_of(case, options.runs, options.cards, examination=NAME)
    if isinstance(models, Refusal):
        return models
    own = private_of(models)
    if not own:
        because = "no run is of a privately trained model: none has a card with the part `privacy`"
    elif options.clip_norm is None and any(model.card.clip_norm is None for model in own):
        because = "a private model's card names no clipping bound"
    else:
        return None
    return Refusal(
        examination=NAME,
        because=because,
        remedy="train with dp-sgd in the plan (docs/privacy.md), or set the options cards and clip_norm",
    )


def examine(case: Case) -> Testimony:
    """Take the gradients of every model and tell them by group."""
    options = _options(case)
    models = models_of(case, options.runs, options.cards, examination=NAME)
    if isinstance(models, Refusal):
        return Testimony(refusals=(models,))
    twins = models.twins
    models, bound = _bounded(models, options.clip_norm)
    asked = Asked(clip_norm=bound, most_units=options.most_units, seed=seed_of(case.book.seed, NAME))
    norms = measured_norms(case, models, asked)
    if norms is None:
        nobody = "no patient was judged by every model and trained on by none"
        remedy = "judge patients whom training held out, or another corpus"
        return Testimony(refusals=(Refusal(examination=NAME, because=nobody, remedy=remedy),))
    study = _Study(case=case, models=models, norms=norms)
    claims, rows = list[Claim](), list[dict[str, Cell]]()
    for family in case.families:
        if set(family) <= set(norms.features):
            for arm in study.arms:
                found, told = study.told(arm, family)
                claims += found
                rows += told
    exhibit = ExhibitTable(
        id="gradient-clipping",
        title="Clipped gradients and gradient norms by group and epsilon",
        columns=COLUMNS,
        values={column.name: [row[column.name] for row in rows] for column in COLUMNS},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,), refusals=_dropped(twins, models))


def _dropped(twins: tuple[Model, ...], models: Models) -> tuple[Refusal, ...]:
    """Say that twins take no part where private models have several bounds."""
    if not twins or models.twins:
        return ()
    because = "the private models have unlike clipping bounds, and the twin none to be held against"
    return (Refusal(examination=NAME, run="twin", because=because, remedy="set the option clip_norm"),)


def _bounded(models: Models, declared: float | None) -> tuple[Models, float | None]:
    """Return the models and one bound for all; without one, each has its own, and the twins take no part."""
    bounds = {model.card.clip_norm for model in private_of(models)}
    if declared is None and len(bounds) > 1:
        return replace(models, twins=()), None
    return models, bounds.pop() if declared is None else declared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arm:
    run: str
    epsilon: float | None
    models: tuple[Model, ...]

    @property
    def caveats(self) -> tuple[str, ...]:
        one = ("one seed: what another would have made of it is not in the interval",)
        seeds = {model.seed for model in self.models}
        return (HELD_OUT if self.epsilon is not None else TWIN, *(one if len(seeds) < 2 else ()))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Study:
    case: Case
    models: Models
    norms: Norms

    @property
    def arms(self) -> list[_Arm]:
        private = [
            _Arm(run=f"epsilon {epsilon:g}", epsilon=epsilon, models=own)
            for epsilon, own in self.models.private.items()
        ]
        twins = self.models.twins
        return [*([_Arm(run="twin", epsilon=None, models=twins)] if twins else []), *private]

    def told(self, arm: _Arm, family: tuple[str, ...]) -> tuple[list[Claim], list[dict[str, Cell]]]:
        """Return claims and exhibit rows of one arm and one family: norms of no more than one feature are claims."""
        case, norms = self.case, self.norms
        place = Place(
            examination=NAME,
            method_version=VERSION,
            run=arm.run,
            condition=norms.condition,
            family=family,
            has_units=True,
            level=case.statistics.level,
        )
        evidence = case.book.evidence_of(norms.base.run, norms.tally, family)
        contrast = Contrast(arms=(self.models.arm(arm.models),), coefficients=(1.0,))
        claims, rows = list[Claim](), list[dict[str, Cell]]()
        for statistic in (_SHARE, _NORM):
            found = crossed(evidence, contrast, statistic, len(self.models.runs))
            ground = Ground(
                place=place,
                metric=statistic.name,
                higher_is_better=None,
                source=SOURCE,
                caveats=(*arm.caveats, *norms.caveats),
                seed=seed_of(case.book.seed, NAME, arm.run, *family),
            )
            rows += rows_of(found, place, statistic.name, arm.epsilon)
            if statistic is _SHARE or len(family) <= 1:
                claims += group_claims(ground, found)
            if statistic is _SHARE and family:
                claims.append(gap_claim(ground, found))
        return claims, rows


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Clipped gradients by group",
    method_version=VERSION,
    access=("table", "corpus", "losses"),
    metrics=frozenset({SHARE, f"{SHARE}_difference", NORM}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
    together=refuses_together,
    on_request=True,
)
