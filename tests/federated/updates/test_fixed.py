"""What does not travel: it is the same at every site, training does not change it, and it costs no bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import ConfigRecord, Message
from torch import nn

from affidavit.errors import PlanError
from federated.rounds.events import SiteRefused
from federated.sites.answers import Answers
from federated.sites.options import PlainOptions
from federated.sites.plain import PlainTraining
from federated.updates.layout import Layout
from federated.updates.local import LocalUpdate, RoundOrder
from federated.updates.messages import order_content, update_reply
from reasoners.instructed.config import BackboneConfig, LoraConfig
from tests.federated.rounds.conftest import House, Pull
from tests.federated.updates.test_updates import Model, Subject


class Counting(nn.Module):
    """Keeps a running mean of whom it saw, in a way of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(2, 1)
        self.seen: torch.Tensor
        self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("table", torch.arange(4.0), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen += 1
        found: torch.Tensor = self.head(x)
        return found


class Learner(Subject):
    def losses(self, units: Any, *, rng: np.random.Generator) -> torch.Tensor:
        return self.module(torch.ones(len(units), 2)).square().flatten()


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm1d(2),
        nn.BatchNorm1d(2, affine=False),
        nn.BatchNorm2d(2),
        nn.SyncBatchNorm(2),
        nn.BatchNorm1d(2, track_running_stats=False),
    ],
)
def test_a_batch_norm_that_learns_is_refused(layer: nn.Module) -> None:
    module = nn.Sequential(nn.Linear(2, 2), layer)

    with pytest.raises(PlanError, match="batch norm learns") as raised:
        Layout.of(Subject(module))

    assert type(layer).__name__ in str(raised.value.found)


def test_a_batch_norm_of_a_frozen_network_is_taken() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).requires_grad_(requires_grad=False).eval())

    assert [slot.name for slot in Layout.of(Subject(module)).slots] == ["0.bias", "0.weight"]


def test_statistics_that_a_model_keeps_in_buffers_of_its_own_are_found_before_they_leave(tmp_path: Path) -> None:
    """A frozen batch norm in training mode is such a model, too."""
    for module in (Counting(), nn.Sequential(nn.BatchNorm1d(2).requires_grad_(requires_grad=False), nn.Linear(2, 1))):
        reasoner: Any = Learner(module)
        layout = Layout.of(reasoner)
        site = PlainTraining(
            site="east",
            reasoner=reasoner,
            layout=layout,
            rows=[[], [], []],
            n_units=3,
            options=PlainOptions(),
            seed=0,
            answers=Answers(tmp_path / type(module).__name__),
        )
        order = RoundOrder(run="r", round=1, attempt=1, layout=layout.digest)

        with pytest.raises(PlanError, match="statistics of the site's patients"):
            site.train(layout.gathered(reasoner), order)


def test_sites_with_other_frozen_parts_have_another_layout() -> None:
    torch.manual_seed(0)
    one, other, same = Model(), Model(), Model()
    same.load_state_dict(one.state_dict())
    with torch.no_grad():
        same.head.weight.add_(1.0)  # what travels may differ: everybody begins with what the server sends

    assert Layout.of(Subject(one)).digest == Layout.of(Subject(same)).digest
    assert Layout.of(Subject(one)).digest != Layout.of(Subject(other)).digest
    with torch.no_grad():
        same.frozen.bias[0] += 1e-7
    assert Layout.of(Subject(one)).digest != Layout.of(Subject(same)).digest


def test_sites_with_other_buffers_have_another_layout_and_tables_made_anew_do_not_count() -> None:
    one, other = Counting(), Counting()
    table = other.get_buffer("table")
    table += 1
    assert Layout.of(Subject(one)).digest == Layout.of(Subject(other)).digest

    other.seen += 1
    assert Layout.of(Subject(one)).digest != Layout.of(Subject(other)).digest


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_what_is_trained_in_another_precision_is_refused(dtype: torch.dtype) -> None:
    """What the server remembers could not be held at the site, and the rounding would be sent as training."""
    with pytest.raises(PlanError, match="single precision") as raised:
        Layout.of(Subject(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1).to(dtype))))

    assert raised.value.found == str(dtype)


def test_what_is_frozen_may_be_of_any_kind() -> None:
    module = nn.Sequential(nn.Linear(2, 2).to(torch.bfloat16).requires_grad_(requires_grad=False), nn.Linear(2, 1))
    module.register_buffer("empty", torch.zeros(0))
    module.register_buffer("scalar", torch.tensor(3))
    module.register_buffer("turned", torch.arange(6).reshape(2, 3).T)

    assert Layout.of(Subject(module)).size == 3


def test_a_site_with_another_backbone_is_refused_before_the_first_round() -> None:
    class Other(Pull):
        def facts(self) -> Any:
            return super().facts().model_copy(update={"layout": Layout.of(Subject(Model())).digest})

    house = House([Pull("east", 1.0), Other("north", 2.0), Pull("west", 3.0)])
    house.run(rounds=1)

    assert not house.sites[1].orders
    assert "other fixed parts" in house.of(SiteRefused)[0].because


@pytest.mark.parametrize("trained", ["adapters", "head"])
def test_a_round_of_adapters_or_of_a_head_is_as_small_as_they_are(
    trained: str, make_reasoner: Callable[..., Any], config_of: Callable[..., Any]
) -> None:
    adapted = BackboneConfig(hidden=16, layers=2, heads=2, intermediate=16, max_tokens=12, lora=LoraConfig(rank=2))
    reasoner = make_reasoner(config_of(backbone=adapted))
    kept = "lora_" if trained == "adapters" else "emotion."
    for name, value in reasoner.module.named_parameters():
        value.requires_grad_(kept in name)
    layout = Layout.of(reasoner)
    vector = layout.gathered(reasoner)

    n_all = sum(value.numel() for value in reasoner.module.parameters())
    n_trained = sum(value.numel() for name, value in reasoner.module.named_parameters() if kept in name)
    assert 0 < layout.size == n_trained < n_all / 5
    assert all(kept in slot.name for slot in layout.slots)

    order = RoundOrder(run="r", round=1, attempt=1, layout=layout.digest)
    asked = Message(order_content(order, vector), 1, "train.round")
    reply = update_reply(LocalUpdate(update=np.asarray(vector, np.float32)))
    for content in (asked.content, reply):
        assert 4 * n_trained <= _bytes(content) <= 4 * n_trained + 1024


def _bytes(content: Any) -> int:
    """Return how many bytes travel."""
    arrays = sum(len(array.data) for record in content.array_records.values() for array in record.values())
    told = sum(len(str(dict(record))) for record in content.config_records.values())
    assert set(map(type, content.values())) <= {ConfigRecord, *map(type, content.array_records.values())}
    return arrays + told
