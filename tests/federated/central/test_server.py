"""Noise at the server: as much as the weights and the replies that came ask for, counted before it is released."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.errors import BudgetSpentError, FederationError, PlanError
from federated.central.options import CentralOptions, require_mean
from federated.central.sensitivity import mean_sensitivity, noise_on_sum, sum_sensitivity
from federated.central.server import CentralNoise
from federated.sites.clipped import ClippedTraining, clipped
from federated.strategies.options import FedAdam, FedAvg, FedProx, Krum, QFair, TrimmedMean
from federated.updates.arrays import UnusableVectorError
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.accounting.mechanisms import SubsampledGaussian
from privacy.dpsgd.randomness import simulated_source
from privacy.ledger.book import read_book

SIZE = 20_000


@pytest.fixture
def noise(tmp_path: Path) -> Any:
    opened: list[CentralNoise] = []

    def made(*, run: str = "run", seed: int | None = 1, folder: str = "server", **options: Any) -> CentralNoise:
        for one in opened:
            one.close()
        read = {"rounds": 4, "clip_norm": 2.0, "delta": 1e-5, "noise_multiplier": 1.5, **options}
        source = None if seed is None else simulated_source(np.random.default_rng(seed))
        one = CentralNoise(CentralOptions(**read), folder=tmp_path / folder, run=run, source=source)
        opened.append(one)
        return one

    yield made
    for one in opened:
        one.close()


def _total(weights: Sequence[float], size: int = SIZE) -> np.ndarray:
    return np.append(np.zeros(size), sum(weights))


def _steps(tmp_path: Path) -> dict[Any, int]:
    book = read_book(tmp_path / "server" / "federation.ledger.jsonl")
    return {step: n for run in book.runs.values() for step, n in run.steps.items()}


# ---- sensitivity ----


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_sensitivity_is_the_largest_change_that_one_site_can_make(neighbours: Any) -> None:
    """By trying: the worst of many updates on the sphere in the place of each site's, and the pair of antipodes."""
    rng, clip = np.random.default_rng(0), 1.7
    weights = rng.uniform(0.1, 1.0, 6)
    directions = rng.normal(size=(200, 6))
    directions *= clip / np.linalg.norm(directions, axis=1, keepdims=True)
    worst = 0.0
    for weight in weights:
        for one in directions:
            others = [np.zeros(6)] if neighbours == "add-remove" else [-one, *directions[:20]]
            worst = max(worst, *(float(np.linalg.norm(weight * (one - other))) for other in others))

    assert sum_sensitivity(list(weights), clip_norm=clip, neighbours=neighbours) == pytest.approx(worst)
    assert mean_sensitivity(list(weights), clip_norm=clip, neighbours=neighbours) == pytest.approx(
        worst / weights.sum()
    )


def test_with_equal_weights_the_mean_moves_by_the_bound_over_the_sites() -> None:
    assert mean_sensitivity([1.0] * 10, clip_norm=1.0, neighbours="add-remove") == pytest.approx(0.1)
    assert mean_sensitivity([1000] + [100] * 9, clip_norm=1.0, neighbours="add-remove") == pytest.approx(1000 / 1900)


@pytest.mark.parametrize("weights", [[], [0.0], [1.0, -1.0], [float("nan")], [float("inf")]])
def test_weights_that_are_none_are_refused(weights: list[float], noise: Any) -> None:
    with pytest.raises(ValueError, match="weights"):
        noise_on_sum(weights, noise_multiplier=1.0, clip_norm=1.0)
    with pytest.raises(ValueError, match="weights"):
        noise().begin(1).intend(weights)


@pytest.mark.parametrize("strategy", [FedAvg(), FedProx(proximal=0.1), FedAdam()])
def test_means_with_declared_weights_can_be_noised(strategy: Any) -> None:
    require_mean(strategy)


@pytest.mark.parametrize("strategy", [QFair(local_learning_rate=0.1), TrimmedMean(), Krum(most_faulty=1)])
def test_strategies_whose_weights_are_functions_of_the_data_are_refused(strategy: Any) -> None:
    with pytest.raises(PlanError, match="sensitivity"):
        require_mean(strategy)


# ---- noise ----


@pytest.mark.parametrize("weights", [[1.0] * 3, [1.0] * 10, [0.2, 0.5, 0.9, 0.3], [0.01, 0.01, 0.01]])
def test_the_mean_has_the_noise_that_its_own_sensitivity_asks_for(noise: Any, weights: list[float]) -> None:
    """However many were expected: the deviation on the mean over its sensitivity is the noise multiplier."""
    current = noise().begin(1)
    current.intend(weights)
    released = current.release(_total(weights))
    mean = released[:-1] / released[-1]

    sensitivity = mean_sensitivity(weights, clip_norm=2.0, neighbours="add-remove")
    assert np.std(mean) / sensitivity == pytest.approx(1.5, rel=4 / np.sqrt(2 * SIZE))
    assert abs(np.mean(mean)) < 4 * np.std(mean) / np.sqrt(SIZE)
    assert released[-1] == sum(weights)


