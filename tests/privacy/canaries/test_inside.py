"""Steps of the trainer taken again with canaries: an honest step is not accused, each broken one by who can see it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import binom, chi2

from affidavit.corpus import Corpus
from privacy.canaries.inside.checks import Checks, Declared, checked, sampler_p_value
from privacy.canaries.inside.games import CANARIES_ALONE, CLIPS, Mechanism, Observed, observe
from privacy.canaries.inside.planted import CanaryLosses, Watched, axes_of, canary_turns
from privacy.dpsgd.gradients import LoopGradients
from privacy.dpsgd.randomness import simulated_source
from tests.privacy.canaries.trainings import (
    CLIP,
    NOISE,
    QUICK,
    Toy,
    cut_by_turn,
    dealing,
    honest,
    options,
    people,
    quieter,
    turn_by_turn,
)


def checks_of(mechanism: Mechanism, *, seed: int = 0, n_people: int = 12) -> Checks:
    observed = observe(mechanism, people(n_people), replace(QUICK, seed=seed))
    declared = Declared(options=mechanism.options, noise_multiplier=NOISE, delta=1e-5)
    return checked(observed, declared, confidence=0.95, rng=np.random.default_rng(seed))


def told(checks: Checks) -> set[str]:
    """Return what is refuted."""
    assert checks.sampler is not None
    found = {
        "run": checks.refutes(checks.run.p_value),
        "mu": checks.refutes(checks.single.p_value),
        "noise": checks.refutes(checks.noise.p_value),
        "sampler": checks.refutes(sampler_p_value(checks.sampler)),
        "reach": checks.reach.broken,
    }
    return {name for name, refuted in found.items() if refuted}


def test_halved_noise_is_found_by_the_bound_of_mu_and_by_the_noise_itself_and_by_nothing_else() -> None:
    checks = checks_of(replace(honest(), source=quieter))
    assert told(checks) == {"mu", "noise"}
    assert checks.noise.at(0.99).measured == pytest.approx(NOISE / 2, rel=0.02)


def test_a_shuffle_is_found_by_the_draws_and_by_nothing_else() -> None:
    checks = checks_of(replace(honest(), source=dealing))
    assert told(checks) == {"sampler"}
    assert checks.sampler is not None
    assert checks.sampler.size_dispersion < 0.1


def test_turns_clipped_each_for_itself_are_found_by_how_far_a_patient_reaches() -> None:
    assert told(checks_of(replace(honest(), gradients=turn_by_turn))) == {"reach"}


def test_units_that_are_turns_and_called_patients_are_found_by_reach_and_by_canaries_of_several_clips() -> None:
    checks = checks_of(replace(honest(), units=cut_by_turn))
    assert {"reach", "mu"} <= told(checks)
    assert checks.reach.largest == pytest.approx(CLIPS, rel=1e-4)


@cache
def one_honest() -> Checks:
    return checks_of(honest())


def test_an_honest_step_is_not_accused() -> None:
    assert told(one_honest()) == set()


@pytest.mark.slow
def test_over_twenty_honest_runs_each_instrument_errs_no_more_often_than_it_says() -> None:
    allowed, twenty = binom.ppf(0.99, 20, 0.05), [checks_of(honest(), seed=seed, n_people=6) for seed in range(20)]
    assert all(one.sampler is not None for one in twenty)
    p_values = {
        "run": [one.run.p_value or 0.0 for one in twenty],
        "mu": [one.single.p_value for one in twenty],
        "noise": [one.noise.p_value for one in twenty],
        "sampler": [sampler_p_value(one.sampler) for one in twenty if one.sampler],
    }
    for name, found in p_values.items():
        assert len(found) == 20
        assert sum(p <= 0.05 for p in found) <= allowed, name
    assert sum(bool(told(one)) for one in twenty) <= allowed  # all together, corrected for one another
    bounds = [one.run.bound.epsilon for one in twenty]
    promised = [one.run.promise.epsilon for one in twenty if one.run.promise]
    assert sum(bound > most for bound, most in zip(bounds, promised, strict=True)) <= allowed
    assert np.median([one.single.bound.mu for one in twenty]) > 0.5 / NOISE  # the instrument is no blind one
    assert not any(one.reach.broken for one in twenty)


def test_an_honest_step_reaches_exactly_one_clip_norm() -> None:
    assert one_honest().reach.largest == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_halved_noise_is_found_in_each_of_ten_runs() -> None:
    for seed in range(10):
        assert {"mu", "noise"} <= told(checks_of(replace(honest(), source=quieter), seed=seed, n_people=2))


def observed_of(mechanism: Mechanism, corpus: Corpus | None = None) -> Observed:
    return observe(mechanism, people(5) if corpus is None else corpus, replace(QUICK, single_steps=2, run_steps=8))


def test_the_model_is_afterwards_what_it_was() -> None:
    mechanism = honest(learning_rate=0.5)
    before = [value.detach().clone() for value in mechanism.reasoner.module.parameters()]
    mechanism.reasoner.module.eval()
    drawn = torch.random.get_rng_state()
    observed_of(mechanism)
    after = list(mechanism.reasoner.module.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(value.grad is None for value in after)
    assert not mechanism.reasoner.module.training
    assert torch.equal(drawn, torch.random.get_rng_state())


def test_two_audits_of_one_seed_are_the_same_and_of_two_seeds_are_not() -> None:
    first, second = observed_of(honest()), observed_of(honest())
    assert np.array_equal(first.run.scores, second.run.scores)
    assert np.array_equal(first.noise, second.noise)
    other = observe(honest(), people(5), replace(QUICK, single_steps=2, run_steps=8, seed=1))
    assert not np.array_equal(first.run.scores, other.run.scores)


def test_what_patients_add_is_not_in_a_score() -> None:
    """The same noise, other patients: scores agree to rounding, so that they tell nothing of patients."""
    few, many = observed_of(honest(), people(1, turns=1)), observed_of(honest(), people(1, turns=8))
    assert few.run.included.tolist() == many.run.included.tolist()
    assert np.abs(few.single.scores - many.single.scores).max() < 1e-4


def test_scores_are_noise_plus_one_clip_norm_where_the_canary_was_in() -> None:
    quiet = replace(honest(), noise_multiplier=1e-6)
    observed = observed_of(quiet)
    assert observed.single.scores == pytest.approx(observed.single.included.astype(float), abs=1e-4)
    counts = observed.run.scores[~observed.run.included]
    assert counts == pytest.approx(np.zeros(len(counts)), abs=1e-4)
    turns = observed.run.scores[observed.run.included]
    assert turns == pytest.approx(np.round(turns), abs=1e-4)  # how often it was drawn
    planted = observed.drawn[:, 5:].sum(0)  # patients first, then canaries that are in, by name
    assert sorted(np.round(turns).astype(int)) == sorted(planted)


def test_the_sum_with_canaries_is_that_of_a_slow_twin() -> None:
    """Each unit alone, clipped by hand, added up; the trainer's step between is given no noise."""
    toy, rng = Toy(), np.random.default_rng(0)
    axes = axes_of(list(toy.module.parameters()), 4, rng=rng)
    turns = canary_turns(4, clips=3, label="joy", taken=frozenset())
    losses = CanaryLosses(toy, {own[0].unit: axis for own, axis in zip(turns, axes, strict=True)})
    watched = Watched(LoopGradients(toy), losses)
    rows = [tuple(people(2).utterances[:3]), *turns]
    found = watched.clipped(rows, clip_norm=CLIP, rng=rng)
    flat = torch.cat([total.flatten() for total in found.sums]).double().numpy()
    own = torch.autograd.grad(toy.losses(rows[:1], rng=rng).sum(), list(toy.module.parameters()))
    whole = torch.cat([value.flatten() for value in own]).double().numpy()
    slow = CLIP * whole / np.linalg.norm(whole)
    for axis in axes:
        slow[axis.place + (0 if axis.parameter == 0 else toy.weight.numel())] += CLIP
    assert flat == pytest.approx(slow, abs=1e-5)
    assert watched.met == [row[0].utterance_id for row in rows]


