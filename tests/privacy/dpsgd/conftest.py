"""Patients with very different numbers of turns, and the smallest models that can be fitted to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
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
from affidavit.seeds import seed_of
from affidavit.utterances import Utterance
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import LoopGradients, UnitGradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.units import ProtectedUnit

LABELS = ("anger", "joy", "sadness")
WIDTH = 6


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def measured(name: str, label: str | None) -> np.ndarray:
    noise = np.random.default_rng(seed_of("turn", name)).standard_normal(WIDTH)
    noise[LABELS.index(str(label))] += 2.0
    return noise


def features(utterance: Utterance) -> np.ndarray:
    """Return what is measured of a turn: noise around a place of its label."""
    return measured(utterance.utterance_id, utterance.label)


class Plain(nn.Module):
    """Two linear layers over turns `[P, U, WIDTH]`."""

    def __init__(self) -> None:
        super().__init__()
        self.widen, self.judge = nn.Linear(WIDTH, 8), nn.Linear(8, len(LABELS))

    def forward(self, turns: Tensor) -> Tensor:
        scores: Tensor = self.judge(torch.tanh(self.widen(turns)))
        return scores


@dataclass(eq=False)
class Toy:
    """A `Trainable` whose loss of a patient is the *sum* over turns, so that long patients have large gradients."""

    module: nn.Module = field(default_factory=Plain)
    group: str = "new"
    asked: list[int] = field(default_factory=list)
    """How many units each call was of."""

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Nothing is measured."""

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {self.group: [value for value in self.module.parameters() if value.requires_grad]}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        self.asked.append(len(units))
        longest = max(map(len, units))
        taken = np.zeros((len(units), longest, WIDTH), dtype=np.float32)
        labels = np.full((len(units), longest), -1)
        for p, unit in enumerate(units):
            for u, turn in enumerate(unit):
                taken[p, u], labels[p, u] = features(turn), LABELS.index(str(turn.label))
        scores = self.module(torch.from_numpy(taken))
        flat = cross_entropy(
            scores.flatten(0, 1), torch.from_numpy(labels).flatten(), ignore_index=-1, reduction="none"
        )
        return flat.view(labels.shape).sum(1)

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        found: Tensor = self.module(torch.from_numpy(np.stack([features(u) for u in utterances])[:, None]).float())
        return found[:, 0]

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        import json

        (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
        torch.save(self.module.state_dict(), folder / "weights.pt")


def new_toy(module: Callable[[], nn.Module] = Plain, *, seed: int = 0) -> Toy:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Toy(module())


@pytest.fixture(scope="session")
def toy() -> Callable[..., Toy]:
    return new_toy


def patient(name: str, n_turns: int, *, label: str | None = None) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(
            utterance_id=f"{name}-{t}",
            unit_id=name,
            speaker_id=name,
            dialogue_id=f"{name}-dialogue-{t // 4}",
            turn=t % 4,
            text="words",
            label=label or LABELS[(seed_of(name) + t) % len(LABELS)],
        )
        for t in range(n_turns)
    )


@pytest.fixture(scope="session")
def make_patient() -> Callable[..., tuple[Utterance, ...]]:
    return patient


@pytest.fixture(scope="session")
def make_clinic() -> Callable[..., Corpus]:
    def made(sizes: Sequence[int]) -> Corpus:
        turns = [turn for p, n in enumerate(sizes) for turn in patient(f"patient {p:03d}", n)]
        return Corpus(
            name="toy clinic",
            utterances=tuple(turns),
            digest=digest_of([turn.utterance_id for turn in turns]),
            licence="made by a test",
            label_space=LABELS,
        )

    return made


@pytest.fixture(scope="session")
def unit_of() -> Callable[..., ProtectedUnit]:
    return lambda *pieces: ProtectedUnit(pieces=tuple(pieces))


class Counting:
    """An account that remembers what it was asked, with room for so many steps."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.calls: list[tuple[str, int]] = []

    def intend(self) -> int:
        from affidavit.errors import BudgetSpentError

        number = sum(name == "intend" for name, _ in self.calls)
        if number >= self.room:
            raise BudgetSpentError("no room", slug="plan-impossible")
        self.calls.append(("intend", number))
        return number

    def confirm(self, number: int) -> None:
        self.calls.append(("confirm", number))

    def told(self) -> Mapping[str, Any]:
        return {}


@pytest.fixture(scope="session")
def counting() -> type[Counting]:
    return Counting


@pytest.fixture(scope="session")
def make_course() -> Callable[..., Course]:
    """A course by plain SGD at rate 1, so that a step moves the parameters by minus the released sum."""

    def made(
        reasoner: Toy,
        *,
        noise_multiplier: float = 0.0,
        clip_norm: float = 1.0,
        expected: float = 1.0,
        gradients: UnitGradients | None = None,
        account: Counting | None = None,
        cls: type[Course] = Course,
        **options: Any,
    ) -> Course:
        read = PrivateOptions.model_validate(
            {
                "simulated": True,
                "noise_multiplier": 0.0,
                "steps": 1,
                "optimizer": "sgd",
                "learning_rate": 1.0,
                **options,
            }
        ).model_copy(update={"clip_norm": clip_norm})
        plan = Plan(options=read, noise_multiplier=noise_multiplier, expected=expected, digest="sha256:0")
        return cls(
            reasoner=reasoner,
            gradients=gradients or LoopGradients(reasoner),
            account=account or Counting(),
            plan=plan,
            progress=silent,
        )

    return made


@pytest.fixture(scope="session")
def released() -> Callable[..., np.ndarray]:
    """Take one step, put the parameters back, and return the noised sum that the step released `[D]`."""

    def taken(course: Course, units: Sequence[ProtectedUnit], source: Any) -> np.ndarray:
        before = [value.detach().clone() for value in course.parameters]
        bound = course.clip_norm
        course.step(units, source)
        moves = [old - new.detach() for old, new in zip(before, course.parameters, strict=True)]
        with torch.no_grad():
            for value, old in zip(course.parameters, before, strict=True):
                value.copy_(old)
        course.clip_norm = bound
        return torch.cat([move.flatten() for move in moves]).double().numpy() * course.plan.expected

    return taken
