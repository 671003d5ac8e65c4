"""What keeps a unit's gradient from being its own is found and named; a model in order is trained by hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from affidavit.errors import PlanError
from affidavit.utterances import Utterance
from privacy.dpsgd.gradients import _squares, unit_gradients
from privacy.dpsgd.probe import MOST_UNITS, probed, unlike
from privacy.dpsgd.validation import chosen_way

WIDTH, N_LABELS = 6, 3


class Stack(nn.Module):
    """Two linear layers around another one."""

    def __init__(self, between: nn.Module) -> None:
        super().__init__()
        self.widen, self.between, self.judge = nn.Linear(WIDTH, 8), between, nn.Linear(8, N_LABELS)

    def forward(self, turns: Tensor) -> Tensor:
        out: Tensor = self.judge(self.between(self.widen(turns)))
        return out


class BatchNorm(nn.Module):
    def __init__(self, *, affine: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8, affine=affine)

    def forward(self, states: Tensor) -> Tensor:
        return self.norm(states.flatten(0, 1)).view_as(states)


class Frozen(BatchNorm):
    """A batch norm that is told in every pass to keep its statistics, as pretrained parts are."""

    def forward(self, states: Tensor) -> Tensor:
        self.norm.eval()
        return super().forward(states)


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(8))

    def forward(self, states: Tensor) -> Tensor:
        self.seen += states.detach().mean((0, 1))
        return states


class Centred(nn.Module):
    """Takes the mean over units off: no layer keeps anything, and yet every loss depends on all units."""

    def forward(self, states: Tensor) -> Tensor:
        return states - states.mean(0, keepdim=True)


class Flattened(nn.Module):
    """Runs a layer with turns as rows, as many a model does."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, states: Tensor) -> Tensor:
        return self.inner(states.flatten(0, 1)).view_as(states)


class Twice(nn.Module):
    """Uses one layer twice in a pass."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, states: Tensor) -> Tensor:
        out: Tensor = self.inner(torch.tanh(self.inner(states)))
        return out


class Own(nn.Module):
    """A bare parameter, which torch's `vmap` serves."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 8))

    def forward(self, states: Tensor) -> Tensor:
        return states * self.scale


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, states: Tensor) -> Tensor:
        out: Tensor = self.attend(states, states, states, need_weights=False)[0]
        return out


@pytest.fixture
def rows(make_patient: Callable) -> list[Sequence[Utterance]]:
    return [make_patient(f"p{i}", n) for i, n in enumerate((2, 5, 3, 1))]


