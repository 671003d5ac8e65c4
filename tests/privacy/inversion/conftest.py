"""A live reasoner of a voice's numbers and a small picture, made by the tests; one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from affidavit.attributable import Features
from affidavit.attributions import JudgementKey, Span
from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.testing import case_of
from affidavit.utterances import Utterance
from privacy.inversion.targets import Shown

LABELS = ("anger", "joy", "sadness")
WIDTH, SIDE = 12, 8


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.voice = nn.Linear(WIDTH, 16)
        self.face = nn.Linear(SIDE * SIDE, 16)
        self.emotion = nn.Linear(32, len(LABELS))

    def forward(self, descriptors: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
        states = [torch.sigmoid(self.voice(descriptors)), torch.sigmoid(self.face(pixels.flatten(1)))]
        return self.emotion(torch.cat(states, dim=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Turn:
    key: JudgementKey
    features: tuple[Features, ...]
    module: Any
    labels: tuple[str, ...] = LABELS
    tokens: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ("audio", "video")
    embedded: None = None
    layers: tuple[str, ...] = ()

    def anew(self) -> Turn:
        return self

    def encoded(self, modality: str, inputs: Mapping[str, Any]) -> Any:
        if modality == "audio":
            return torch.sigmoid(self.module.voice(inputs["descriptors"]))
        return torch.sigmoid(self.module.face(inputs["pixels"].flatten(1)))

    def concluded(self, states: Mapping[str, Any], *, rationale: bool) -> Any:
        n_rows = len(next(iter(states.values())))
        kept = {item.modality: self.encoded(item.modality, {item.name: item.values}) for item in self.features}
        both = [states.get(name, kept[name].expand(n_rows, -1)) for name in ("audio", "video")]
        return self.module.emotion(torch.cat(both, dim=1))

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, eq=False)
class Reasoner:
    values: Mapping[str, tuple[np.ndarray, np.ndarray]]
    module: Any

    def attributable(
        self, utterances: Sequence[Utterance], *, utterance_id: str, condition: str, rationale: str | None
    ) -> Turn:
        voice, face = self.values[utterance_id]
        return Turn(
            key=JudgementKey(utterance_id=utterance_id, reasoner="net", condition=condition),
            features=(feature("descriptors", "audio", voice), feature("pixels", "video", face)),
            module=self.module,
        )


def feature(name: str, modality: str, values: np.ndarray) -> Features:
    tensor = torch.tensor(values[None], dtype=torch.float32)
    return Features(
        name=name,
        modality=modality,
        values=tensor,
        baseline=torch.zeros_like(tensor),
        groups=torch.zeros(tensor.shape, dtype=torch.long),
        spans=(Span(modality=modality, name=name),),
        window=(1,) * (tensor.dim() - 1),
    )


def shown_of(value: np.ndarray, *, unit: int) -> Shown:
    """A turn of one vector, that nobody scores."""
    item = feature("descriptors", "audio", value)
    key = JudgementKey(utterance_id=f"u{unit}", reasoner="net", condition="TAV")
    item = replace(item, values=item.values.double())
    return Shown(unit=unit, label=0, turn=Turn(key=key, features=(item,), module=None), feature=item)


def live_case(*, n_units: int = 16, per_unit: int = 3, own: float = 2.0, **options: Any) -> Case:
    """A case whose units have a voice and a face of their own, by `own` standard deviations of a turn's."""
    rng = np.random.default_rng(7)
    utterances, values, rows = [], {}, []
    for u in range(n_units):
        voice, face = own * rng.normal(size=WIDTH), own * rng.normal(size=(SIDE, SIDE))
        for t in range(per_unit):
            name, label = f"p{u:02d}-{t}", LABELS[int(rng.integers(3))]
            utterances.append(
                Utterance(
                    utterance_id=name,
                    speaker_id=f"p{u:02d}",
                    dialogue_id=f"d{u}-{t}",
                    text=f"so it is {label} then",
                    label=label,
                )
            )
            values[name] = (voice + rng.normal(size=WIDTH), face + rng.normal(size=(SIDE, SIDE)))
            rows.append(
                {
                    "utterance_id": name,
                    "speaker_id": f"p{u:02d}",
                    "dialogue_id": f"d{u}-{t}",
                    "condition": "TAV",
                    "accent": ["north", "south"][u % 2],
                    "y_true": label,
                    "y_pred": label,
                }
            )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = Net().eval()
    corpus = Corpus(name="made", utterances=utterances, digest="sha256:0", licence="made by a test")
    opened = Live(
        corpus=corpus, offers=frozenset({"gradients"}), reasoner=cache(lambda: Reasoner(values=values, module=net))
    )
    case = case_of(pd.DataFrame(rows), by=("accent",), options=options)
    return replace(case, live={"run": opened})
