"""Real heads that remember patients, ones that do not, and one trained with clipped and noised gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from scipy.stats import norm
from torch import nn

from affidavit.records import Interval
from affidavit.testing import findings_of, value_of
from privacy.attacks.confidence import confidence_of_logits
from privacy.attacks.examination import EXAMINATION
from privacy.attacks.intervals import auroc_interval
from privacy.attacks.losses_table import Clips, losses_table
from privacy.attacks.measures import AUROC, EPSILON
from privacy.attacks.paired import Pairs
from privacy.attacks.shadows import Recipe, Shadows, halves_of_units, train_one_by_one, train_together
from tests.privacy.attacks.conftest import ACCENTS, Desk

N_UNITS, N_CLIPS, N_FEATURES, N_LABELS = 160, 3, 24, 4
UNIT = np.repeat(np.arange(N_UNITS), N_CLIPS)
RECIPE = Recipe(steps=250, batch=16, learning_rate=2e-2)


def head() -> nn.Module:
    return nn.Sequential(nn.Linear(N_FEATURES, 24), nn.Tanh(), nn.Linear(24, N_LABELS))


@dataclass(frozen=True)
class Ward:
    features: np.ndarray
    labels: np.ndarray


def ward(seed: int) -> Ward:
    """Return clips whose label is half in the features and half chance: what is left has to be remembered."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(len(UNIT), N_FEATURES))
    labels = features[:, :N_LABELS].argmax(axis=1)
    return Ward(features, np.where(rng.random(len(UNIT)) < 0.5, labels, rng.integers(0, N_LABELS, len(UNIT))))


@cache
def half_and_half() -> Shadows:
    """Return ten heads of one ward, each trained on half of its patients."""
    here = ward(1)
    trained_on = halves_of_units(UNIT, n_models=10, rng=np.random.default_rng(2))
    return train_together(head, here.features, here.labels, trained_on, recipe=RECIPE, seed=3)


def table(*, remembered: bool) -> pd.DataFrame:
    """Return the losses of a head that was trained on half of the patients, or on other patients altogether."""
    here, models = ward(1), half_and_half()
    trained_on = models.trained_on
    member, logits = trained_on[0], models.logits[0]
    if not remembered:
        other = ward(4)
        both = np.concatenate([other.features, here.features]), np.concatenate([other.labels, here.labels])
        only = (np.arange(2 * len(UNIT)) < len(UNIT))[None]
        logits = train_together(head, *both, only, recipe=RECIPE, seed=5).logits[0, len(UNIT) :]
    clips = Clips(
        unit=[f"p{u}" for u in UNIT],
        member=member,
        label=here.labels,
        groups={"accent": [ACCENTS[u % 3] for u in UNIT]},
        features={"first": here.features[:, 0]},
    )
    made = losses_table(clips, logits, shadow_logits=models.logits[1:], trained_on=trained_on[1:])
    frame: pd.DataFrame = made.to_pandas()
    return frame


def test_planted_memory_is_found_and_a_model_of_other_patients_is_not_accused(desk: Desk) -> None:
    found = findings_of(EXAMINATION, desk.case(table(remembered=True)))
    clean = findings_of(EXAMINATION, desk.case(table(remembered=False)))
    assert value_of(found, AUROC) > 0.9
    assert value_of(found, EPSILON) > 0.5
    interval = clean[AUROC, "everybody"].estimate.interval
    assert interval is not None
    assert interval.low < 0.5 < interval.high
    assert value_of(clean, EPSILON) < 0.3
    assert not any("told apart" in caveat for told in (*found.values(), *clean.values()) for caveat in told.caveats)


def test_models_trained_together_are_those_trained_one_by_one() -> None:
    here = ward(1)
    trained_on = halves_of_units(UNIT, n_models=6, rng=np.random.default_rng(2))
    recipe = Recipe(steps=40, batch=8, weight_decay=0.1)
    state = torch.random.get_rng_state()
    fast = train_together(head, here.features, here.labels, trained_on, recipe=recipe, seed=7)
    slow = train_one_by_one(head, here.features, here.labels, trained_on, recipe=recipe, seed=7)
    assert np.allclose(fast.logits, slow.logits, atol=2e-3)
    for name, values in slow.parameters.items():
        assert np.allclose(fast.parameters[name], values, atol=2e-3)
    assert np.ptp(fast.logits[:, 0, 0]) > 0.01  # each is another model
    assert torch.equal(state, torch.random.get_rng_state())


def test_what_one_model_is_trained_on_does_not_reach_the_others() -> None:
    here = ward(1)
    trained_on = halves_of_units(UNIT, n_models=4, rng=np.random.default_rng(2))
    whole = train_together(head, here.features, here.labels, trained_on, recipe=Recipe(steps=20), seed=7)
    labels = here.labels.copy()
    labels[~trained_on[2]] = 0  # nothing that model 2 sees
    again = train_together(head, here.features, labels, trained_on, recipe=Recipe(steps=20), seed=7)
    assert np.allclose(whole.logits[2], again.logits[2], atol=1e-5)
    assert not np.allclose(whole.logits[1], again.logits[1], atol=1e-2)


