"""What stands behind a door of language models: loads one, judges with it, and makes trainable adapters for it.

A family (`smollm2`, `omni`) says how its model is loaded, how a question becomes tensors, and where its weights are
from; all else is the same for every family.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.errors import PlanError
from affidavit.options import read_options
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress
from affidavit.provenance import package_version
from affidavit.yaml_files import did_you_mean
from reasoners.instructed.door import workplace
from reasoners.instructed.instructions import INSTRUCTIONS
from reasoners.instructed.shards import Shards
from reasoners.language.adapters import Rows, adapted
from reasoners.language.cards import ModelCard
from reasoners.language.checkpoints import (
    Keeper,
    Records,
    checkpoint_digest,
    fill_adapters,
    read_records,
    require_weights,
)
from reasoners.language.encoding import Encoder
from reasoners.language.judging import judge_corpus
from reasoners.language.options import Asking, JudgingOptions, TrainingOptions
from reasoners.language.reasoner import LanguageReasoner
from reasoners.requirements import corpus_to_judge

_PACKAGES: Final = ("affidavit", "torch", "transformers", "peft")


class Family(Protocol):
    """What differs between language models."""

    name: str

    @property
    def judging(self) -> type[JudgingOptions]:
        """What a plan may say of judging."""

    @property
    def training(self) -> type[TrainingOptions]:
        """What a plan may say of training."""

    def source(self, options: Any, folder: Path) -> str:  # noqa: ANN401 - of the family's own record
        """Return where the weights are, found from the plan's folder."""

    def weights(self, source: str) -> ModelCard:
        """Return what the weights are."""

    def load(self, source: str, asking: Asking) -> tuple[Any, Encoder]:
        """Return the model and what turns questions into its tensors."""


