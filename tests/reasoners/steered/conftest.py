"""The smallest reasoner that can be trained: scores are linear in numbers that a corpus gives each utterance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from affidavit.corpus import Corpus
from affidavit.protocols import Progress, silent
from affidavit.utterances import Utterance

LABELS = ("calm", "tense")


def corpus_of(numbers: np.ndarray, labels: np.ndarray, groups: Sequence[str | None], *, per_unit: int = 4) -> Corpus:
    """Units of so many utterances each; the numbers [N, D] are the text, the group belongs to the unit."""
    utterances = tuple(
        Utterance(
            utterance_id=f"u{i}",
            speaker_id=f"s{i // per_unit}",
            dialogue_id=f"d{i // per_unit}",
            turn=i % per_unit,
            text=" ".join(map(repr, row.tolist())),
            label=LABELS[int(label)],
            sensitive={} if groups[i // per_unit] is None else {"accent": str(groups[i // per_unit])},
        )
        for i, (row, label) in enumerate(zip(numbers, labels, strict=True))
    )
    return Corpus(
        name="numbers", utterances=utterances, digest="sha256:0", licence="made by a test", label_space=LABELS
    )


@cache
def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split())


class LinearReasoner:
    """Implements `Trainable` and `Differentiable`; starts from zero."""

    def __init__(self, n_numbers: int) -> None:
        self.module = nn.Linear(n_numbers, len(LABELS))
        nn.init.zeros_(self.module.weight)
        nn.init.zeros_(self.module.bias)
        self.saved: dict[str, Any] = {}

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        pass

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {"new": list(self.module.parameters()), "pretrained": []}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        return torch.stack([cross_entropy(self._scores(unit), self._codes(unit)) for unit in units])

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        self.module.eval()
        return self._scores(utterances)

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        self.saved = dict(card)
        (folder / "card.json").write_text(json.dumps(self.saved), encoding="utf-8")
        torch.save(self.module.state_dict(), folder / "model.pt")

    def answers(self, corpus: Corpus) -> np.ndarray:
        with torch.no_grad():
            return self._scores(corpus.utterances).softmax(1).numpy()

    def _scores(self, turns: Sequence[Utterance]) -> Tensor:
        scores: Tensor = self.module(torch.tensor([_numbers(str(turn.text)) for turn in turns]))
        return scores

    @staticmethod
    def _codes(turns: Sequence[Utterance]) -> Tensor:
        return torch.tensor([LABELS.index(str(turn.label)) for turn in turns])


def trained(trainer: Any, corpus: Corpus, folder: Path, progress: Progress = silent, **options: Any) -> LinearReasoner:
    """Train a new reasoner of two numbers, always with the same draws."""
    reasoner, quick = LinearReasoner(2), {"development": 0.15, "held_out": 0.3, "rows_per_step": 8}
    rng = np.random.default_rng(3)
    trainer.train(reasoner, corpus, {**quick, **options}, folder=folder, rng=rng, progress=progress)
    return reasoner


def regrouped(corpus: Corpus, groups: Sequence[str | None]) -> Corpus:
    """The same utterances, the units in these groups."""
    numbers = np.array([_numbers(str(u.text)) for u in corpus.utterances])
    return corpus_of(numbers, np.array([LABELS.index(str(u.label)) for u in corpus.utterances]), groups)


@pytest.fixture(scope="session")
def linear() -> SimpleNamespace:
    """The corpus and the reasoner, for tests that cannot import this file."""
    return SimpleNamespace(corpus_of=corpus_of, regrouped=regrouped, trained=trained)
