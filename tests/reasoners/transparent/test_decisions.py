"""Each rule by hand, and against a slow reasoner written from its description."""

from __future__ import annotations

from itertools import product
from math import exp
from typing import Any

import numpy as np
import pytest

from reasoners.transparent.decisions import Decisions, decide
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import all_patterns, exchanged, pattern_code, pattern_rates

LABELS = ("anger", "fear", "joy")
ANGER, FEAR, JOY, SILENT = range(4)
TEXT, AUDIO, VIDEO = range(3)
T, A, V = 1, 2, 4


def options_of(**told: Any) -> TransparentOptions:
    return TransparentOptions(labels=LABELS, label_shares={"anger": 0.2, "fear": 0.5, "joy": 0.3}, **told)


def asked(decisions: Decisions, told: tuple[int, int, int], mask: int, *, leading: int = TEXT, shifted: int = 0) -> Any:
    """Return the answer, its probabilities, what was used, and what it was taken from."""
    place = shifted, leading, mask, int(pattern_code(np.array(told), len(LABELS)))
    used = {letter for letter, here in zip("TAV", decisions.used[place], strict=True) if here}
    return int(decisions.answer[place]), decisions.probabilities[place], used, int(decisions.taken_from[place])


def test_the_leading_modality_decides_and_then_the_next_in_order() -> None:
    decisions = decide(options_of(temperature=0.5))
    told = (ANGER, JOY, FEAR)
    answer, probabilities, used, source = asked(decisions, told, T | A | V, leading=VIDEO)
    assert (answer, used, source) == (FEAR, {"V"}, VIDEO)
    assert probabilities.tolist() == pytest.approx([1 / (exp(2) + 2), exp(2) / (exp(2) + 2), 1 / (exp(2) + 2)])
    assert asked(decisions, told, T | A, leading=VIDEO)[0] == ANGER
    assert asked(decisions, told, A, leading=VIDEO)[0] == JOY
    assert asked(decisions, (ANGER, JOY, SILENT), T | A | V, leading=VIDEO)[0] == ANGER
    backwards = decide(options_of(order=("video", "audio", "text")))
    assert asked(backwards, told, A | V, leading=TEXT)[0] == FEAR


def test_a_leading_modality_that_another_repeats_is_not_used() -> None:
    answer, _, used, source = asked(decide(options_of()), (JOY, JOY, FEAR), T | A | V, leading=TEXT)
    assert (answer, used, source) == (JOY, set(), TEXT)


def test_without_evidence_the_answer_is_the_prior() -> None:
    decisions = decide(options_of())
    answer, probabilities, used, source = asked(decisions, (SILENT, SILENT, SILENT), A | V, leading=VIDEO)
    assert (answer, used, source) == (FEAR, set(), VIDEO)
    assert probabilities.tolist() == pytest.approx([0.2, 0.5, 0.3])
    assert asked(decisions, (JOY, SILENT, SILENT), T)[2] == {"T"}, "without it the prior answers"
    assert asked(decisions, (FEAR, SILENT, SILENT), T)[2] == set(), "the prior says the same"
    assert asked(decisions, (JOY, JOY, JOY), 0)[0] == FEAR


def test_a_vote_is_won_by_weight() -> None:
    decisions = decide(options_of(rule="vote", weights={"text": 1.0, "audio": 0.8, "video": 0.6}, temperature=0.4))
    answer, probabilities, used, source = asked(decisions, (JOY, ANGER, ANGER), T | A | V)
    assert (answer, used, source) == (ANGER, {"A", "V"}, AUDIO)
    raised = [exp(1.4 / 0.4), 1.0, exp(1.0 / 0.4)]
    assert probabilities.tolist() == pytest.approx([value / sum(raised) for value in raised])
    answer, _, used, source = asked(decisions, (JOY, ANGER, FEAR), T | A | V)
    assert (answer, used, source) == (JOY, {"T"}, TEXT)
    assert asked(decisions, (JOY, ANGER, SILENT), A | V)[0] == ANGER
    everyone = asked(decisions, (JOY, JOY, JOY), T | A | V)
    assert (everyone[0], everyone[2], everyone[3]) == (JOY, set(), TEXT)


