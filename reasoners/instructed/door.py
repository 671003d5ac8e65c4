"""What stands behind the door `reasoners: instructed`: makes a new model for a corpus, or judges with a trained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
from pydantic import Field

from affidavit.conditions import modality_subsets
from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.errors import PlanError
from affidavit.options import read_options
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress
from affidavit.provenance import package_version
from affidavit.records import Record
from affidavit.yaml_files import did_you_mean
from reasoners.instructed.attributable import AttributableReasoner
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.checkpoints import checkpoint_digest, load_checkpoint, new_model
from reasoners.instructed.config import AcousticFeature, ModelConfig
from reasoners.instructed.instructions import DEFAULT, INSTRUCTIONS
from reasoners.instructed.judging import judge_corpus
from reasoners.instructed.losses import LossWeights
from reasoners.instructed.origins import origins_of
from reasoners.instructed.pretrained import PACKAGED, backbone_shape, text_shape
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.reasons import references_of, with_writer_if_taught
from reasoners.instructed.shards import Shards
from reasoners.instructed.sizes import SIZES
from reasoners.instructed.vocabulary import learn_tokenizers, public_texts

_SOURCES: Final = frozenset({"text_source", "visual_source", "backbone_source"})
_PACKAGES: Final = ("affidavit", "torch", "transformers")


class NewModelOptions(Record):
    """What a plan may say of a model that is to be trained. The switches are the paper's ablations."""

    size: Literal["tiny", "small", "base", "full"] = "tiny"
    """How large, and of which parts."""
    alignment: Literal["gate", "global"] = "gate"
    """`gate`: weights that depend on what is perceived; `global`: the paper's three weights for all."""
    acoustics: Annotated[tuple[AcousticFeature, ...], Field(min_length=1)] | None = None
    """`log-mel`, `functionals`, `egemaps` (openSMILE's 88, non-commercial); the size's own where absent."""
    text: bool = True
    """Whether it reads words."""
    audio: bool = True
    """Whether it hears the voice."""
    visual: bool = True
    """Whether it sees the face."""
    temporal: bool = True
    """Whether it reads the turns before; otherwise each turn is judged alone."""
    instructed: bool = True
    """Whether it is told what to answer; otherwise one learnt state stands for every instruction."""
    rationales: bool = True
    """Whether it gives a reason. A writer from noise is built only where there are references to learn from."""
    emotion: float = Field(default=1.0, ge=0)
    """Weight of the emotion's cross entropy."""
    explanation: float = Field(default=0.5, ge=0)
    """Weight of the rationale's cross entropy."""
    coherence: float = Field(default=0.3, ge=0)
    """Weight of the divergence between the emotion predicted and the one that the rationale names (decision 012)."""
    intensity: float = Field(default=0.2, ge=0)
    """Weight of the intensity's Huber loss; the paper states none."""
    intensity_scale: float | None = Field(default=None, gt=0)
    """The greatest intensity that a rater could give, such as 5 or 100. Learnt from the training units where absent,
    which tells something of them that no privacy budget accounts for; declare it where the training is private."""
    single: float = Field(default=0.5, ge=0)
    """Weight of the emotion told from each modality alone; 0 is the paper's form."""
    augmentation: Augmentation = Augmentation()
    """What training changes at random in its inputs."""
    text_source: str | None = None
    """A folder of weights (relative to the plan) or a hub id, in place of the size's own text encoder; frozen."""
    visual_source: str | None = None
    """The same for a ResNet; frozen."""
    backbone_source: str | None = None
    """The same for the language model that writes; with the size's adapters, where it has them."""

    def config(self, label_space: tuple[str, ...]) -> ModelConfig:
        """Return the records of the model.

        Raises:
            PlanError: nothing is left of the model, or a source cannot be had.
        """
        size = SIZES[self.size]
        parts = {
            "text": {**_part(size.text), **self._text_parts()} if self.text else None,
            "audio": {**_part(size.audio), **self._audio_parts()} if self.audio else None,
            "visual": {**_part(size.visual), **self._visual_parts()} if self.visual else None,
            "backbone": {**_part(size.backbone), **self._backbone_parts()} if self.rationales else None,
        }
        chosen = {
            "label_space": label_space,
            "alignment": self.alignment,
            "dialogue_layers": size.dialogue_layers if self.temporal else 0,
            "instructed": self.instructed,
        }
        return read_options(ModelConfig, size.model_dump() | parts | chosen, of="reasoner instructed")

    def _text_parts(self) -> dict[str, Any]:
        source = self.text_source
        return {} if source is None else {"source": source, "trained": False, **text_shape(source)}

    def _audio_parts(self) -> dict[str, Any]:
        return {} if self.acoustics is None else {"features": self.acoustics}

    def _visual_parts(self) -> dict[str, Any]:
        source = self.visual_source
        return {} if source is None else {"source": source, "architecture": "resnet"}

    def _backbone_parts(self) -> dict[str, Any]:
        source = self.backbone_source
        return {} if source is None else {"source": source, **backbone_shape(source)}


