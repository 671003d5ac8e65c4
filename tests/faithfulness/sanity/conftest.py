"""One thread, and live reasoners over twelve numbers: one that learnt, one whose parameters have no say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from affidavit.attributions import JudgementKey
from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.testing import case_of
from affidavit.utterances import Utterance

LABELS = ("fear", "joy")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Learnt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(12, 16), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.outer(torch.tanh(self.inner(x)))


class Unmoved(Learnt):
    """It has the same parameters, and adds up its input: drawing them anew changes nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.sum(1)
        return torch.stack([total, -total], dim=1) + 0 * super().forward(x)


@dataclass(frozen=True, kw_only=True)
class Live12:
    toy: Any
    numbers_of: Any
    net: nn.Module
    values: dict[str, list[float]]

    def attributable(self, utterances: Any, *, utterance_id: str, condition: str, rationale: str | None) -> Any:
        return self.toy(
            scores=lambda states: self.net(states["audio"]),
            features=(self.numbers_of("x", "audio", self.values[utterance_id]),),
            labels=LABELS,
            module=self.net,
            layers=("outer", "inner"),
            key=JudgementKey(utterance_id=utterance_id, reasoner="live", condition=condition),
        )


@pytest.fixture(scope="session")
def judging_case(toy: Any, numbers_of: Any) -> Callable[..., Case]:
    """Return a case of `learnt` or `unmoved`."""

    def made(kind: str = "learnt", *, n_units: int = 8, seed: int = 0, options: dict[str, Any] | None = None) -> Case:
        torch.manual_seed(seed)
        net = {"learnt": Learnt, "unmoved": Unmoved}[kind]().eval()
        rng = np.random.default_rng(seed)
        values = {f"u{i:03d}": rng.uniform(-1, 1, 12).tolist() for i in range(n_units)}
        with torch.no_grad():
            told = {name: LABELS[int(net(torch.tensor([row])).argmax())] for name, row in values.items()}
        rows = [
            {
                "utterance_id": name,
                "speaker_id": f"s{i}",
                "condition": "A",
                "accent": ("Irish", "Welsh")[i % 2],
                "age": ("18-39", "40+")[i // 2 % 2],
                "y_pred": told[name],
            }
            for i, name in enumerate(values)
        ]
        corpus = Corpus(
            name="numbers",
            utterances=[Utterance(utterance_id=name) for name in values],
            digest="sha256:0",
            licence="made by a test",
        )
        live = Live(
            corpus=corpus,
            offers=frozenset({"gradients"}),
            reasoner=lambda: Live12(toy=toy, numbers_of=numbers_of, net=net, values=values),
        )
        return replace(case_of(pd.DataFrame(rows), options=options), live={"run": live})

    return made
