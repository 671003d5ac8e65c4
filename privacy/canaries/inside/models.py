"""Whose mechanism is audited: a live model, what its card says of its training, and patients whom it never met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

import numpy as np
import torch
from pydantic import ValidationError

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.protocols import Trainable
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from privacy.canaries.inside.checks import Declared
from privacy.canaries.inside.games import Mechanism, units_of
from privacy.canaries.inside.measures import NAME
from privacy.canaries.inside.options import GradientOptions
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.passes import Way
from privacy.dpsgd.validation import chosen_way
from privacy.price.cards import Card, cards_of
from privacy.price.met import met_by
from privacy.price.models import Model

DELTA: Final = 1e-5
"""Where neither the plan nor the card says one."""
ASK: Final = (
    "name the reasoner and the training in the plan (trainer dp-sgd), or a table of canary, included and score from "
    "whoever can take the steps: option observations"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """One run's training, as its card tells of it."""

    run: str
    card: Card
    declared: Declared

    @property
    def said(self) -> str:
        """What the card promises of the whole training."""
        card = self.card
        if card.simulated:
            return "the training's own noise was simulated: its card promises no epsilon"
        if card.accounted is None or card.delta is None or card.ledger is None:
            return "the training's card promises no epsilon that a ledger counted"
        steps = _steps(card)
        after = "" if steps is None else f" after {steps:,} steps"
        return (
            f"by its ledger the whole training spent epsilon {card.accounted:.4g} at delta {card.delta:g} for one "
            f"{card.unit or 'unit'}{after}"
        )


def subject_of(case: Case, run: str, options: GradientOptions) -> Subject | Refusal:
    """Return what is known of a run's private training, or why its mechanism cannot be run.

    Raises:
        InputError: the file of cards is at fault.
    """
    live = case.live.get(run)
    if live is None or "losses" not in live.offers:
        return _refusal(run, "the model cannot be opened with its losses, and no table of observations was named", ASK)
    card = cards_of(case, options.cards).get(run)
    if card is None or not card.private:
        because = "no card says how the model was trained" if card is None else "the model was not trained privately"
        return _refusal(run, because, "train it in the plan with dp-sgd, or name its card: option cards")
    try:
        trained = PrivateOptions.model_validate(dict(card.options))
    except ValidationError as error:
        found = error.errors()[0]["msg"]
        because = f"its card's options are not those of the trainer dp-sgd ({found[:120]})"
        return _refusal(run, because, "audit a model of this trainer, or name a table: option observations")
    if card.noise_multiplier is None:
        because = "its card names no noise, so that there is nothing to hold what is found against"
        return _refusal(run, because, "train with a noise multiplier above 0")
    delta = next(value for value in (options.delta, card.delta, trained.delta, DELTA) if value)
    return Subject(
        run=run,
        card=card,
        declared=Declared(options=trained, noise_multiplier=card.noise_multiplier, delta=delta),
    )


def people_of(case: Case, subject: Subject, *, at_most: int) -> Corpus:
    """Return patients whom the run judged and whom no training of the model met, at most so many; none where at none.

    What is measured of a private model on people whom it never met costs those that it was trained on nothing more.
    """
    corpus = case.live[subject.run].corpus
    labelled = sorted({turn.unit for turn in corpus.utterances if turn.label is not None})
    order = np.random.default_rng(seed_of(case.book.seed, NAME, subject.run, "patients")).permutation(len(labelled))
    model = Model(run=subject.run, card=subject.card, seed=0)
    met = met_by([model], [labelled[i] for i in order], at_most=at_most, progress=case.progress)
    chosen = frozenset(met.strangers)
    turns = [turn for turn in corpus.utterances if turn.unit in chosen]
    labels = tuple(sorted({turn.label for turn in turns if turn.label is not None}))
    return Corpus(
        name=corpus.name,
        utterances=turns,
        digest=corpus.digest,
        licence=corpus.licence,
        label_space=corpus.label_space or labels or ("none",),
    )


def mechanism_of(case: Case, subject: Subject, people: Corpus) -> Mechanism:
    """Return what took the training's steps, ready to take more; the model is opened.

    Raises:
        PlanError: the model has parts that make one unit's gradient depend on another's.
        AffidavitError: the model does not open.
    """
    reasoner, options = cast("Trainable", case.live[subject.run].reasoner()), subject.declared.options
    way: Way = "loop"
    if people.utterances:
        reasoner.prepare(people.utterances, progress=case.progress)
        probes = [piece for unit in units_of(people, options) for piece in unit.pieces]
        with torch.random.fork_rng(devices=[]):
            way = chosen_way(_way(subject.card) or options.gradients, reasoner, _first(probes), seed=0).way
    return Mechanism(reasoner=reasoner, options=options, noise_multiplier=subject.declared.noise_multiplier, way=way)


def _first(probes: Sequence[Any]) -> Sequence[Any]:
    """Return a few: each is sent through the model more than once."""
    return probes[:8]


def _way(card: Card) -> Way | None:
    """Return the way that the training took."""
    told = _privacy(card).get("gradients")
    return cast("Way", told) if told in get_args(Way) else None


def _steps(card: Card) -> int | None:
    told = _privacy(card).get("steps")
    return told if isinstance(told, int) else None


def _privacy(card: Card) -> dict[str, Any]:
    told = card.told.get("privacy")
    return dict(told) if isinstance(told, dict) else {}


def _refusal(run: str, because: str, remedy: str) -> Refusal:
    return Refusal(examination=NAME, run=run, because=because, remedy=remedy)
