"""What stands behind the door `reasoners: instructed`: makes a new model for a corpus, or judges with a trained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

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
from reasoners.instructed.attributable import AttributableReasoner
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.checkpoints import checkpoint_digest, load_checkpoint, new_model
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.instructions import DEFAULT, INSTRUCTIONS
from reasoners.instructed.judging import judge_corpus
from reasoners.instructed.lineage import STARTED, former
from reasoners.instructed.losses import LossWeights
from reasoners.instructed.model import InstructedModel
from reasoners.instructed.options import JudgingOptions, NewModelOptions
from reasoners.instructed.origins import origins_of
from reasoners.instructed.parts import told_parts, train_only
from reasoners.instructed.pretrained import PACKAGED
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.reasons import LEFT_OUT, REFERENCES, references_of, with_writer_if_taught
from reasoners.instructed.shards import Shards
from reasoners.instructed.starting import Start, require_strangers, scale_of, start_of
from reasoners.instructed.still import StillRows, require_still
from reasoners.instructed.vocabulary import Tokenizers, learn_tokenizers, public_texts
from reasoners.requirements import corpus_to_judge, labels_to_learn, placed_weights

_SOURCES: Final = frozenset({"text_source", "visual_source", "backbone_source"})
_PACKAGES: Final = ("affidavit", "torch", "transformers")


class InstructedDoor:
    """The instruction-conditioned reasoner."""

    name = "instructed"
    options = JudgingOptions
    new_options = NewModelOptions
    cache_version = 5
    offers = frozenset({"callable", "logits", "gradients", "losses"})
    judges_in_shards = True

    def untrained(
        self, corpus: Corpus, options: Mapping[str, Any], *, seed: int, execution: Execution
    ) -> InstructedReasoner:
        """Return a new model with the corpus's label space.

        Raises:
            PlanError: the options are at fault, a pretrained part cannot be had, or the corpus names no labels.
            MissingPartError: a pretrained part's package is not installed.
        """
        chosen, config, start = self._new(corpus, options)
        if start is not None:
            require_strangers(start, corpus)
        torch.manual_seed(seed)
        model, tokenizers = _made(config, start)
        train_only(model, chosen.only)
        if config.backbone is not None and chosen.coherence:
            tokenizers.require_distinct(config.label_space)
        weights = LossWeights(
            emotion=chosen.emotion,
            intensity=chosen.intensity,
            single=chosen.single,
            explanation=chosen.explanation,
            coherence=chosen.coherence,
        )
        if chosen.still:
            require_still(chosen.only, weights, chosen.augmentation)
        before = {} if start is None else start.card
        return InstructedReasoner(
            model=model,
            tokenizers=tokenizers,
            device=workplace(execution),
            workers=execution.workers,
            families=families(corpus),
            weights=weights,
            augmentation=chosen.augmentation,
            still=StillRows() if chosen.still else None,
            declared_scale=scale_of(before, chosen.intensity_scale),
            counted_before={name: before[name] for name in (REFERENCES, LEFT_OUT) if name in before},
            card={
                "seed": seed,
                "model_options": chosen.model_dump(mode="json", exclude_unset=True, exclude={"start"}),
                **({} if start is None else {STARTED: former(start.card, digest=start.digest)}),
                **told_parts(model, chosen.only),
                "loss_weights": asdict(weights),
                "augmentation": chosen.augmentation.model_dump(mode="json"),
                "pretrained": origins_of(config),
                "versions": {name: package_version(name) or "not installed" for name in _PACKAGES},
            },
        )

    def _new(self, corpus: Corpus, options: Mapping[str, Any]) -> tuple[NewModelOptions, ModelConfig, Start | None]:
        """Return the options of a new model, its records, and the checkpoint that it begins with."""
        chosen = read_options(NewModelOptions, options, of=f"reasoner {self.name}")
        labels = labels_to_learn(corpus)
        if chosen.start is not None:
            start = start_of(chosen.start, corpus, chosen.model_dump(mode="json", exclude_unset=True))
            return chosen, start.config, start
        return chosen, with_writer_if_taught(chosen.config(labels), corpus), None

    def placed(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Return the options of a new model with the folders of weights found from the plan's folder."""
        placed = {
            name: placed_weights(value, folder, packaged=PACKAGED) if name in _SOURCES else value
            for name, value in options.items()
        }
        start = options.get("start")  # may not be there yet: an earlier training of the plan leaves it
        if not isinstance(start, str) or not start:
            return placed
        return {**placed, "start": str((folder / Path(start).expanduser()).resolve())}

    def model_digest(self, corpus: Corpus, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for a new model in the name of a training: pretrained parts by content, not by path.

        Raises:
            PlanError: as `untrained` does.
        """
        chosen, config, start = self._new(corpus, options)
        unsaid = () if chosen.still else ("still",)  # models that do without it keep the names that they had
        told = chosen.model_dump(mode="json", exclude={*_SOURCES, "start", *unsaid})
        begun = {} if start is None else {"start": start.digest}
        return {**told, **begun, "pretrained": origins_of(config)}

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
        chosen = read_options(JudgingOptions, options, of=f"reasoner {self.name}")
        _require_instruction(chosen.instruction)
        corpus = corpus_to_judge(corpus, reasoner=self.name)
        reasoner = _live(chosen, reading)
        shards = Shards.of(
            {
                "version": self.cache_version,
                "options": self.options_digest(options, reading.folder),
                "corpus": corpus_key(corpus),
                # runs of their own, whose tables are kept each for itself, share no shards: one would discard them all
                "run": [reading.run, str(reading.folder.resolve()), str(rng.bit_generator.state)],
            }
        )
        return judge_corpus(reasoner, corpus, chosen, reading=reading, shards=shards, progress=progress)

    def opened(self, options: Mapping[str, Any], *, reading: Reading) -> AttributableReasoner:
        """Return the model that judges under these options, to be asked again and attributed.

        Raises:
            PlanError: the options are at fault. CheckpointError: the checkpoint does not load.
        """
        chosen = read_options(JudgingOptions, options, of=f"reasoner {self.name}")
        return AttributableReasoner(reasoner=_live(chosen, reading))

    def options_digest(self, options: Mapping[str, Any], folder: Path) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for the options in a cache: the checkpoint by its content, not by its path."""
        chosen = read_options(JudgingOptions, options, of=f"reasoner {self.name}")
        written = chosen.model_dump(mode="json", exclude={"checkpoint"})
        return {**written, "checkpoint": checkpoint_digest(folder / chosen.checkpoint)}


def _live(options: JudgingOptions, reading: Reading) -> InstructedReasoner:
    loaded = load_checkpoint(reading.folder / options.checkpoint)
    return InstructedReasoner(
        model=loaded.model,
        tokenizers=loaded.tokenizers,
        device=workplace(reading.execution),
        workers=reading.execution.workers,
        instruction=options.instruction,
        weights=LossWeights(**loaded.card.get("loss_weights", {})),
        augmentation=Augmentation.model_validate(loaded.card.get("augmentation", {})),
        card=loaded.card,
    )


def _made(config: ModelConfig, start: Start | None) -> tuple[InstructedModel, Tokenizers]:
    """Return a model and its tokenizers: the start's, or new ones."""
    if start is not None:
        loaded = start.loaded()
        return loaded.model, loaded.tokenizers
    tokenizers = learn_tokenizers(config, public_texts())
    return new_model(config, tokenizers), tokenizers


def _require_instruction(instruction: str) -> None:
    """Refuse a single word that is no family: it is a slip, and would be read as words of one's own."""
    if instruction not in INSTRUCTIONS and len(instruction.split()) < 2:
        raise PlanError(
            f"{instruction!r} is no family of instructions{did_you_mean(instruction, list(INSTRUCTIONS))}",
            slug="plan-invalid",
            where="reasoner instructed",
            allowed=f"{', '.join(INSTRUCTIONS)}, or a sentence of your own",
            remedy="correct the instruction",
        )


def families(corpus: Corpus) -> tuple[str, ...]:
    """Return the instruction families that the corpus has references for; the default one where it has none."""
    found = {name for utterance in corpus.utterances for name in references_of(utterance)}
    return tuple(sorted(found)) or (DEFAULT,)


def workplace(execution: Execution) -> torch.device:
    """Return where to run, and have this process compute there with as many threads as the plan says.

    Raises:
        PlanError: the plan names a device that torch does not know or that is not there.
    """
    if execution.threads is not None:
        torch.set_num_threads(execution.threads)
    if execution.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(execution.device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise PlanError(
            f"execution.device: {execution.device!r} is not there",
            slug="plan-impossible",
            found=str(error).splitlines()[0],
            allowed="auto, cpu, cuda, cuda:<number>",
            remedy="write auto, or run where the device is",
        ) from None
    return device


REASONER: Final = InstructedDoor()