def test_names_of_canaries_are_nobodys() -> None:
    names = {own[0].unit for own in canary_turns(3, clips=1, label=None, taken=frozenset({"canary-00001", "_canary"}))}
    assert not names & {"canary-00001", "_canary"}
    assert len(names) == 3


def test_axes_are_distinct_and_no_more_than_there_are() -> None:
    parameters = [torch.zeros(2, 3), torch.zeros(4)]
    axes = axes_of(parameters, 50, rng=np.random.default_rng(0))
    assert sorted((axis.parameter, axis.place) for axis in axes) == [
        *((0, i) for i in range(6)),
        *((1, i) for i in range(4)),
    ]


def test_with_adaptive_clipping_the_noise_on_gradients_is_what_is_left_of_the_precision() -> None:
    mechanism = honest(adaptive_clipping={"budget_share": 0.2}, learning_rate=0.01)
    checks = checks_of(mechanism)
    assert checks.noise.declared == pytest.approx(NOISE / np.sqrt(0.8))
    assert told(checks) == set()


def test_where_the_turn_is_the_unit_canaries_have_one_clip() -> None:
    checks = checks_of(honest(unit="utterance"))
    assert told(checks) == set()
    assert checks.reach.n_units == 12 * 3 + CANARIES_ALONE


def test_the_p_value_of_noise_is_that_of_its_definition() -> None:
    check = one_honest().noise
    slow = sum((value / check.declared) ** 2 for value in check.noise.ravel().tolist())
    assert check.p_value == pytest.approx(chi2.cdf(slow, check.noise.size))
    high = check.at(0.9).high  # its upper end at 90 % is the one-sided one at 95 %
    assert (check.p_value <= 0.05) == (high < check.declared)


@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_the_p_value_of_mu_is_where_the_bound_meets_the_promise(scale: float) -> None:
    source = simulated_source if scale == 1 else quieter
    observed = observe(replace(honest(), source=source), people(1), replace(QUICK, run_steps=5))
    for confidence in (0.5, 0.9, 0.999):
        declared = Declared(options=options(), noise_multiplier=NOISE, delta=1e-5)
        at = checked(observed, declared, confidence=confidence, rng=np.random.default_rng(0)).single
        assert at.exceeds == (at.p_value < 1 - confidence)
        assert 0 < at.p_value <= 1
