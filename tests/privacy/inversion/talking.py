"""A live reasoner of words and a voice, made by the tests: an embedding, two layers for the voice, an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from affidavit.attributable import EmbeddedTokens, Features
from affidavit.attributions import JudgementKey
from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.testing import case_of
from affidavit.utterances import Utterance
from tests.privacy.inversion.conftest import LABELS, feature

WIDTH, HIDDEN, WORDS = 30, 24, 60
MASK, ADDED = 0, 1
"""The word that stands for none, and the one that is added to every text."""


class Talk(nn.Module):
    """From words' embeddings `[N, L, 8]` and voices `[N, WIDTH]` to scores."""

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(WORDS, 8)
        self.read = nn.Linear(8, HIDDEN)
        self.voice = nn.Linear(WIDTH, HIDDEN)
        self.hear = nn.Linear(HIDDEN, HIDDEN)
        self.emotion = nn.Linear(2 * HIDDEN, len(LABELS))
        self.single = nn.Linear(HIDDEN, len(LABELS))
        """Trained by another loss: of an update with noise it holds nothing else."""

    def texts(self, tokens: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.read(tokens).mean(1))

    def voices(self, descriptors: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.hear(torch.tanh(self.voice(descriptors))))

    def answer(self, states: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return self.emotion(torch.cat([states["text"], states["audio"]], dim=1))

    def forward(self, tokens: torch.Tensor, descriptors: torch.Tensor) -> torch.Tensor:
        return self.answer({"text": self.texts(tokens), "audio": self.voices(descriptors)})


@dataclass(frozen=True, kw_only=True, eq=False)
class TalkTurn:
    key: JudgementKey
    features: tuple[Features, ...]
    module: Talk
    embedded: EmbeddedTokens | None
    labels: tuple[str, ...] = LABELS
    tokens: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ("text", "audio")
    layers: tuple[str, ...] = ("emotion", "read", "word", "hear", "voice")

    def anew(self) -> TalkTurn:
        return self

    def encoded(self, modality: str, inputs: Mapping[str, Any]) -> Any:
        return self.module.texts(inputs["tokens"]) if modality == "text" else self.module.voices(inputs["descriptors"])

    def concluded(self, states: Mapping[str, Any], *, rationale: bool) -> Any:
        n_rows = len(next(iter(states.values())))
        kept = {item.modality: self.encoded(item.modality, {item.name: item.values}) for item in self.features}
        return self.module.answer({name: states.get(name, own.expand(n_rows, -1)) for name, own in kept.items()})

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, eq=False)
class Talker:
    said: Mapping[str, tuple[Sequence[int], np.ndarray]]
    module: Talk
    silent: frozenset[str] = frozenset()
    """Turns that say nothing: their words are one that is added, and no embedding is told of."""

    def attributable(
        self, utterances: Sequence[Utterance], *, utterance_id: str, condition: str, rationale: str | None
    ) -> TalkTurn:
        words, voice = self.said[utterance_id]
        ids = torch.tensor([[ADDED, *words]])
        nothing = torch.tensor([[ADDED, *[MASK] * len(words)]])
        tokens = feature("tokens", "text", self.module.word(ids)[0].detach().numpy())
        return TalkTurn(
            key=JudgementKey(utterance_id=utterance_id, reasoner="talk", condition=condition),
            features=(tokens, feature("descriptors", "audio", voice)),
            module=self.module,
            embedded=None
            if utterance_id in self.silent
            else EmbeddedTokens(features="tokens", layer=self.module.word, ids=ids, baseline_ids=nothing),
        )


def talk(*, seed: int = 3) -> Talk:
    """Return the network with weights from a seed; nobody else's stream is touched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Talk().eval()


def talking_case(module: Talk, *, n_units: int = 16, per_unit: int = 2, own: float = 1.0, **options: Any) -> Case:
    """A case of units who each say five words of their own liking, in a voice of their own."""
    rng = np.random.default_rng(11)
    utterances, said, rows = [], {}, []
    for u in range(n_units):
        voice = own * rng.normal(size=WIDTH)
        for t in range(per_unit):
            name, label = f"p{u:02d}-{t}", LABELS[int(rng.integers(3))]
            words = tuple(int(word) for word in rng.choice(np.arange(2, WORDS), 5, replace=False))
            said[name] = (words, voice + rng.normal(size=WIDTH))
            utterances.append(
                Utterance(utterance_id=name, speaker_id=f"p{u:02d}", dialogue_id=name, text="so it is", label=label)
            )
            row = {"utterance_id": name, "speaker_id": f"p{u:02d}", "condition": "TA", "y_true": label, "y_pred": label}
            rows.append(row)
    corpus = Corpus(name="made", utterances=utterances, digest="sha256:0", licence="made by a test")
    opened = Live(
        corpus=corpus, offers=frozenset({"gradients"}), reasoner=cache(lambda: Talker(said=said, module=module))
    )
    return replace(
        case_of(pd.DataFrame(rows), by=(), options={"input": "descriptors", **options}), live={"run": opened}
    )
