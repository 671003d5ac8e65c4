"""A corpus of three hospitals whose patients say how they feel, and a small model that counts words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.protocols import Progress, silent
from affidavit.utterances import Utterance

LABELS = ("anger", "joy")
SAID = {"anger": ("no", "never", "again"), "joy": ("yes", "great", "lovely")}
VOCABULARY = sorted(word for words in SAID.values() for word in words)
SITES = ("St. Anne", "City Hospital", "Harbour")


def corpus_of(n_patients: int = 24, *, sites: Sequence[str | None] = SITES, turns: int = 3) -> Corpus:
    """Patients are dealt to the sites in turn; each says words of one label in a turn, one word in four another's."""
    rng, utterances = np.random.default_rng(3), []
    for p in range(n_patients):
        for t in range(turns):
            label = LABELS[(p // 2 + t) % 2]
            words = [str(rng.choice(SAID[label if rng.random() < 0.75 else LABELS[rng.integers(2)]])) for _ in range(5)]
            utterances.append(
                Utterance(
                    utterance_id=f"{p}-{t}",
                    unit_id=f"patient {p}",
                    speaker_id=f"patient {p}",
                    dialogue_id=f"d{p}",
                    turn=t,
                    site=sites[p % len(sites)],
                    text=" ".join(words),
                    label=label,
                )
            )
    digest = digest_of([[u.utterance_id, u.text, u.label, u.site] for u in utterances])
    return Corpus(
        name="wards", utterances=tuple(utterances), digest=digest, licence="made by a test", label_space=LABELS
    )


class Words:
    """Counts words, and adds them up with weights that it learns."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.module = nn.Linear(len(VOCABULARY), len(LABELS))
        self.card = {"made": "by a test"}

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        pass

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        return {"new": list(self.module.parameters()), "pretrained": []}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        rows = []
        for unit in units:
            told = [turn for turn in unit if turn.label is not None]
            labels = torch.tensor([LABELS.index(str(turn.label)) for turn in told])
            rows.append(cross_entropy(self.module(_counts(told)), labels))
        return torch.stack(rows)

    def correct(self, utterances: Sequence[Utterance]) -> float:
        """Return the share of turns that it labels as they are."""
        with torch.no_grad():
            answers = self.module(_counts(utterances)).argmax(1)
        return float(np.mean([LABELS[int(a)] == u.label for a, u in zip(answers, utterances, strict=True)]))

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        torch.save(self.module.state_dict(), folder / "model.pt")
        (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")


def _counts(turns: Sequence[Utterance]) -> Tensor:
    return torch.tensor([[float((turn.text or "").split().count(word)) for word in VOCABULARY] for turn in turns])


Train = Callable[..., tuple[Words, dict[str, Any]]]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Train in a folder of the test's, and return the model and its card."""
    from federated.trainer.door import TRAINER

    def made(
        *,
        name: str = "model",
        corpus: Corpus | None = None,
        progress: Progress = silent,
        seed: int = 5,
        **options: Any,
    ) -> tuple[Words, dict[str, Any]]:
        reasoner = Words()
        protected = {"local", "private", "central"} & options.keys()
        TRAINER.train(
            reasoner,
            corpus or corpus_of(),
            {"rounds": {"rounds": 3}, **({} if protected else {"local": {}}), **options},
            folder=tmp_path / name,
            rng=np.random.default_rng(seed),
            progress=progress,
        )
        return reasoner, json.loads((tmp_path / name / "card.json").read_text(encoding="utf-8"))

    return made


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level("CRITICAL", logger="affidavit.site"):
        yield