@pytest.mark.parametrize("way", ["hooks", "functorch", "ghost"])
@pytest.mark.parametrize("between", [nn.Tanh, lambda: nn.LayerNorm(8), Own])
def test_every_way_gives_the_gradients_of_each_unit_alone(
    way: Any, between: Callable, toy: Callable, rows: list[Any]
) -> None:
    reasoner = toy(lambda: Stack(between()))
    reasoner.module.train()
    wanted = unit_gradients("loop", reasoner)
    each, clipped = (
        wanted.each(rows, rng=np.random.default_rng(0)),
        wanted.clipped(rows, clip_norm=0.7, rng=np.random.default_rng(0)),
    )
    for _ in range(2):  # what one pass leaves must not reach the next
        gradients = unit_gradients(way, reasoner)
        for mine, theirs in zip(gradients.each(rows, rng=np.random.default_rng(0)), each, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
        found = gradients.clipped(rows, clip_norm=0.7, rng=np.random.default_rng(0))
        torch.testing.assert_close(found.norms, clipped.norms, rtol=1e-5, atol=1e-6)
        for mine, theirs in zip(found.sums, clipped.sums, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
        gradients.close()
    assert not any(hasattr(value, "grad_sample") for value in reasoner.module.parameters())
    assert all(value.grad is None for value in reasoner.module.parameters())


@pytest.mark.parametrize("way", ["hooks", "functorch"])
def test_a_layer_that_is_used_twice_counts_twice(way: Any, toy: Callable, rows: list[Any]) -> None:
    reasoner = toy(lambda: Stack(Twice()))
    assert list(probed(way, reasoner, rows, seed=0)) == []
    gradients, wanted = unit_gradients(way, reasoner), unit_gradients("loop", reasoner)
    for mine, theirs in zip(*(w.each(rows, rng=np.random.default_rng(0)) for w in (gradients, wanted)), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    gradients.close()


def test_ghost_refuses_a_layer_that_is_used_twice(toy: Callable, rows: list[Any]) -> None:
    with pytest.raises(PlanError, match="ghost") as raised:
        chosen_way("ghost", toy(lambda: Stack(Twice())), rows, seed=0)
    assert "hooks" in str(raised.value.remedy)


def test_a_model_in_order_is_trained_by_hooks_and_left_as_it_was(toy: Callable, rows: list[Any]) -> None:
    reasoner = toy()
    before = [value.detach().clone() for value in reasoner.module.parameters()]
    reasoner.module.eval()
    state = torch.get_rng_state()
    assert chosen_way("auto", reasoner, rows, seed=0).way == "hooks"
    assert torch.equal(torch.get_rng_state(), state)
    assert not reasoner.module.training
    assert all(torch.equal(a, b) for a, b in zip(before, reasoner.module.parameters(), strict=True))


@pytest.mark.parametrize("way", ["auto", "loop", "hooks"])
@pytest.mark.parametrize(
    ("between", "named"),
    [
        (lambda: BatchNorm(affine=True), "batch norm"),
        (lambda: BatchNorm(affine=False), "batch norm"),
        (Remembers, "forward pass changes"),
    ],
)
def test_what_keeps_something_of_the_units_is_refused_in_any_way(
    way: Any, between: Callable, named: str, toy: Callable, rows: list[Any]
) -> None:
    with pytest.raises(PlanError, match=named) as raised:
        chosen_way(way, toy(lambda: Stack(between())), rows, seed=0)
    assert "between" in str(raised.value.found)
    assert raised.value.remedy


def test_a_batch_norm_that_is_frozen_is_none_of_ours(toy: Callable, rows: list[Any]) -> None:
    assert chosen_way("auto", toy(lambda: Stack(Frozen(affine=False))), rows, seed=0).way == "hooks"


@pytest.mark.parametrize(
    ("between", "because"),
    [(Centred, "depends on the state of another"), (Flattened, "first dimension"), (Attention, "no formula")],
)
def test_where_hooks_would_lie_units_are_asked_one_by_one(
    between: Callable, because: str, toy: Callable, rows: list[Any]
) -> None:
    chosen = chosen_way("auto", toy(lambda: Stack(between())), rows, seed=0)
    assert chosen.way == "loop"
    assert because in str(chosen.because)
    with pytest.raises(PlanError, match=because) as raised:
        chosen_way("hooks", toy(lambda: Stack(between())), rows, seed=0)
    assert "loop" in str(raised.value.remedy)


def test_opacus_own_attention_is_refused_where_it_computes_something_else(toy: Callable, rows: list[Any]) -> None:
    from opacus.layers import DPMultiheadAttention

    class Replaced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = DPMultiheadAttention(8, 2, batch_first=True)

        def forward(self, states: Tensor) -> Tensor:
            out: Tensor = self.attend(states, states, states, need_weights=False)[0]
            return out

    with pytest.raises(PlanError, match="something else") as raised:
        chosen_way("loop", toy(lambda: Stack(Replaced())), rows, seed=0)
    assert "nn.Linear" in str(raised.value.remedy)


def test_a_parameter_that_no_layer_passes_on_is_found(toy: Callable, rows: list[Any]) -> None:
    """A loss that reads a parameter past its layer: hooks see nothing of it."""
    reasoner = toy()
    asked = reasoner.losses

    def losses(units: Any, *, rng: Any) -> Tensor:
        return asked(units, rng=rng) * (1 + reasoner.module.judge.bias.square().sum())

    reasoner.losses = losses
    faults = list(probed("hooks", reasoner, rows, seed=0))
    assert any("than autograd" in fault.what for fault in faults)
    chosen = chosen_way("auto", reasoner, rows, seed=0)
    assert chosen.way == "loop"
    assert "than autograd" in str(chosen.because)
    assert "apart by" not in str(chosen.because)  # what was measured of somebody stays out of a card


def test_ghost_refuses_a_gradient_that_no_norm_counts(toy: Callable, rows: list[Any]) -> None:
    """In a step, and not in the trial alone: its weighted losses would carry it past the bound."""
    reasoner = toy()
    asked = reasoner.losses
    past = lambda units, *, rng: asked(units, rng=rng) * (1 + reasoner.spare.square().sum())  # noqa: E731
    reasoner.spare = nn.Parameter(torch.ones(3))
    reasoner.module.register_parameter("spare", reasoner.spare)
    gradients = unit_gradients("ghost", reasoner)
    reasoner.module.train()
    gradients.clipped(rows, clip_norm=1.0, rng=np.random.default_rng(0))
    reasoner.losses = past
    with pytest.raises(PlanError, match="cannot tell gradients of single units apart"):
        gradients.clipped(rows, clip_norm=1.0, rng=np.random.default_rng(0))
    gradients.close()


def test_a_loss_that_rests_on_how_many_units_there_are_is_not_a_unit_s_own(toy: Callable, rows: list[Any]) -> None:
    """No layer passes it on: only a look at each unit alone shows it."""
    reasoner = toy()
    asked = reasoner.losses
    reasoner.losses = lambda units, *, rng: asked(units, rng=rng) / len(units)
    faults = list(probed("hooks", reasoner, rows, seed=0))
    assert [fault.what for fault in faults] == ["the loss of a unit is another one beside other units than alone"]
    assert chosen_way("auto", reasoner, rows, seed=0).way == "loop"


@pytest.mark.parametrize("way", ["hooks", "ghost"])
def test_a_pass_that_was_never_asked_for_gradients_leaves_nothing_behind(
    way: Any, toy: Callable, rows: list[Any]
) -> None:
    reasoner = toy()
    gradients = unit_gradients(way, reasoner)
    reasoner.module.train()
    wanted = gradients.clipped(rows, clip_norm=0.5, rng=np.random.default_rng(0))
    reasoner.losses(rows[:2], rng=np.random.default_rng(0))  # whoever looks on asks for losses alone
    found = gradients.clipped(rows, clip_norm=0.5, rng=np.random.default_rng(0))
    gradients.close()
    torch.testing.assert_close(found.norms, wanted.norms)
    for mine, theirs in zip(found.sums, wanted.sums, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_mean_in_place_of_one_loss_a_unit_is_refused(toy: Callable, rows: list[Any]) -> None:
    reasoner = toy()
    asked = reasoner.losses
    reasoner.losses = lambda units, *, rng: asked(units, rng=rng).mean()
    with pytest.raises(PlanError, match="one loss for each unit"):
        chosen_way("auto", reasoner, rows, seed=0)


def test_a_model_with_nothing_to_train_is_refused(toy: Callable, rows: list[Any]) -> None:
    reasoner = toy()
    reasoner.module.requires_grad_(False)
    with pytest.raises(PlanError, match="nothing in the model"):
        chosen_way("auto", reasoner, rows, seed=0)


def test_parameters_outside_the_module_are_refused(toy: Callable, rows: list[Any]) -> None:
    reasoner = toy()
    other = nn.Parameter(torch.zeros(2))
    groups = reasoner.parameter_groups
    reasoner.parameter_groups = lambda: {**groups(), "pretrained": [other]}
    with pytest.raises(PlanError, match="does not hold"):
        chosen_way("auto", reasoner, rows, seed=0)


class Sometimes(nn.Module):
    """Runs a layer on all units, and once more on some of them, as a model does where only some have a voice."""

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        self.inner, self.first = nn.Linear(8, 8), first

    def forward(self, states: Tensor) -> Tensor:
        out = torch.tanh(self.inner(states)) if self.first else states
        some = torch.arange(len(out)) > 0 if len(out) > 3 else torch.ones(len(out), dtype=torch.bool)
        return out.index_put((some,), self.inner(out[some]))


@pytest.mark.parametrize(("way", "first"), [("hooks", True), ("hooks", False), ("functorch", True), ("ghost", False)])
def test_a_layer_that_some_units_pass_by_is_caught_in_the_step_where_it_happens(
    way: Any, first: bool, toy: Callable, rows: list[Any]
) -> None:
    """The trial's three units all go through it; credited from the first row on, four would be one another's."""
    reasoner = toy(lambda: Stack(Sometimes(first=first)))
    assert not list(probed(way, reasoner, rows[:3], seed=0))
    gradients = unit_gradients(way, reasoner)
    try:
        reasoner.module.train()
        with pytest.raises(PlanError, match="cannot tell gradients of single units apart") as raised:
            gradients.clipped(rows, clip_norm=1.0, rng=np.random.default_rng(0))
        assert "between.inner" in str(raised.value)
        assert "loop" in str(raised.value)
    finally:
        gradients.close()


def test_the_trial_meets_units_that_have_and_units_that_lack(rows: list[Any]) -> None:
    from dataclasses import replace

    bare = tuple(replace(turn, text=None) for turn in rows[3])
    mixed = (replace(rows[2][0], text=None), *rows[2][1:])
    chosen = unlike([*rows[:2], mixed, bare, *([rows[1]] * 9)])
    assert chosen[0] == rows[1]
    assert bare in chosen
    assert mixed in chosen
    assert len(chosen) <= MOST_UNITS
    assert len(unlike([rows[1]] * 9)) >= 1
    assert len(unlike(rows)) >= 3


def test_norms_of_a_wide_layer_do_not_fall_short() -> None:
    """Summed in single precision throughout, ten million squares are off by far more than rounding may be."""
    n, width = 2, 9_000_001
    wide = nn.Parameter(torch.zeros(width))
    sample = torch.rand(n, width, generator=torch.Generator().manual_seed(0))
    wide.grad_sample = sample  # type: ignore[attr-defined]
    slow = sample.double().square().sum(1)
    assert float((torch.linalg.vector_norm(sample, dim=1).double() ** 2 / slow - 1).abs().max()) > 1e-5
    torch.testing.assert_close(_squares(wide, n), slow, rtol=1e-7, atol=0.0)
    wide.grad_sample = sample[:, :5]  # type: ignore[attr-defined]
    torch.testing.assert_close(_squares(wide, n), sample[:, :5].double().square().sum(1), rtol=1e-6, atol=0.0)
