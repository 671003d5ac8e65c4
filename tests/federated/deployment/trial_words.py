"""A reasoner that a test installs as a plugin: it counts words, and is made from a seed without looking at anybody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from affidavit.corpus import Corpus
from affidavit.plan import Execution
from affidavit.protocols import Progress
from affidavit.utterances import Utterance

WORDS = ("again", "great", "lovely", "never", "no", "yes")


class TrialWords:
    """A sum of words, weighted."""

    def __init__(self, labels: Sequence[str], seed: int) -> None:
        torch.manual_seed(seed)
        self._labels, self.module = tuple(labels), nn.Linear(len(WORDS), len(labels))
        self.card = {"made": "by a test"}

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Look at nothing."""

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        """Return every weight as a new one."""
        return {"new": list(self.module.parameters()), "pretrained": []}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return the mean loss of each unit's turns."""
        rows = []
        for unit in units:
            told = [turn for turn in unit if turn.label is not None]
            counts = [[float((turn.text or "").split().count(word)) for word in WORDS] for turn in told]
            labels = torch.tensor([self._labels.index(str(turn.label)) for turn in told])
            rows.append(cross_entropy(self.module(torch.tensor(counts)), labels))
        return torch.stack(rows)

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write weights and card."""
        torch.save(self.module.state_dict(), folder / "model.pt")
        (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


class Door:
    """What stands behind the plugin's name."""

    name = "trial-words"

    def untrained(self, corpus: Corpus, options: Mapping[str, Any], *, seed: int, execution: Execution) -> TrialWords:
        """Return a model of the corpus's labels."""
        return TrialWords(corpus.label_space, seed)


REASONER = Door()