def _part(record: Record | None) -> dict[str, Any]:
    return {} if record is None else record.model_dump()


class JudgingOptions(Record):
    """What a plan may say of judging with a trained model."""

    checkpoint: str
    """The folder that training left, one per seed, relative to the plan."""
    conditions: tuple[str, ...] = Field(default=tuple(str(condition) for condition in modality_subsets()), min_length=1)
    """What is shown: subsets of the modalities, degraded ones such as `TAV/noise=10dB`, and interventions such as
    `TAV/resampled=V` (docs/reasoner.md)."""
    instruction: str = DEFAULT
    """A family (`evidence`, `temporal`, `evolution`, `explain`) or words of your own."""
    rationales: Literal["full", "all", "none"] = "full"
    """For the fullest undegraded condition only (and those that are read beside their rationales: `insert`, `hint`, and
    the base of `without-rationale`), for all of them, or for none."""
    utterances: Literal["held-out", "all"] = "held-out"
    """`held-out` judges only whom the checkpoint was not trained on; `all` judges the others too, and says so."""
    batch_turns: int = Field(default=256, ge=1)
    """Turns that are judged together; changes speed and memory only."""


class InstructedDoor:
    """The instruction-conditioned reasoner."""

    name = "instructed"
    cache_version = 5
    offers = frozenset({"callable", "logits", "gradients"})

    def untrained(
        self, corpus: Corpus, options: Mapping[str, Any], *, seed: int, execution: Execution
    ) -> InstructedReasoner:
        """Return a new model with the corpus's label space.

        Raises:
            PlanError: the options are at fault, a pretrained part cannot be had, or the corpus names no labels.
            MissingPartError: a pretrained part's package is not installed.
        """
        chosen, config = self._new(corpus, options)
        tokenizers = learn_tokenizers(config, public_texts())
        if config.backbone is not None and chosen.coherence:
            tokenizers.require_distinct(config.label_space)
        weights = LossWeights(
            emotion=chosen.emotion,
            intensity=chosen.intensity,
            single=chosen.single,
            explanation=chosen.explanation,
            coherence=chosen.coherence,
        )
        torch.manual_seed(seed)
        return InstructedReasoner(
            model=new_model(config, tokenizers),
            tokenizers=tokenizers,
            device=device_of(execution),
            workers=execution.workers,
            families=families(corpus),
            weights=weights,
            augmentation=chosen.augmentation,
            declared_scale=chosen.intensity_scale,
            card={
                "seed": seed,
                "model_options": chosen.model_dump(mode="json", exclude_unset=True),
                "loss_weights": asdict(weights),
                "augmentation": chosen.augmentation.model_dump(mode="json"),
                "pretrained": origins_of(config),
                "versions": {name: package_version(name) or "not installed" for name in _PACKAGES},
            },
        )

    def _new(self, corpus: Corpus, options: Mapping[str, Any]) -> tuple[NewModelOptions, ModelConfig]:
        """Return the options of a new model and its records."""
        chosen = read_options(NewModelOptions, options, of=f"reasoner {self.name}")
        if len(corpus.label_space) < 2:
            raise PlanError(
                "a corpus without labels cannot be learnt from",
                slug="plan-impossible",
                where=f"corpus {corpus.name}",
                found=f"the label space {list(corpus.label_space)}",
                remedy="bring a corpus whose utterances have labels, two or more",
            )
        return chosen, with_writer_if_taught(chosen.config(corpus.label_space), corpus)

    def placed(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Return the options of a new model with the folders of weights found from the plan's folder."""
        return {name: _placed(value, folder) if name in _SOURCES else value for name, value in options.items()}

    def model_digest(self, corpus: Corpus, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for a new model in the name of a training: pretrained parts by content, not by path.

        Raises:
            PlanError: as `untrained` does.
        """
        chosen, config = self._new(corpus, options)
        return {**chosen.model_dump(mode="json", exclude=set(_SOURCES)), "pretrained": origins_of(config)}

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
        if corpus is None:
            raise PlanError(
                "there is nothing to judge",
                slug="plan-impossible",
                where=f"reasoner {self.name}",
                found="a run without a corpus",
                remedy="name a corpus beside the reasoner",
            )
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
        device=device_of(reading.execution),
        workers=reading.execution.workers,
        instruction=options.instruction,
        card=loaded.card,
    )


def _placed(source: Any, folder: Path) -> Any:  # noqa: ANN401 - not validated yet
    """Return a folder below the plan's as an absolute path; anything else as it stands."""
    if not isinstance(source, str) or not source or source in PACKAGED:
        return source
    place = folder / Path(source).expanduser()
    return str(place.resolve()) if place.is_dir() else source


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


def device_of(execution: Execution) -> torch.device:
    """Return where to run.

    Raises:
        PlanError: the plan names a device that torch does not know or that is not there.
    """
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
