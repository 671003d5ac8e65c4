"""The trainer behind `trainers: supervised`: fits any `Trainable` by AdamW, and stops when it no longer gets better.

Units are split before anything else is done: some are held out and never seen, some tell when to stop, the rest train.
An interrupted training goes on from the last finished epoch, with the draws it would have made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from pydantic import Field

from affidavit.confusion import class_sums, weighted_f1
from affidavit.corpus import Corpus, require_distinct
from affidavit.digests import digest_of
from affidavit.errors import PlanError
from affidavit.files import replacing_folder
from affidavit.options import read_options
from affidavit.protocols import Differentiable, Progress, Trainable, Trainer
from affidavit.records import Record
from affidavit.seeds import seed_of
from affidavit.splits import SplitBy, labelled, rows, split
from affidavit.training_card import training_card
from affidavit.training_state import STATE, UnusableStateError, fill
from affidavit.utterances import Utterance
from reasoners.training_state import generators, read_state, restore_generators, write_state
from reasoners.units import units_card


class SupervisedOptions(Record):
    """What a plan may say of training; pretrained parts, weight decay, clipping and patience as the paper has them."""

    epochs: int = Field(default=14, ge=1)
    """Passes over the training units, at most."""
    rows_per_step: int = Field(default=4, ge=1)
    """Rows of dialogues in one step of AdamW."""
    max_turns: int = Field(default=16, ge=1)
    """Turns of a unit in one row; a unit with more is cut between its dialogues."""
    learning_rate: float = Field(default=1.5e-3, gt=0)
    """Of parts that start from noise; rises over the first tenth of the steps, then falls as a cosine."""
    pretrained_learning_rate: float = Field(default=2e-5, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    patience: int = Field(default=3, ge=1)
    """Epochs without a better weighted F1 on the development units before training stops; counted from the middle of
    the planned epochs on, since before it the learning rate is too high for a lull to mean that nothing more comes."""
    keep: Literal["best", "last"] = "best"
    """Which epoch's model is kept: that with the best weighted F1 on the development units, or the last one."""
    held_out: float = Field(default=0.3, ge=0, lt=1)
    development: float = Field(default=0.1, gt=0, lt=1)
    split_by: SplitBy = "unit"
    split_seed: int = Field(default=0, ge=0)
    """Apart from the training's seed, so that several seeds hold out the same units."""
    untaught: tuple[str, ...] = ()
    """Labels that nobody is taught, to be asked about later: an utterance that has one counts as unlabelled."""
    training_digest: str = ""
    """Filled in by a plan: names the whole of what is trained."""


class SupervisedTrainer:
    """Fits a reasoner to labels and reference rationales."""

    name = "supervised"
    options = SupervisedOptions

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
        """Fit, and leave the checkpoint of the best epoch in `folder`.

        Raises:
            PlanError: the options are at fault, two utterances have one id, the corpus has no labels to learn from,
                or no split is possible.
        """
        chosen = read_options(SupervisedOptions, options, of=f"trainer {self.name}")
        require_distinct(corpus)
        _require_known(chosen.untaught, corpus)
        groups = labelled(corpus, by=chosen.split_by)
        groups = taught(groups, frozenset(chosen.untaught))
        shares = {"held_out": chosen.held_out, "development": chosen.development}
        parts = split(sorted(groups), {k: v for k, v in shares.items() if v}, seed=seed_of(chosen.split_seed, "split"))
        course = _Course(
            reasoner=reasoner,
            labels=corpus.label_space,
            material=_Material(
                train=tuple(row for name in parts["train"] for row in rows(groups[name], max_turns=chosen.max_turns)),
                development=tuple(turn for name in parts["development"] for turn in groups[name]),
            ),
            options=chosen,
            rng=rng,
            progress=progress,
        )
        folder.mkdir(parents=True, exist_ok=True)
        course.run(folder / STATE)
        told = training_card(reasoner, corpus, trainer=self.name, options=chosen)
        met = {part: parts[part] for part in ("train", "development")}
        card = {
            **told,
            **units_card(met, groups, chosen.split_by, told["training_digest"]),
            "n_units": {name: len(names) for name, names in parts.items()},
            "history": course.history,
            "development_weighted_f1": round(course.best, 4),
        }
        if course.not_resumed is not None:
            card["not_resumed"] = course.not_resumed
        with replacing_folder(folder) as temporary:
            reasoner.save(temporary, card)
        return reasoner


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """Rows to learn from, and the utterances that tell when to stop."""

    train: tuple[tuple[Utterance, ...], ...]
    development: tuple[Utterance, ...]


