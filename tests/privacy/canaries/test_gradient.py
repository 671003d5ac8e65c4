"""Gradient canaries see noise that is too small, and are blind to what the exhibit of instruments says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.stats import binom

from privacy.bounds.gaussian import gdp_epsilon
from privacy.bounds.one_run import OneRun, one_run_epsilon
from privacy.canaries.gradient import (
    CanaryTrials,
    FloatArray,
    Mechanism,
    NoiseAudit,
    directions,
    gradient_trials,
    noise_audit,
    one_run_trials,
)
from privacy.canaries.guessing import Rule
from privacy.canaries.instruments import FAULTS, INSTRUMENTS, instruments_exhibit, sight

DIMENSION, CLIP = 20, 1.5
HALVED, SHUFFLED, UTTERANCES = FAULTS
LEDGER, GRADIENT, NOISE, SAMPLER, NORMS, ONE_RUN, LIRA = INSTRUMENTS


def clipped(gradient: FloatArray, clip_norm: float = CLIP) -> FloatArray:
    return gradient * min(1.0, clip_norm / max(float(np.linalg.norm(gradient)), 1e-12))


def mechanism(rng: np.random.Generator, *, noise: float, per_utterance: bool = False) -> Mechanism:
    """Clip each patient's summed gradient (or each utterance's, wrongly), add up, add noise."""

    def step(units: Sequence[FloatArray]) -> FloatArray:
        rows = [row for unit in units for row in unit] if per_utterance else [unit.sum(axis=0) for unit in units]
        total = np.sum([clipped(row) for row in rows], axis=0) if rows else np.zeros(DIMENSION)
        return np.asarray(total + rng.normal(0, noise * CLIP, DIMENSION))

    return step


def background(rng: np.random.Generator, n: int = 3) -> list[FloatArray]:
    return [rng.normal(0, 1, (3, DIMENSION)) for _ in range(n)]


def audit(
    step: Mechanism, rng: np.random.Generator, *, noise: float, clips: int = 1, n_trials: int = 1000
) -> NoiseAudit:
    canary = np.tile(CLIP * directions(1, DIMENSION, kind="dirac", rng=rng), (clips, 1))
    trials = gradient_trials(step, background(rng), canary=canary, include=rng.random(n_trials) < 0.5)
    return noise_audit(trials, noise_multiplier=noise, delta=1e-5, confidence=0.95, rng=rng)


@pytest.mark.parametrize(("noise", "n_trials"), [(0.7, 600), (1.5, 1000)])
def test_halved_noise_is_caught_every_time_and_whole_noise_is_not(noise: float, n_trials: int) -> None:
    rng, n_runs = np.random.default_rng(0), 6
    halved = [audit(mechanism(rng, noise=noise / 2), rng, noise=noise, n_trials=n_trials) for _ in range(n_runs)]
    whole = [audit(mechanism(rng, noise=noise), rng, noise=noise, n_trials=n_trials) for _ in range(20)]
    assert all(one.exceeds and one.could_tell for one in halved)
    assert sum(one.exceeds for one in whole) <= binom.ppf(0.99, 20, 0.05)
    assert sight(HALVED, GRADIENT) == "sees"
    assert np.median([one.bound.mu for one in whole]) > 0.5 / noise


def test_few_trials_say_that_they_could_not_have_told() -> None:
    rng = np.random.default_rng(1)
    found = audit(mechanism(rng, noise=0.05), rng, noise=0.1, n_trials=40)
    assert not found.could_tell
    assert not found.exceeds


def test_clipping_per_utterance_is_unseen_until_the_canary_has_several_clips_that_agree() -> None:
    rng = np.random.default_rng(2)
    wrong = mechanism(rng, noise=1.5, per_utterance=True)
    assert not audit(wrong, rng, noise=1.5).exceeds
    assert audit(wrong, rng, noise=1.5, clips=4).exceeds
    assert sight(UTTERANCES, GRADIENT) == "blind"
    assert not audit(mechanism(rng, noise=1.5), rng, noise=1.5, clips=4).exceeds


def test_the_norm_of_a_patient_shows_clipping_per_utterance_and_no_canary_is_needed() -> None:
    rng = np.random.default_rng(3)
    patient = np.tile(10 * directions(1, DIMENSION, kind="random", rng=rng), (7, 1))
    moved = {wrong: np.linalg.norm(mechanism(rng, noise=0, per_utterance=wrong)([patient])) for wrong in (True, False)}
    assert moved[True] == pytest.approx(7 * CLIP)
    assert moved[False] == pytest.approx(CLIP)
    assert sight(UTTERANCES, NORMS) == "sees"


def batches(rng: np.random.Generator, *, poisson: bool, n: int = 500, rate: float = 0.1) -> list[np.ndarray]:
    """An epoch of batches of patients."""
    if poisson:
        return [np.flatnonzero(rng.random(n) < rate) for _ in range(int(1 / rate))]
    return list(np.array_split(rng.permutation(n), int(1 / rate)))


def test_shuffling_is_unseen_by_gradient_canaries_and_seen_in_the_sizes_of_batches() -> None:
    rng = np.random.default_rng(4)
    units = background(rng, 50)

    def stepping(*, poisson: bool) -> Mechanism:
        inner = mechanism(rng, noise=1.5)

        def step(given: Sequence[FloatArray]) -> FloatArray:
            sampled = batches(rng, poisson=poisson, n=len(units))[0]
            return inner([*(units[i] for i in sampled), *given])

        return step

    for poisson in (True, False):
        canary = CLIP * directions(1, DIMENSION, kind="dirac", rng=rng)
        include = rng.random(1200) < 0.5
        trials = gradient_trials(stepping(poisson=poisson), [], canary=canary, include=include)
        found = noise_audit(trials, noise_multiplier=1.5, delta=1e-5, confidence=0.95, rng=rng)
        assert not found.exceeds
    assert sight(SHUFFLED, GRADIENT) == "blind"
    sizes = {
        poisson: np.var([len(b) for _ in range(30) for b in batches(rng, poisson=poisson)]) for poisson in (True, False)
    }
    assert sizes[True] == pytest.approx(500 * 0.1 * 0.9, rel=0.4)
    assert sizes[False] == 0
    assert sight(SHUFFLED, SAMPLER) == "sees"


def one_run(noise: float, rng: np.random.Generator, *, n_steps: int = 4, n: int = 200) -> CanaryTrials:
    dimension = 400

    def step(units: Sequence[FloatArray]) -> FloatArray:
        total = np.sum([clipped(unit.sum(axis=0)) for unit in units], axis=0)
        return np.asarray(total + rng.normal(0, noise * CLIP, dimension))

    canaries = CLIP * directions(n, dimension, kind="dirac", rng=rng)
    people = [rng.normal(0, 0.01, (2, dimension)) for _ in range(4)]
    return one_run_trials(step, people, canaries=canaries, n_steps=n_steps, include=rng.random(n) < 0.5)


def bound_of(trials: CanaryTrials, rule: Rule) -> float:
    order = np.argsort(trials.scores)
    n = len(order)
    right = trials.included[order[n - rule.n_in :]].sum() + (~trials.included[order[: rule.n_out]]).sum()
    run = OneRun(n_canaries=n, n_guesses=rule.n, n_correct=int(right))
    return one_run_epsilon(run, delta=1e-5, confidence=0.95).epsilon


def test_over_twenty_runs_the_one_run_bound_exceeds_the_accounted_epsilon_no_more_often_than_promised() -> None:
    rng, noise, n_steps = np.random.default_rng(5), 4.0, 4
    accounted = gdp_epsilon(math.sqrt(n_steps) / noise, delta=1e-5)
    honest = [bound_of(one_run(noise, rng, n_steps=n_steps), Rule(n_in=50, n_out=50)) for _ in range(20)]
    assert sum(value > accounted for value in honest) <= binom.ppf(0.99, 20, 0.05)
    halved = [bound_of(one_run(noise / 2, rng, n_steps=n_steps), Rule(n_in=50, n_out=50)) for _ in range(5)]
    assert np.median(halved) > np.median(honest)
    assert max(halved) < accounted  # blind to it, at this size: as the exhibit says, weakly
    assert sight(HALVED, ONE_RUN) == "weakly"
    broken = bound_of(one_run(noise / 20, rng, n_steps=n_steps), Rule(n_in=50, n_out=50))
    assert broken > accounted


@pytest.mark.parametrize("kind", ["dirac", "random"])
def test_directions_are_of_length_one_and_apart(kind: str) -> None:
    rng = np.random.default_rng(6)
    found = directions(10, 4000, kind=kind, rng=rng)  # type: ignore[arg-type]
    overlap = np.abs(found @ found.T - np.eye(10)).max()
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(10))
    assert overlap < (0.1 if kind == "random" else 1e-12)


def test_what_cannot_be_asked_is_refused() -> None:
    rng = np.random.default_rng(7)
    trials = CanaryTrials(scores=np.zeros(3), included=np.array([True, True, True]))
    asked: list[Callable[[], object]] = [
        lambda: directions(5, 4, kind="dirac", rng=rng),
        lambda: noise_audit(trials, noise_multiplier=0.0, delta=1e-5, confidence=0.95, rng=rng),
        lambda: noise_audit(trials, noise_multiplier=1.0, delta=1e-5, confidence=0.95, rng=rng),
        lambda: gradient_trials(mechanism(rng, noise=1), [], canary=np.zeros((1, DIMENSION)), include=np.array([True])),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match=r"axes|noise_multiplier|members|length"):
            ask()


def test_sums_that_are_no_numbers_are_an_error_and_not_a_step_that_hides_everything() -> None:
    rng = np.random.default_rng(8)
    whole, calls = mechanism(rng, noise=1.0), iter(range(1000))

    def sometimes(units: Sequence[FloatArray]) -> FloatArray:
        return whole(units) * (math.nan if next(calls) % 50 == 49 else 1.0)

    canary = CLIP * directions(1, DIMENSION, kind="dirac", rng=rng)
    with pytest.raises(ValueError, match="4 of 200 scores are not finite"):
        gradient_trials(sometimes, [], canary=canary, include=rng.random(200) < 0.5)
    with pytest.raises(ValueError, match="not finite"):
        one_run_trials(sometimes, [], canaries=canary, n_steps=60, include=np.array([True]))


def test_the_exhibit_answers_for_every_fault_and_instrument_and_somebody_sees_each_fault() -> None:
    exhibit = instruments_exhibit()
    pairs = set(zip(exhibit.values["fault"], exhibit.values["instrument"], strict=True))
    assert pairs == {(fault, instrument) for fault in FAULTS for instrument in INSTRUMENTS}
    for fault in FAULTS:
        assert "sees" in {sight(fault, instrument) for instrument in INSTRUMENTS}
    assert exhibit.table().num_rows == len(pairs)