def test_a_patient_at_several_sites_moves_several_updates(noise: Any, tmp_path: Path) -> None:
    current = noise(sites_per_patient=3).begin(1)
    current.intend([1.0] * 4)
    released = current.release(_total([1.0] * 4))
    assert np.std(released[:-1]) == pytest.approx(3 * 1.5 * 2.0, rel=4 / np.sqrt(2 * SIZE))
    (step,) = _steps(tmp_path)
    assert (step.noise_multiplier, step.clip_norm) == (1.5, 6.0)


def test_noise_is_added_and_takes_nothing_away(noise: Any) -> None:
    total, nothing = np.append(np.arange(5.0), 3.0), np.append(np.zeros(5), 3.0)
    released = []
    for given in (total, nothing):
        current = noise(seed=3).begin(1)
        current.intend([1.0] * 3)
        released.append(current.release(given))
    np.testing.assert_allclose(released[0][:-1] - released[1][:-1], total[:-1], atol=1e-12)
    np.testing.assert_array_equal(total, np.append(np.arange(5.0), 3.0))


def test_two_servers_never_draw_the_same(noise: Any) -> None:
    drawn = []
    for folder in ("a", "b"):
        one = noise(seed=None, folder=folder)
        current = one.begin(1)
        current.intend([1.0] * 3)
        drawn.append(current.release(_total([1.0] * 3, 50))[:-1])
        assert "AES-256" in one.told()["noise_from"]
    assert not np.isin(drawn[0], drawn[1]).any()


# ---- the ledger ----


def test_a_round_is_counted_before_it_is_released_and_released_once(noise: Any, tmp_path: Path) -> None:
    current = noise().begin(1)
    with pytest.raises(RuntimeError, match="intended"):
        current.release(_total([1.0] * 3, 5))
    current.intend([1.0] * 3)
    book = read_book(tmp_path / "server" / "federation.ledger.jsonl")
    assert book.runs["run"].n_steps == 1
    assert len(book.runs["run"].unconfirmed) == 1
    current.release(_total([1.0] * 3, 5))
    with pytest.raises(RuntimeError, match="once"):
        current.release(_total([1.0] * 3, 5))
    assert not read_book(tmp_path / "server" / "federation.ledger.jsonl").runs["run"].unconfirmed


def test_a_server_killed_before_the_release_counts_both(noise: Any, tmp_path: Path) -> None:
    noise().begin(1).intend([1.0] * 3)
    again = noise(seed=2).begin(1)
    again.intend([1.0] * 3)
    again.release(_total([1.0] * 3, 5))
    assert sum(_steps(tmp_path).values()) == 2


def test_too_few_replies_are_no_round_and_cost_nothing(noise: Any, tmp_path: Path) -> None:
    one = noise(least=4)
    assert one.least == 4
    with pytest.raises(FederationError, match="too few"):
        one.begin(1).intend([1.0] * 3)
    assert not _steps(tmp_path)


@pytest.mark.parametrize(
    ("protects", "factor"), [("patients", 2.0), pytest.param("devices", 1.0, marks=pytest.mark.slow)]
)
def test_all_rounds_fit_the_budget_and_no_other_one(noise: Any, protects: str, factor: float) -> None:
    """The ledger's epsilon is that of Gaussian mechanisms whose sensitivity is once or twice the bound."""
    one = noise(rounds=5, epsilon=3.0, noise_multiplier=None, protects=protects)
    for number in range(1, 6):
        current = one.begin(number)
        current.intend([1.0] * 3)
        current.release(_total([1.0] * 3, 5))
    told = one.told()
    z = one.noise_multiplier / factor
    slow = account(
        (SubsampledGaussian(noise_multiplier=z, sample_rate=1.0, sampler="full", neighbours="add-remove", n_times=5),),
        delta=1e-5,
    )
    assert isinstance(slow, Bounded)
    assert 2.95 < told["epsilon"] <= 3.0
    assert told["epsilon"] == pytest.approx(slow.epsilon, rel=0.01)
    assert told["epsilon_for_a_site_that_is_there_or_not"] <= told["epsilon"] * (1 + 1e-9)
    assert (told["epsilon_for_a_site_that_is_there_or_not"] < 0.7 * told["epsilon"]) == (protects == "patients")
    with pytest.raises(BudgetSpentError):
        one.begin(6).intend([1.0] * 3)
    assert one.told()["releases_counted"] == 5


def test_no_amplification_is_claimed(noise: Any, tmp_path: Path) -> None:
    one = noise()
    one.begin(1).intend([0.5, 1.0, 1.0])
    (step,) = _steps(tmp_path)
    assert (step.sampler, step.sample_rate, step.noise_multiplier, step.neighbours) == ("full", 1.0, 1.5, "replace")


def test_options_that_promise_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="epsilon"):
        CentralOptions(rounds=1, clip_norm=1.0, delta=1e-5)
    with pytest.raises(ValueError, match="published"):
        CentralOptions(rounds=1, clip_norm=1.0, delta=1e-2, epsilon=1.0, n_units=1000)


# ---- clipping, at the site and again at the server ----


