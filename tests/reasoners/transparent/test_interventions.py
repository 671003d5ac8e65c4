"""Permuted evidence and additive projections: draws keep their laws, expectations equal slow sums and large tables."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest

from affidavit.errors import PlanError
from reasoners.transparent.decisions import decide
from reasoners.transparent.door import simulate
from reasoners.transparent.draws import _derangement
from reasoners.transparent.expectations import (
    expected_accuracy,
    expected_change_rate,
    expected_citing,
    removals,
)
from reasoners.transparent.judging import judge_all
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import all_patterns, pattern_rates
from reasoners.transparent.projection import projected
from reasoners.transparent.truths import changes

TWO: dict[str, Any] = {
    "labels": ("fear", "joy"),
    "label_shares": {"fear": 0.7, "joy": 0.3},
    "reliability": {"text": 0.9, "audio": 0.7, "video": 0.6},
    "silent": {"text": 0.1, "audio": 0.2, "video": 0.3},
    "accents": ["near", "far"],
    "ages": ["young"],
    "noise": 0.1,
}
PERMUTED = ["permuted", "permuted-within-label", "permuted-within-speaker"]


def options(**changed: Any) -> TransparentOptions:
    return TransparentOptions.model_validate({**TWO, **changed})


def rows(chosen: TransparentOptions, seed: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = simulate(chosen, np.random.default_rng(seed)).to_pylist()
    return found


@pytest.mark.parametrize("operator", PERMUTED)
def test_a_permutation_moves_everybody_and_stays_within_its_groups(operator: str) -> None:
    chosen = options(conditions=["TAV", f"TAV/{operator}=V"], n_speakers=20, repeats=3)
    drawn = judge_all(chosen, np.random.default_rng(1)).drawn
    everybody = np.arange(len(drawn.label))
    for donors in drawn.donors(operator).T:
        assert sorted(donors.tolist()) == everybody.tolist()
        assert (donors != everybody).all()
        if operator == "permuted-within-label":
            assert (drawn.label[donors] == drawn.label).all()
        if operator == "permuted-within-speaker":
            assert (drawn.speaker[donors] == drawn.speaker).all()
    first, second, _ = drawn.donors(operator).T
    assert (first != second).any()


def test_derangements_within_groups_are_equally_likely() -> None:
    rng, group = np.random.default_rng(0), np.array([0, 1, 0, 1, 0, 1, 2, 1])
    drawn = Counter(tuple(_derangement(group, rng).tolist()) for _ in range(3600))
    assert len(drawn) == 2 * 9, "three things can be deranged in two ways, four in nine"
    assert all(abs(count - 200) < 5 * np.sqrt(200) for count in drawn.values())
    assert {donors[6] for donors in drawn} == {6}, "who is alone stays"


def test_one_condition_more_changes_no_other_row() -> None:
    few = rows(options(conditions=["TAV", "TAV/resampled=A"], n_speakers=10))
    many = rows(
        options(conditions=["TAV", "TAV/resampled=A", *(f"TAV/{op}=A" for op in PERMUTED)], n_speakers=10, noise=0)
    )
    plain = rows(options(conditions=["TAV", "TAV/resampled=A"], n_speakers=10, noise=0))
    key = ("utterance_id", "condition", "y_pred", "y_true")
    assert len(few) == len(plain)
    kept = [tuple(row[k] for k in key) for row in many if row["condition"] in ("TAV", "TAV/resampled=A")]
    assert kept == [tuple(row[k] for k in key) for row in plain]
    one = rows(options(conditions=["TAV/permuted-within-label=A"], n_speakers=10, noise=0))
    assert [row["y_pred"] for row in one] == [
        row["y_pred"] for row in many if row["condition"] == "TAV/permuted-within-label=A"
    ]


def test_who_has_no_partner_stands_in_no_row() -> None:
    chosen = options(
        conditions=["TAV", "TAV/permuted-within-speaker=V"],
        n_speakers=30,
        utterances_per_speaker=2,
        utterances_spread=1,
    )
    found = rows(chosen)
    said = Counter(row["speaker_id"] for row in found if row["condition"] == "TAV")
    exchanged = Counter(row["speaker_id"] for row in found if row["condition"] != "TAV")
    assert 1 in said.values()
    assert exchanged == {speaker: count for speaker, count in said.items() if count > 1}
    table = simulate(chosen, np.random.default_rng(0))
    assert table.num_rows == len(found)


def slow_pairs(chosen: TransparentOptions, *, same_label: bool) -> list[tuple[float, int, int, int]]:
    """Return chance, own pattern, donor's pattern and true label of every pair of utterances."""
    prior, rates = list(chosen.label_distribution.values()), pattern_rates(chosen)
    return [
        (prior[k] * rates[k, p] * (float(j == k) if same_label else prior[j]) * rates[j, d], p, d, k)
        for k, j in product(range(2), repeat=2)
        for p, d in product(range(27), repeat=2)
    ]


