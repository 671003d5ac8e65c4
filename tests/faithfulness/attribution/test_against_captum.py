"""Values are Captum's over the raw inputs, whatever is kept and however targets and perturbations are batched."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from affidavit.attributable import AttributableTurn
from affidavit.attributions import Attribution
from affidavit.errors import PlanError
from faithfulness.attribution.deep_lift import deep_lift
from faithfulness.attribution.feature_ablation import feature_ablation
from faithfulness.attribution.game import span_game
from faithfulness.attribution.integrated_gradients import PathOptions, integrated_gradients
from faithfulness.attribution.kernel_shap import kernel_shap
from faithfulness.attribution.occlusion import occlusion
from faithfulness.attribution.targets import Targets, all_targets, named_targets, predicted_emotion

pytestmark = pytest.mark.skipif(
    find_spec("captum") is None or find_spec("shap") is None, reason="needs captum and shap, of the extra explain"
)


def seeded(turn: AttributableTurn, targets: Targets) -> list[Attribution]:
    return kernel_shap(turn, targets, rng=np.random.default_rng(5), n_samples=64)


def raw(turn: Any) -> dict[str, Any]:
    """What Captum is given: tensors, baselines, and span numbers that go on from tensor to tensor."""
    counts = np.cumsum([0, *(len(item.spans) for item in turn.features)])
    masks = tuple(item.groups + int(n) for item, n in zip(turn.features, counts, strict=False))
    return {
        "inputs": tuple(item.values for item in turn.features),
        "baselines": tuple(item.baseline for item in turn.features),
        "feature_mask": masks,
    }


def per_span(turn: Any, found: tuple[torch.Tensor, ...], how: str = "sum") -> list[float]:
    """Sum or mean of Captum's values by span: the slow way."""
    values = []
    for item, value in zip(turn.features, found, strict=True):
        for i in range(len(item.spans)):
            inside = value[item.groups == i]
            values.append(float(inside.sum() if how == "sum" else inside.mean()))
    return values


def test_integrated_gradients_are_captums(network: Any) -> None:
    from captum.attr import IntegratedGradients

    net, turn = network
    given = raw(turn)
    for i, item in enumerate(integrated_gradients(turn, all_targets(turn), options=PathOptions(batch_size=7))):
        found, delta = IntegratedGradients(net).attribute(
            given["inputs"], given["baselines"], target=i, n_steps=50, return_convergence_delta=True
        )
        np.testing.assert_allclose(item.values, per_span(turn, found), atol=1e-5)
        assert item.convergence_delta == pytest.approx(float(delta), abs=1e-5)


def test_feature_ablation_is_captums_over_the_raw_inputs(network: Any) -> None:
    from captum.attr import FeatureAblation

    net, turn = network
    for i, item in enumerate(feature_ablation(turn, all_targets(turn), batch_size=5)):
        found = FeatureAblation(net).attribute(**raw(turn), target=i)
        np.testing.assert_allclose(item.values, per_span(turn, found, "mean"), atol=1e-5)


def test_occlusion_is_captums_over_the_raw_inputs_and_ablation_where_windows_are_spans(
    network: Any,
) -> None:
    from captum.attr import Occlusion

    net, turn = network
    given = raw(turn)
    for width in (1, 2):
        shapes = ((2 * width, 2), (1,), (width, 2, 2))
        for i, item in enumerate(occlusion(turn, all_targets(turn), width=width, batch_size=3)):
            found = Occlusion(net).attribute(
                given["inputs"],
                sliding_window_shapes=shapes,
                strides=((2, 2), (1,), (1, 2, 2)),
                baselines=given["baselines"],
                target=i,
            )
            np.testing.assert_allclose(item.values, per_span(turn, found, "mean"), atol=1e-5)
    ablated, occluded = feature_ablation(turn, all_targets(turn)), occlusion(turn, all_targets(turn), width=1)
    for one, other in zip(ablated, occluded, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_kernel_shap_is_captums_over_the_raw_inputs_for_the_same_draws(network: Any) -> None:
    from captum.attr import KernelShap

    net, turn = network
    seed = int(np.random.default_rng(9).integers(2**32))
    items = kernel_shap(turn, all_targets(turn), rng=np.random.default_rng(9), n_samples=200)
    for i, item in enumerate(items):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found = KernelShap(net).attribute(**raw(turn), target=i, n_samples=200)
        np.testing.assert_allclose(item.values, per_span(turn, found, "mean"), atol=1e-4)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Captum's own, of its hooks
def test_deep_lift_is_captums(network: Any) -> None:
    from captum.attr import DeepLift

    _, turn = network
    net = nn.Sequential(nn.Flatten(), nn.Linear(32, 5), nn.Tanh(), nn.Linear(5, 2)).eval()
    alone = replace(turn, features=turn.features[2:], module=net, scores=lambda states: net(states["video"]), tokens=())
    for i, item in enumerate(deep_lift(alone, all_targets(alone))):
        found = DeepLift(net).attribute(alone.features[0].values, alone.features[0].baseline, target=i)
        np.testing.assert_allclose(item.values, per_span(alone, (found,)), atol=1e-5)


def test_kernel_shap_repeats_from_its_seed_and_leaves_torchs_generator_alone(network: Any) -> None:
    _, turn = network
    before = torch.random.get_rng_state()
    first, again, other = (
        kernel_shap(turn, predicted_emotion(turn), rng=np.random.default_rng(seed), n_samples=40)[0].values
        for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()
    assert torch.equal(before, torch.random.get_rng_state())


def test_fewer_coalitions_than_spans_are_refused(network: Any) -> None:
    _, turn = network
    with pytest.raises(PlanError, match="14 coalitions of 14 spans"):
        kernel_shap(turn, predicted_emotion(turn), rng=np.random.default_rng(1), n_samples=14)


def test_targets_together_are_targets_one_by_one(network: Any) -> None:
    _, turn = network
    for method in (integrated_gradients, feature_ablation, occlusion, seeded):
        together = method(turn, all_targets(turn))
        for item in together:
            (alone,) = method(turn, named_targets(turn, [item.target]))
            np.testing.assert_allclose(item.values, alone.values, atol=1e-5)


def test_each_modality_is_encoded_once_for_each_way_its_own_spans_are_kept(network: Any) -> None:
    _, turn = network
    feature_ablation(turn, all_targets(turn), batch_size=100)
    encoded = {name: sum(n for kind, n in turn.rows if kind == name) for name in ("audio", "video", "")}
    # everybody is asked for once alone, then 14 ablations, then nobody
    assert encoded[""] == 1 + 14 + 1
    assert encoded["audio"] == 1 + (6 + 1) + 1
    assert encoded["video"] == 1 + (8 + 1) + 1


def test_coalitions_are_scored_once_and_as_if_nothing_were_kept(network: Any) -> None:
    net, turn = network
    game = span_game(turn, all_targets(turn), batch_size=4)
    coalitions = torch.rand(20, 14, generator=torch.Generator().manual_seed(1)) < 0.5
    scores = game.scores(torch.cat([coalitions, coalitions]))
    assert sum(n for name, n in turn.rows if name == "") == len(torch.unique(coalitions, dim=0))
    for kept, row in zip(coalitions, scores, strict=False):
        start, values = 0, []
        for item in turn.features:
            own = kept[start : start + len(item.spans)]
            values.append(torch.where(own[item.groups], item.values, item.baseline))
            start += len(item.spans)
        torch.testing.assert_close(net(*values)[0], row, rtol=1e-4, atol=1e-5)
    assert torch.equal(scores[:20], scores[20:])
