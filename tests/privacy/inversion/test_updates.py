"""What is sent is the mean gradient; protected, no turn weighs more than the clip, and the noise has its scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from privacy.inversion.labels import recovered_labels, share_recovered
from privacy.inversion.networks import picture_network, vector_network
from privacy.inversion.updates import Protection, norm_of, sent_update
from privacy.inversion.victims import Victim, module_victim

SILENT = 1e-12


def made(n: int, *, seed: int = 0, width: int = 10) -> tuple[Victim, list[torch.Tensor], list[int]]:
    rng = np.random.default_rng(seed)
    inputs = [torch.tensor(rng.normal(size=(1, width)), dtype=torch.float32) for _ in range(n)]
    return module_victim(vector_network(width, 5, seed=seed), n, n_labels=5), inputs, rng.integers(0, 5, n).tolist()


def sent(
    victim: Victim, inputs: list[torch.Tensor], labels: list[int], protection: Protection | None
) -> list[torch.Tensor]:
    return sent_update(victim, inputs, labels, protection=protection, rng=np.random.default_rng(1)).parts


def test_an_update_is_what_backpropagation_gives() -> None:
    victim, inputs, labels = made(6)
    network = victim.scores[0]
    network.zero_grad()  # type: ignore[attr-defined]
    torch.nn.functional.cross_entropy(network(torch.cat(inputs)), torch.tensor(labels)).backward()
    for part, parameter in zip(sent(victim, inputs, labels, None), victim.parameters, strict=True):
        torch.testing.assert_close(part, parameter.grad)


def test_no_turn_weighs_more_than_the_clip() -> None:
    victim, inputs, labels = made(4)
    inputs = [inputs[0] * 50, *inputs[1:]]
    clip = 0.01
    protection = Protection(noise_multiplier=SILENT, clip_norm=clip)
    whole = sent(victim, inputs, labels, protection)
    assert norm_of(whole) <= clip + 1e-7
    alone = victim.gradient(inputs, labels, only=0)
    scale = clip / norm_of(alone)
    rest = sent(victim, inputs, labels, Protection(noise_multiplier=SILENT, clip_norm=1e9))
    assert norm_of(rest) > 10 * clip
    own = [victim.gradient(inputs, labels, only=i) for i in range(4)]
    slow = [sum(min(1.0, clip / norm_of(parts)) * parts[k] for parts in own) / 4 for k in range(len(alone))]
    for part, twin in zip(whole, slow, strict=True):
        torch.testing.assert_close(part, twin)
    assert scale < 1


def test_the_noise_has_its_scale_and_comes_from_the_seed() -> None:
    victim, inputs, labels = made(4, width=400)
    plain, noised = (sent(victim, inputs, labels, Protection(noise_multiplier=z, clip_norm=0.5)) for z in (SILENT, 2.0))
    noise = torch.cat([(b - a).flatten() for a, b in zip(plain, noised, strict=True)]).double()
    expected = 2.0 * 0.5 / 4
    assert float(noise.std()) == pytest.approx(expected, rel=4 / np.sqrt(2 * len(noise)))
    again = sent(victim, inputs, labels, Protection(noise_multiplier=2.0, clip_norm=0.5))
    assert all(torch.equal(a, b) for a, b in zip(noised, again, strict=True))


def test_where_no_clip_is_named_half_of_the_turns_are_clipped() -> None:
    victim, inputs, labels = made(5)
    norms = [norm_of(victim.gradient(inputs, labels, only=i)) for i in range(5)]
    named = Protection(noise_multiplier=SILENT, clip_norm=float(np.median(norms)))
    unnamed = Protection(noise_multiplier=SILENT)
    pairs = zip(*(sent(victim, inputs, labels, how) for how in (named, unnamed)), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("seed", range(20))
def test_the_label_of_one_turn_is_always_read_off_the_last_bias(seed: int) -> None:
    victim, inputs, labels = made(1, seed=seed)
    bias = sent(victim, inputs, labels, None)[-1].double().numpy()
    assert recovered_labels(bias, 1) == tuple(labels)


def test_labels_of_a_batch_are_counted_off_better_than_by_chance() -> None:
    shares = []
    for seed in range(20):
        victim, inputs, labels = made(8, seed=seed)
        bias = sent(victim, inputs, labels, None)[-1].double().numpy()
        expected = victim.expected([torch.zeros(1, 10)] * 8)
        shares.append([share_recovered(recovered_labels(bias, 8, expected=of), labels) for of in (expected, None)])
    knowing, ignorant = np.mean(shares, axis=0)
    assert knowing > 0.9
    assert knowing > ignorant > 0.7


def test_networks_are_drawn_from_their_seed_and_touch_nobody_elses_stream() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = picture_network((8, 6), 3, seed=2)
    assert torch.equal(torch.rand(1), expected)
    second = picture_network((8, 6), 3, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert first(torch.zeros(2, 1, 8, 6)).shape == (2, 3)
