"""The live reasoner: a model with what it has perceived so far; can be trained, differentiated and ablated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import PlanError
from affidavit.protocols import Progress, silent
from affidavit.utterances import Judgement, Utterance
from reasoners.instructed.answers import judgement
from reasoners.instructed.augmentation import Augmentation, dropped_modalities
from reasoners.instructed.batches import Batch, Collator, Row, batched
from reasoners.instructed.checkpoints import save_checkpoint
from reasoners.instructed.inputs import Perceivable, Perceived, perceivable, perceive, senses_of, words_of
from reasoners.instructed.instructions import DEFAULT
from reasoners.instructed.intensities import DEFAULT_SCALE, intensity_scale
from reasoners.instructed.losses import LossWeights
from reasoners.instructed.model import Concluded, Encoded, InstructedModel
from reasoners.instructed.reasons import counted_references
from reasoners.instructed.still import StillRows
from reasoners.instructed.vocabulary import Tokenizers

_TURNS: Final = 256
"""Turns that are asked together; whatever the number of utterances, memory is bounded."""
_PIECE: Final = 32
"""Turns of a dialogue that are encoded together."""
INTENSITY_SCALE: Final = "intensity_scale"
"""Its name in a checkpoint's card."""
DECLARED: Final = "intensity_scale_declared"
"""Stands in the card, and is true, where the scale was not learnt from those who were trained on."""


