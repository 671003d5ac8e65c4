"""What noise at the server is worth in the pinned Flower, fault by fault, and that it is worth more here.

Each test first reproduces the shipped behaviour. When one fails because the shipped behaviour is mended, take the note
of that fault out of docs/federated.md.
"""

from __future__ import annotations

import random  # noqa: TID251 - the fault itself is what Flower draws from
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp.mod import LocalDpMod
from flwr.serverapp import NeighboringRelation, PrivacyConfig, RdpAccountant, SamplingMethod
from flwr.serverapp.strategy import (
    DifferentialPrivacyServerSideAdaptiveClipping,
    DifferentialPrivacyServerSideFixedClipping,
    FedAvg,
)

from affidavit.errors import FederationError
from federated.central.options import CentralOptions
from federated.central.sensitivity import mean_sensitivity
from federated.central.server import CentralNoise
from federated.sites.private_options import PrivateSiteOptions
from federated.updates.arrays import UnusableVectorError

SIZE = 20_000
NEAR = 5 / np.sqrt(2 * SIZE)
"""How far a deviation over so many coordinates may lie from the true one."""


def _replies(updates: Sequence[np.ndarray], examples: Sequence[int]) -> list[Message]:
    made = []
    for node, (update, n) in enumerate(zip(updates, examples, strict=True), 1):
        asked = Message(content=RecordDict(), dst_node_id=node, message_type="train")
        arrays = ArrayRecord({"vector": Array(np.asarray(update, np.float64))})
        content = RecordDict({"arrays": arrays, "metrics": MetricRecord({"num-examples": n})})
        made.append(Message(content=content, reply_to=asked))
    return made


class _Nodes:
    def get_node_ids(self) -> list[int]:
        return list(range(1, 11))


def _shipped(strategy: Any, updates: Sequence[np.ndarray], examples: Sequence[int]) -> np.ndarray:
    start = ArrayRecord({"vector": Array(np.zeros(len(updates[0])))})
    strategy.configure_train(1, start, ConfigRecord(), _Nodes())
    arrays, _ = strategy.aggregate_train(1, _replies(updates, examples))
    return np.asarray(arrays["vector"].numpy())


def _fixed(*, expected: int, z: float = 1.0, clip: float = 1.0) -> Any:
    return DifferentialPrivacyServerSideFixedClipping(FedAvg(min_available_nodes=2), z, clip, expected)


@pytest.fixture
def ours(tmp_path: Path) -> Any:
    opened: list[CentralNoise] = []

    def made(**options: Any) -> CentralNoise:
        read = {"rounds": 40, "clip_norm": 1.0, "noise_multiplier": 1.0, "delta": 1e-5, **options}
        one = CentralNoise(CentralOptions(**read), folder=tmp_path / str(len(opened)), run="run")
        opened.append(one)
        return one

    yield made
    for one in opened:
        one.close()