def test_every_unit_is_in_half_of_the_models_with_all_its_clips() -> None:
    trained_on = halves_of_units(UNIT, n_models=8, rng=np.random.default_rng(0))
    assert (trained_on.sum(axis=0) == 4).all()
    assert all((trained_on[:, u == UNIT] == trained_on[:, u == UNIT][:, :1]).all() for u in range(N_UNITS))
    with pytest.raises(ValueError, match="even number"):
        halves_of_units(UNIT, n_models=3, rng=np.random.default_rng(0))


class Projected(nn.Module):
    """A head with a buffer of its own, and a layer that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("projection", torch.randn(N_FEATURES, 8))
        self.kept = nn.Linear(8, 8).requires_grad_(requires_grad=False)
        self.last = nn.Linear(8, N_LABELS)

    def forward(self, shown: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(self.kept(shown @ self.get_buffer("projection")).tanh())
        return found


def test_each_head_keeps_its_own_buffers_and_what_is_not_trained() -> None:
    here, recipe = ward(1), Recipe(steps=20, batch=8)
    trained_on = halves_of_units(UNIT, n_models=2, rng=np.random.default_rng(2))
    fast = train_together(Projected, here.features, here.labels, trained_on, recipe=recipe, seed=7)
    slow = train_one_by_one(Projected, here.features, here.labels, trained_on, recipe=recipe, seed=7)
    assert np.allclose(fast.logits, slow.logits, atol=2e-3)
    assert (fast.parameters["kept.weight"] == slow.parameters["kept.weight"]).all()


@pytest.mark.parametrize(
    "part", [nn.BatchNorm1d(N_FEATURES), nn.InstanceNorm1d(N_FEATURES, track_running_stats=True), nn.Dropout()]
)
def test_heads_that_depend_on_the_batch_or_on_chance_are_refused(part: nn.Module) -> None:
    here = ward(1)
    trained_on = np.ones((2, len(UNIT)), dtype=bool)

    def make() -> nn.Module:
        return nn.Sequential(part, nn.Linear(N_FEATURES, N_LABELS))

    with pytest.raises(ValueError, match="Expected a head without"):
        train_together(make, here.features, here.labels, trained_on, recipe=Recipe(), seed=0)
    with pytest.raises(ValueError, match="clips for every model"):
        train_together(head, here.features, here.labels, ~trained_on, recipe=Recipe(), seed=0)


def linear_head(clips: Any, *, noise_multiplier: float, seed: int, steps: int = 60) -> np.ndarray:
    """Train a linear head by full gradient descent; with noise, each patient's gradient is clipped to 1 before."""
    features, labels, unit = clips
    rng = np.random.default_rng(seed)
    truth, n_units = np.eye(2)[labels], int(unit.max()) + 1
    weights = np.zeros((features.shape[1], 2))
    for _ in range(steps):
        wrong = softmax(features @ weights, axis=1) - truth
        each = np.zeros((n_units, *weights.shape))
        np.add.at(each, unit, features[:, :, None] * wrong[:, None, :])
        if noise_multiplier:
            norms = np.sqrt((each**2).sum(axis=(1, 2)))
            each /= np.maximum(norms, 1.0)[:, None, None]
        total = each.sum(axis=0) + noise_multiplier * rng.normal(size=weights.shape)
        weights -= 2.0 * total / n_units
    return weights


def test_clipping_and_noise_lower_the_success_of_the_attack_on_the_same_patients() -> None:
    """Three trainings each: the paired drop has an interval off zero, and the private head keeps to its mu."""
    noise, steps = 20.0, 60
    for seed in range(3):
        rng = np.random.default_rng(seed)
        unit = np.repeat(np.arange(200), 2)
        features, labels = rng.normal(size=(400, 300)), rng.integers(0, 2, 400)
        inside = unit < 100
        train = features[inside], labels[inside], unit[inside]

        def scores(noise_multiplier: float, data: Any, *, of: tuple[Any, ...] = (features, labels, seed)) -> np.ndarray:
            shown, truth, drawn = of
            weights = linear_head(data, noise_multiplier=noise_multiplier, seed=drawn, steps=steps)
            return confidence_of_logits(shown @ weights, truth).reshape(-1, 2).mean(axis=1)

        before, after = scores(0.0, train), scores(noise, train)
        pairs = Pairs(
            members_before=before[:100],
            members_after=after[:100],
            non_members_before=before[100:],
            non_members_after=after[100:],
        )
        drop = pairs.interval(0.95)
        assert isinstance(drop, Interval)
        assert drop.high < -0.2
        private = auroc_interval(after[:100], after[100:], 0.95)
        assert isinstance(private, Interval)
        mu = np.sqrt(steps) / noise  # full participation, add or remove one patient
        assert private.low <= norm.cdf(mu / np.sqrt(2))
