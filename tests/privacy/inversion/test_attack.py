"""An unprotected update gives its input away; a protected one does not, to this attack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from privacy.inversion.attack import Attack, Prior, inverted
from privacy.inversion.fidelity import assigned, psnr, ssim
from privacy.inversion.networks import picture_network, vector_network
from privacy.inversion.updates import Protection, sent_update
from privacy.inversion.victims import module_victim

STANDARD = Prior(mean=torch.tensor(0.0), spread=torch.tensor(1.0))


def attacked(
    network: torch.nn.Module, truths: Sequence[np.ndarray], attack: Attack, protection: Protection | None = None
) -> list[np.ndarray]:
    victim = module_victim(network, len(truths), n_labels=4)
    inputs = [torch.tensor(truth[None], dtype=torch.float32) for truth in truths]
    labels = [i % 4 for i in range(len(truths))]
    update = sent_update(victim, inputs, labels, protection=protection, rng=np.random.default_rng(3))
    priors = [(STANDARD, tuple(value.shape)) for value in inputs]
    found = inverted(victim, update.parts, labels, priors=priors, attack=attack, rng=np.random.default_rng(4))
    return [value[0].double().numpy() for value in found]


def embeddings(n: int) -> list[np.ndarray]:
    return list(np.random.default_rng(5).normal(size=(n, 16)))


@pytest.mark.parametrize("objective", ["cosine", "squared"])
def test_an_embedding_is_found_in_the_update_of_one_turn(objective: str) -> None:
    (truth,) = embeddings(1)
    (found,) = attacked(vector_network(16, 4), [truth], Attack(objective=objective, steps=100))  # type: ignore[arg-type]
    assert psnr(truth, found, peak=float(np.ptp(truth))) > 40


def test_clipping_and_noise_hide_it_from_the_same_attack() -> None:
    (truth,) = embeddings(1)
    (found,) = attacked(vector_network(16, 4), [truth], Attack(), Protection(noise_multiplier=1.0))
    assert psnr(truth, found, peak=float(np.ptp(truth))) < 15


def test_clipping_alone_hides_nothing() -> None:
    (truth,) = embeddings(1)
    (found,) = attacked(vector_network(16, 4), [truth], Attack(), Protection(noise_multiplier=1e-9, clip_norm=1e-3))
    assert psnr(truth, found, peak=float(np.ptp(truth))) > 30


def test_turns_of_one_batch_are_found_in_any_order_and_more_turns_are_harder() -> None:
    told = {}
    for n in (1, 4, 16):
        truths = embeddings(n)
        found = attacked(vector_network(16, 4), truths, Attack(steps=80))
        pairs = zip(truths, (found[j] for j in assigned(truths, found)), strict=True)
        told[n] = np.mean([psnr(a, b, peak=6.0) for a, b in pairs])
    assert told[1] > told[4] > told[16]
    assert told[4] > 15


@pytest.mark.slow  # an attack of many steps
def test_a_picture_is_found_too() -> None:
    picture = gaussian_filter(np.random.default_rng(6).normal(size=(12, 12)), 2)[None] * 6
    network = picture_network((12, 12), 4)
    (found,) = attacked(network, [picture], Attack(steps=100))
    (start,) = attacked(network, [picture], Attack(steps=0))
    peak = float(np.ptp(picture))
    similar, before = ssim(picture, found, peak=peak), ssim(picture, start, peak=peak)
    assert similar is not None
    assert before is not None
    assert similar > 0.7 > 0.3 > before


def test_without_steps_it_returns_the_start_and_with_the_seed_the_same() -> None:
    truths = embeddings(2)
    network = vector_network(16, 4)
    starts = attacked(network, truths, Attack(steps=0))
    drawn = np.random.default_rng(4).normal(size=(2, 16))
    np.testing.assert_allclose(np.stack(starts), drawn, rtol=1e-6)
    first, second = (attacked(network, truths, Attack(steps=5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