def _released(noise: CentralNoise, updates: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    current = noise.begin(1)
    admitted = [current.admit(np.asarray(update, np.float32)) for update in updates]
    current.intend(weights)
    parts = [weight * update.astype(np.float64) for weight, update in zip(weights, admitted, strict=True)]
    total = np.append(np.sum(parts, axis=0), sum(weights))
    released = current.release(total)
    return np.asarray(released[:-1] / released[-1])


def test_row_1_weights_by_examples_leave_a_large_hospital_with_a_fifth_of_its_noise(ours: Any) -> None:
    """One hospital with 1000 of 1900 examples moves the mean by 1000 / 1900 of the bound; the noise is for a tenth."""
    examples, nothing = [1000] + [100] * 9, [np.zeros(SIZE) + 1e-9] * 10
    shipped = _shipped(_fixed(expected=10), nothing, examples)
    needed = mean_sensitivity(examples, clip_norm=1.0, neighbours="add-remove")

    assert needed / np.std(shipped) == pytest.approx(5.26, rel=0.05)  # z is 1: the noise should be the sensitivity

    weights = [n / 1000 for n in examples]
    assert np.std(_released(ours(), nothing, weights)) / needed == pytest.approx(1.0, rel=NEAR)


def test_row_2_fewer_replies_than_expected_get_the_noise_of_all(ours: Any) -> None:
    """Four of ten reply: the mean moves by a quarter of the bound, the noise is for a tenth; a warning is all."""
    nothing = [np.zeros(SIZE) + 1e-9] * 4
    shipped = _shipped(_fixed(expected=10), nothing, [1] * 4)

    assert np.std(shipped) == pytest.approx(0.1, rel=NEAR)

    assert np.std(_released(ours(), nothing, [1.0] * 4)) == pytest.approx(0.25, rel=NEAR)
    with pytest.raises(FederationError, match="too few"):
        _released(ours(least=5), nothing, [1.0] * 4)


def _adaptive(start: float) -> Any:
    return DifferentialPrivacyServerSideAdaptiveClipping(
        FedAvg(min_available_nodes=2), 0.0, 40, initial_clipping_norm=start, clip_norm_lr=0.2
    )


@pytest.mark.parametrize("start", [0.3, 3.0])
def test_row_3_the_adaptive_bound_runs_away_from_the_median(ours: Any, start: float) -> None:
    """Norms around 1. The share of the *clipped* moves the shipped bound; that of the others is the published rule."""
    rng = np.random.default_rng(0)
    shipped, mended = _adaptive(start), ours(adaptive_clipping={"rate": 0.2}, clip_norm=start, noise_multiplier=0.2)
    for number in range(1, 31):
        updates = [np.array([float(np.exp(0.2 * rng.normal())), 0.0]) for _ in range(40)]
        _shipped(shipped, updates, [1] * 40)
        current = mended.begin(number)
        for update in updates:
            current.admit(np.asarray(update, np.float32))
        current.intend([1.0] * 40)
        current.release(np.array([0.0, 0.0, 40.0]))

    assert abs(np.log(shipped.clipping_norm)) > 2 * abs(np.log(start))  # farther from 1 than it began
    assert mended.clip_norm == pytest.approx(1.0, rel=0.25)


def test_row_4_the_noise_of_a_round_is_for_the_next_rounds_bound(ours: Any) -> None:
    """Everybody is clipped at 1, the bound shrinks (by the inverted rule), and the noise with it."""
    long = [np.full(SIZE, 1.0)] * 40
    strategy = DifferentialPrivacyServerSideAdaptiveClipping(
        FedAvg(min_available_nodes=2), 1.0, 40, initial_clipping_norm=1.0, clip_norm_lr=0.2
    )
    mean = np.full(SIZE, 1 / np.sqrt(SIZE))
    left = _shipped(strategy, long, [1] * 40) - mean

    assert strategy.clipping_norm < 0.95
    after = strategy.noise_multiplier * strategy.clipping_norm / 40
    assert np.std(left) == pytest.approx(after, rel=NEAR)
    assert np.std(left) < 0.95 * strategy.noise_multiplier / 40

    noise = ours(adaptive_clipping={"rate": 0.2, "budget_share": 0.05})
    ours_left = _released(noise, long, [1.0] * 40) - mean
    assert noise.clip_norm > 1.0  # most were clipped: the bound grows
    assert np.std(ours_left) == pytest.approx(1 / np.sqrt(0.95) / 40, rel=NEAR)


def test_row_5_nothing_is_accounted_for_unless_asked_and_clients_are_drawn_from_a_known_generator(ours: Any) -> None:
    """Adaptive clipping takes no accountant at all; fixed clipping none by default; who is asked is `random.sample`."""
    assert _fixed(expected=10).privacy_spent() is None
    assert not hasattr(_adaptive(1.0), "privacy_spent")

    def asked() -> list[int]:
        random.seed(7)
        strategy = FedAvg(fraction_train=0.3, min_train_nodes=2, min_available_nodes=2)
        messages = strategy.configure_train(1, ArrayRecord(), ConfigRecord(), _Nodes())  # type: ignore[arg-type]
        return [message.metadata.dst_node_id for message in messages]

    state = random.getstate()
    try:
        assert asked() == asked()
    finally:
        random.setstate(state)

    noise = ours(adaptive_clipping={})
    _released(noise, [np.zeros(5)] * 3, [1.0] * 3)
    told = noise.told()
    assert told["releases_counted"] == 1
    assert told["sampler"] == "full"
    assert told["epsilon"] > 1


def test_rows_1_and_2_are_mended_where_fixed_clipping_is_given_an_accountant() -> None:
    """It then refuses unequal weights and another number of replies; adaptive clipping takes no accountant."""
    config = PrivacyConfig(
        target_delta=1e-5,
        population_size=10,
        neighboring_relation=NeighboringRelation.ADD_OR_REMOVE_ONE,
        sampling_method=SamplingMethod.NO_AMPLIFICATION,
    )

    def counted() -> Any:
        strategy = FedAvg(fraction_train=1.0, min_train_nodes=10, min_available_nodes=2)
        return DifferentialPrivacyServerSideFixedClipping(strategy, 1.0, 1.0, 10, accountant=RdpAccountant(config))

    nothing = [np.zeros(5) + 1e-9] * 10
    with pytest.raises(ValueError, match="equal client weights"):
        _shipped(counted(), nothing, [1000] + [100] * 9)
    strategy = counted()
    start = ArrayRecord({"vector": Array(np.zeros(5))})
    list(strategy.configure_train(1, start, ConfigRecord(), _Nodes()))
    assert strategy.aggregate_train(1, _replies(nothing[:4], [1] * 4)) == (None, None)


def test_row_6_local_noise_by_a_sensitivity_that_has_nothing_to_do_with_the_bound() -> None:
    """A clip of 1.0, a sensitivity of 1e-4 and epsilon 10, as a hospital platform shipped it: 40,000 times too little.

    The update of a site is one of two points of the ball: 2 is the sensitivity.
    """
    mod = LocalDpMod(clipping_norm=1.0, sensitivity=1e-4, epsilon=10.0, delta=1e-5)
    content = RecordDict({"arrays": ArrayRecord({"vector": Array(np.zeros(SIZE))})})
    asked = Message(content=content, dst_node_id=1, message_type="train")

    def site(message: Message, _: Any) -> Message:
        arrays = ArrayRecord({"vector": Array(np.full(SIZE, 5.0))})
        return Message(content=RecordDict({"arrays": arrays}), reply_to=message)

    context: Any = None
    sent = np.asarray(mod(asked, context, site).content.array_records["arrays"]["vector"].numpy())
    assert np.linalg.norm(sent) == pytest.approx(1.0, rel=0.01)
    assert np.std(sent) == pytest.approx(4.8e-5, rel=0.02)
    assert 2.0 / np.std(sent) > 4e4

    # here there is no sensitivity to be told: noise is a multiple of the bound, and epsilon follows from it
    assert not {"sensitivity"} & (set(PrivateSiteOptions.model_fields) | set(CentralOptions.model_fields))


def test_row_7_noise_from_a_generator_that_anybody_can_set_again(ours: Any) -> None:
    """Flower's noise is numpy's global generator: whoever knows its state takes the noise off."""
    nothing = [np.zeros(50) + 1e-9] * 10
    state = np.random.get_state()  # noqa: NPY002 - the fault itself
    try:
        drawn = []
        for _ in range(2):
            np.random.seed(3)  # noqa: NPY002
            drawn.append(_shipped(_fixed(expected=10), nothing, [1] * 10))
        np.testing.assert_array_equal(drawn[0], drawn[1])

        mine = []
        for _ in range(2):
            np.random.seed(3)  # noqa: NPY002
            mine.append(_released(ours(), nothing, [1.0] * 10))
        assert not np.isin(mine[0], mine[1]).any()
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_beyond_the_table_an_update_of_zeros_ends_the_round_and_one_of_nan_the_model(ours: Any) -> None:
    """A site that learnt nothing divides by its norm of zero; one that is not finite is not clipped at all."""
    with pytest.raises(ZeroDivisionError):
        _shipped(_fixed(expected=2), [np.zeros(5), np.ones(5)], [1, 1])
    assert np.isnan(_shipped(_fixed(expected=2), [np.full(5, np.nan), np.ones(5)], [1, 1])).all()

    assert np.isfinite(_released(ours(least=2), [np.zeros(5), np.ones(5)], [1.0, 1.0])).all()
    with pytest.raises(UnusableVectorError, match="finite"):
        ours().begin(1).admit(np.full(5, np.nan, np.float32))
