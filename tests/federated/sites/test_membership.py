"""What a server that sees one update can tell of one patient: all without noise, and with it no more than it allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from federated.sites.private import PrivateTraining
from tests.federated.sites.conftest import order_of, units_of

TRIALS = 150


def _direction(site: PrivateTraining, start: np.ndarray) -> np.ndarray:
    """Return where the patient in question would pull the model, as a server that knows them would work it out."""
    site.layout.scatter(start, site.reasoner)
    named = dict(sorted(site.reasoner.module.named_parameters()))
    loss = site.reasoner.losses([site.units[-1].pieces[0]], rng=np.random.default_rng(0)).sum()
    gradients = torch.autograd.grad(loss, list(named.values()))
    flat = np.concatenate([gradient.numpy().ravel() for gradient in gradients])
    return np.asarray(-flat / np.linalg.norm(flat))


def _auc(private: Any, noise_multiplier: float) -> float:
    """Return how often the update of a site with the patient scores above one without, over seeds known to nobody."""
    sizes = (2, 1, 3, 16)
    options = {
        "simulated": True, "delta": None, "noise_multiplier": noise_multiplier, "optimizer": "sgd", "steps": 1,
        "sample_rate": 1.0, "clip_norm": 0.5,
    }  # fmt: skip
    units = units_of(sizes)
    there, gone = private(units=units, folder="in", **options), private(units=units[:3], folder="out", **options)
    start = there.layout.gathered(there.reasoner)
    direction = _direction(there, start)

    def scores(site: PrivateTraining, what: str) -> np.ndarray:
        n = len(site.units)
        updates = (site.train(start, order_of(site, run=f"{what} {i}")).update for i in range(TRIALS))
        return np.array([n * float(direction @ update) for update in updates])  # the divisor is known

    inside, outside = scores(there, "in"), scores(gone, "out")
    return float(np.mean(inside[:, None] > outside[None, :]) + 0.5 * np.mean(inside[:, None] == outside[None, :]))


@pytest.mark.slow
def test_an_attack_on_updates_succeeds_without_noise_and_is_held_by_it(private: Any) -> None:
    """One step of everybody under noise z is a Gaussian mechanism of sensitivity 1 / z: no attack has a larger AUC."""
    assert _auc(private, 0.0) == 1.0
    for z in (1.0, 3.0):
        most = float(norm.cdf(1 / z / np.sqrt(2)))
        found = _auc(private, z)
        error = np.sqrt(1 / (6 * TRIALS))  # of an AUC near one half; smaller above
        assert found < most + 4 * error
        assert found > most - 4 * error  # the attack is as strong as there is, so that the bound is not for want of it
