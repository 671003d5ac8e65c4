"""The verifier's network: a sentence into 28 scores, each through a sigmoid of its own.

The encoder `words` adds up one learnt state for each word and each pair of neighbouring words (`not angry` is a pair),
found by a hash that is the same on every machine. The encoder `minilm` is all-MiniLM-L6-v2 as it comes, the mean of its
last states, never trained here.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import torch
from torch import Tensor, nn

from reasoners.instructed.pretrained import had, model_folder
from reasoners.verifier.config import VerifierConfig
from reasoners.verifier.emotions import EMOTIONS
from reasoners.verifier.masking import MASK

_TOKEN: Final = re.compile(r"[\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)?")
_MINILM_WIDTH: Final = 384
_MOST_TOKENS: Final = 128
_AT_ONCE: Final = 64


class VerifierNetwork(nn.Module):
    """Features and a linear layer over them."""

    def __init__(self, config: VerifierConfig) -> None:
        super().__init__()
        self.config = config
        own = config.encoder == "words"
        self.words = nn.EmbeddingBag(config.buckets, config.width, mode="mean") if own else None
        self.told = nn.Linear(config.width if own else _MINILM_WIDTH, len(EMOTIONS))
        self.frozen: tuple[Any, Any] | None = None

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return scores `[N, 28]` of N sentences' features."""
        if self.words is None:
            scored: Tensor = self.told(torch.stack(list(features)))
            return scored
        ends = torch.tensor([0, *(len(row) for row in features)]).cumsum(0)[:-1]
        scores: Tensor = self.told(self.words(torch.cat(list(features)), ends))
        return scores

    @torch.no_grad()
    def features(self, sentences: Sequence[str]) -> list[Tensor]:
        """Return what the trained part is given of each sentence: places of words, or MiniLM's state.

        Raises:
            MissingPartError: the package that brings MiniLM is not installed.
        """
        plain = [sentence.replace(MASK, " ") for sentence in sentences]
        if self.words is not None:
            return [torch.tensor(places(sentence, self.config.buckets)) for sentence in plain]
        return [
            row for start in range(0, len(plain), _AT_ONCE) for row in self._states(plain[start : start + _AT_ONCE])
        ]

    def _states(self, sentences: Sequence[str]) -> Tensor:
        tokenizer, model = self._minilm()
        read = tokenizer(list(sentences), padding=True, truncation=True, max_length=_MOST_TOKENS, return_tensors="pt")
        states = model(**read).last_hidden_state
        known = read["attention_mask"].unsqueeze(-1)
        mean: Tensor = (states * known).sum(1) / known.sum(1)
        return mean

    def _minilm(self) -> tuple[Any, Any]:
        """Return tokenizer and model, kept outside the parameters of this network."""
        if self.frozen is None:
            from transformers import AutoModel, AutoTokenizer

            place = model_folder("minilm")
            with had("minilm"):
                model = AutoModel.from_pretrained(place, add_pooling_layer=False).eval().requires_grad_(False)
                object.__setattr__(self, "frozen", (AutoTokenizer.from_pretrained(place), model))
        if self.frozen is None:
            raise LookupError("minilm was not loaded")
        return self.frozen


def places(sentence: str, buckets: int) -> list[int]:
    """Return the places of a sentence's words and pairs of words; the first place alone where it has none.

    >>> len(places("Not angry.", 64)), places("...", 64)
    (3, [0])
    """
    words = _TOKEN.findall(sentence.casefold())
    pairs = [f"{first} {second}" for first, second in pairwise(words)]
    return [1 + zlib.crc32(word.encode()) % (buckets - 1) for word in (*words, *pairs)] or [0]