class LanguageDoor:
    """A family of language models behind the door."""

    cache_version = 2
    judges_in_shards = True
    offers = frozenset({"callable", "logits", "losses"})

    def __init__(self, family: Family) -> None:
        self.family, self.name = family, family.name
        self.options, self.new_options = family.judging, family.training

    # --- a new model to train ---------------------------------------------------------------------------------------

    def untrained(
        self, corpus: Corpus, options: Mapping[str, Any], *, seed: int, execution: Execution
    ) -> LanguageReasoner:
        """Return the model with new adapters, for the corpus's label space.

        Raises:
            PlanError: the options are at fault, the weights cannot be had, or the corpus names no labels.
            MissingPartError: a package is not installed.
        """
        chosen = read_options(self.family.training, options, of=f"reasoner {self.name}")
        labels = _labels(corpus)
        source = self.family.source(chosen, Path())
        weights = self.family.weights(source)
        model, encoder = self.family.load(source, chosen)
        rows = Rows()
        torch.manual_seed(seed)
        return LanguageReasoner(
            name=self.name,
            weights=weights,
            model=adapted(model, chosen.lora, rows),
            encoder=encoder,
            labels=labels,
            asking=chosen,
            device=workplace(execution),
            explanation=chosen.explanation,
            rows=rows,
            keeper=Keeper(
                reasoner=self.name,
                source=source,
                labels=labels,
                options=chosen.model_dump(mode="json"),
                weights=weights,
            ),
            card={
                "seed": seed,
                "model_options": chosen.model_dump(mode="json", exclude_unset=True, exclude={"path"}),
                "pretrained": {"language": weights.digest},
                "model_card": weights.record(),
                "versions": {name: package_version(name) or "not installed" for name in _PACKAGES},
            },
        )

    def placed(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Return the options of a new model with the folder of weights found from the plan's folder."""
        path = options.get("path")
        if not isinstance(path, str) or not path:
            return dict(options)
        place = folder / Path(path).expanduser()
        return {**options, "path": str(place.resolve()) if place.is_dir() else path}

    def model_digest(self, corpus: Corpus, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for a new model in the name of a training: its weights by content, not by path."""
        chosen = read_options(self.family.training, options, of=f"reasoner {self.name}")
        told = chosen.model_dump(mode="json", exclude={"path"})
        return {**told, "weights": self.family.weights(self.family.source(chosen, Path())).digest}

    # --- judging ----------------------------------------------------------------------------------------------------

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Judge a corpus under every condition asked for; what is finished is kept, and an interrupted run goes on.

        Raises:
            PlanError: there is no corpus, the options are at fault, or nobody is left to judge.
            CheckpointError: the checkpoint does not load. MissingPartError: a package is not installed.
        """
        chosen = self._read(options)
        corpus = corpus_to_judge(corpus, reasoner=self.name)
        state = str(rng.bit_generator.state)
        seed = int(rng.integers(2**62))
        reasoner = self._live(chosen, reading, labels=reading.label_space or corpus.label_space, seed=seed)
        shards = Shards.of(
            {
                "reasoner": [self.name, self.cache_version],
                "options": self.options_digest(options, reading.folder),
                "corpus": corpus_key(corpus),
                "labels": list(reasoner.labels),
                "run": [reading.run, str(reading.folder.resolve()), state],
            }
        )
        return judge_corpus(reasoner, corpus, chosen, reading=reading, shards=shards, progress=progress)

    def opened(self, options: Mapping[str, Any], *, reading: Reading) -> LanguageReasoner:
        """Return the model that judges under these options, to be asked again.

        Raises:
            PlanError: the options are at fault. CheckpointError: the checkpoint does not load.
        """
        return self._live(self._read(options), reading, labels=reading.label_space or (), seed=0)

    def options_digest(self, options: Mapping[str, Any], folder: Path) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for the options in a cache: weights and checkpoint by content, not by path."""
        chosen = self._read(options)
        told = chosen.model_dump(mode="json", exclude={"path", "checkpoint"})
        if chosen.checkpoint is not None:
            place = folder / chosen.checkpoint
            source = read_records(place, reasoner=self.name).source
            return {**told, "checkpoint": checkpoint_digest(place), "weights": self.family.weights(source).digest}
        return {**told, "weights": self.family.weights(self.family.source(chosen, folder)).digest}

    def _read(self, options: Mapping[str, Any]) -> JudgingOptions:
        chosen = read_options(self.family.judging, options, of=f"reasoner {self.name}")
        if chosen.instruction not in INSTRUCTIONS and len(chosen.instruction.split()) < 2:
            raise PlanError(
                f"{chosen.instruction!r} is no family of instructions"
                f"{did_you_mean(chosen.instruction, list(INSTRUCTIONS))}",
                slug="plan-invalid",
                where=f"reasoner {self.name}",
                allowed=f"{', '.join(INSTRUCTIONS)}, or a sentence of your own",
                remedy="correct the instruction",
            )
        return chosen

    def _live(
        self, options: JudgingOptions, reading: Reading, *, labels: tuple[str, ...], seed: int
    ) -> LanguageReasoner:
        if options.checkpoint is not None:
            return self._trained(options, reading, seed=seed)
        if len(labels) < 2:
            raise _no_labels("the run", labels)
        source = self.family.source(options, reading.folder)
        model, encoder = self.family.load(source, options)
        return LanguageReasoner(
            name=self.name,
            weights=self.family.weights(source),
            model=model.requires_grad_(False),
            encoder=encoder,
            labels=labels,
            asking=options,
            device=workplace(reading.execution),
            batch=options.batch,
            seed=seed,
            writer=options.rewriter,
        )

    def _trained(self, options: JudgingOptions, reading: Reading, *, seed: int) -> LanguageReasoner:
        records = read_records(reading.folder / str(options.checkpoint), reasoner=self.name)
        weights = self.family.weights(records.source)
        require_weights(records, weights)
        asking = _asked_as_trained(options, records)
        model, encoder = self.family.load(records.source, asking)
        rows = Rows()
        trained = read_options(self.family.training, records.options, of=f"checkpoint of {self.name}")
        model = adapted(model, trained.lora, rows)
        fill_adapters(model, records)
        return LanguageReasoner(
            name=self.name,
            weights=weights,
            model=model,
            encoder=encoder,
            labels=records.labels,
            asking=asking,
            device=workplace(reading.execution),
            batch=options.batch,
            seed=seed,
            writer=options.rewriter,
            rows=rows,
            card=records.card,
        )


def _asked_as_trained(options: JudgingOptions, records: Records) -> JudgingOptions:
    """Return the options with what the plan leaves out as it was in training: a model is asked as it learnt to be."""
    unsaid = set(Asking.model_fields) - options.model_fields_set
    return options.model_copy(update={name: records.options[name] for name in unsaid if name in records.options})


def _labels(corpus: Corpus) -> tuple[str, ...]:
    if len(corpus.label_space) < 2:
        raise _no_labels(f"corpus {corpus.name}", corpus.label_space)
    return corpus.label_space


def _no_labels(where: str, found: tuple[str, ...]) -> PlanError:
    return PlanError(
        "a language model is told the labels that it may choose from, and there are none",
        slug="plan-impossible",
        where=where,
        found=f"the label space {list(found)}",
        allowed="two labels or more",
        remedy="name the label space in the run, or bring a corpus whose utterances have labels",
    )
