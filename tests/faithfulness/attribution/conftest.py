"""A turn of a small network, one thread, and a SHAP that need not be compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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


@pytest.fixture(autouse=True, scope="session")
def _explain() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")  # compiling SHAP's loops takes longer than all tests together
        yield
    torch.set_num_threads(threads)


class Network(nn.Module):
    """Not linear, over a sound, a vector and pictures, with spans of several numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(6 * 2 + 3 + 2 * 16, 8)
        self.outer = nn.Linear(8, 3)

    def forward(self, mel: torch.Tensor, pitch: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
        values = torch.cat([mel.flatten(1), pitch, pixels.flatten(1)], dim=1)
        return self.outer(torch.tanh(self.inner(values)))


def spans(modality: str, n: int) -> tuple[Span, ...]:
    return tuple(Span(modality=modality, name=f"{modality} {i}") for i in range(n))


@pytest.fixture
def network(toy: Any) -> tuple[Network, Any]:
    torch.manual_seed(2)
    net = Network().eval()
    cells = torch.arange(4) // 2
    places = torch.arange(2)[:, None, None] * 4 + cells[:, None] * 2 + cells
    features = (
        Features(
            name="mel",
            modality="audio",
            values=torch.randn(1, 6, 2),
            baseline=torch.randn(1, 6, 2),
            groups=(torch.arange(6) // 2)[None, :, None].expand(1, 6, 2),
            spans=spans("audio", 3),
            window=(2, 2),
        ),
        Features(
            name="pitch",
            modality="audio",
            values=torch.randn(1, 3),
            baseline=torch.zeros(1, 3),
            groups=torch.arange(3)[None],
            spans=spans("audio", 3),
            window=(1,),
        ),
        Features(
            name="pixels",
            modality="video",
            values=torch.randn(1, 2, 4, 4),
            baseline=torch.zeros(1, 2, 4, 4),
            groups=places[None],
            spans=spans("video", 8),
            window=(1, 2, 2),
        ),
    )

    def scores(states: Any) -> torch.Tensor:
        audio, video = states["audio"], states["video"]
        return net(audio[:, :12].reshape(-1, 6, 2), audio[:, 12:], video.reshape(-1, 2, 4, 4))

    return net, toy(scores=scores, features=features, labels=("joy", "fear"), tokens=("x",), module=net)


WIDTHS = {"text": 4, "audio": 3, "video": 2}
NAMES = tuple(f"{modality}{i}" for modality, width in WIDTHS.items() for i in range(width))
CITING = {"text": "words", "audio": "voice", "video": "face"}
LABELS = ("fear", "joy")


class Weights(nn.Module):
    """`w.weight` is `[2, 9]`."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        self.w = nn.Linear(9, 2, bias=False)
        with torch.no_grad():
            self.w.weight.copy_(torch.from_numpy(weights))


@dataclass(frozen=True, kw_only=True)
class Speaking:
    """A live reasoner over nine numbers: a label's score is a sum, a word that names a number falls with it alone.

    Other words hang on nothing, but for "all", which hangs on everything.
    """

    toy: Any
    numbers_of: Any
    values: dict[str, np.ndarray]
    """By utterance, nine numbers above 0."""
    weights: np.ndarray
    """`[2, 9]`, above 0."""
    net: Weights

    def said(self, utterance_id: str, chosen: np.ndarray) -> str:
        """A rationale that names two numbers, each in a clause that cites its modality."""
        answer = LABELS[int(self.scores(utterance_id).argmax())]
        clauses = (f"the {CITING[NAMES[j][:-1]]} {NAMES[j]} shows it" for j in chosen)
        return f"{answer}. {'; '.join(clauses)}."

    def scores(self, utterance_id: str) -> np.ndarray:
        return np.asarray(self.weights @ self.values[utterance_id])

    def honest(self, utterance_id: str) -> str:
        """Name what moves the answer most."""
        moved = self.weights[self.scores(utterance_id).argmax()] * self.values[utterance_id]
        return self.said(utterance_id, np.argsort(-moved)[:2])

    def attributable(self, utterances: Any, *, utterance_id: str, condition: str, rationale: str | None) -> Any:
        row = self.values[utterance_id]
        names = [name for name in WIDTHS if name[0].upper() in condition]
        ends = dict(zip(WIDTHS, np.cumsum(list(WIDTHS.values())), strict=True))
        features = tuple(
            self.numbers_of(name, name, row[ends[name] - WIDTHS[name] : ends[name]].tolist()) for name in names
        )
        text = self.honest(utterance_id) if rationale is None else rationale
        tokens = tuple(re.findall(r"\s*\S[^\s.;]*|[.;]", text))
        place = LABELS.index("joy" if text.startswith("joy") else "fear")

        def scores(states: Any) -> torch.Tensor:
            n_rows = len(next(iter(states.values())))
            parts = [states.get(name, torch.zeros(n_rows, width)) for name, width in WIDTHS.items()]
            whole, weights = torch.cat(parts, dim=1), self.net.w.weight
            brought = whole * weights[place]
            hangs = [
                3 * brought[:, NAMES.index(t.strip())]
                if t.strip() in NAMES
                else float(t.strip() == "all") * brought.sum(1)
                for t in tokens
            ]
            return torch.cat([whole @ weights.T, *(score[:, None] for score in hangs)], dim=1)

        key = JudgementKey(utterance_id=utterance_id, reasoner="speaking", condition=condition)
        return self.toy(
            scores=scores,
            features=features,
            labels=LABELS,
            tokens=tokens,
            key=key,
            module=self.net,
            layers=("w",),
        )


@pytest.fixture(scope="session")
def speaking_case(toy: Any, numbers_of: Any) -> Callable[..., Case]:
    """Return a case of a speaking reasoner: `says` gives the rationale of each judgement."""

    def made(
        *,
        n_units: int = 12,
        per_unit: int = 2,
        seed: int = 0,
        says: Callable[[Speaking, str, np.random.Generator], str | None] = lambda who, name, rng: who.honest(name),
        options: dict[str, Any] | None = None,
        frame_of: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
    ) -> Case:
        rng = np.random.default_rng(seed)
        ids = [f"u{i:03d}" for i in range(n_units * per_unit)]
        values = {name: rng.exponential(1.0, 9) + 0.01 for name in ids}
        weights = rng.uniform(0.2, 1.0, (2, 9))
        reasoner = Speaking(toy=toy, numbers_of=numbers_of, values=values, weights=weights, net=Weights(weights))
        rows = [
            {
                "utterance_id": name,
                "speaker_id": f"s{i // per_unit}",
                "condition": "TAV",
                "accent": ("Irish", "Welsh")[i // per_unit % 2],
                "age": ("18-39", "40+")[i // per_unit // 2 % 2],
                "y_true": LABELS[i % 2],
                "y_pred": LABELS[int(reasoner.scores(name).argmax())],
                "rationale": says(reasoner, name, rng),
            }
            for i, name in enumerate(ids)
        ]
        utterances = [Utterance(utterance_id=name, text="words") for name in ids]
        corpus = Corpus(name="numbers", utterances=utterances, digest="sha256:0", licence="made by a test")
        case = case_of(frame_of(pd.DataFrame(rows)), options=options)
        live = Live(corpus=corpus, offers=frozenset({"gradients"}), reasoner=lambda: reasoner)
        return replace(case, live={"run": live})

    return made
