"""Trains the models of a plan: each once for every seed, and not again where the same training was already done.

A training is named by the digest of all that goes in (corpus and media, model and its version, pretrained parts,
trainer, options, seed). Its checkpoint keeps that digest in `card.json`, so a plan that has not changed finds its model
again, and one that has trains anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from affidavit.admission import somebody_withdrew
from affidavit.cache import kept_folder
from affidavit.corpora_ahead import LoadCorpus, loaded_when_asked
from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.digests import digest_of
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Choice, TrainedModel, Training
from affidavit.protocols import Learner, Progress, Trainable, Trainer, silent
from affidavit.registry import Door, load
from affidavit.seeds import seed_of
from affidavit.withdrawals import withdrew_meanwhile

CARD: Final = "card.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A checkpoint of a plan."""

    name: str
    seed: int
    folder: Path
    card: dict[str, Any]
    again: bool
    """Whether it was found as an earlier training left it."""


def train_plan(
    plan: AuditPlan, *, folder: Path, progress: Progress, corpora: LoadCorpus | None = None
) -> list[Trained]:
    """Train what a plan names and is not trained yet; relative paths start at `folder`.

    `corpora` loads the corpora of the plan; without it each is loaded when its turn has come.

    Raises:
        AffidavitError: whatever is wrong with the corpus, the model or the trainer; two trainings with one folder; a
            folder that holds something else, before anything is trained.
    """
    done: list[Trained] = []
    _require_places(plan, folder)
    corpora = corpora or loaded_when_asked(folder)
    for name, training in plan.training.items():
        corpus = corpora(training.corpus, progress)
        place, learner, key = _place(name, training, plan, folder), _learner(training.reasoner), corpus_key(corpus)
        options = _placed(learner, training.reasoner.options, folder)
        tasks = [_Task(name, training, seed, plan, learner, options, key) for seed in training.seeds]
        done += [_trained(task, corpus, place, progress) for task in tasks]
    return done


def checkpoint_of(name: str, plan: AuditPlan, folder: Path, *, seed: int | None = None) -> Path:
    """Return the folder of a training's checkpoint, of its first seed where none is named."""
    training = plan.training[name]
    return _place(name, training, plan, folder) / f"seed-{training.seeds[0] if seed is None else seed}"


def train_again(
    plan: AuditPlan, chosen: TrainedModel, folder: Path, corpus: Corpus, *, progress: Progress = silent
) -> Trainable:
    """Train a plan's model anew on another version of its corpus, as it was trained; leave nothing behind.

    Units, split and seed are the same, so whom it does not meet it did not meet before.

    Raises:
        PlanError: its trainer counts what it spends of people's privacy, and what is spent here nobody would keep.
        AffidavitError: as `train_plan`.
    """
    training = plan.training[chosen.name]
    learner = _learner(training.reasoner)
    seed = seed_of(plan.seed, "training", training.seeds[0] if chosen.seed is None else chosen.seed)
    options = _placed(learner, training.reasoner.options, folder)
    reasoner = learner.untrained(corpus, options, seed=seed, execution=plan.execution)
    trainer: Trainer = load(Door.TRAINERS, training.trainer.name)
    spends = getattr(trainer, "spends_privacy", False)
    if spends(training.trainer.options) if callable(spends) else spends:
        raise PlanError(
            "training again would spend privacy that no ledger keeps",
            slug="plan-impossible",
            where=f"training.{chosen.name}",
            found=f"trainer {training.trainer.name}",
            remedy="ask this of a model that was trained without privacy",
        )
    with TemporaryDirectory(prefix="affidavit-") as place:
        return trainer.train(
            reasoner,
            corpus,
            training.trainer.options,
            folder=Path(place) / "again",
            rng=np.random.default_rng(seed),
            progress=progress,
        )


