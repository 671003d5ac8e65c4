"""What stands behind `dialogue-rnn`, `bc-lstm` and `early-fusion`: new models, or judging with trained ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import torch

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.options import read_options
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress
from affidavit.provenance import package_version
from reasoners.baselines.checkpoints import checkpoint_digest, load_checkpoint, new_model
from reasoners.baselines.config import Architecture, BaselineConfig
from reasoners.baselines.judging import judge_corpus
from reasoners.baselines.options import BaselineJudgingOptions, NewBaselineOptions
from reasoners.baselines.reasoner import BaselineReasoner
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.door import workplace
from reasoners.instructed.origins import origins_of
from reasoners.instructed.pretrained import PACKAGED
from reasoners.instructed.shards import Shards
from reasoners.instructed.vocabulary import learn_tokenizers, public_texts
from reasoners.requirements import corpus_to_judge, labels_to_learn, placed_weights

_SOURCES: Final = ("text_source", "visual_source")
_PACKAGES: Final = ("affidavit", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class BaselineDoor:
    """One of the baselines."""

    name: Architecture
    options: ClassVar[type[BaselineJudgingOptions]] = BaselineJudgingOptions
    new_options: ClassVar[type[NewBaselineOptions]] = NewBaselineOptions
    cache_version: ClassVar[int] = 1
    judges_in_shards: ClassVar[bool] = True
    offers: ClassVar[frozenset[str]] = frozenset({"callable", "logits", "losses"})

    def untrained(
        self, corpus: Corpus, options: Mapping[str, Any], *, seed: int, execution: Execution
    ) -> BaselineReasoner:
        """Return a new model with the corpus's label space.

        Raises:
            PlanError: the options are at fault, a pretrained part cannot be had, or the corpus names no labels.
            MissingPartError: a pretrained part's package is not installed.
        """
        chosen, config = self._new(corpus, options)
        torch.manual_seed(seed)
        tokenizers = learn_tokenizers(config.perception, public_texts())
        model = new_model(config, tokenizers)
        counted = {
            "trained": sum(value.numel() for value in model.parameters() if value.requires_grad),
            "all": sum(value.numel() for value in model.parameters()),
        }
        return BaselineReasoner(
            model=model,
            tokenizers=tokenizers,
            device=workplace(execution),
            workers=execution.workers,
            augmentation=chosen.augmentation,
            card={
                "seed": seed,
                "model_options": chosen.model_dump(mode="json", exclude_unset=True),
                "parameters": counted,
                "augmentation": chosen.augmentation.model_dump(mode="json"),
                "pretrained": origins_of(config.perception),
                "versions": {name: package_version(name) or "not installed" for name in _PACKAGES},
            },
        )

    def _new(self, corpus: Corpus, options: Mapping[str, Any]) -> tuple[NewBaselineOptions, BaselineConfig]:
        chosen = read_options(NewBaselineOptions, options, of=f"reasoner {self.name}")
        return chosen, chosen.config(self.name, labels_to_learn(corpus))

    def placed(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Return the options of a new model with the folders of weights found from the plan's folder."""
        return {
            name: placed_weights(value, folder, packaged=PACKAGED) if name in _SOURCES else value
            for name, value in options.items()
        }

    def model_digest(self, corpus: Corpus, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for a new model in the name of a training: pretrained parts by content, not by path.

        Raises:
            PlanError: as `untrained` does.
        """
        chosen, config = self._new(corpus, options)
        told = chosen.model_dump(mode="json", exclude=set(_SOURCES))
        return {**told, "pretrained": origins_of(config.perception)}

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
            CheckpointError: the checkpoint does not load.
        """
        chosen = self._judging(options)
        corpus = corpus_to_judge(corpus, reasoner=self.name)
        reasoner = self._live(chosen, reading)
        shards = Shards.of(
            {
                "reasoner": self.name,
                "version": self.cache_version,
                "options": self.options_digest(options, reading.folder),
                "corpus": corpus_key(corpus),
                # runs of their own, whose tables are kept each for itself, share no shards: one would discard them all
                "run": [reading.run, str(reading.folder.resolve()), str(rng.bit_generator.state)],
            }
        )
        return judge_corpus(reasoner, corpus, chosen, reading=reading, shards=shards, progress=progress)

    def opened(self, options: Mapping[str, Any], *, reading: Reading) -> BaselineReasoner:
        """Return the model that judges under these options.

        Raises:
            PlanError: the options are at fault. CheckpointError: the checkpoint does not load.
        """
        return self._live(self._judging(options), reading)

    def options_digest(self, options: Mapping[str, Any], folder: Path) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for the options in a cache: the checkpoint by its content, not by its path."""
        chosen = self._judging(options)
        written = chosen.model_dump(mode="json", exclude={"checkpoint"})
        return {**written, "checkpoint": checkpoint_digest(folder / chosen.checkpoint)}

    def _judging(self, options: Mapping[str, Any]) -> BaselineJudgingOptions:
        return read_options(BaselineJudgingOptions, options, of=f"reasoner {self.name}")

    def _live(self, options: BaselineJudgingOptions, reading: Reading) -> BaselineReasoner:
        loaded = load_checkpoint(reading.folder / options.checkpoint, architecture=self.name)
        return BaselineReasoner(
            model=loaded.model,
            tokenizers=loaded.tokenizers,
            device=workplace(reading.execution),
            workers=reading.execution.workers,
            augmentation=Augmentation.model_validate(loaded.card.get("augmentation", {})),
            card=loaded.card,
        )


DIALOGUE_RNN: Final = BaselineDoor("dialogue-rnn")
BC_LSTM: Final = BaselineDoor("bc-lstm")
EARLY_FUSION: Final = BaselineDoor("early-fusion")
