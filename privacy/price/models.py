"""Which models are the twins and which are private at which epsilon; why a set of them shows no price.

A price takes three epsilons and three seeds at least: between two points any curve fits, and two seeds do not say how
much of a loss is the seed's. A model that others began with is no twin of theirs, and is left out; so is a run without
a card. Whether models are alike in what they were made from is in `privacy.price.likeness`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.levels import natural
from affidavit.records import Record, Refusal
from affidavit.yaml_files import did_you_mean
from privacy.price.cards import Card, cards_of
from privacy.price.crossed import Arm
from privacy.price.likeness import unlike

FEWEST_EPSILONS: Final = 3
FEWEST_SEEDS: Final = 3
SLACK: Final = 1.001
"""Two accountants may differ in the third digit."""
SPENT: Final = 0.9
"""A model that spent less than this share of the epsilon that names it is another model than it is called."""
TRAIN: Final = (
    "train the same model at three epsilons or more (such as 1, 4 and 8), each with three seeds or more, and once "
    "without privacy, better with the same seeds; judge the same utterances with each (docs/privacy.md has a plan)"
)


class Declared(Record):
    """What a plan says of one run's model."""

    private: bool | None = None
    epsilon: float | None = Field(default=None, gt=0)
    """The epsilon that it was trained for; held against the card."""
    seed: int | None = None
    """Where the card has none; held against it where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One run with what is known of its model."""

    run: str
    card: Card
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Every run that takes part."""

    twins: tuple[Model, ...]
    private: Mapping[float, tuple[Model, ...]]
    """By epsilon, ascending."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs, twins first: a base that is not private has the say over units and groups."""
        return tuple(model.run for model in self.all)

    @property
    def all(self) -> tuple[Model, ...]:
        """Every model, in the order of `runs`."""
        return (*self.twins, *(model for models in self.private.values() for model in models))

    def arm(self, models: Sequence[Model]) -> Arm:
        """Return models as an arm: places among `runs`."""
        place = {run: i for i, run in enumerate(self.runs)}
        return Arm(places=tuple(place[model.run] for model in models), seeds=tuple(model.seed for model in models))


def models_of(case: Case, declared: Mapping[str, Declared], cards: str | None, *, examination: str) -> Models | Refusal:
    """Return the twins and the private models of a case, or why it cannot be said what privacy costs.

    Raises:
        PlanError: the plan speaks of a run that is not there. InputError: the file of cards is at fault.
    """
    for run in declared:
        if run not in case.runs:
            raise PlanError(
                f"the option runs speaks of {run!r}, which is no run{did_you_mean(run, list(case.runs))}",
                slug="plan-invalid",
                where=f"examination {examination}",
                allowed=", ".join(case.runs),
                remedy="correct the name",
            )
    known = cards_of(case, cards)
    starts = {card.start["training_digest"] for card in known.values() if "training_digest" in card.start}
    found: list[Model] = []
    for run in sorted(case.runs, key=natural):
        told, card = declared.get(run, Declared()), known.get(run)
        because = _broken(run, told, card)
        if because is not None:
            remedy = "ask for the card and the ledger of the training, its seed included (or name that under `runs`)"
            return Refusal(examination=examination, because=because, remedy=remedy)
        if card is None and told.private is False:
            card = Card()
        if card is not None and card.told.get("training_digest") not in starts:
            found.append(_model(run, told, card, number=len(found)))
    return _sorted(found)


def _model(run: str, told: Declared, card: Card, *, number: int) -> Model:
    """Return a model; a twin whose seed nobody knows has one of its own, below zero, that pairs with no other."""
    seed = card.seed if card.seed is not None else told.seed
    return Model(run=run, card=card, seed=-1 - number if seed is None else seed)


def _broken(run: str, told: Declared, card: Card | None) -> str | None:
    """Return why the word about a run does not hold."""
    private = bool(told.private) or told.epsilon is not None
    if card is None:
        return f"{run} is called private, and no card says how it was trained" if private else None
    if private and not card.private:
        return f"{run} is called private, and its card carries no ledger of a private training"
    if told.private is False and card.private:
        return f"{run} is called not private, and its card says that it was trained privately"
    if None not in (told.seed, card.seed) and told.seed != card.seed:
        return f"{run} is said to be of seed {told.seed}, and its card says {card.seed}"
    return _unfounded(run, told, card) if card.private else None


def _unfounded(run: str, told: Declared, card: Card) -> str | None:
    """Return why a private model's epsilon does not hold."""
    if card.simulated:
        return f"the noise of {run} was simulated, so it carries no epsilon"
    if card.ledger is None or card.accounted is None or card.target is None:
        return f"{run} is called private, and its card carries no ledger that counts an epsilon"
    if card.delta is None:
        return f"the card of {run} gives an epsilon without its delta, which promises nothing"
    if card.seed is None and told.seed is None:
        return f"nobody says which seed trained {run}, so that it could be another run's model once more"
    if card.accounted > card.target * SLACK:
        return f"{run} is called private at epsilon {card.target:g}, and its ledger counts {card.accounted:.4g}"
    if told.epsilon is not None and not told.epsilon * SPENT <= card.target <= told.epsilon * SLACK:
        return f"{run} is called private at epsilon {told.epsilon:g}, and its card says {card.target:.4g}"
    return None


def _sorted(models: Sequence[Model]) -> Models:
    by_epsilon: dict[float, list[Model]] = {}
    for model in models:
        if model.card.private and model.card.target is not None:
            by_epsilon.setdefault(float(f"{model.card.target:.3g}"), []).append(model)
    return Models(
        twins=tuple(model for model in models if not model.card.private),
        private={epsilon: tuple(by_epsilon[epsilon]) for epsilon in sorted(by_epsilon)},
    )


def enough(models: Models) -> Models:
    """Return the models without epsilons that have too few seeds."""
    kept = {epsilon: own for epsilon, own in models.private.items() if len(_seeds(own)) >= FEWEST_SEEDS}
    return Models(twins=models.twins, private=kept)


def _seeds(models: Sequence[Model]) -> set[int]:
    return {model.seed for model in models}


def private_of(models: Models) -> tuple[Model, ...]:
    """Return every private model."""
    return tuple(model for own in models.private.values() for model in own)


def too_few(models: Models, *, examination: str) -> Refusal | None:
    """Refuse models without a twin, with fewer than three epsilons of three seeds, or of unlike units of privacy."""
    n_private = sum(map(len, models.private.values()))
    if not n_private:
        because = "no run is of a privately trained model: none has a card with the part `privacy`"
    elif not models.twins:
        because = "there is no twin: no run is of the same model trained without privacy"
    elif (told := unlike(models.twins, private_of(models))) is not None:
        because = told
    elif len(models.private) < FEWEST_EPSILONS:
        named = ", ".join(f"{epsilon:g}" for epsilon in models.private)
        because = f"it needs {FEWEST_EPSILONS} epsilons at least, and the runs have {len(models.private)} ({named})"
    elif len(enough(models).private) < FEWEST_EPSILONS:
        seeds = ", ".join(f"epsilon {epsilon:g}: {len(_seeds(own))}" for epsilon, own in models.private.items())
        because = f"it needs {FEWEST_SEEDS} seeds at each of {FEWEST_EPSILONS} epsilons, and the runs have ({seeds})"
    else:
        return None
    return Refusal(examination=examination, because=because, remedy=TRAIN)
