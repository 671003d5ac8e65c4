"""What a layer's gradient gives away without matching gradients: one input by division, several by their span."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from privacy.inversion.layers import rank, seats, span, state
from privacy.inversion.spans import Hull, outside
from privacy.inversion.updates import Protection, sent_update
from privacy.inversion.victims import Victim, module_victim


def made(n: int, *, width: int = 20, seed: int = 0) -> tuple[nn.Module, Victim, list[torch.Tensor], list[int]]:
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Linear(16, 12), nn.GELU(), nn.Linear(12, 5))
    inputs = [torch.tensor(rng.normal(size=(1, width)), dtype=torch.float32) for _ in range(n)]
    return network, module_victim(network, n, n_labels=5), inputs, rng.integers(0, 5, n).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_input_of_one_turn_is_read_exactly_and_so_is_what_enters_every_layer(seed: int) -> None:
    network, victim, inputs, labels = made(1, seed=seed)
    update = victim.sent(inputs, labels)
    value = inputs[0]
    for seat in seats(network, victim.parameters):
        assert rank(update, seat) == 1
        np.testing.assert_allclose(state(update, seat), value[0].detach().double(), rtol=1e-4, atol=1e-6)
        value = nn.functional.gelu(seat.layer(value))


def test_what_entered_a_layer_is_the_row_of_the_largest_gradient_divided_by_its_bias() -> None:
    """The slow obvious twin: one row of weights over its bias."""
    network, victim, inputs, labels = made(1)
    update = victim.sent(inputs, labels)
    for seat in seats(network, victim.parameters):
        row = int(update[seat.bias].abs().argmax())
        twin = update[seat.weight][row] / update[seat.bias][row]
        np.testing.assert_allclose(state(update, seat), twin.double(), rtol=1e-4, atol=1e-6)


def test_the_inputs_of_a_batch_lie_in_the_span_and_others_do_not() -> None:
    network, victim, inputs, labels = made(4)
    update = victim.sent(inputs, labels)
    first = seats(network, victim.parameters)[0]
    assert rank(update, first) == 4
    basis = span(update, first, 4)
    assert float(outside(torch.cat(inputs), basis).max()) < 1e-10
    assert float(outside(made(4, seed=9)[2][0], basis)) > 0.1


def test_every_input_of_a_batch_is_a_point_of_the_hull_and_the_hull_has_no_others_of_the_span() -> None:
    network, victim, inputs, labels = made(4)
    mean, spread = torch.full((20,), 0.3, dtype=torch.float64), torch.linspace(0.5, 2.0, 20, dtype=torch.float64)
    basis = span(victim.sent(inputs, labels), seats(network, victim.parameters)[0], 4)
    hull = Hull.of(basis, mean, spread)
    assert hull.along.shape == (3, 20)
    for value in inputs:
        point = ((value[0].double() - mean) / spread - hull.nearest) @ hull.along.T
        np.testing.assert_allclose(hull.inputs(point[None])[0], value[0].double(), atol=1e-4)
    anywhere = hull.inputs(torch.tensor(np.random.default_rng(1).normal(size=(6, 3))))
    assert float(outside(anywhere, basis).max()) < 1e-10


def test_noise_hides_directions_and_all_of_them_where_there_is_much() -> None:
    network, victim, inputs, labels = made(4)
    first = seats(network, victim.parameters)[0]
    n_left = []
    for multiplier in (1e-9, 0.02, 3.0):
        protection = Protection(noise_multiplier=multiplier)
        sent = sent_update(victim, inputs, labels, protection=protection, rng=np.random.default_rng(2))
        n_left.append(len(span(sent.parts, first, 4, noise=sent.noise)))
    assert n_left[0] == 4
    assert n_left[0] >= n_left[1] > n_left[2] == 0


def test_a_layer_without_a_bias_or_frozen_is_no_seat() -> None:
    network = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 4), nn.Linear(4, 2))
    network[1].weight.requires_grad_(False)
    victim = module_victim(network, 1, n_labels=2)
    assert [seat.name for seat in seats(network, victim.parameters)] == ["2"]
