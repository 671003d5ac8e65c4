"""Every method against what can be written down by hand, and against Captum over the raw inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from affidavit.attributable import AttributableTurn, EmbeddedTokens, Features
from affidavit.attributions import Attribution, Span, attribution_tables
from affidavit.errors import MissingPartError, PlanError
from faithfulness.attribution import extra
from faithfulness.attribution.deep_lift import deep_lift
from faithfulness.attribution.feature_ablation import feature_ablation
from faithfulness.attribution.game import span_game
from faithfulness.attribution.integrated_gradients import PathOptions, integrated_gradients, scoring
from faithfulness.attribution.kernel_shap import kernel_shap
from faithfulness.attribution.layer_integrated_gradients import layer_integrated_gradients
from faithfulness.attribution.occlusion import occlusion
from faithfulness.attribution.partition import partition_shap
from faithfulness.attribution.targets import (
    all_targets,
    named_targets,
    predicted_emotion,
    rationale_tokens,
)

pytestmark = pytest.mark.skipif(
    find_spec("captum") is None or find_spec("shap") is None, reason="needs captum and shap, of the extra explain"
)

WEIGHTS = {"text": [1.0, -2.0, 0.5], "audio": [3.0, 0.0], "video": [-1.0]}
Method = Callable[..., list[Attribution]]


def seeded(turn: AttributableTurn, targets: Any, **options: Any) -> list[Attribution]:
    return kernel_shap(turn, targets, rng=np.random.default_rng(5), n_samples=64, **options)


OVER_ALL: dict[str, Method] = {
    "integrated gradients": integrated_gradients,
    "feature ablation": feature_ablation,
    "occlusion": partial(occlusion, width=1),
    "kernel shap": seeded,
}


@pytest.fixture
def linear(toy: Any, numbers_of: Any) -> Any:
    """Two labels and a token: w.x, -w.x and 2 w.x."""

    def scores(states: Any) -> torch.Tensor:
        total = sum(states[name] @ torch.tensor(weights) for name, weights in WEIGHTS.items())
        return torch.stack([total, -total, 2 * total], dim=1)

    features = (
        numbers_of("token", "text", [1.0, 2.0, 3.0], [0.5, 0.0, 1.0]),
        numbers_of("mel", "audio", [4.0], [1.0]),
        numbers_of("pitch", "audio", [5.0]),
        numbers_of("pixel", "video", [6.0], [7.0]),
    )
    return toy(scores=scores, features=features, labels=("joy", "fear"), tokens=("Joy",))


BY_HAND = np.array([1 * 0.5, -2 * 2.0, 0.5 * 2.0, 3 * 3.0, 0 * 5.0, -1 * -1.0])
"""w (x - b)"""


@pytest.mark.parametrize("name", OVER_ALL)
def test_of_a_linear_model_every_method_gives_weight_times_distance(name: str, linear: Any) -> None:
    found = OVER_ALL[name](linear, all_targets(linear))
    assert [item.target for item in found] == ["emotion:joy", "emotion:fear", "token:0:Joy"]
    for item, factor in zip(found, (1, -1, 2), strict=True):
        np.testing.assert_allclose(item.values, factor * BY_HAND, atol=2e-4)
        assert item.output - item.baseline_output == pytest.approx(factor * BY_HAND.sum(), abs=1e-5)
        assert item.convergence_delta is None or abs(item.convergence_delta) < 1e-3
        assert [span.name for span in item.spans] == ["token0", "token1", "token2", "mel0", "pitch0", "pixel0"]
    tables = attribution_tables(found)
    assert tables["attributions"].num_rows == 18


def test_over_words_alone_the_others_stay_as_they_are(linear: Any) -> None:
    (item,) = partition_shap(linear, predicted_emotion(linear))
    np.testing.assert_allclose(item.values, BY_HAND[:3], atol=1e-5)
    assert item.target == "emotion:joy"
    text = [linear.features[0]]
    for method in OVER_ALL.values():
        (alone,) = method(linear, predicted_emotion(linear), features=text)
        np.testing.assert_allclose(alone.values, BY_HAND[:3], atol=2e-4)


@pytest.fixture
def product(toy: Any, numbers_of: Any) -> Any:
    return toy(
        scores=lambda states: (states["text"][:, 0] * states["text"][:, 1])[:, None],
        features=(numbers_of("token", "text", [2.0, 3.0]),),
    )


@pytest.mark.parametrize(
    ("method", "values"),
    [
        (integrated_gradients, [3.0, 3.0]),
        (partition_shap, [3.0, 3.0]),
        (feature_ablation, [6.0, 6.0]),
    ],
)
def test_a_product_is_shared_by_what_sums_and_counted_twice_by_what_ablates(
    method: Method, values: list[float], product: Any
) -> None:
    (item,) = method(product, predicted_emotion(product))
    np.testing.assert_allclose(item.values, values, atol=1e-4)


def test_kernel_shap_nears_the_shapley_values_as_more_coalitions_are_drawn(product: Any) -> None:
    few, many = (
        np.mean(
            [
                abs(kernel_shap(product, predicted_emotion(product), rng=rng, n_samples=n)[0].values[0] - 3)
                for rng in map(np.random.default_rng, range(6))
            ]
        )
        for n in (12, 400)
    )
    assert many < 0.3 < few


def test_what_either_of_two_tells_is_seen_by_occlusion_of_both(toy: Any, numbers_of: Any) -> None:
    either = toy(
        scores=lambda states: states["audio"].amax(1, keepdim=True),
        features=(numbers_of("mel", "audio", [1.0, 1.0, 0.0]),),
    )
    (alone,), (both,) = (method(either, predicted_emotion(either)) for method in (feature_ablation, wide))
    assert alone.values.tolist() == [0, 0, 0]
    assert both.values.tolist() == [0, 0, 0], "one number at a time where there are no neighbours"
    frames = Features(
        name="mel",
        modality="audio",
        values=torch.tensor([[[1.0], [1.0], [0.0]]]),
        baseline=torch.zeros(1, 3, 1),
        groups=torch.arange(3)[None, :, None],
        spans=tuple(Span(modality="audio", name=str(i)) for i in range(3)),
        window=(1, 1),
    )
    (seen,) = wide(replace(either, features=(frames,)), predicted_emotion(either))
    assert seen.values.tolist() == [1.0, 0.5, 0.0], "the mean over the windows that cover a frame"


def wide(turn: AttributableTurn, targets: Any) -> list[Attribution]:
    return occlusion(turn, targets, width=2)


def test_a_power_is_integrated_exactly_and_a_kink_is_reported(toy: Any, numbers_of: Any) -> None:
    smooth = toy(
        scores=lambda states: states["text"].pow(3).sum(1, keepdim=True),
        features=(numbers_of("token", "text", [2.0, -1.0]),),
    )
    (item,) = integrated_gradients(smooth, predicted_emotion(smooth), options=PathOptions(n_steps=4))
    np.testing.assert_allclose(item.values, [8.0, -1.0], atol=1e-5)
    jump = replace(smooth, scores=lambda states: torch.sigmoid(400 * (states["text"] - 0.9)).sum(1, keepdim=True))
    (missed,) = integrated_gradients(jump, predicted_emotion(jump), options=PathOptions(n_steps=4))
    assert missed.convergence_delta is not None
    assert abs(missed.convergence_delta) > 0.2
    assert missed.convergence_delta == pytest.approx(missed.values.sum() - (missed.output - missed.baseline_output))


def spans(modality: str, n: int) -> tuple[Span, ...]:
    return tuple(Span(modality=modality, name=f"{modality} {i}") for i in range(n))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, embedded: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(embedded).mean(1)).pow(2)


def test_layer_integrated_gradients_are_integrated_gradients_of_the_embedded_tokens(toy: Any) -> None:
    torch.manual_seed(3)
    words = Words().eval()
    ids, nothing = torch.tensor([[3, 1, 7]]), torch.zeros(1, 3, dtype=torch.long)
    with torch.no_grad():
        tokens = Features(
            name="tokens",
            modality="text",
            values=words.embedding(ids),
            baseline=words.embedding(nothing),
            groups=torch.arange(3)[None, :, None].expand(1, 3, 4),
            spans=spans("text", 3),
            window=(1, 4),
        )
    turn = toy(
        scores=lambda states: words(states["text"].reshape(-1, 3, 4)),
        features=(tokens,),
        labels=("joy", "fear"),
        embedded=EmbeddedTokens(features="tokens", layer=words.embedding, ids=ids, baseline_ids=nothing),
    )
    one, other = (method(turn, all_targets(turn)) for method in (integrated_gradients, layer_integrated_gradients))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-6)
        assert b.convergence_delta is not None
        assert abs(b.convergence_delta) < 1e-5
    with pytest.raises(PlanError):
        layer_integrated_gradients(replace(turn, embedded=None), all_targets(turn))


class Rescaled(nn.Module):
    """relu(2 a - b) + 3 c"""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu = nn.Linear(2, 1, bias=False), nn.ReLU()
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[2.0, -1.0]]))

    def forward(self, ab: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return self.relu(self.first(ab)) + torch.cat([c, c, c], dim=1).sum(1, keepdim=True)


def test_deep_lift_rescales_by_hand(toy: Any, numbers_of: Any) -> None:
    net = Rescaled()
    turn = toy(
        scores=lambda states: net(states["audio"], states["video"]),
        features=(numbers_of("ab", "audio", [3.0, 1.0], [0.0, 2.0]), numbers_of("c", "video", [1.0], [-1.0])),
        module=net,
    )
    (item,) = deep_lift(turn, predicted_emotion(turn))
    # relu goes from 0 (at -2) to 5 (at 5): a multiplier of 5 / 7 on 2 * 3 and on -1 * -1
    np.testing.assert_allclose(item.values, [30 / 7, 5 / 7, 6.0], atol=1e-5)
    assert item.convergence_delta == pytest.approx(0, abs=1e-5)
    mixed = replace(turn, features=(turn.features[0], turn.features[1], numbers_of("d", "audio", [1.0])))
    assert [item.modality for item in span_game(mixed, predicted_emotion(turn)).features] == ["audio", "audio", "video"]


def test_a_game_of_nothing_is_refused(linear: Any) -> None:
    with pytest.raises(PlanError, match="nothing that this judgement could be attributed to"):
        feature_ablation(replace(linear, features=()), all_targets(linear))
    with pytest.raises(PlanError, match="nothing"):
        partition_shap(replace(linear, features=linear.features[1:]), all_targets(linear))


def test_an_unknown_target_is_refused_and_a_silent_turn_has_no_tokens(linear: Any) -> None:
    with pytest.raises(PlanError, match="emotion:rage"):
        named_targets(linear, ["emotion:rage"])
    with pytest.raises(PlanError, match="no target"):
        rationale_tokens(replace(linear, tokens=()))
    assert not named_targets(linear, ["emotion:fear"]).rationale
    assert rationale_tokens(linear).columns == (2,)


def test_labels_alone_do_not_ask_for_the_rationale(linear: Any) -> None:
    seen = []
    turn = replace(linear, scores=lambda states: seen.append(1) or linear.scores(states))
    scores = scoring(turn, named_targets(turn, ["emotion:joy"]), turn.features)
    assert scores(*(item.values for item in turn.features)).shape == (1, 1)


def test_one_word_is_a_tree_of_one(toy: Any, numbers_of: Any) -> None:
    word = toy(scores=lambda states: 2 * states["text"], features=(numbers_of("token", "text", [3.0]),))
    (item,) = partition_shap(word, predicted_emotion(word))
    assert item.values.tolist() == [6.0]


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name="captum")

    monkeypatch.setattr(extra, "import_module", missing)
    with pytest.raises(MissingPartError, match=r"affidavit\[explain\]"):
        extra.explainer("captum.attr")