@dataclass(slots=True, kw_only=True, eq=False)
class InstructedReasoner:
    """Implements `Trainable`, `Differentiable` and `Ablatable`."""

    model: InstructedModel
    tokenizers: Tokenizers
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    workers: int = 0
    instruction: str = DEFAULT
    families: tuple[str, ...] = (DEFAULT,)
    """Instruction families that training draws from: those of which the corpus has reference rationales."""
    weights: LossWeights = field(default_factory=LossWeights)
    augmentation: Augmentation = field(default_factory=Augmentation)
    card: Mapping[str, Any] = field(default_factory=dict)
    """What its checkpoint says of its training; empty before it is trained."""
    declared_scale: float | None = None
    """The scale of intensities that the plan declares, or that of the start; learnt from the training utterances where
    None."""
    intensity_scale: float = DEFAULT_SCALE
    """What an intensity of 1 inside the model stands for; declared or learnt, and kept in the card."""
    perceived: dict[Perceivable, Perceived] = field(default_factory=dict)
    """By all that perceiving depends on: an utterance whose words, files or consent changed is perceived anew."""
    degraded: dict[Perceivable, Perceived] = field(default_factory=dict)
    """Of some training utterances, a second hearing or look with noise."""
    still: StillRows | None = None
    """What layers that stay still make of rows, where the last one alone is trained on that."""
    counted: Mapping[str, int] = field(default_factory=dict)
    """How many turns with a reference rationale training used and left out."""
    counted_before: Mapping[str, int] = field(default_factory=dict)
    """The same of the training that the model started from."""

    def __post_init__(self) -> None:
        self.model.to(self.device)
        if self.declared_scale is not None:
            self.intensity_scale = self.declared_scale
        self.intensity_scale = float(self.card.get(INTENSITY_SCALE, self.intensity_scale))

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        return self.model

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Measure what was not measured yet."""
        keyed = {perceivable(utterance): utterance for utterance in utterances}
        new = {key: utterance for key, utterance in keyed.items() if key not in self.perceived}
        found = perceive(list(new.values()), senses_of(self.model.config), workers=self.workers, progress=progress)
        self.perceived.update(zip(new, found, strict=True))

    def prepare_training(
        self, utterances: Sequence[Utterance], *, rng: np.random.Generator, progress: Progress
    ) -> None:
        """Learn the scale of the intensities unless it is declared; measure some utterances again, to meet noise.

        Raises:
            PlanError: an intensity is to be learnt that is none, such as a negative one.
        """
        if self.weights.intensity:
            self.intensity_scale = intensity_scale(utterances, declared=self.declared_scale)
        self.counted = counted_references(utterances)
        senses = senses_of(self.model.config)
        drawn = self.augmentation.drawn(utterances, rng=rng)
        some, conditions = [utterance for utterance, _ in drawn], [condition for _, condition in drawn]
        words = words_of(utterances)
        again = perceive(some, senses, conditions=conditions, vocabulary=words, workers=self.workers, progress=progress)
        self.degraded.update(zip(map(perceivable, some), again, strict=True))

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return what training may change: parts that started from noise, and adapters of a pretrained backbone."""
        groups: dict[str, list[nn.Parameter]] = {"new": [], "pretrained": []}
        for name, value in self.model.named_parameters():
            if value.requires_grad:
                groups["pretrained" if self._is_pretrained(name) else "new"].append(value)
        return groups

    def _is_pretrained(self, name: str) -> bool:
        config = self.model.config
        writer = config.backbone is not None and config.backbone.source is not None
        reader = config.text is not None and config.text.source is not None
        return (writer and name.startswith("explain.model.")) or (reader and name.startswith("text.encoder."))

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return one loss per unit `[P]`: an instruction each, modalities dropped and inputs degraded at random.

        Where layers stay still, nothing is drawn, and everybody is asked under the model's own instruction.
        """
        if self.still is not None:
            for row in self.still.missing(units):
                self.still.keep(row, self.batch([row]), self.model)
            return self.weights.emotion * self.still.losses(units, self.model)
        instructions = [str(rng.choice(self.families)) for _ in units]
        batch = self.batch(units, instructions=instructions, perceived=self._met(units, rng))
        dropped = dropped_modalities(batch.present.cpu(), batch.known.cpu(), self.augmentation, rng=rng)
        return self.model.losses(batch, dropped=dropped.to(self.device)).per_patient(self.weights)

    def batch(
        self,
        rows: Sequence[Sequence[Utterance]],
        *,
        instructions: Sequence[str] | None = None,
        perceived: Mapping[str, Perceived] | None = None,
    ) -> Batch:
        """Return rows as a batch on the model's device; `perceived`, by utterance id, in place of what is measured."""
        collator = Collator(
            config=self.model.config,
            tokenizers=self.tokenizers,
            perceived=self._remembered(rows) if perceived is None else perceived,
            intensity_scale=self.intensity_scale,
        )
        told = [self.instruction] * len(rows) if instructions is None else instructions
        return collator.batch(rows, instructions=told).to(self.device)

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        """Return `[N, K]`, with gradients, under all modalities that there are."""
        scores: dict[str, Tensor] = {}
        for rows, batch in self._ready(utterances):
            concluded = self.model.conclude(self.encoded(batch), batch)
            scores |= {turn.utterance_id: concluded.logits[p, u] for p, u, turn in _turns(rows)}
        return torch.stack([scores[utterance.utterance_id] for utterance in utterances])

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        """Judge whole dialogues under a condition of modalities, with a rationale each.

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
        for rows, batch in self._ready(utterances):
            with torch.no_grad():
                encoded = self.encoded(batch).restricted(shown)
            answers |= self.answers(rows, batch, encoded)
        return [answers[utterance.utterance_id] for utterance in utterances]

    def encoded(self, batch: Batch) -> Encoded:
        """Return what the encoders make of a batch, a few turns at a time.

        Words that are read packed cost memory and time by the square of their number; long dialogues would not fit.
        """
        parts = [self.model.encode(piece) for piece in batch.cut(_PIECE)]
        return Encoded(
            states=torch.cat([part.states for part in parts], dim=1),
            present=torch.cat([part.present for part in parts], dim=1),
            instruction=parts[0].instruction,
        )

    def replaced(self, encoded: Encoded, batch: Batch, letter: str) -> Encoded:
        """Return it with one modality (a letter) encoded anew from another batch of the same turns."""
        states, present = encoded.states.split(_PIECE, dim=1), encoded.present.split(_PIECE, dim=1)
        parts = [
            self.model.replaced(replace(encoded, states=states[i], present=present[i]), piece, letter)
            for i, piece in enumerate(batch.cut(_PIECE))
        ]
        return replace(
            encoded,
            states=torch.cat([part.states for part in parts], dim=1),
            present=torch.cat([part.present for part in parts], dim=1),
        )

    def answers(
        self,
        rows: Sequence[Sequence[Utterance]],
        batch: Batch,
        encoded: Encoded,
        *,
        wanted: frozenset[str] | None = None,
        explained: bool = True,
    ) -> dict[str, Judgement]:
        """Return what is concluded of the turns wanted (all where None), by utterance id.

        `encoded` holds only what may be seen.
        """
        places = [(p, u) for p, u, turn in _turns(rows) if wanted is None or turn.utterance_id in wanted]
        said = self.answers_at(places, batch, encoded, explained=explained)
        return {rows[p][u].utterance_id: answer for (p, u), answer in zip(places, said, strict=True)}

    def answers_at(
        self, places: Sequence[tuple[int, int]], batch: Batch, encoded: Encoded, *, explained: bool = True
    ) -> list[Judgement]:
        """Return what is concluded at places (row, turn) of a batch; `encoded` holds only what may be seen."""
        with torch.no_grad():
            concluded = self.model.conclude(encoded, batch)
        rationales = self._written(concluded, places) if explained else [None] * len(places)
        return [
            judgement(
                concluded,
                place,
                rationale,
                labels=self.model.config.label_space,
                instruction=self.instruction,
                intensity_scale=self.intensity_scale,
            )
            for place, rationale in zip(places, rationales, strict=True)
        ]

    def _written(self, concluded: Concluded, places: Sequence[tuple[int, int]]) -> Sequence[str | None]:
        config = self.model.config.backbone
        if concluded.prefix is None or self.model.explain is None or config is None or not places:
            return [None] * len(places)
        prefix = torch.stack([concluded.prefix[place] for place in places])
        ids = self.model.explain.write(prefix, max_tokens=config.max_tokens, end=self.tokenizers.end)
        return self.tokenizers.said(ids.cpu().numpy())

    def _ready(self, utterances: Sequence[Utterance]) -> Iterator[tuple[list[Row], Batch]]:
        """Yield the dialogues of the utterances, measured and in batches, for a model that no longer draws."""
        self.model.eval()
        for rows in batched(utterances, turns=_TURNS):
            yield rows, self.batch(rows)

    def _met(self, units: Sequence[Sequence[Utterance]], rng: np.random.Generator) -> Mapping[str, Perceived]:
        """Return what is perceived in training: at times the degraded hearing of an utterance that has one."""
        met = self._remembered(units)
        for _, _, turn in _turns(units):
            degraded = self.degraded.get(perceivable(turn))
            if degraded is not None and rng.random() < self.augmentation.degraded_rate:
                met[turn.utterance_id] = degraded
        return met

    def _remembered(self, rows: Sequence[Sequence[Utterance]]) -> dict[str, Perceived]:
        """Return what is perceived of the turns as they are now, by utterance id."""
        turns = [turn for _, _, turn in _turns(rows)]
        self.prepare(turns)
        return {turn.utterance_id: self.perceived[perceivable(turn)] for turn in turns}

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write a checkpoint."""
        declared = {} if self.declared_scale is None else {DECLARED: True}
        before, now = self.counted_before, self.counted
        counted = {name: before.get(name, 0) + now.get(name, 0) for name in {**before, **now}}
        known = {INTENSITY_SCALE: self.intensity_scale, **declared, **counted}
        save_checkpoint(folder, self.model, self.tokenizers, {**known, **card})


def _turns(rows: Sequence[Sequence[Utterance]]) -> list[tuple[int, int, Utterance]]:
    return [(p, u, turn) for p, row in enumerate(rows) for u, turn in enumerate(row)]