@pytest.mark.parametrize("operator", PERMUTED)
@pytest.mark.parametrize("letters", ["V", "TA"])
@pytest.mark.parametrize("rule", ["leading", "vote"])
def test_expectations_equal_a_slow_sum(operator: str, letters: str, rule: str) -> None:
    chosen = options(rule=rule, noise=0)
    decisions, patterns = decide(chosen), all_patterns(2).tolist()
    code = {tuple(pattern): i for i, pattern in enumerate(patterns)}
    right = changed = 0.0
    leading = chosen.leading.shares
    for chance, own, donor, felt in slow_pairs(chosen, same_label=operator.endswith("label")):
        told = tuple(patterns[donor if "TAV"[m] in letters else own][m] for m in range(3))
        for leads in range(3):
            before, after = (decisions.answer[0, leads, 7, p] for p in (own, code[told]))
            right += chance * leading[leads] * float(after == felt)
            changed += chance * leading[leads] * float(after != before)
    condition = f"TAV/{operator}={letters}"
    assert expected_accuracy(chosen, condition, {}) == pytest.approx(right)
    assert expected_change_rate(chosen, before="TAV", after=condition, groups={}) == pytest.approx(changed)


@pytest.mark.parametrize("operator", ["permuted", "permuted-within-speaker"])
def test_a_donor_that_knows_nothing_of_the_label_is_any_donor(operator: str) -> None:
    chosen = options(honesty={"faithful": 0.5, "decorative": 0.5})
    pair = [
        expected_citing(chosen, before="TAV", after=removals(operator=name), groups={"accent": "far"}).joint  # type: ignore[arg-type]
        for name in ("resampled", operator)
    ]
    assert pair[0] == pytest.approx(pair[1])