@pytest.mark.parametrize("scale", [0.0, 1e-30, 0.5, 1.0, 1.0001, 1e3, 1e30])
def test_a_clipped_update_is_within_the_bound_and_points_where_it_did(scale: float) -> None:
    rng = np.random.default_rng(1)
    update = (scale * (lambda v: v / np.linalg.norm(v))(rng.normal(size=5000))).astype(np.float32)
    cut, whole = clipped(update, 1.0)
    norm = np.linalg.norm(cut.astype(np.float64))
    assert norm <= 1.0
    assert whole == (np.linalg.norm(update.astype(np.float64)) <= 1.0)
    if whole:
        np.testing.assert_array_equal(cut, update)
    else:
        assert norm > 1 - 1e-5
        assert np.dot(cut, update / np.float32(scale)) / norm == pytest.approx(1, abs=1e-5)


def test_what_is_not_finite_is_refused_and_what_is_long_is_cut(noise: Any) -> None:
    current = noise().begin(1)
    for wrong in (np.full(5, np.nan, np.float32), np.array([np.inf, 0], np.float32)):
        with pytest.raises(UnusableVectorError, match="finite"):
            current.admit(wrong)
    assert np.linalg.norm(current.admit(np.full(100, 7.0, np.float32))) <= 2.0
    with pytest.raises(ValueError, match="bound"):
        clipped(np.ones(3, np.float32), 0.0)


def test_a_site_cuts_to_the_lesser_of_the_orders_bound_and_its_own() -> None:
    class Long:
        def facts(self) -> SiteFacts:
            return SiteFacts(site="east", layout="l")

        def train(self, received: Any, order: RoundOrder) -> LocalUpdate:
            return LocalUpdate(update=np.full(4, 10.0, np.float32))

    site = ClippedTraining(training=Long(), bound=3.0)
    for asked, expected in [(None, 3.0), (1.0, 1.0), (1e9, 3.0)]:
        order = RoundOrder(run="r", round=1, attempt=1, layout="l", clip_norm=asked)
        assert np.linalg.norm(site.train(np.zeros(4, np.float32), order).update) == pytest.approx(expected, rel=1e-5)
    assert site.facts().site == "east"


# ---- the adaptive bound ----


def _adapted(one: CentralNoise, draw: Callable[[], np.ndarray], *, rounds: int, at_site: bool = True) -> list[float]:
    bounds = []
    for number in range(1, rounds + 1):
        current = one.begin(number)
        bounds.append(current.clip_norm)
        updates = draw()
        for norm in updates:
            vector = np.array([norm, 0.0], np.float32)
            current.admit(clipped(vector, current.clip_norm)[0] if at_site else vector)
        current.intend([1.0] * len(updates))
        current.release(np.array([0.0, 0.0, len(updates)]))
    return bounds


@pytest.mark.parametrize(("start", "at_site"), [(1e-3, True), (100.0, False), (1.0, True)])
def test_the_adaptive_bound_finds_the_median_from_anywhere(noise: Any, start: float, at_site: bool) -> None:
    rng = np.random.default_rng(5)
    one = noise(rounds=150, clip_norm=start, adaptive_clipping={"rate": 0.2}, noise_multiplier=0.5)
    bounds = _adapted(one, lambda: np.exp(rng.normal(size=60)), rounds=150, at_site=at_site)
    assert np.median(bounds[-40:]) == pytest.approx(1.0, rel=0.15)
    if start != 1.0:
        assert abs(np.log(bounds[3])) < abs(np.log(start))  # it went the right way from the beginning


def test_the_noise_of_a_round_belongs_to_its_own_bound(noise: Any) -> None:
    """All updates are far shorter than the bound, which shrinks for the next round and not for this one's noise."""
    one = noise(adaptive_clipping={"rate": 1.0, "budget_share": 0.1}, clip_norm=2.0)
    current = one.begin(1)
    for _ in range(50):
        current.admit(np.zeros(3, np.float32))
    current.intend([1.0] * 50)
    released = current.release(_total([1.0] * 50))

    assert one.clip_norm < 0.7 * 2.0
    assert np.std(released[:-1]) == pytest.approx(1.5 / np.sqrt(0.9) * 2.0, rel=4 / np.sqrt(2 * SIZE))


def test_the_bound_is_on_disk_for_this_run_alone(noise: Any, tmp_path: Path) -> None:
    options = {"adaptive_clipping": {"rate": 1.0}}
    _adapted(one := noise(**options), lambda: np.zeros(20), rounds=2)
    assert noise(**options).clip_norm == one.clip_norm < 2.0
    assert noise(run="another", **options).clip_norm == 2.0
    for left in (
        "{",
        "[]",
        *(f'{{"run": "run", "clip_norm": {value}}}' for value in ("1e99", "-1", "0", "NaN", '"x"')),
    ):
        (tmp_path / "server" / "bound.json").write_text(left)
        assert noise(**options).clip_norm == 2.0


def test_an_adaptive_bound_that_did_not_see_every_contributor_is_not_moved(noise: Any) -> None:
    current = noise(adaptive_clipping={}).begin(1)
    current.intend([1.0] * 3)
    with pytest.raises(RuntimeError, match="each contributor"):
        current.release(_total([1.0] * 3, 5))
