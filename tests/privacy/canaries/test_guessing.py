"""Guesses know nothing of which canaries were planted: neither by order, nor by name, nor by ties."""

from __future__ import annotations

import math
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from scipy.stats import binom, norm

from privacy.bounds.one_run import OneRun, one_run_epsilon
from privacy.canaries.audited import audited, paired_difference_bounds, paired_drop
from privacy.canaries.guessing import Game, Rule, game_of, given_guesses, right_guesses, rules
from privacy.canaries.reading import Canaries


def canaries(
    included: np.ndarray, score: np.ndarray, *, pair: list[str] | None = None, names: list[str] | None = None
) -> Canaries:
    names = names or [f"c{i:05d}" for i in range(len(included))]
    return Canaries(
        names=tuple(names),
        included=included.astype(bool),
        score=score.astype(float),
        guessed=False,
        baseline=None,
        pair=None if pair is None else tuple(pair),
        groups={},
    )


def slow_right(game: Game, n_in: int, n_out: int) -> list[float]:
    """One canary at a time: count who is surely higher, and who surely lower."""
    keys = [(s, d) for s, d in zip(game.score, game.digests, strict=True) if not math.isnan(s)]
    told = []
    for score, digest, planted in zip(game.score, game.digests, game.planted, strict=True):
        if math.isnan(score):
            told.append(math.nan)
        elif sum(key < (score, digest) for key in keys) < n_out:
            told.append(float(not planted))
        elif sum(key > (score, digest) for key in keys) < n_in:
            told.append(float(planted))
        else:
            told.append(math.nan)
    return told


@pytest.mark.parametrize(("n_in", "n_out"), [(3, 4), (0, 5), (10, 10), (1, 0)])
def test_guesses_equal_a_slow_count(n_in: int, n_out: int) -> None:
    rng = np.random.default_rng(0)
    score = rng.integers(0, 4, 30).astype(float)  # many ties
    score[[3, 7]] = np.nan, np.inf
    game = game_of(canaries(rng.random(30) < 0.5, score))
    expected = slow_right(game, n_in, n_out)
    np.testing.assert_array_equal(right_guesses(game, Rule(n_in=n_in, n_out=n_out)), expected)


def test_ties_tell_nothing_though_planted_canaries_stand_first_and_are_named_alike() -> None:
    names = [f"planted-{i}" for i in range(1000)] + [f"reserve-{i}" for i in range(1000)]
    game = game_of(canaries(np.arange(2000) < 1000, np.zeros(2000), names=names))
    right = right_guesses(game, Rule(n_in=1000, n_out=1000))
    assert abs(right.mean() - 0.5) < 4 * 0.5 / 2000**0.5


