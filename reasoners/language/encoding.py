"""Questions into tokens and tensors: the chat form that SmolLM2 and the Qwen models share, read by marks of its own.

    <|im_start|>system ... <|im_end|> <|im_start|>user ... <|im_end|> <|im_start|>assistant

The marks are put in as tokens. Marks that somebody spoke or typed stay plain text, so nobody's words can end a turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from reasoners.language.prompts import Piece, Question

_START, _END = "<|im_start|>", "<|im_end|>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question as a model reads it."""

    ids: tuple[int, ...]
    media: tuple[Mapping[str, Tensor], ...] = field(default=())
    """Tensors of each sound and video, in the order of their tokens."""


class Encoder(Protocol):
    """Turns questions into what a model's forward pass takes."""

    tokenizer: Any
    modalities: frozenset[str]
    """Letters of what the model takes in."""

    def prompt(self, question: Question, begins: str) -> Prompt:
        """Return a question as tokens, and behind it how the answer begins."""

    def inputs(self, prompts: Sequence[Prompt], device: torch.device) -> dict[str, Tensor]:
        """Return prompts as one batch, filled up on the left."""


class TextEncoder:
    """For a model that reads words alone."""

    modalities = frozenset("T")

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - of any class
        self.tokenizer = tokenizer

    def prompt(self, question: Question, begins: str) -> Prompt:
        """Return a question as tokens.

        Raises:
            TypeError: there is sound or a picture in it.
        """
        return chat(self.tokenizer, question, begins, self._heard)

    def inputs(self, prompts: Sequence[Prompt], device: torch.device) -> dict[str, Tensor]:
        """Return `input_ids` and `attention_mask`, `[N, T]`."""
        return padded([prompt.ids for prompt in prompts], device)

    def _heard(self, piece: Piece) -> tuple[list[int], Mapping[str, Tensor]]:
        raise TypeError(f"a model that reads words alone was shown {type(piece).__name__}")


class Sensed(Protocol):
    """Turns a sound or frames into tokens that hold its place, and tensors."""

    def __call__(self, piece: Piece) -> tuple[list[int], Mapping[str, Tensor]]:
        """Return both."""


def chat(tokenizer: Any, question: Question, begins: str, sensed: Sensed) -> Prompt:  # noqa: ANN401
    """Return a question in chat form."""
    start, end = (mark(tokenizer, name) for name in (_START, _END))
    newline = words(tokenizer, "\n")
    ids = [start, *words(tokenizer, f"system\n{question.system}"), end, *newline, start, *words(tokenizer, "user\n")]
    media = []
    for piece in question.pieces:
        if isinstance(piece, str):
            ids += words(tokenizer, piece)
        else:
            held, tensors = sensed(piece)
            ids += held
            media.append(tensors)
    ids += [end, *newline, start, *words(tokenizer, f"assistant\n{begins}")]
    return Prompt(ids=tuple(ids), media=tuple(media))


def words(tokenizer: Any, text: str) -> list[int]:  # noqa: ANN401
    """Return text as tokens; what looks like a mark is text like any other."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


def mark(tokenizer: Any, name: str) -> int:  # noqa: ANN401
    """Return the token of a mark.

    Raises:
        ValueError: the tokenizer does not know it.
    """
    found = tokenizer.convert_tokens_to_ids(name)
    if found is None or found == tokenizer.unk_token_id:
        raise ValueError(f"the tokenizer has no token {name}")
    return int(found)


def padded(rows: Sequence[Sequence[int]], device: torch.device) -> dict[str, Tensor]:
    """Return rows of tokens as one batch, filled up on the left with 0, which the mask hides."""
    width = max(map(len, rows))
    ids = torch.tensor([[*[0] * (width - len(row)), *row] for row in rows], device=device)
    mask = torch.tensor([[*[0] * (width - len(row)), *[1] * len(row)] for row in rows], device=device)
    return {"input_ids": ids, "attention_mask": mask}


def filled(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return rows of tokens filled up at the end, and which are known; at least one column."""
    width = max(1, *map(len, rows))
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)
    known = torch.tensor([[i < len(row) for i in range(width)] for row in rows], device=device)
    return ids, known
