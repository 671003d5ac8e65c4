"""Interventions against their definitions: offsets reach parity at the least cost, weights make groups independent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.mitigation.fitted import adversarial, independence_weights
from audit.mitigation.material import Sample
from audit.mitigation.methods import METHODS
from audit.mitigation.offsets import parity_offsets
from audit.mitigation.recipe import Recipe

RECIPE = Recipe(constraint="equalized_odds", largest_weight=10.0, epochs=2, strength=1.0, seed=1)


def drawn(n: int, *, n_labels: int = 3, n_groups: int = 3, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n)
    scores = rng.normal(0, 1, (n, n_labels))
    scores[:, 0] += 0.8 * group
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    truth = (shares.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return Sample(
        probabilities=shares,
        answer=shares.argmax(axis=1),
        truth=truth,
        group=group,
        weight=np.ones(n),
        n_groups=n_groups,
    )


@pytest.mark.parametrize(("n_labels", "n_groups"), [(2, 2), (3, 3), (6, 4)])
def test_offsets_make_answers_equally_frequent_in_every_group(n_labels: int, n_groups: int) -> None:
    sample = drawn(6000, n_labels=n_labels, n_groups=n_groups)
    offsets = parity_offsets(sample.probabilities, sample.group, sample.weight, n_groups=n_groups)
    answers = (sample.probabilities - offsets[sample.group]).argmax(axis=1)

    def spread(given: np.ndarray) -> float:
        shares = [np.bincount(given[sample.group == g], minlength=n_labels) for g in range(n_groups)]
        rates = np.array([share / share.sum() for share in shares])
        return float(np.ptp(rates, axis=0).max())

    assert spread(sample.answer) > 0.2
    assert spread(answers) < 0.02
    mass = np.bincount(sample.group) / len(sample.group)
    assert mass @ offsets == pytest.approx(0, abs=1e-9)


def test_offsets_for_two_groups_and_labels_are_the_best_thresholds_of_a_search() -> None:
    sample = drawn(4000, n_labels=2, n_groups=2)
    offsets = parity_offsets(sample.probabilities, sample.group, sample.weight, n_groups=2)
    answers = (sample.probabilities - offsets[sample.group]).argmax(axis=1)
    gained = float(sample.probabilities[np.arange(4000), answers].mean())
    p, best = sample.probabilities[:, 1], -1.0
    for rate in np.linspace(0, 1, 401):
        told = np.zeros(4000, dtype=int)
        for g in range(2):
            own = np.flatnonzero(sample.group == g)
            top = own[np.argsort(-p[own])][: round(rate * len(own))]
            told[top] = 1
        best = max(best, float(sample.probabilities[np.arange(4000), told].mean()))
    assert gained == pytest.approx(best, abs=2e-3)


def test_a_group_without_rows_has_no_offsets_and_weights_count() -> None:
    sample = drawn(900, n_groups=2)
    offsets = parity_offsets(sample.probabilities, sample.group, sample.weight, n_groups=3)
    assert (offsets[2] == 0).all()
    twice = np.where(sample.group == 0, 2.0, 1.0)
    doubled = np.concatenate([np.arange(900), np.flatnonzero(sample.group == 0)])
    weighted = parity_offsets(sample.probabilities, sample.group, twice, n_groups=2)
    repeated = parity_offsets(sample.probabilities[doubled], sample.group[doubled], np.ones(len(doubled)), n_groups=2)
    assert weighted == pytest.approx(repeated, abs=1e-3)


def test_weights_make_group_and_label_independent() -> None:
    sample = drawn(500)
    weights = independence_weights(sample)
    joint = np.zeros((3, 3))
    np.add.at(joint, (sample.group, sample.truth), weights)
    joint /= joint.sum()
    assert joint == pytest.approx(np.outer(joint.sum(1), joint.sum(0)))
    plain = np.array([np.mean(sample.group == g) for g in range(3)])
    assert joint.sum(1) == pytest.approx(plain)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_answers_are_codes_and_repeat(method: object) -> None:
    sample = drawn(600, n_labels=2)
    one, two = (method.fit(sample, RECIPE)(sample) for _ in range(2))  # type: ignore[attr-defined]
    assert one.dtype == np.int64
    assert set(one) <= {0, 1}
    assert (one == two).all()
    single = sample.at(np.flatnonzero(sample.truth == sample.truth))
    assert (method.fit(single, RECIPE)(sample.at(np.arange(5))) == one[:5]).shape == (5,)  # type: ignore[attr-defined]


def test_fitting_a_network_leaves_torchs_own_generator_where_it_was() -> None:
    before = torch.get_rng_state()
    adversarial(drawn(300), RECIPE)
    assert torch.equal(before, torch.get_rng_state())
