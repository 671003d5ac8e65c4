"""Questions with sound and pictures into what the Qwen models' forward pass takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from affidavit.media.sound import Sound
from reasoners.language.encoding import Prompt, chat, mark, padded
from reasoners.language.prompts import Piece, Question
from reasoners.omni.hearing import Ear
from reasoners.omni.kinds import Kind, Marks
from reasoners.omni.seeing import Eye, together


class OmniEncoder:
    """For a model that hears, and where it has eyes sees."""

    def __init__(self, tokenizer: Any, kind: Kind, ear: Ear, eye: Eye | None) -> None:  # noqa: ANN401
        self.tokenizer, self.kind, self.ear, self.eye = tokenizer, kind, ear, eye
        self.modalities = kind.modalities

    def prompt(self, question: Question, begins: str) -> Prompt:
        """Return a question as tokens and the tensors of its sound and pictures."""
        return chat(self.tokenizer, question, begins, self._sensed)

    def inputs(self, prompts: Sequence[Prompt], device: torch.device) -> dict[str, Tensor]:
        """Return prompts as one batch, filled up on the left."""
        batch = padded([prompt.ids for prompt in prompts], device)
        media = [tensors for prompt in prompts for tensors in prompt.media]
        sounds = [tensors["features"] for tensors in media if "features" in tensors]
        videos = [dict(tensors) for tensors in media if "patches" in tensors]
        heard = self.ear.together(sounds) if sounds else {}
        seen = together(videos) if videos else {}
        return batch | {name: value.to(device) for name, value in (heard | seen).items()}

    def _sensed(self, piece: Piece) -> tuple[list[int], Mapping[str, Tensor]]:
        if isinstance(piece, Sound):
            features = self.ear.heard(piece)
            return self._held(self.kind.sound, self.ear.n_tokens(features.shape[1])), {"features": features}
        if isinstance(piece, str) or self.eye is None or self.kind.video is None:
            raise TypeError(f"{self.kind.name} was shown {type(piece).__name__}")
        seen = self.eye.seen(piece)
        return self._held(self.kind.video, self.eye.n_tokens(seen["grid"])), seen

    def _held(self, marks: Marks, n: int) -> list[int]:
        begin, place, end = (mark(self.tokenizer, name) for name in (marks.begin, marks.place, marks.end))
        return [begin, *[place] * n, end]
