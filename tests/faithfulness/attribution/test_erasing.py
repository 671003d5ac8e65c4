"""Losses by hand, on a score that is a sum; what is put in place of what is erased; joined spans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.attributable import Features
from affidavit.attributions import Span
from faithfulness.attribution.erasing import N_RANDOM, SIZES, losses, with_filling
from faithfulness.attribution.explaining import explained, joined, joined_features
from faithfulness.attribution.options import MethodOptions
from faithfulness.attribution.targets import predicted_emotion

VALUES = np.array([4.0, 3.0, 2.0, 1.0, 0.5, 0.25, -1.0, -2.0, 0.1, 0.0])


@pytest.fixture
def summed(toy: Any, numbers_of: Any) -> Any:
    """Two labels: the sum of ten numbers, and nothing."""

    def scores(states: Any) -> torch.Tensor:
        total = states["audio"].sum(1)
        return torch.stack([total, 0 * total], dim=1)

    return toy(scores=scores, features=(numbers_of("n", "audio", VALUES.tolist()),), labels=("joy", "fear"))


def chance(score: float) -> float:
    return float(1 / (1 + np.exp(-score)))


def test_losses_by_hand(summed: Any) -> None:
    found = losses(summed, "joy", summed.features, VALUES, rng=np.random.default_rng(0))
    order = np.sort(VALUES)[::-1]
    for i, size in enumerate(SIZES):
        count = max(1, round(size * 10))
        whole = chance(VALUES.sum())
        assert found.without_top[i] == pytest.approx(whole - chance(order[count:].sum()), abs=1e-6)
        assert found.only_top[i] == pytest.approx(whole - chance(order[:count].sum()), abs=1e-6)
    assert found.without_all == pytest.approx(chance(VALUES.sum()) - 0.5, abs=1e-6)
    fear = losses(summed, "fear", summed.features, -VALUES, rng=np.random.default_rng(0))
    assert fear.without_all == pytest.approx(-found.without_all)


def test_the_random_control_erases_as_many(summed: Any) -> None:
    rng = np.random.default_rng(7)
    found = losses(summed, "joy", summed.features, VALUES, rng=rng)
    again = np.random.default_rng(7)
    for i, size in enumerate(SIZES):
        lost = []
        for _ in range(N_RANDOM):
            out = again.permutation(10)[: max(1, round(size * 10))]
            lost.append(chance(VALUES.sum()) - chance(np.delete(VALUES, out).sum()))
        assert found.without_random[i] == pytest.approx(np.mean(lost), abs=1e-6)
    named = found.named("_x")
    assert named["attribution_comprehensiveness_x"] == pytest.approx(found.without_top.mean())
    assert named["attribution_sufficiency_x_beyond_random"] == pytest.approx(
        (found.only_top - found.only_random).mean()
    )
    assert named["attribution_comprehensiveness_x_random@20%"] == pytest.approx(found.without_random[3])


def test_another_utterances_input_stands_where_something_was_erased(summed: Any, numbers_of: Any) -> None:
    donor = numbers_of("n", "audio", [7.0] * 10)
    filled = with_filling(summed.features, {"n": donor})
    assert filled is not None
    found = losses(summed, "joy", filled, VALUES, rng=np.random.default_rng(0))
    assert found.without_all == pytest.approx(chance(VALUES.sum()) - chance(70), abs=1e-6)
    assert with_filling(summed.features, {}) is None
    assert with_filling(summed.features, {"n": numbers_of("n", "audio", [1.0])}) is None, "no time to repeat it along"


def frames(values: list[float], name: str = "mel") -> Features:
    tensor = torch.tensor(values)[None, :, None].expand(1, -1, 2).contiguous()
    return Features(
        name=name,
        modality="audio",
        values=tensor,
        baseline=torch.zeros_like(tensor),
        groups=torch.arange(len(values))[None, :, None].expand_as(tensor),
        spans=tuple(
            Span(modality="audio", name=f"{i}", start_s=i / 10, end_s=(i + 1) / 10) for i in range(len(values))
        ),
        window=(1, 2),
    )


def test_a_shorter_sound_is_repeated_and_a_longer_one_cut() -> None:
    (short,) = with_filling([frames([0.0] * 5)], {"mel": frames([1.0, 2.0])}) or ()
    assert short.baseline[0, :, 0].tolist() == [1, 2, 1, 2, 1]
    (long,) = with_filling([frames([0.0] * 2)], {"mel": frames([1.0, 2.0, 3.0])}) or ()
    assert long.baseline[0, :, 1].tolist() == [1, 2]
    both = with_filling([frames([0.0] * 2), frames([5.0], "other")], {"mel": frames([1.0])})
    assert both is not None
    assert both[1].baseline.abs().sum() == 0, "what the other does not have keeps its own baseline"
    bare = replace(frames([1.0]), values=torch.zeros(1, 0, 2))
    assert with_filling([frames([0.0] * 2)], {"mel": bare}) is None


def test_neighbouring_spans_are_joined_and_keep_their_seconds() -> None:
    found = joined(frames([float(i) for i in range(7)]), 3)
    assert [span.name for span in found.spans] == ["0 to 2", "3 to 4", "5 to 6"]
    assert [(span.start_s, span.end_s) for span in found.spans] == [(0, 0.3), (0.3, 0.5), (0.5, 0.7)]
    assert found.groups[0, :, 0].tolist() == [0, 0, 0, 1, 1, 2, 2]
    few = frames([1.0, 2.0])
    assert joined(few, 3) is few


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion", "feature-ablation", "kernel-shap"])
def test_of_a_sum_joined_spans_get_the_sum_of_theirs(method: Any, summed: Any) -> None:
    pytest.importorskip("captum")
    options = MethodOptions(method=method, most_spans=5, n_samples=64)
    features = joined_features(summed, options.most_spans)
    (item,) = explained(summed, predicted_emotion(summed), features, options=options, rng=np.random.default_rng(0))
    np.testing.assert_allclose(item.values, VALUES.reshape(5, 2).sum(1), atol=1e-3)
