"""Infidelity and sensitivity are Captum's, and a cascade tells an explanation of the model from one of the input."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from faithfulness.attribution.feature_ablation import feature_ablation
from faithfulness.attribution.game import SpanGame, span_game
from faithfulness.attribution.integrated_gradients import PathOptions, integrated_gradients
from faithfulness.attribution.targets import all_targets, predicted_emotion
from faithfulness.sanity.infidelity import infidelity
from faithfulness.sanity.randomised import draw_anew, randomisation_cascade, restored
from faithfulness.sanity.sensitivity import max_sensitivity

pytestmark = pytest.mark.skipif(
    find_spec("captum") is None or find_spec("shap") is None, reason="needs captum and shap, of the extra explain"
)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(12, 16), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.outer(torch.tanh(2 * self.inner(x)))


@pytest.fixture
def turn(toy: Any, numbers_of: Any) -> Any:
    torch.manual_seed(1)
    net = Network().eval()
    values = np.random.default_rng(2).uniform(-1, 1, 12)
    values[0] = 1.0
    return toy(
        scores=lambda states: net(states["audio"]),
        features=(numbers_of("x", "audio", values.tolist()),),
        labels=("joy", "fear"),
        module=net,
        layers=("outer", "inner"),
    )


@pytest.fixture
def game(turn: Any) -> SpanGame:
    return span_game(turn, all_targets(turn))


def test_infidelity_is_captums_for_the_same_removals(turn: Any, game: SpanGame) -> None:
    from captum.metrics import infidelity as captums

    items = feature_ablation(turn, all_targets(turn))
    found = infidelity(game, items, rng=np.random.default_rng(3), n_draws=40)
    removed = torch.from_numpy(np.random.default_rng(3).random((40, 12)) < 0.5)
    x = turn.features[0].values
    for i, item in enumerate(items):
        for normalise, values in ((False, found.values), (True, found.normalised)):
            theirs = captums(
                turn.module,
                lambda inputs: (removed.float(), torch.where(removed, 0.0, inputs)),
                x,
                torch.from_numpy(item.values).float()[None],
                target=i,
                n_perturb_samples=40,
                normalize=normalise,
            )
            assert values[i] == pytest.approx(float(theirs), rel=1e-4)


def test_infidelity_by_the_book(turn: Any, game: SpanGame) -> None:
    items = feature_ablation(turn, all_targets(turn))
    found = infidelity(game, items, rng=np.random.default_rng(4), n_draws=9, removed_share=0.3)
    removed = np.random.default_rng(4).random((9, 12)) < 0.3
    x = turn.features[0].values
    with torch.no_grad():
        for i, item in enumerate(items):
            wrong = [
                item.values[out].sum()
                - float(turn.module(x)[0, i] - turn.module(torch.where(torch.from_numpy(out), 0.0, x))[0, i])
                for out in removed
            ]
            assert found.values[i] == pytest.approx(np.mean(np.square(wrong)), rel=1e-4)


def test_the_truth_foretells_everything_and_a_scaled_truth_after_normalising(toy: Any, numbers_of: Any) -> None:
    linear = toy(
        scores=lambda states: states["text"] @ torch.tensor([[1.0], [-2.0], [4.0]]),
        features=(numbers_of("t", "text", [1.0, 1.0, 1.0]),),
    )
    game = span_game(linear, all_targets(linear))
    (truth,) = feature_ablation(linear, all_targets(linear))
    rng = np.random.default_rng(5)
    assert infidelity(game, [truth], rng=rng).values == pytest.approx([0], abs=1e-9)
    tenfold = infidelity(game, [replace(truth, values=10 * truth.values)], rng=rng)
    assert tenfold.values[0] > 100
    assert tenfold.normalised == pytest.approx([0], abs=1e-9)
    shuffled = infidelity(game, [replace(truth, values=truth.values[[1, 2, 0]])], rng=rng)
    nothing = infidelity(game, [replace(truth, values=np.zeros(3))], rng=rng)
    assert shuffled.normalised[0] > 1
    assert nothing.normalised == pytest.approx((nothing.happened**2).mean(1))


def test_other_targets_or_spans_are_refused(turn: Any, game: SpanGame) -> None:
    (one,) = feature_ablation(turn, predicted_emotion(turn))
    with pytest.raises(ValueError, match="other targets"):
        infidelity(game, [one], rng=np.random.default_rng(0))


def test_sensitivity_is_captums_for_the_same_noise(turn: Any) -> None:
    from captum.attr import IntegratedGradients
    from captum.metrics import sensitivity_max

    targets = all_targets(turn)

    def explain(features: Any) -> np.ndarray:
        items = integrated_gradients(turn, targets, features=features, options=PathOptions(n_steps=20))
        return np.stack([item.values for item in items])

    found = max_sensitivity(explain, turn.features, rng=np.random.default_rng(6), radius=0.1, n_draws=5)
    rng = np.random.default_rng(6)
    noise = torch.from_numpy(np.concatenate([rng.uniform(-0.1, 0.1, (1, 12)) for _ in range(5)])).float()
    method = IntegratedGradients(turn.module)
    for i in range(2):
        theirs = sensitivity_max(
            method.attribute, turn.features[0].values, lambda x: x + noise, n_perturb_samples=5, target=i, n_steps=20
        )
        assert found.maximum[i] == pytest.approx(float(theirs), rel=1e-3)


def test_a_constant_explanation_is_steady_and_one_of_nothing_is_undefined(turn: Any) -> None:
    rng = np.random.default_rng(7)
    steady = max_sensitivity(lambda _: np.ones((1, 12)), turn.features, rng=rng)
    assert steady.maximum.tolist() == [0]
    assert np.isnan(max_sensitivity(lambda _: np.zeros((1, 12)), turn.features, rng=rng).maximum).all()


def test_the_radius_is_a_share_of_each_tensors_reach(turn: Any, numbers_of: Any) -> None:
    seen = []

    def explain(features: Any) -> np.ndarray:
        seen.append(
            [float((item.values - plain.values).abs().max()) for item, plain in zip(features, both, strict=True)]
        )
        return np.ones((1, 2))

    both = (numbers_of("pixels", "video", [255.0] * 50), numbers_of("t", "text", [0.1] * 50))
    max_sensitivity(explain, both, rng=np.random.default_rng(8), radius=0.1, n_draws=1)
    assert 20 < seen[1][0] < 25.6
    assert 0.008 < seen[1][1] < 0.0101


def gradients(turn: Any) -> np.ndarray:
    return np.stack([item.values for item in integrated_gradients(turn, all_targets(turn))])


def edges(turn: Any) -> np.ndarray:
    """An explanation that never asks the model."""
    return np.repeat(turn.features[0].values.numpy(), 2, axis=0)


def test_an_explanation_of_the_model_loses_its_order_and_one_of_the_input_keeps_it(turn: Any) -> None:
    runs = [
        [step.rank_correlation for step in randomisation_cascade(turn, gradients, rng=np.random.default_rng(seed))]
        for seed in range(12)
    ]
    assert np.abs(np.mean(runs, axis=0)[-1]).max() < 0.35
    for step in randomisation_cascade(turn, edges, rng=np.random.default_rng(0)):
        assert step.rank_correlation.tolist() == pytest.approx([1, 1])
        assert step.absolute_rank_correlation.tolist() == pytest.approx([1, 1])


def test_layers_are_drawn_from_the_top_and_stay_drawn_and_everything_comes_back(turn: Any) -> None:
    before = {name: value.clone() for name, value in turn.module.named_parameters()}
    met: list[set[str]] = []

    def watch(turn: Any) -> np.ndarray:
        now = turn.module.named_parameters()
        met.append({name.split(".")[0] for name, value in now if not torch.equal(value, before[name])})
        return gradients(turn)

    found = randomisation_cascade(turn, watch, rng=np.random.default_rng(1))
    assert met == [set(), {"outer"}, {"outer", "inner"}]
    assert [step.layer for step in found] == ["outer", "inner"]
    assert all(torch.equal(value, before[name]) for name, value in turn.module.named_parameters())


def test_what_was_drawn_comes_back_after_an_error_too(turn: Any) -> None:
    before = turn.module.outer.weight.detach().clone()

    def drawn_and_broken() -> None:
        with restored(turn.module):
            draw_anew(turn.module, "outer", np.random.default_rng(0))
            assert not torch.equal(turn.module.outer.weight, before)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        drawn_and_broken()
    assert torch.equal(turn.module.outer.weight, before)


def test_draws_have_the_size_of_what_they_replace_and_repeat(turn: Any) -> None:
    size = float(turn.module.inner.weight.detach().pow(2).mean().sqrt())
    draws = []
    for _ in range(2):
        with restored(turn.module):
            draw_anew(turn.module, "inner", np.random.default_rng(9))
            draws.append(turn.module.inner.weight.detach().clone())
    assert torch.equal(*draws)
    assert float(draws[0].pow(2).mean().sqrt()) == pytest.approx(size, rel=0.15)
    with pytest.raises(ValueError, match="in"):
        draw_anew(turn.module, "in", np.random.default_rng(9))


def test_equal_values_have_no_order(turn: Any) -> None:
    (first, _) = randomisation_cascade(turn, lambda _: np.ones((2, 12)), rng=np.random.default_rng(0))
    assert np.isnan(first.rank_correlation).all()
