"""Our strategies beside Flower's on the same replies, where both define the same thing; where not, the difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAdam as FlowerFedAdam
from flwr.serverapp.strategy import FedAvg as FlowerFedAvg
from flwr.serverapp.strategy import FedTrimmedAvg, MultiKrum, QFedAvg

from federated.strategies.additive import Moments, advanced, contribution
from federated.strategies.options import FedAdam, FedAvg, Krum, QFair, TrimmedMean
from federated.strategies.robust import combined
from federated.updates.layout import Vector

SIZE = 37


class Nodes:
    """A grid of which strategies only ask who is there."""

    def __init__(self, n: int) -> None:
        self.n = n

    def get_node_ids(self) -> list[int]:
        return list(range(1, self.n + 1))


@pytest.fixture
def replies() -> Callable[..., Any]:
    """Return models, sites' models, weights, losses and what Flower would receive of them."""

    def made(n_sites: int, *, seed: int = 0) -> tuple[Vector, list[Vector], list[int], list[float], list[Message]]:
        rng = np.random.default_rng(seed)
        model = rng.normal(size=SIZE).astype(np.float32)
        updates = [rng.normal(scale=0.1, size=SIZE).astype(np.float32) for _ in range(n_sites)]
        weights, losses = [int(w) for w in rng.integers(5, 90, n_sites)], list(rng.uniform(0.3, 2.0, n_sites))
        messages = [
            _reply(model + update, weight, float(loss), node)
            for node, (update, weight, loss) in enumerate(zip(updates, weights, losses, strict=True), 1)
        ]
        return model, updates, weights, losses, messages

    return made


def _reply(local: Vector, weight: int, loss: float, node: int) -> Message:
    asked = Message(content=RecordDict(), dst_node_id=node, message_type="train")
    metrics = MetricRecord({"num-examples": weight, "train_loss": loss})
    return Message(content=RecordDict({"arrays": _record(local), "metrics": metrics}), reply_to=asked)


def _record(vector: Vector) -> ArrayRecord:
    return ArrayRecord({"vector": Array(np.asarray(vector, dtype=np.float32))})


def _flower(strategy: Any, model: Vector, messages: list[Message], *, rounds: int = 1) -> Vector:
    strategy.configure_train(rounds, _record(model), ConfigRecord(), Nodes(len(messages)))
    arrays, _ = strategy.aggregate_train(rounds, messages)
    return np.asarray(arrays["vector"].numpy())


def test_fedavg_is_flowers(replies: Callable[..., Any]) -> None:
    model, updates, weights, _, messages = replies(5)
    total = sum(contribution(u, weight=w, loss=None, options=FedAvg()) for u, w in zip(updates, weights, strict=True))

    ours, _ = advanced(model, total, options=FedAvg())

    np.testing.assert_allclose(ours, _flower(FlowerFedAvg(), model, messages), atol=1e-6)


@pytest.mark.slow  # trains several models
@pytest.mark.parametrize("q", [0.0, 0.2, 1.0, 5.0])
def test_q_ffl_is_flowers(replies: Callable[..., Any], q: float) -> None:
    model, updates, _, losses, messages = replies(5)
    options = QFair(q=q, local_learning_rate=0.05)
    total = sum(contribution(u, weight=1, loss=x, options=options) for u, x in zip(updates, losses, strict=True))

    ours, _ = advanced(model, total, options=options)

    np.testing.assert_allclose(ours, _flower(QFedAvg(client_learning_rate=0.05, q=q), model, messages), atol=1e-6)


def test_fedadam_is_flowers_up_to_the_bias_correction_and_the_first_second_moment(replies: Callable[..., Any]) -> None:
    """Flower starts the second moment at 0 and corrects the step by a count one too high; the paper does neither."""
    model, updates, weights, _, messages = replies(4)
    correction = np.sqrt(1 - 0.99**2) / (1 - 0.9**2)
    options = FedAdam(server_learning_rate=0.1 * correction)
    total = sum(contribution(u, weight=w, loss=None, options=options) for u, w in zip(updates, weights, strict=True))

    ours, _ = advanced(model, total, options=options, moments=Moments(first=np.zeros(SIZE), second=np.zeros(SIZE)))

    np.testing.assert_allclose(ours, _flower(FlowerFedAdam(eta=0.1), model, messages), atol=1e-6)


@pytest.mark.parametrize(("n_sites", "trimmed"), [(5, 0.2), (9, 0.3), (10, 0.1), (6, 0.0)])
def test_trimmed_mean_is_flowers(replies: Callable[..., Any], n_sites: int, trimmed: float) -> None:
    model, updates, _, _, messages = replies(n_sites)

    ours = model + combined(updates, options=TrimmedMean(trimmed=trimmed))

    np.testing.assert_allclose(ours, _flower(FedTrimmedAvg(beta=trimmed), model, messages), atol=1e-6)


@pytest.mark.parametrize(("faulty", "kept"), [(1, 1), (2, 1), (2, 3)])
def test_krum_chooses_whom_flower_chooses(replies: Callable[..., Any], faulty: int, kept: int) -> None:
    model, updates, _, _, messages = replies(8)
    ours = model + combined(updates, options=Krum(most_faulty=faulty, kept=kept))

    theirs = _flower(MultiKrum(num_malicious_nodes=faulty, num_nodes_to_select=kept), model, _alike(messages))

    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def _alike(messages: list[Message]) -> list[Message]:
    """Return the replies with equal weights: Flower's Multi-Krum weighs whom it keeps by examples."""
    for message in messages:
        message.content["metrics"]["num-examples"] = 1
    return messages