def test_of_a_pair_the_guess_is_which_one_and_names_do_not_matter() -> None:
    rng, n = np.random.default_rng(1), 2000
    planted_first = np.stack([np.ones(n, bool), np.zeros(n, bool)], axis=1).ravel()
    pair = [f"p{i // 2}" for i in range(2 * n)]
    blind = game_of(canaries(planted_first, rng.normal(0, 1, 2 * n), pair=pair))
    assert blind.n == n
    assert blind.paired
    right = right_guesses(blind, Rule(n_in=n // 2, n_out=n // 2))
    assert abs(right.mean() - 0.5) < 4 * 0.5 / n**0.5
    assert abs(blind.planted.mean() - 0.5) < 4 * 0.5 / n**0.5
    seeing = game_of(canaries(planted_first, planted_first + rng.normal(0, 0.01, 2 * n), pair=pair))
    confident = right_guesses(seeing, Rule(n_in=500, n_out=500))
    assert np.nanmean(confident) == 1.0
    infinite = game_of(canaries(planted_first[:2], np.array([np.inf, np.inf]), pair=pair[:2]))
    assert np.isnan(infinite.score).all()


def test_the_digest_is_of_the_name() -> None:
    game = game_of(canaries(np.array([True]), np.zeros(1), names=["x"]))
    assert game.digests == (sha256(b"x").hexdigest(),)


def test_guesses_that_were_given_are_counted_as_they_are() -> None:
    game = replace(game_of(canaries(np.array([1, 0, 1, 0]), np.array([1, 1, 0, np.nan]))), guessed=True)
    np.testing.assert_array_equal(given_guesses(game), [1, 0, 0, np.nan])
    undeclared = audited(game, None, delta=0.0, confidence=0.9)
    assert (undeclared.run.n_guesses, undeclared.n_rules) == (3, 4)
    declared = audited(game, Rule(n_in=2, n_out=2), delta=0.0, confidence=0.9)
    assert (declared.run.n_guesses, declared.run.n_correct, declared.n_rules) == (4, 1, 1)


def test_a_rule_is_scaled_down_to_a_group_and_shares_are_tried_where_there_is_none() -> None:
    assert Rule(n_in=50, n_out=20).scaled(10, 100) == Rule(n_in=5, n_out=2)
    game = game_of(canaries(np.arange(100) < 50, np.arange(100)))
    tried = rules(game, None)
    assert len(tried) == len(set(tried))
    assert tried[-1] == Rule(n_in=50, n_out=50)
    assert rules(replace(game, planted=game.planted[:1]), None) == (Rule(n_in=0, n_out=0),)


def test_the_best_of_several_rules_corrected_exceeds_epsilon_no_more_often_than_promised() -> None:
    """Gaussian scores at epsilon 1 for delta 1e-5, many runs: the choice of the rule is paid for."""
    rng, n_runs, m, mu, epsilon = np.random.default_rng(2), 100, 300, 0.2662, 1.0
    exceeded = chosen_freely = 0
    for _ in range(n_runs):
        included = rng.random(m) < 0.5
        game = game_of(canaries(included, mu * included + rng.normal(0, 1, m)))
        exceeded += audited(game, None, delta=1e-5, confidence=0.95).bound(0.95).epsilon > epsilon
        counts = [int(np.nansum(right_guesses(game, rule))) for rule in rules(game, None)]
        bounds = (
            one_run_epsilon(OneRun(n_canaries=m, n_guesses=rule.n, n_correct=v), delta=1e-5, confidence=0.5).epsilon
            for rule, v in zip(rules(game, None), counts, strict=True)
        )
        chosen_freely += max(bounds) > epsilon
    assert exceeded <= binom.ppf(0.99, n_runs, 0.05)
    assert chosen_freely > exceeded  # the check can fail


def test_the_drop_is_paired_and_its_interval_covers() -> None:
    rng, n_runs, n, covered = np.random.default_rng(3), 400, 60, 0
    for _ in range(n_runs):
        hard = rng.random(n)
        before, after = (hard < 0.9).astype(np.float64), (hard < 0.6).astype(np.float64)
        flipped = rng.random(n) < 0.05
        after[flipped] = 1 - after[flipped]
        truth = 0.9 - (0.6 * 0.95 + 0.4 * 0.05)
        low, high = paired_difference_bounds(before, after, level=0.95)
        covered += float(low) <= truth <= float(high)
    assert covered / n_runs >= 0.95 - 3 * (0.05 * 0.95 / n_runs) ** 0.5
    low, high = paired_difference_bounds(np.array([]), np.array([]), level=0.95)
    assert (float(low), float(high)) == (-1.0, 1.0)


def test_the_drop_is_that_of_the_best_threshold_however_the_coins_fell() -> None:
    rng, n_runs, n, found = np.random.default_rng(4), 150, 300, []
    truth = norm.cdf(3.0) - norm.cdf(0.1)
    for _ in range(n_runs):
        included = rng.random(n) < 0.5
        game = game_of(canaries(included, 0.2 * included + rng.normal(0, 1, n)))
        pair = paired_drop(replace(game, baseline=6.0 * included + rng.normal(0, 1, n)))
        assert pair is not None
        low, high = paired_difference_bounds(*pair, level=0.95)
        found.append((pair[0].mean() - pair[1].mean(), float(low) <= truth <= float(high)))
    drops, covered = np.array(found).T
    assert drops.mean() == pytest.approx(truth, abs=0.01)
    assert covered.mean() >= 0.95 - 3 * (0.05 * 0.95 / n_runs) ** 0.5
    few = np.arange(10) < 3
    perfect = paired_drop(replace(game_of(canaries(few, np.zeros(10))), baseline=few.astype(float)))
    assert perfect is not None
    assert perfect[0].tolist() == [1.0] * 10


def test_the_drop_looks_only_at_canaries_with_both_scores() -> None:
    included = np.array([True, True, False, False, True])
    game = replace(game_of(canaries(included, np.array([0.0, 1, 2, 3, np.nan]))), baseline=np.array([3.0, 2, 1, 0, 9]))
    paired = paired_drop(game)
    assert paired is not None
    before, after = paired
    assert before.tolist() == [1, 1, 1, 1]
    assert after.tolist() == [0, 0, 0, 0]
    assert paired_drop(replace(game, baseline=None)) is None
    assert paired_drop(replace(game, score=np.full(5, np.nan))) is None
