"""Where DeepLIFT has a rule for each part of a module, and what is said where it has none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from affidavit.errors import PlanError
from faithfulness.attribution.deep_lift import deep_lift, why_not_deep_lift
from faithfulness.attribution.targets import all_targets


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one(x) * self.other(x)


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.one(x))


class Method(Functional):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one(x).tanh()


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.act = nn.Linear(2, 2), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.one(self.act(x)))


class Branching(Functional):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one(x) if x.sum() > 0 else x


@pytest.mark.parametrize(
    ("module", "because"),
    [
        (nn.Linear(2, 2), None),
        (nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Dropout(0.1), nn.Linear(2, 1), nn.Sigmoid()), None),
        (nn.Sequential(nn.Linear(2, 2), nn.GELU()), "no rule for GELU"),
        (nn.Sequential(nn.LayerNorm(2), nn.Softmax(-1)), "no rule for LayerNorm, Softmax"),
        (Gated(), "no rule for mul"),
        (Functional(), "no rule for relu"),
        (Method(), "no rule for tanh"),
        (Twice(), "act is used more than once"),
        (Branching(), "cannot be read"),
    ],
)
def test_legality(module: nn.Module, because: str | None) -> None:
    found = why_not_deep_lift(module)
    assert (found is None) == (because is None)
    assert because is None or because in str(found)


def test_an_illegal_module_is_refused_with_its_reason(toy: Any, numbers_of: Any) -> None:
    turn = toy(scores=lambda states: states["text"], features=(numbers_of("t", "text", [1.0]),), module=Gated())
    with pytest.raises(PlanError, match="no rule for mul"):
        deep_lift(turn, all_targets(turn))


def test_a_rationale_does_not_come_from_the_module(toy: Any, numbers_of: Any) -> None:
    turn = toy(
        scores=lambda states: states["text"].expand(-1, 2),
        features=(numbers_of("t", "text", [1.0]),),
        module=nn.Linear(1, 1),
        tokens=("Joy",),
    )
    with pytest.raises(PlanError, match="rationale"):
        deep_lift(turn, all_targets(turn))


def test_captum_itself_passes_an_illegal_product_through() -> None:
    """Why the graph is read first: Captum answers, and its answer misses the sum."""
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net, x = Gated(), torch.tensor([[2.0, -3.0]], requires_grad=True)
    with pytest.warns(UserWarning, match="Setting forward"):
        _, delta = captum.DeepLift(net).attribute(x, torch.zeros(1, 2), target=0, return_convergence_delta=True)
    assert abs(float(delta)) > 0.1
