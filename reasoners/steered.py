"""Trains any `Trainable` by the supervised trainer towards another objective than the mean of its losses.

An objective changes the losses of a step and may bring parameters of its own. What it has to remember between steps
are parameters too, of which some are moved by no optimiser: whatever keeps the parameters of a training then keeps
them, and an interrupted training goes on with them. The split, the steps, when to stop and the checkpoint are those of
`reasoners.supervised`; the checkpoint is that of the model alone, and loads like any other.

A row's loss depends on the other rows here, through what the objective remembers: none of this is for differentially
private training, which needs units that are alone with their gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from pydantic import Field
from torch import Tensor, nn

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.digests import digest_of
from affidavit.errors import PlanError
from affidavit.options import read_options
from affidavit.protocols import Differentiable, Progress, Trainable
from affidavit.splits import grouped, rows
from affidavit.utterances import Utterance
from reasoners.supervised import TRAINER, SupervisedOptions

Row = Sequence[Utterance]
Cell = tuple[str, ...]
Cells = Mapping[str, Cell]
"""The levels of each turn that has them, by utterance id."""
Scores = Callable[[Sequence[Utterance]], Tensor]
"""From turns to the model's scores `[N, K]`, with gradients."""


class SteeredOptions(SupervisedOptions):
    """What a plan may say of a steered training, beside what it may say of a supervised one."""

    features: tuple[str, ...] = Field(min_length=1)
    """Sensitive features; the groups are their combinations."""


class Objective(Protocol):
    """What is minimised in place of the mean loss."""

    name: str

    @property
    def module(self) -> nn.Module:
        """Everything that the objective remembers, as parameters."""

    def begin(self, material: Sequence[Row], n_steps: int) -> None:
        """Take note of the rows that will be trained on, before the first of so many steps."""

    def trained(self) -> Sequence[nn.Parameter]:
        """Return the parameters of its own that the optimiser moves."""

    def steered(self, losses: Tensor, units: Sequence[Row], *, scores: Scores) -> Tensor:
        """Return losses `[P]` whose mean is the objective, from the model's own `[P]`."""

    def told(self) -> Mapping[str, Any]:
        """Return what the checkpoint's card says of it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Steered:
    """A `Trainable` and `Differentiable` that trains towards an objective."""

    reasoner: Trainable
    objective: Objective
    options: SupervisedOptions
    card: Mapping[str, Any]
    """How the model was made."""
    module: nn.Module
    """The model and the objective's parameters."""

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Measure what the model takes in."""
        self.reasoner.prepare(utterances, progress=progress)

    def prepare_training(
        self, utterances: Sequence[Utterance], *, rng: np.random.Generator, progress: Progress
    ) -> None:
        """Prepare the model, and show the objective the rows that its steps will be made of."""
        prepare_training = getattr(self.reasoner, "prepare_training", None)
        if prepare_training is not None:
            prepare_training(utterances, rng=rng, progress=progress)
        groups = grouped(utterances, by=self.options.split_by)
        material = [row for turns in groups.values() for row in rows(turns, max_turns=self.options.max_turns)]
        self.objective.begin(material, -(-len(material) // self.options.rows_per_step) * self.options.epochs)

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return what training may change: the model's parameters, and new ones of the objective."""
        groups = dict(self.reasoner.parameter_groups())
        return {**groups, "new": [*groups.get("new", ()), *self.objective.trained()]}

    def losses(self, units: Sequence[Row], *, rng: np.random.Generator) -> Tensor:
        """Return losses `[P]` whose mean is the objective."""
        own: Tensor = self.reasoner.losses(units, rng=rng)
        return self.objective.steered(own, units, scores=self.logits)

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        """Return the model's scores `[N, K]`; the model is left in the mode, training or not, that it was in."""
        if not isinstance(self.reasoner, Differentiable):
            raise TypeError(f"{type(self.reasoner).__name__} gives no logits")
        training = self.reasoner.module.training
        scores: Tensor = self.reasoner.logits(utterances)
        self.reasoner.module.train(training)
        return scores

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write the model's checkpoint; its card names this trainer, its options and what came of the objective."""
        name = self.objective.name
        written = {
            **card,
            "trainer": name,
            "options": self.options.model_dump(mode="json", exclude={"training_digest"}),
            name.replace("-", "_"): dict(self.objective.told()),
        }
        self.reasoner.save(folder, written)


Options = TypeVar("Options", bound=SteeredOptions)


@dataclass(slots=True, kw_only=True, eq=False)  # the protocol's name can be set
class SteeredTrainer(Generic[Options]):
    """Fits a reasoner to labels towards an objective that knows the groups."""

    name: str
    options: type[Options]
    objective: Callable[[Cells, Corpus, Options, np.random.Generator], Objective]
    """From the levels of each turn that has them, the corpus and the options."""

    def train(
        self,
        reasoner: Trainable,
        corpus: Corpus,
        options: Mapping[str, Any],
        *,
        folder: Path,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Trainable:
        """Fit, leave the checkpoint of the model alone in `folder`, and return the model.

        Raises:
            PlanError: as the supervised trainer; the features make no groups; what the objective refuses.
        """
        chosen = read_options(self.options, options, of=f"trainer {self.name}")
        cells = cells_of(corpus, chosen.features, trainer=self.name)
        objective = self.objective(cells, corpus, chosen, rng)
        named = chosen.training_digest or digest_of([corpus_key(corpus), self.name, chosen.model_dump(mode="json")])
        plain = {name: getattr(chosen, name) for name in SupervisedOptions.model_fields} | {"training_digest": named}
        steered = Steered(
            reasoner=reasoner,
            objective=objective,
            options=chosen,
            card=getattr(reasoner, "card", {}),
            module=nn.ModuleDict({"model": reasoner.module, "objective": objective.module}),
        )
        TRAINER.train(steered, corpus, plain, folder=folder, rng=rng, progress=progress)
        return reasoner


def cells_of(corpus: Corpus, features: Sequence[str], *, trainer: str) -> dict[str, Cell]:
    """Return the levels of these features of each labelled turn that has them all, by utterance id.

    Raises:
        PlanError: no turn has them, or all have the same, so that there are no groups.
    """
    labelled = [turn for turn in corpus.utterances if turn.label is not None]
    found = {
        turn.utterance_id: tuple(turn.sensitive[feature] for feature in features)
        for turn in labelled
        if all(feature in turn.sensitive for feature in features)
    }
    cells = sorted(set(found.values()))
    if len(cells) < 2:
        known = sorted({feature for turn in labelled for feature in turn.sensitive})
        raise PlanError(
            "the features make fewer than two groups, so there is nothing to make alike",
            slug="plan-impossible",
            where=f"trainer {trainer}, features",
            found="; ".join(" x ".join(cell) for cell in cells) or f"no turn has {' and '.join(features)}",
            allowed=", ".join(known) or "a corpus whose utterances have sensitive features",
            remedy="name other features",
        )
    return found
