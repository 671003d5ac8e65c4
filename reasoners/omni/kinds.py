"""The kinds of omni-modal model that are known: their class, what they take in, the marks around sound and pictures.

All three are read by transformers as they are published; a folder's `config.json` says which kind it holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from affidavit.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The tokens around a sound or a video, and the one that holds a place for each piece of it."""

    begin: str
    place: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of model."""

    name: str
    class_name: str
    """In transformers."""
    modalities: frozenset[str]
    sound: Marks
    video: Marks | None
    whole_window: bool = False
    """Whether the ear takes windows of one length only, filled up with silence."""
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    """Of red, green and blue, where the folder does not say: those of CLIP (Radford et al. 2021)."""
    sd: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)


_BOS: Final = Marks(begin="<|audio_bos|>", place="<|AUDIO|>", end="<|audio_eos|>")
QWEN2_AUDIO: Final = Kind(
    name="Qwen2-Audio",
    class_name="Qwen2AudioForConditionalGeneration",
    modalities=frozenset("TA"),
    sound=_BOS,
    video=None,
    whole_window=True,
)
QWEN2_5_OMNI: Final = Kind(
    name="Qwen2.5-Omni",
    class_name="Qwen2_5OmniThinkerForConditionalGeneration",
    modalities=frozenset("TAV"),
    sound=_BOS,
    video=Marks(begin="<|vision_bos|>", place="<|VIDEO|>", end="<|vision_eos|>"),
)
QWEN3_OMNI: Final = Kind(
    name="Qwen3-Omni",
    class_name="Qwen3OmniMoeThinkerForConditionalGeneration",
    modalities=frozenset("TAV"),
    sound=Marks(begin="<|audio_start|>", place="<|audio_pad|>", end="<|audio_end|>"),
    video=Marks(begin="<|vision_start|>", place="<|video_pad|>", end="<|vision_end|>"),
    mean=(0.5, 0.5, 0.5),
    sd=(0.5, 0.5, 0.5),
)
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "qwen2_audio": QWEN2_AUDIO,
        "qwen2_5_omni": QWEN2_5_OMNI,
        "qwen2_5_omni_thinker": QWEN2_5_OMNI,
        "qwen3_omni_moe": QWEN3_OMNI,
        "qwen3_omni_moe_thinker": QWEN3_OMNI,
    }
)
"""By `model_type`: of the whole model, or of the part that listens and thinks (the part that talks is not needed)."""


def kind_of(config: Any, *, where: str) -> Kind:  # noqa: ANN401 - transformers has no types
    """Return which kind of model a configuration is of.

    Raises:
        PlanError: none of those that are known.
    """
    found = KINDS.get(config.model_type)
    if found is None:
        raise PlanError(
            "this is no omni-modal model that is known",
            slug="plan-impossible",
            where=where,
            found=f"model_type {config.model_type}",
            allowed=", ".join(kind.name for kind in dict.fromkeys(KINDS.values())),
            remedy="name a folder of one of these, or have another model judge through `served` or a function",
        )
    return found


def picture_statistics(place: str, kind: Kind) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of red, green and blue: the folder's own, or those of the kind."""
    try:
        told = json.loads((Path(place) / "preprocessor_config.json").read_text(encoding="utf-8"))
        mean, sd = (tuple(float(value) for value in told[name]) for name in ("image_mean", "image_std"))
    except (OSError, ValueError, KeyError, TypeError):
        return kind.mean, kind.sd
    return (mean, sd) if len(mean) == len(sd) == 3 else (kind.mean, kind.sd)