class _Course:
    """One training: epochs, the best state, and what is needed to go on after an interruption."""

    def __init__(
        self,
        *,
        reasoner: Trainable,
        labels: Sequence[str],
        material: _Material,
        options: SupervisedOptions,
        rng: np.random.Generator,
        progress: Progress,
    ) -> None:
        if not isinstance(reasoner, Differentiable):
            raise TypeError(f"{type(reasoner).__name__} gives no logits, which tell when to stop")
        self.reasoner, self.scorer, self.labels, self.options = reasoner, reasoner, list(labels), options
        self.train, self.development = material.train, material.development
        self.rng, self.progress = rng, progress
        self.history: list[dict[str, float]] = []
        self.best, self.best_state = -1.0, dict[str, torch.Tensor]()
        self.stale = 0
        self.not_resumed: str | None = None
        """Why the state of an interrupted training was of no use, where one was left."""
        groups = reasoner.parameter_groups()
        rates = {"new": options.learning_rate, "pretrained": options.pretrained_learning_rate}
        self.optimizer = torch.optim.AdamW(
            [{"params": list(values), "lr": rates[name]} for name, values in groups.items() if values],
            weight_decay=options.weight_decay,
        )
        self.parameters = [value for values in groups.values() for value in values]
        self.steps_per_epoch = -(-len(self.train) // options.rows_per_step)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)

    def run(self, state: Path) -> None:
        """Train until the last epoch or until patience ends, and put the best state back."""
        turns = [turn for row in self.train for turn in row]
        self.reasoner.prepare([*turns, *self.development], progress=self.progress)
        prepare_training = getattr(self.reasoner, "prepare_training", None)
        if prepare_training is not None:
            prepare_training(turns, rng=np.random.default_rng(self.rng.integers(2**62)), progress=self.progress)
        torch.manual_seed(int(self.rng.integers(2**62)))
        self._resume(state)
        while len(self.history) < self.options.epochs and self.stale < self.options.patience:
            self._epoch()
            self._keep(state)
        fill(self.reasoner.module, self.best_state)
        self.reasoner.module.eval()

    def _epoch(self) -> None:
        self.reasoner.module.train()
        order = self._ordered()
        done, total = self.steps_per_epoch * len(self.history), self.steps_per_epoch * self.options.epochs
        losses = []
        for i, step in enumerate(order):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.reasoner.losses([self.train[j] for j in step], rng=self.rng).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, self.options.clip_norm)
            self.optimizer.step()
            self.schedule.step()
            losses.append(float(loss.detach()))
            self.progress("training", done + i + 1, total)
        f1 = self._weighted_f1()
        self.history.append({"loss": round(float(np.mean(losses)), 4), "weighted_f1": round(f1, 4)})
        self.stale += len(self.history) > self.options.epochs // 2
        if f1 > self.best or self.options.keep == "last":
            self.best, self.stale = f1, 0
            self.best_state = {
                name: value.detach().clone()
                for name, value in self.reasoner.module.named_parameters()
                if value.requires_grad
            }

    def _ordered(self) -> list[list[int]]:
        """Return the rows of each step: shuffled, then neighbours alike in length, so that little is filled up."""
        size = self.options.rows_per_step
        order = self.rng.permutation(len(self.train))
        window = 8 * size
        order = np.concatenate(
            [sorted(order[at : at + window], key=lambda j: len(self.train[j])) for at in range(0, len(order), window)]
        )
        steps = [order[at : at + size].tolist() for at in range(0, len(order), size)]
        return [steps[i] for i in self.rng.permutation(len(steps))]

    def _rate(self, step: int) -> float:
        total = max(1, self.steps_per_epoch * self.options.epochs)
        warm = max(1, total // 10)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + float(np.cos(np.pi * min(1.0, (step - warm) / max(1, total - warm)))))

    def _weighted_f1(self) -> float:
        """Return the weighted F1 on the development units, all modalities shown."""
        judged = [turn for turn in self.development if turn.label is not None]
        with torch.no_grad():
            scores = self.scorer.logits(self.development)
        answers = dict(zip((turn.utterance_id for turn in self.development), scores.argmax(1).tolist(), strict=True))
        matrix = np.zeros((len(self.labels), len(self.labels)))
        for turn in judged:
            matrix[self.labels.index(str(turn.label)), answers[turn.utterance_id]] += 1
        sums = class_sums(matrix.ravel(), len(self.labels))
        return float(weighted_f1().value(sums, sums))

    def _keep(self, path: Path) -> None:
        """Write all that a resumed training needs."""
        state = {
            "digest": self._digest(),
            "model": {n: p.detach() for n, p in self.reasoner.module.named_parameters() if p.requires_grad},
            "best": self.best_state,
            "best_f1": self.best,
            "stale": self.stale,
            "history": self.history,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        write_state(path, {**state, **generators(self.rng)})

    def _resume(self, path: Path) -> None:
        """Go on from what was left; what is of no use is told, and training starts from the beginning."""
        try:
            state = read_state(path, digest=self._digest(), module=self.reasoner.module)
        except UnusableStateError as error:
            self.not_resumed = f"an interrupted training left a state that is of no use, so it began anew: {error}"
            self.progress(self.not_resumed, 0, None)
            return
        if state is None:
            return
        fill(self.reasoner.module, state["model"])
        self.best, self.best_state, self.stale = state["best_f1"], state["best"], state["stale"]
        self.history = state["history"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        restore_generators(state, self.rng)

    def _digest(self) -> str:
        rows_of = [[turn.utterance_id for turn in row] for row in self.train]
        return digest_of([self.options.model_dump(mode="json"), rows_of, self.labels])


def taught(groups: Mapping[str, tuple[Utterance, ...]], untaught: frozenset[str]) -> dict[str, tuple[Utterance, ...]]:
    """Return the groups with untaught emotions unlabelled: their turns stay as context, their references go.

    Groups that have no label left stay too, so that the same units are held out whatever is taught.
    """
    return {
        name: tuple(_untold(turn) if turn.label in untaught else turn for turn in turns)
        for name, turns in groups.items()
    }


def _untold(turn: Utterance) -> Utterance:
    return replace(turn, label=None, soft_label={}, intensity=None, rationales={}, cues=())


def _require_known(untaught: Sequence[str], corpus: Corpus) -> None:
    strange = sorted(set(untaught) - set(corpus.label_space))
    if strange:
        raise PlanError(
            "labels that are to be untaught are none of the corpus",
            slug="plan-invalid",
            where="trainer supervised, untaught",
            found=", ".join(strange),
            allowed=", ".join(corpus.label_space),
            remedy="correct the labels",
        )


TRAINER: Final[Trainer] = SupervisedTrainer()
