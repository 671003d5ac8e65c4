"""What a plan may say of a new instructed model, and of judging with a trained one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from affidavit.conditions import modality_subsets
from affidavit.options import read_options
from affidavit.records import Record
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.config import AcousticFeature, ModelConfig
from reasoners.instructed.instructions import DEFAULT
from reasoners.instructed.parts import Part
from reasoners.instructed.pretrained import backbone_shape, text_shape
from reasoners.instructed.sizes import SIZES


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
    start: str | None = None
    """The folder of a checkpoint (relative to the plan; one that an earlier training of the plan leaves will do) whose
    weights the model begins with. Architecture, vocabulary, labels and scale of intensities are the checkpoint's; an
    option that contradicts them is refused. Whom the checkpoint met counts as met: they are neither trained on again
    nor judged."""
    only: Annotated[tuple[Part, ...], Field(min_length=1)] | None = None
    """The parts that training changes: `text`, `audio`, `visual` (the encoders), `fusion` (weights of the modalities),
    `instruction` (its learnt state), `dialogue` (the turns before), `head` (the hidden layer that judges), `answers`
    (the linear layers that give emotion and intensity), `emotion` (of the answers that one alone), `rationale` (the
    writer). All where absent."""
    still: bool = False
    """Whether all before the layer that is trained stays still: no dropout there, and what it makes of each row is
    computed once. For `only: [emotion]`, with no loss but the emotion's and no augmentation; many times as fast."""

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