@pytest.mark.parametrize("operator", PERMUTED)
def test_large_tables_show_what_is_expected(operator: str) -> None:
    condition = f"TAV/{operator}=T"
    chosen = options(conditions=["TAV", condition], n_speakers=3000, honesty={"decorative": 1.0}, icc=0)
    judged = judge_all(chosen, np.random.default_rng(3))
    n = len(judged.drawn.label)
    for i, name in enumerate(("TAV", condition)):
        right = float((judged.answer[:, i, 0] == judged.drawn.label).mean())
        expected = expected_accuracy(chosen, name, {})
        assert abs(right - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    rate = float((judged.answer[:, 0, 0] != judged.answer[:, 1, 0]).mean())
    expected = expected_change_rate(chosen, before="TAV", after=condition, groups={})
    assert abs(rate - expected) < 6 * np.sqrt(expected * (1 - expected) / n), "donors are shared, so a little wider"
    cited = judged.cited[:, 1, 0] >> 0 & 1
    joint = expected_citing(chosen, before=condition, after={"text": "AV"}, groups={}).joint
    assert abs(float(cited.mean()) - float(joint[1].sum())) < 5 / np.sqrt(n)


def test_two_kinds_of_donors_have_no_joint_law() -> None:
    with pytest.raises(PlanError, match="no such pair of conditions"):
        expected_change_rate(options(), before="TAV/resampled=V", after="TAV/permuted=V", groups={})


def projected_slowly(chosen: TransparentOptions, mask: int, leading: int) -> list[list[float]]:
    """Return the probabilities of the projection of every pattern, by sums over everything that could be told."""
    decisions, patterns = decide(chosen), all_patterns(2).tolist()
    code = {tuple(pattern): i for i, pattern in enumerate(patterns)}
    prior, rates = list(chosen.label_distribution.values()), pattern_rates(chosen)
    law = [[0.0] * 3 for _ in range(3)]
    for k, (p, pattern) in product(range(2), enumerate(patterns)):
        for m in range(3):
            law[m][pattern[m]] += prior[k] * rates[k, p]
    scores = np.log(decisions.probabilities[0, leading, mask])
    shown = [m for m in range(3) if mask >> m & 1]
    found = []
    for own in patterns:
        total = np.zeros(2)
        for told in patterns:
            for m in shown:
                mixed = tuple(own[i] if i == m else told[i] for i in range(3))
                total += np.prod([law[i][told[i]] for i in range(3)]) * scores[code[mixed]]
            total -= (len(shown) - 1) * np.prod([law[i][told[i]] for i in range(3)]) * scores[code[tuple(told)]]
        found.append((np.exp(total) / np.exp(total).sum()).tolist())
    return found


@pytest.mark.parametrize("rule", ["leading", "vote", "blind"])
@pytest.mark.parametrize("mask", [7, 5, 2, 0])
def test_the_projection_equals_a_slow_sum(rule: str, mask: int) -> None:
    chosen = options(rule=rule)
    found = projected(chosen, decide(chosen)).probabilities[0, 1, mask]
    assert found.tolist() == [pytest.approx(row) for row in projected_slowly(chosen, mask, 1)]


def test_a_vote_is_its_own_projection_and_asking_in_turn_is_not() -> None:
    shares = {"fear": 0.5, "joy": 0.5}
    for rule, own in (("vote", True), ("blind", True), ("leading", False)):
        decisions = decide(options(rule=rule, label_shares=shares, weights={"text": 1, "audio": 1, "video": 1}))
        found = projected(options(rule=rule, label_shares=shares), decisions)
        assert not own or (found.answer == decisions.answer).all()
        assert np.allclose(found.probabilities, decisions.probabilities) == own


def test_one_modality_is_its_own_projection_whatever_the_rule() -> None:
    for rule in ("leading", "vote"):
        chosen = options(rule=rule)
        decisions = decide(chosen)
        found = projected(chosen, decisions)
        for mask in (0, 1, 2, 4):
            assert (found.answer[:, :, mask] == decisions.answer[:, :, mask]).all()
            assert np.allclose(found.probabilities[:, :, mask], decisions.probabilities[:, :, mask])


def test_what_the_projection_answers_is_expected() -> None:
    chosen = options(conditions=["TAV", "TAV/additive"], n_speakers=2000, icc=0, rule="leading")
    judged = judge_all(chosen, np.random.default_rng(2))
    n = len(judged.drawn.label)
    right = float((judged.answer[:, 1, 0] == judged.drawn.label).mean())
    expected = expected_accuracy(chosen, "TAV/additive", {})
    assert expected != pytest.approx(expected_accuracy(chosen, "TAV", {}))
    assert abs(right - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    rate = float((judged.answer[:, 0, 0] != judged.answer[:, 1, 0]).mean())
    expected = expected_change_rate(chosen, before="TAV", after="TAV/additive", groups={})
    assert abs(rate - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    moved = changes(chosen, judged, before="TAV", after="TAV/additive")
    assert 0 < moved.flips.mean() < expected
    assert 0 < moved.distances.mean() < 1
    table = simulate(chosen.model_copy(update={"n_speakers": 20}), np.random.default_rng(2)).to_pydict()
    assert all(abs(a + b - 1) < 1e-9 for a, b in zip(table["prob_fear"], table["prob_joy"], strict=True))


def test_a_vote_with_equal_shares_loses_nothing_by_its_projection() -> None:
    shares = {"fear": 0.5, "joy": 0.5}
    chosen = options(rule="vote", label_shares=shares, noise=0)
    assert expected_change_rate(chosen, before="TAV", after="TAV/additive", groups={}) == 0.0


def test_shares_of_zero_have_no_logarithm_and_do_no_harm() -> None:
    chosen = options(label_shares={"fear": 1.0})
    found = projected(chosen, decide(chosen))
    assert np.isfinite(found.probabilities).all()
    assert np.allclose(found.probabilities.sum(axis=-1), 1)
