"""What stands behind the door `reasoners: omni`: an omni-modal language model from a folder or, online, a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import torch
from pydantic import Field

from affidavit.errors import PlanError
from reasoners.instructed.pretrained import had, model_folder
from reasoners.language.cards import ModelCard, folder_card
from reasoners.language.door import LanguageDoor
from reasoners.language.encoding import Encoder, mark
from reasoners.language.options import Asking, JudgingOptions, TrainingOptions
from reasoners.omni.encoding import OmniEncoder
from reasoners.omni.hearing import Ear
from reasoners.omni.kinds import Kind, kind_of, picture_statistics
from reasoners.omni.seeing import Eye

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


class OmniJudging(JudgingOptions):
    """What a plan may say of judging with an omni-modal model."""

    path: str | None = Field(default=None, min_length=1)
    """A folder of weights (relative to the plan) or, where there is a network, a hub id; not with a checkpoint."""
    dtype: Dtype = "auto"
    """In which numbers it computes; `auto` takes those of the folder on a GPU, and single precision on a processor."""


class OmniTraining(TrainingOptions):
    """What a plan may say of an omni-modal model whose adapters are to be trained."""

    path: str = Field(min_length=1)
    """A folder of weights (relative to the plan) or, where there is a network, a hub id."""
    dtype: Dtype = "auto"
    """In which numbers the frozen model computes; the adapters are in single precision."""


class Omni:
    """How an omni-modal model is loaded."""

    name = "omni"
    judging = OmniJudging
    training = OmniTraining

    def source(self, options: Any, folder: Path) -> str:  # noqa: ANN401 - OmniJudging or OmniTraining
        """Return the folder, found from the plan's, or the hub id as it stands.

        Raises:
            PlanError: none is named.
        """
        if options.path is None:
            raise PlanError(
                "an omni-modal model needs its weights",
                slug="plan-invalid",
                where=f"reasoner {self.name}",
                found="neither path nor checkpoint",
                allowed="path: a folder as it is published, or a hub id where there is a network",
                remedy="fetch the weights once where there is a network, and name the folder",
            )
        place = folder / Path(options.path).expanduser()
        return str(place.resolve()) if place.is_dir() else str(options.path)

    def weights(self, source: str) -> ModelCard:
        """Return what the weights are, as their folder tells.

        Raises:
            PlanError: there is no such folder.
        """
        return folder_card(source)

    def load(self, source: str, asking: Asking) -> tuple[Any, Encoder]:
        """Return the part of the model that listens and thinks, and what makes its tensors.

        Raises:
            PlanError: it cannot be had, or is of no kind that is known.
        """
        import transformers

        place = model_folder(source)
        with had(source):
            kind = kind_of(transformers.AutoConfig.from_pretrained(place), where=Path(source).name)
            genuine = getattr(transformers, kind.class_name)
            model = genuine.from_pretrained(place, dtype=_dtype(getattr(asking, "dtype", "auto")))
            tokenizer = transformers.AutoTokenizer.from_pretrained(place)
        return model, encoder_of(model, tokenizer, kind, str(place))


def encoder_of(model: Any, tokenizer: Any, kind: Kind, place: str) -> OmniEncoder:  # noqa: ANN401
    """Return what makes tensors of questions for a model.

    Raises:
        PlanError: its tokenizer lacks a mark that the kind needs.
    """
    config = model.config
    eye = None
    try:
        if kind.video is not None:
            eye = Eye(config, *picture_statistics(place, kind))
            if getattr(config, "vision_start_token_id", None) is None:
                config.vision_start_token_id = mark(tokenizer, kind.video.begin)
        for name in (kind.sound.begin, kind.sound.place, kind.sound.end):
            mark(tokenizer, name)
    except ValueError as error:
        raise PlanError(
            f"the tokenizer is not that of {kind.name}",
            slug="plan-impossible",
            where=Path(place).name,
            found=str(error),
            remedy="fetch the folder again, with the tokenizer that belongs to the weights",
        ) from None
    return OmniEncoder(tokenizer, kind, Ear(config, kind), eye)


def _dtype(name: Dtype) -> Any:  # noqa: ANN401 - a dtype or "auto"
    if name == "auto":
        return "auto" if torch.cuda.is_available() else torch.float32
    return getattr(torch, name)


REASONER: Final = LanguageDoor(Omni())
