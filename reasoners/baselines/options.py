"""What a plan may say of a new baseline, and of judging with a trained one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from affidavit.conditions import modality_subsets
from affidavit.options import read_options
from affidavit.records import Record
from reasoners.baselines.config import Architecture, BaselineConfig, Reading
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.config import AcousticFeature
from reasoners.instructed.options import NewModelOptions


class NewBaselineOptions(Record):
    """What a plan may say of a baseline that is to be trained; its encoders are those of `instructed`."""

    size: Literal["tiny", "small", "base", "full"] = "tiny"
    """Which encoders, as for `instructed`."""
    acoustics: Annotated[tuple[AcousticFeature, ...], Field(min_length=1)] | None = None
    """`log-mel`, `functionals`, `egemaps` (openSMILE's 88, non-commercial); the size's own where absent."""
    text: bool = True
    """Whether it reads words."""
    audio: bool = True
    """Whether it hears the voice."""
    visual: bool = True
    """Whether it sees the face."""
    text_source: str | None = None
    """A folder of weights (relative to the plan) or a hub id, in place of the size's own text encoder; frozen."""
    visual_source: str | None = None
    """The same for a ResNet; frozen."""
    words: Reading = "encoder"
    """`encoder` reads words as `instructed` does; `convolutions` as the published models do, and many times as fast."""
    hidden: int = Field(default=64, ge=4)
    """Of the states that read the dialogue."""
    layers: int = Field(default=1, ge=1)
    """Layers that read the dialogue; of `early-fusion`, the others have one."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    augmentation: Augmentation = Augmentation()
    """What training changes at random in its inputs."""

    def config(self, architecture: Architecture, label_space: tuple[str, ...]) -> BaselineConfig:
        """Return the records of the model.

        Raises:
            PlanError: nothing is left of the model, or a source cannot be had.
        """
        encoders = NewModelOptions(
            size=self.size,
            acoustics=self.acoustics,
            text=self.text,
            audio=self.audio,
            visual=self.visual,
            text_source=self.text_source,
            visual_source=self.visual_source,
            temporal=False,
            instructed=False,
            rationales=False,
        )
        chosen = {
            "architecture": architecture,
            "perception": encoders.config(label_space),
            "words": self.words,
            "hidden": self.hidden,
            "layers": self.layers,
            "dropout": self.dropout,
        }
        return read_options(BaselineConfig, chosen, of=f"reasoner {architecture}")


class BaselineJudgingOptions(Record):
    """What a plan may say of judging with a trained baseline."""

    checkpoint: str
    """The folder that training left, one per seed, relative to the plan."""
    conditions: tuple[str, ...] = Field(default=tuple(str(condition) for condition in modality_subsets()), min_length=1)
    """What is shown: subsets of the modalities, and degraded ones such as `TAV/noise=10dB`."""
    utterances: Literal["held-out", "all"] = "held-out"
    """`held-out` judges only whom the checkpoint was not trained on; `all` judges the others too, and says so."""
    batch_turns: int = Field(default=256, ge=1)
    """Turns that are judged together; changes speed and memory only."""
