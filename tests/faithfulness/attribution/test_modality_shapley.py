"""Modalities as players: games by hand, Captum's exact values, and nothing encoded again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.attributions import attribution_tables
from affidavit.errors import PlanError
from faithfulness.attribution.modality_shapley import modality_game
from faithfulness.attribution.targets import all_targets, predicted_emotion


@pytest.fixture
def mixed(toy: Any, numbers_of: Any) -> Any:
    """Joy = t + 2 a v (text and audio start from a baseline that is not 0); the token = 5 t."""

    def scores(states: Any) -> torch.Tensor:
        t, a, v = (states[name][:, 0] for name in ("text", "audio", "video"))
        return torch.stack([t + 2 * a * v, 5 * t], dim=1)

    features = (
        numbers_of("t", "text", [4.0], [1.0]),
        numbers_of("a", "audio", [3.0]),
        numbers_of("v", "video", [2.0]),
    )
    return toy(scores=scores, features=features, tokens=("Joy",))


def test_shares_and_interactions_by_hand(mixed: Any) -> None:
    game = modality_game(mixed, all_targets(mixed))
    assert game.players == ("text", "audio", "video")
    np.testing.assert_allclose(game.values, [[3, 6, 6], [15, 0, 0]], atol=1e-6)
    assert game.interactions["audio", "video"].tolist() == [12, 0]
    assert game.interactions["text", "audio"].tolist() == [0, 0]
    joy, token = game.attributions()
    assert (joy.output, joy.baseline_output) == (16, 1)
    assert joy.convergence_delta == pytest.approx(0, abs=1e-9)
    assert [span.name for span in token.spans] == ["text", "audio", "video"]
    assert attribution_tables([joy, token])["attributions"].num_rows == 6


def test_eight_coalitions_are_concluded_at_once_and_nothing_is_encoded(mixed: Any) -> None:
    modality_game(mixed, all_targets(mixed))
    assert mixed.rows == [("", 8)]


def test_values_are_captums_exact_ones(mixed: Any) -> None:
    captum = pytest.importorskip("captum.attr")
    features = mixed.features
    found = captum.ShapleyValues(lambda t, a, v: mixed.scores({"text": t, "audio": a, "video": v})).attribute(
        tuple(item.values for item in features),
        baselines=tuple(item.baseline for item in features),
        target=0,
    )
    (values,) = modality_game(mixed, predicted_emotion(mixed)).values
    np.testing.assert_allclose(values, [float(value) for value in found], atol=1e-5)


def test_an_absent_modality_is_no_player(mixed: Any) -> None:
    two = replace(
        mixed,
        features=mixed.features[:2],
        scores=lambda states: states["text"] + states["audio"],
        tokens=(),
    )
    game = modality_game(two, all_targets(two))
    assert game.players == ("text", "audio")
    assert game.scores.shape == (1, 4)
    np.testing.assert_allclose(game.values, [[3, 3]], atol=1e-6)


def test_nothing_shown_is_refused(mixed: Any) -> None:
    with pytest.raises(PlanError, match="no modality is shown"):
        modality_game(replace(mixed, features=()), all_targets(mixed))
