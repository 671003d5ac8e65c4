"""The least reasoner that reads words: hashed words, one hidden layer; any trainer can fit it in seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from affidavit.protocols import Progress
from affidavit.utterances import Utterance

BUCKETS: Final = 4096
WIDTH: Final = 24


class Words(nn.Module):
    """From the words of turns to scores `[N, K]`."""

    def __init__(self, n_labels: int) -> None:
        """Start from noise."""
        super().__init__()
        self.read = nn.EmbeddingBag(BUCKETS, WIDTH, mode="sum")
        nn.init.normal_(self.read.weight, std=0.1)
        self.answer = nn.Sequential(nn.Tanh(), nn.Linear(WIDTH, n_labels))

    def forward(self, codes: Tensor, starts: Tensor) -> Tensor:
        """Return scores `[N, K]` of turns whose words stand one after another."""
        scores: Tensor = self.answer(self.read(codes, starts))
        return scores


class WordsReasoner:
    """Implements `Trainable` and `Differentiable`."""

    def __init__(self, labels: Sequence[str], *, seed: int) -> None:
        """Start from weights drawn with a seed."""
        torch.manual_seed(seed)
        self.labels, self.module = list(labels), Words(len(labels))
        self.card: dict[str, Any] = {}

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Measure nothing: words are read as they come."""

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return every parameter; all start from noise."""
        return {"new": list(self.module.parameters())}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return the mean cross entropy of each row's labelled turns, `[P]`."""
        labelled = [[turn for turn in unit if turn.label is not None] for unit in units]
        turns = [turn for unit in labelled for turn in unit]
        row = torch.tensor([i for i, unit in enumerate(labelled) for _ in unit])
        codes = torch.tensor([self.labels.index(str(turn.label)) for turn in turns])
        each = cross_entropy(self.logits(turns), codes, reduction="none")
        sums = torch.zeros(len(units)).index_add(0, row, each)
        return sums / torch.bincount(row, minlength=len(units)).clamp(min=1)

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        """Return `[N, K]`, with gradients."""
        words = [_codes(str(utterance.text or "")) for utterance in utterances]
        starts = np.cumsum([0, *map(len, words)])[:-1]
        scores: Tensor = self.module(torch.tensor(np.concatenate(words)), torch.tensor(starts))
        return scores

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write the weights and the card."""
        self.card = dict(card)
        (folder / "card.json").write_text(json.dumps(self.card), encoding="utf-8")
        torch.save(self.module.state_dict(), folder / "model.pt")

    @torch.no_grad()
    def answers(self, utterances: Sequence[Utterance]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return probabilities `[N, K]`."""
        return np.asarray(self.logits(utterances).softmax(1).double().numpy())


@cache
def _codes(text: str) -> list[int]:
    """Return the buckets of a text's words and of its pairs of words."""
    words = text.lower().split()
    return [crc32(word.encode()) % BUCKETS for word in ("", *words, *map(" ".join, pairwise(words)))]
