"""Each score beside its definition, written out slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from privacy.attacks.confidence import FARTHEST, MOST, confidence_of_logits, confidence_of_loss, probability
from privacy.attacks.lira import OWN_SPREAD, offline_lira, online_lira
from privacy.attacks.rmia import likelihood_ratios, rmia, tuned_a
from privacy.attacks.roc import auroc
from privacy.attacks.units import over_clips, unit_levels


def test_confidence_is_the_logit_of_the_true_labels_probability() -> None:
    rng = np.random.default_rng(0)
    logits, label = rng.normal(0, 3, (50, 4)), rng.integers(0, 4, 50)
    for phi, scores, k in zip(confidence_of_logits(logits, label), logits, label, strict=True):
        p = math.exp(scores[k]) / sum(math.exp(z) for z in scores)
        assert phi == pytest.approx(math.log(p / (1 - p)))
        assert float(confidence_of_loss(np.array(-math.log(p)))) == pytest.approx(phi)
        assert float(probability(np.array(phi))) == pytest.approx(p)


def test_confidence_of_logits_does_not_round_where_the_probability_does() -> None:
    logits = np.array([[80.0, 0.0], [90.0, 0.0]])
    assert confidence_of_logits(logits, np.array([0, 0])).tolist() == [80.0, 90.0]
    assert confidence_of_loss(np.array([0.0, 1e-300, 50.0, 1e5])).tolist() == [MOST, MOST, -50.0, -FARTHEST]
    with pytest.raises(ValueError, match="at least 0"):
        confidence_of_loss(np.array([-0.1]))


def shadows(n: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(k)
    return rng.normal(0, 1, n), rng.normal(0, 2, (n, k)), np.argsort(rng.random((n, k)), axis=1) < k // 2


@pytest.mark.parametrize("k", [8, OWN_SPREAD])
def test_lira_is_the_ratio_of_two_normal_densities(k: int) -> None:
    phi, values, trained_on = shadows(20, k)
    values[3, 0] = np.nan
    known = np.isfinite(values)
    inside = [values[i][trained_on[i] & known[i]] for i in range(20)]
    outside = [values[i][~trained_on[i] & known[i]] for i in range(20)]

    def spread(parts: list[np.ndarray], i: int) -> float:
        if k >= OWN_SPREAD:
            return float(parts[i].std(ddof=1))
        squares = sum(((part - part.mean()) ** 2).sum() for part in parts)
        return math.sqrt(squares / sum(len(part) - 1 for part in parts))

    online, offline = online_lira(phi, values, trained_on), offline_lira(phi, values, trained_on)
    for i in range(20):
        there = norm.logpdf(phi[i], inside[i].mean(), spread(inside, i))
        not_there = norm.logpdf(phi[i], outside[i].mean(), spread(outside, i))
        assert online[i] == pytest.approx(there - not_there)
        one_sided = norm.cdf(phi[i], outside[i].mean(), spread(outside, i))
        assert norm.cdf(offline[i]) == pytest.approx(one_sided)


def test_lira_says_nothing_of_an_example_that_no_shadow_lacks() -> None:
    phi, values, trained_on = shadows(3, 8)
    trained_on[1] = True
    assert np.isnan(offline_lira(phi, values, trained_on)).tolist() == [False, True, False]
    assert np.isnan(online_lira(phi, values, trained_on)).tolist() == [False, True, False]


def test_shadows_that_are_all_equally_sure_give_a_number() -> None:
    assert np.isfinite(offline_lira(np.array([1.0, 2.0]), np.ones((2, 4)))).all()


def test_rmia_is_the_share_of_other_units_that_are_dominated() -> None:
    rng = np.random.default_rng(1)
    n, gamma = 40, 1.3
    p, references = rng.random(n), rng.random((n, 3))
    trained_on = rng.random((n, 3)) < 0.4
    trained_on[:, 0] = False
    population, unit = rng.random(n) < 0.5, rng.integers(0, 15, n)
    ratios = likelihood_ratios(p, references, trained_on, a=0.4)
    found = rmia(ratios, population=population, unit=unit, gamma=gamma)
    for i in range(n):
        outside = references[i][~trained_on[i]].mean()
        expected = (1.4 * outside + 0.6) / 2
        if trained_on[i].any():
            expected = (references[i][trained_on[i]].mean() + outside) / 2
        assert ratios[i] == pytest.approx(p[i] / expected)
        others = [z for z in range(n) if population[z] and unit[z] != unit[i]]
        assert found[i] == pytest.approx(np.mean([ratios[i] >= gamma * ratios[z] for z in others]))


def test_rmia_counts_ties_half() -> None:
    ratios, population = np.array([1.0, 0.0, 0.0, 0.0]), np.array([False, True, True, True])
    found = rmia(ratios, population=population, unit=np.array([0, 1, 1, 2]), gamma=1.0)
    assert found.tolist() == [1.0, 0.5, 0.5, 0.5]


def test_rmia_tunes_its_correction_on_a_reference() -> None:
    rng = np.random.default_rng(2)
    trained_on = rng.random((300, 3)) < 0.5
    references = np.clip(rng.beta(2, 2, 300)[:, None] * 0.8 + 0.2 * trained_on, 0, 1)
    a = tuned_a(references, trained_on, unit=np.arange(300), gamma=1.0)
    assert 0 <= a <= 1
    with pytest.raises(ValueError, match="two references"):
        tuned_a(references[:, :1], trained_on[:, :1], unit=np.arange(300), gamma=1.0)


def test_clips_become_units_by_mean_largest_or_sum() -> None:
    score, unit = np.array([1.0, 5.0, np.nan, 2.0]), np.array([0, 0, 1, 2])
    for how, expected in (("mean", [3.0, 2.0]), ("max", [5.0, 2.0]), ("sum", [6.0, 2.0])):
        found, n = over_clips(score, unit, 3, how=how)
        assert found[[0, 2]].tolist() == expected
        assert np.isnan(found[1])
        assert n.tolist() == [2, 0, 1]


def test_a_unit_has_its_one_level_unknown_where_none_and_no_level_where_several() -> None:
    levels = ["a", "unknown", "unknown", "a", "b"]
    assert unit_levels(levels, np.array([0, 0, 1, 2, 2]), 3) == ("a", "unknown", None)


@pytest.mark.parametrize("online", [True, False])
def test_one_loss_that_ran_out_of_digits_does_not_hide_what_the_others_show(online: bool) -> None:
    rng = np.random.default_rng(3)
    trained_on = np.argsort(rng.random((400, 16)), axis=1) < 8
    ease, member = rng.normal(0, 2, (400, 1)), np.arange(400) < 200
    values = ease + trained_on + rng.normal(0, 1, (400, 16))
    phi = ease[:, 0] + member + rng.normal(0, 1, 400)

    def area() -> float:
        score = online_lira(phi, values, trained_on) if online else offline_lira(phi, values, trained_on)
        return auroc(score[1:][member[1:]], score[1:][~member[1:]])

    before = area()
    values[0, 0] = -1e6
    assert before > 0.7
    assert area() == pytest.approx(before, abs=0.02)