def test_equal_weights_are_won_by_the_order_and_sums_are_compared_as_numbers() -> None:
    even = decide(
        options_of(rule="vote", weights={"text": 1, "audio": 1, "video": 1}, order=("audio", "video", "text"))
    )
    assert asked(even, (JOY, ANGER, FEAR), T | A | V)[0] == ANGER
    assert asked(even, (JOY, ANGER, FEAR), T | V)[0] == FEAR
    sums = decide(options_of(rule="vote", weights={"text": 0.3, "audio": 0.1, "video": 0.2}))
    assert asked(sums, (JOY, ANGER, ANGER), T | A | V)[0] == JOY, "0.1 + 0.2 is no more than 0.3"
    rising = decide(options_of(rule="vote", weights={"text": 0.1, "audio": 0.2, "video": 0.3}))
    assert asked(rising, (JOY, JOY, ANGER), T | A | V)[0] == ANGER, "of equal weights that of the heavier modality"
    assert asked(rising, (JOY, JOY, JOY), T | A)[3] == AUDIO


def test_a_weight_of_zero_is_never_used() -> None:
    decisions = decide(options_of(rule="vote", weights={"video": 0}))
    assert not decisions.used[..., VIDEO].any()
    assert asked(decisions, (SILENT, SILENT, JOY), T | A | V)[0] == FEAR


def test_the_blind_use_nothing() -> None:
    decisions = decide(options_of(rule="blind"))
    assert (decisions.answer == FEAR).all()
    assert not decisions.used.any()
    assert (decisions.probabilities == [0.2, 0.5, 0.3]).all()
    assert asked(decisions, (JOY, JOY, JOY), T | A | V, leading=AUDIO)[3] == AUDIO
    assert asked(decisions, (JOY, JOY, JOY), T | V, leading=AUDIO)[3] == TEXT


def test_identity_shifts_a_vote_for_one_label() -> None:
    identity = {"feature": "sex", "level": "male", "label": "anger", "shift": 0.9}
    decisions = decide(options_of(rule="identity", identity=identity, temperature=1.0))
    told = (JOY, SILENT, FEAR)
    assert asked(decisions, told, T | A | V)[0] == JOY
    answer, probabilities, used, _ = asked(decisions, told, T | A | V, shifted=1)
    assert (answer, used) == (JOY, {"T"}), "1 for joy, 0.9 for anger, 0.6 for fear"
    raised = [exp(0.9), exp(0.6), exp(1.0)]
    assert probabilities.tolist() == pytest.approx([value / sum(raised) for value in raised])
    assert asked(decisions, told, A | V, shifted=0)[0] == FEAR
    assert asked(decisions, told, A | V, shifted=1)[0] == ANGER
    assert asked(decisions, (SILENT, SILENT, SILENT), T, shifted=1)[0] == ANGER
    assert asked(decisions, (SILENT, ANGER, SILENT), T | A, shifted=1)[2] == set()


def test_identity_without_its_rule_does_nothing() -> None:
    identity = {"feature": "sex", "level": "male", "label": "anger"}
    plain, twin = decide(options_of(rule="vote")), decide(options_of(rule="vote", identity=identity))
    assert (plain.answer == twin.answer).all()
    assert (twin.answer[0] == twin.answer[1]).all()