def read_card(folder: Path) -> dict[str, Any] | None:
    """Return what a finished checkpoint says of its training, or None where there is none."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) else None


def _require_places(plan: AuditPlan, folder: Path) -> None:
    """Refuse folders that two trainings would overwrite in turn, and ones that hold what no training left."""
    owners: dict[Path, str] = {}
    for name, training in plan.training.items():
        place = _place(name, training, plan, folder).resolve()
        if place in owners:
            raise PlanError(
                "two trainings have the same folder, and would overwrite each other",
                slug="plan-invalid",
                where=f"training.{name}.out",
                found=f"{training.out}, which is {owners[place]}'s",
                remedy="give each training a folder of its own",
            )
        owners[place] = name
        for seed in training.seeds:
            _require_free(place / f"seed-{seed}", f"training.{name}.out")


def _require_free(place: Path, where: str) -> None:
    if place.is_file() or (place.is_dir() and any(place.iterdir()) and read_card(place) is None and not _begun(place)):
        raise PlanError(
            "the folder of a checkpoint holds something else, and training replaces it as a whole",
            slug="output-exists",
            where=where,
            found=str(place),
            allowed="a new or empty folder, or an earlier checkpoint",
            remedy="choose another folder, or move what is in this one",
        )


def _begun(place: Path) -> bool:
    """Say whether all that is there are hidden files, as an interrupted training leaves them."""
    return all(file.name.startswith(".") for file in place.iterdir())


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    training: Training
    seed: int
    plan: AuditPlan
    learner: Learner
    options: Mapping[str, Any]
    """Of the new model; its paths no longer depend on the plan's folder."""
    corpus_key: str

    def digest(self, corpus: Corpus, folder: Path) -> str:
        """Return the name of this training; pretrained parts count by content where the learner can tell it.

        So do files that a trainer reads, where it offers `options_digest(options, folder)`.
        """
        told = getattr(self.learner, "model_digest", None)
        options = dict(self.options) if told is None else told(corpus, self.options)
        return digest_of(
            {
                "version": str(getattr(self.learner, "cache_version", "")),
                "corpus": self.corpus_key,
                "reasoner": [self.training.reasoner.name, options],
                "trainer": self._trainer(folder),
                "seed": [self.plan.seed, self.seed],
            }
        )

    def _trainer(self, folder: Path) -> dict[str, Any]:
        chosen = self.training.trainer
        told = getattr(load(Door.TRAINERS, chosen.name), "options_digest", None)
        read = {} if told is None else {"reads": told(chosen.options, folder)}
        return {**chosen.model_dump(mode="json"), **read}


def _placed(learner: Learner, options: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return the options with relative paths made absolute, by the learner that knows which options are paths."""
    placed = getattr(learner, "placed", None)
    return options if placed is None else placed(options, folder)


def _trained(task: _Task, corpus: Corpus, folder: Path, progress: Progress) -> Trained:
    training, plan, seed = task.training, task.plan, task.seed
    place = folder / f"seed-{seed}"
    digest = task.digest(corpus, folder)
    card = read_card(place)
    if card is not None and card.get("training_digest") == digest:
        return Trained(name=task.name, seed=seed, folder=place, card=card, again=True)
    own_seed = seed_of(plan.seed, "training", seed)
    reasoner = task.learner.untrained(corpus, task.options, seed=own_seed, execution=plan.execution)
    trainer = load(Door.TRAINERS, training.trainer.name)
    trainer.train(
        reasoner,
        corpus,
        {**training.trainer.options, "training_digest": digest},
        folder=place,
        rng=np.random.default_rng(own_seed),
        progress=progress,
    )
    if somebody_withdrew(corpus):
        shutil.rmtree(place, ignore_errors=True)
        raise withdrew_meanwhile(f"training {task.name}")
    card = read_card(place)
    if card is None:
        raise PlanError(
            f"the trainer {training.trainer.name!r} left no checkpoint",
            slug="checkpoint-invalid",
            where=str(place),
            remedy="a trainer writes its checkpoint with card.json into the folder that it is given",
        )
    return Trained(name=task.name, seed=seed, folder=place, card=card, again=False)


def _learner(choice: Choice) -> Learner:
    reasoner = load(Door.REASONERS, choice.name)
    if not isinstance(reasoner, Learner):
        raise PlanError(
            f"the reasoner {choice.name!r} cannot be trained",
            slug="plan-impossible",
            found="it has no method `untrained`",
            allowed="a reasoner that implements affidavit.protocols.Learner, such as instructed",
            remedy="name another reasoner under training, or judge with this one as it is",
        )
    return reasoner


def _place(name: str, training: Training, plan: AuditPlan, folder: Path) -> Path:
    if training.out is not None:
        return folder / training.out
    named = digest_of([name, plan.seed, training.model_dump(mode="json", exclude={"out", "seeds"}), str(folder)])
    return kept_folder("trained") / named.removeprefix("sha256:")[:24]
