"""A live baseline: a model with what it has perceived so far; can be trained, differentiated and ablated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import PlanError
from affidavit.protocols import Progress, silent
from affidavit.utterances import Judgement, Utterance
from reasoners.baselines.checkpoints import save_checkpoint
from reasoners.baselines.model import BaselineModel, Encoded
from reasoners.baselines.reading import speakers
from reasoners.instructed.answers import DECIMALS
from reasoners.instructed.augmentation import Augmentation, dropped_modalities
from reasoners.instructed.batches import Batch, Collator, Row, batched
from reasoners.instructed.inputs import Perceivable, Perceived, perceivable, perceive, senses_of, words_of
from reasoners.instructed.instructions import DEFAULT
from reasoners.instructed.vocabulary import Tokenizers

_TURNS: Final = 256
"""Turns that are asked together; whatever the number of utterances, memory is bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogues:
    """Rows of turns as tensors, with who speaks."""

    rows: Sequence[Sequence[Utterance]]
    batch: Batch
    speaker: Tensor

    @property
    def places(self) -> dict[str, tuple[int, int]]:
        """Row and turn of each utterance, by id."""
        return {turn.utterance_id: (p, u) for p, row in enumerate(self.rows) for u, turn in enumerate(row)}


@dataclass(slots=True, kw_only=True, eq=False)
class BaselineReasoner:
    """Implements `Trainable`, `Differentiable` and `Ablatable`."""

    model: BaselineModel
    tokenizers: Tokenizers
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    workers: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    card: Mapping[str, Any] = field(default_factory=dict)
    """What its checkpoint says of its training, or how it was made before it is trained."""
    perceived: dict[Perceivable, Perceived] = field(default_factory=dict)
    degraded: dict[Perceivable, Perceived] = field(default_factory=dict)
    """Of some training utterances, a second hearing or look with noise."""

    def __post_init__(self) -> None:
        self.model.to(self.device)

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        return self.model

    @property
    def labels(self) -> tuple[str, ...]:
        """The label space, in the order of the scores."""
        return self.model.config.perception.label_space

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Measure what was not measured yet."""
        keyed = {perceivable(utterance): utterance for utterance in utterances}
        new = {key: utterance for key, utterance in keyed.items() if key not in self.perceived}
        senses = senses_of(self.model.config.perception)
        found = perceive(list(new.values()), senses, workers=self.workers, progress=progress)
        self.perceived.update(zip(new, found, strict=True))

    def prepare_training(
        self, utterances: Sequence[Utterance], *, rng: np.random.Generator, progress: Progress
    ) -> None:
        """Measure some utterances again, degraded, to meet noise."""
        drawn = self.augmentation.drawn(utterances, rng=rng)
        some = [utterance for utterance, _ in drawn]
        again = perceive(
            some,
            senses_of(self.model.config.perception),
            conditions=[condition for _, condition in drawn],
            vocabulary=words_of(utterances),
            workers=self.workers,
            progress=progress,
        )
        self.degraded.update(zip(map(perceivable, some), again, strict=True))

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return what training may change: all that no pretrained source froze."""
        return {"new": [value for value in self.model.parameters() if value.requires_grad], "pretrained": []}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return one loss per unit `[P]`: modalities dropped and inputs degraded at random."""
        met = self._remembered(units)
        for turn in (turn for unit in units for turn in unit):
            degraded = self.degraded.get(perceivable(turn))
            if degraded is not None and rng.random() < self.augmentation.degraded_rate:
                met[turn.utterance_id] = degraded
        given = self.dialogues(units, perceived=met)
        dropped = dropped_modalities(given.batch.present.cpu(), given.batch.known.cpu(), self.augmentation, rng=rng)
        return self.model.losses(given.batch, given.speaker, dropped.to(self.device))

    def dialogues(
        self, rows: Sequence[Sequence[Utterance]], *, perceived: Mapping[str, Perceived] | None = None
    ) -> Dialogues:
        """Return rows as tensors on the model's device; `perceived`, by id, in place of what is measured."""
        collator = Collator(
            config=self.model.config.perception,
            tokenizers=self.tokenizers,
            perceived=self._remembered(rows) if perceived is None else perceived,
        )
        batch = collator.batch(rows, instructions=[DEFAULT] * len(rows))
        return Dialogues(rows=rows, batch=batch.to(self.device), speaker=speakers(rows).to(self.device))

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        """Return `[N, K]`, with gradients, under all modalities that there are."""
        scores: dict[str, Tensor] = {}
        for given in self._ready(utterances):
            found = self.model.conclude(self.model.encode(given.batch), given.batch, given.speaker)
            scores |= {name: found[place] for name, place in given.places.items()}
        return torch.stack([scores[utterance.utterance_id] for utterance in utterances])

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        """Judge whole dialogues under a condition of modalities.

        Raises:
            PlanError: the condition degrades its input; `judge` of the door measures degraded inputs.
        """
        parsed = Condition.parse(condition)
        if parsed.operator is not None:
            raise PlanError(
                "a degraded input has to be measured anew",
                slug="plan-impossible",
                found=condition,
                allowed="conditions of modalities alone",
                remedy="judge a corpus under it (affidavit judge)",
            )
        shown = parsed.modalities or frozenset(MODALITIES)
        answers: dict[str, Judgement] = {}
        for given in self._ready(utterances):
            with torch.no_grad():
                encoded = self.model.encode(given.batch).restricted(shown)
            answers |= self.answers(given, encoded)
        return [answers[utterance.utterance_id] for utterance in utterances]

    def answers(
        self, given: Dialogues, encoded: Encoded, *, wanted: frozenset[str] | None = None
    ) -> dict[str, Judgement]:
        """Return what is judged of the turns wanted (all where None), by id; `encoded` holds only what may be seen."""
        with torch.no_grad():
            scores = self.model.conclude(encoded, given.batch, given.speaker).double().softmax(-1).cpu()
        chosen = {name: place for name, place in given.places.items() if wanted is None or name in wanted}
        return {name: self._judgement(scores[place].tolist()) for name, place in chosen.items()}

    def _judgement(self, shares: Sequence[float]) -> Judgement:
        return Judgement(
            label=self.labels[max(range(len(shares)), key=shares.__getitem__)],
            probabilities={label: round(share, DECIMALS) for label, share in zip(self.labels, shares, strict=True)},
        )

    def _ready(self, utterances: Sequence[Utterance]) -> Iterator[Dialogues]:
        """Yield the dialogues of the utterances, measured and in batches, for a model that no longer draws."""
        self.model.eval()
        rows: list[Row]
        for rows in batched(utterances, turns=_TURNS):
            yield self.dialogues(rows)

    def _remembered(self, rows: Sequence[Sequence[Utterance]]) -> dict[str, Perceived]:
        turns = [turn for row in rows for turn in row]
        self.prepare(turns)
        return {turn.utterance_id: self.perceived[perceivable(turn)] for turn in turns}

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write a checkpoint."""
        save_checkpoint(folder, self.model, self.tokenizers, card)