def slow_answer(
    options: TransparentOptions, told: list[int], shown: list[int], leading: int, shifted: bool
) -> tuple[int, list[float]]:
    """Return answer and probabilities from the words of the documentation."""
    names = ["text", "audio", "video"]
    order = [names.index(name) for name in options.order]
    prior = list(options.label_distribution.values())
    speaking = [m for m in shown if told[m] < len(LABELS)]
    weight: dict[int, float] = {}
    ranked = order
    if options.rule == "leading":
        ranked = [leading, *(m for m in order if m != leading)]
        first = [m for m in ranked if m in speaking][:1]
        weight = dict.fromkeys(first, 1.0)
    elif options.rule in ("vote", "identity"):
        ranked = sorted(order, key=lambda m: -options.weights.by_modality[m])
        weight = {m: options.weights.by_modality[m] for m in speaking if options.weights.by_modality[m] > 0}
    votes = [round(sum(w for m, w in weight.items() if told[m] == k), 9) for k in range(len(LABELS))]
    if shifted and options.rule == "identity" and options.identity is not None:
        votes[LABELS.index(options.identity.label)] += options.identity.shift
    best = max(votes)
    if best == 0:
        return prior.index(max(prior)), prior
    winners = [k for k, vote in enumerate(votes) if vote == pytest.approx(best)]
    by_modality = [told[m] for m in ranked if m in weight and told[m] in winners]
    raised = [exp(vote / options.temperature) for vote in votes]
    return (by_modality or winners)[0], [value / sum(raised) for value in raised]


@pytest.mark.parametrize(
    "told",
    [
        {"rule": "leading", "order": ("video", "text", "audio")},
        {"rule": "vote"},
        {"rule": "vote", "weights": {"text": 0.5, "audio": 0.5, "video": 0.5}, "order": ("audio", "video", "text")},
        {"rule": "vote", "weights": {"text": 0.3, "audio": 0.0, "video": 0.3}},
        {"rule": "blind"},
        {"rule": "identity", "identity": {"feature": "sex", "level": "male", "label": "joy", "shift": 0.6}},
        {"rule": "identity", "identity": {"feature": "sex", "level": "male", "label": "joy", "shift": 5}},
    ],
)
def test_every_pattern_is_decided_as_the_slow_twin_decides_it(told: dict[str, Any]) -> None:
    options = options_of(**told, temperature=0.7)
    decisions = decide(options)
    patterns = all_patterns(len(LABELS)).tolist()
    for shifted, leading, mask in product(range(2), range(3), range(8)):
        shown = [m for m in range(3) if mask >> m & 1]
        for p, pattern in enumerate(patterns):
            here = shifted, leading, mask, p
            answer, probabilities = slow_answer(options, pattern, shown, leading, bool(shifted))
            assert decisions.answer[here] == answer, (here, pattern)
            assert decisions.probabilities[here].tolist() == pytest.approx(probabilities)
            for m in range(3):
                less = [other for other in shown if other != m]
                without, _ = slow_answer(options, pattern, less, leading, bool(shifted))
                assert decisions.used[(*here, m)] == (without != answer)


def test_probabilities_sum_to_one_and_are_highest_at_the_answer() -> None:
    for rule in ("leading", "vote", "blind"):
        decisions = decide(options_of(rule=rule, temperature=0.02))
        assert np.allclose(decisions.probabilities.sum(axis=-1), 1)
        of_answer = np.take_along_axis(decisions.probabilities, decisions.answer[..., None], axis=-1)[..., 0]
        assert np.allclose(of_answer, decisions.probabilities.max(axis=-1))


def test_patterns_are_counted_and_exchanged() -> None:
    patterns = all_patterns(3)
    assert len(patterns) == 64
    assert (pattern_code(patterns, 3) == np.arange(64)).all()
    own, donor = pattern_code(np.array([[0, 1, 2]]), 3), pattern_code(np.array([[3, 3, 1]]), 3)
    assert patterns[exchanged(own, donor, (True, False, True), 3)].tolist() == [[3, 1, 1]]
    assert (exchanged(own, donor, (False, False, False), 3) == own).all()


def test_pattern_rates_by_hand() -> None:
    options = options_of(reliability={"text": 0.9, "audio": 0.6, "video": 1.0}, silent={"text": 0.0, "audio": 0.5})
    rates = pattern_rates(options)
    assert rates.sum(axis=1) == pytest.approx([1, 1, 1])
    code = int(pattern_code(np.array([JOY, FEAR, SILENT]), 3))
    assert rates[JOY, code] == pytest.approx(0.9 * (0.5 * 0.2) * 0.15)
    assert rates[FEAR, code] == pytest.approx(0.05 * (0.5 * 0.6) * 0.15)
