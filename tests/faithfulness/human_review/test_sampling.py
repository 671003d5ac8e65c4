"""Samples for readers: balanced, blinded, shuffled, with controls that are controls."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from affidavit.errors import PlanError
from affidavit.predictions import Reading, predictions_from
from affidavit.reviews import Arm, Review, ReviewPlan
from affidavit.tables import from_frame
from affidavit.testing import predictions_frame
from faithfulness.human_review.sampling import SamplingOptions, draw_reviews

BY = ("accent", "age")
REVIEWERS = ("ada", "ben", "cho", "dee")


def drawn(seed: int = 0, **told: object) -> ReviewPlan:
    frame = predictions_frame(n_speakers=48, per_speaker=10)
    frame["rationale"] += " (" + frame["utterance_id"] + ")"
    predictions = predictions_from(from_frame(frame), Reading(run="run", by=BY))
    options = SamplingOptions.model_validate({"reviewers": REVIEWERS, "per_group": 12, **told})
    return draw_reviews(predictions, options, by=BY, condition="TAV", seed=seed)


def of(plan: ReviewPlan, arm: Arm) -> list[object]:
    return [item for item in plan.items if item.arm is arm]


def test_every_group_is_read_equally_often_and_weights_restore_their_sizes() -> None:
    plan = drawn()
    own = [item for item in plan.items if item.arm is Arm.OWN]
    counts = Counter(tuple(item.groups.values()) for item in own)
    assert set(counts.values()) == {12}
    assert len(counts) == 6
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for item in own:
        sums[tuple(item.groups.values())] += item.weight
    assert all(total == pytest.approx(80) for total in sums.values())  # 8 speakers of each group, 10 utterances each


def talkative(per_group: int, seed: int) -> tuple[ReviewPlan, float, dict[str, float]]:
    """Draw from speakers of whom every other one says fifteen times as much, half as well; and the mean of all."""
    sizes = {f"s{s}": 30 if s % 2 else 2 for s in range(24)}
    rows = [
        {
            "utterance_id": f"{speaker}-{i}",
            "speaker_id": speaker,
            "y_true": "joy",
            "y_pred": "joy",
            "condition": "TAV",
            "rationale": f"because of {speaker}-{i}",
            "age": "18-39" if int(speaker[1:]) < 12 else "40+",
            "score": 2.0 if n == 30 else 4.0,
        }
        for speaker, n in sizes.items()
        for i in range(n)
    ]
    frame = pd.DataFrame(rows)
    predictions = predictions_from(from_frame(frame.drop(columns="score")), Reading(run="run", by=("age",)))
    options = SamplingOptions(reviewers=REVIEWERS, per_group=per_group)
    plan = draw_reviews(predictions, options, by=("age",), condition="TAV", seed=seed)
    return plan, float(frame["score"].mean()), dict(zip(frame["utterance_id"], frame["score"], strict=True))


@pytest.mark.parametrize("per_group", [8, 12, 20, 60])
def test_weighted_means_are_those_of_judgements_whoever_talks_most(per_group: int) -> None:
    found = []
    for seed in range(20):
        plan, expected, scores = talkative(per_group, seed)
        own = [item for item in plan.items if item.arm is Arm.OWN]
        weights = [item.weight for item in own]
        assert sum(weights) == pytest.approx(24 * 16)
        found.append(np.average([scores[item.utterance_id] for item in own], weights=weights))
    assert np.mean(found) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("reviewers", [4, 6, 9])
def test_everybody_shares_cards_with_everybody(reviewers: int) -> None:
    names = tuple(f"r{i}" for i in range(reviewers))
    plan = drawn(reviewers=names, per_card=3)
    readers: dict[str, list[str]] = defaultdict(list)
    for assignment in plan.assignments:
        for card in assignment.cards:
            readers[card].append(assignment.reviewer)
    shared = Counter(pair for names in readers.values() for pair in combinations(sorted(names), 2))
    assert len(shared) == reviewers * (reviewers - 1) // 2
    mean = sum(shared.values()) / len(shared)
    assert min(shared.values()) > 0.2 * mean


def test_units_take_turns() -> None:
    own = [item for item in drawn().items if item.arm is Arm.OWN]
    per_unit = Counter(item.unit for item in own)
    assert len(per_unit) == 48  # every speaker before a second card of any
    assert max(per_unit.values()) == 2


def test_controls_are_rationales_of_other_utterances_with_the_same_answer() -> None:
    plan = drawn(shuffled_share=0.5)
    controls = [item for item in plan.items if item.arm is Arm.SHUFFLED]
    own = {item.utterance_id: item for item in plan.items if item.arm is Arm.OWN}
    assert len(controls) == 36
    for control in controls:
        assert f"({control.utterance_id})" not in control.rationale
        assert own[control.utterance_id].rationale.split(" (")[0] == control.rationale.split(" (")[0]


def test_repetitions_go_to_the_readers_of_the_first() -> None:
    plan = drawn(again_share=0.25)
    again = [item for item in plan.items if item.arm is Arm.AGAIN]
    assert len(again) == 18
    hands = {assignment.reviewer: set(assignment.cards) for assignment in plan.assignments}
    for item in again:
        readers = {reviewer for reviewer, cards in hands.items() if item.card in cards}
        assert readers == {reviewer for reviewer, cards in hands.items() if item.same_as in cards}


def test_each_card_is_read_as_often_as_wanted_and_loads_are_even() -> None:
    plan = drawn(per_card=3, again_share=0.0)
    read = Counter(card for assignment in plan.assignments for card in assignment.cards)
    assert set(read.values()) == {3}
    assert len(read) == len(plan.items)
    loads = [len(assignment.cards) for assignment in plan.assignments]
    assert max(loads) - min(loads) <= 1


def test_a_card_gives_nothing_away() -> None:
    plan = drawn()
    shown = plan.cards("ada")
    assert set(type(shown[0]).model_fields) == {"card", "utterance_id", "rationale"}
    arms = {item.card: item.arm for item in plan.items}
    # Neither the order of names nor that of showing tells controls from rationales.
    names = [arms[card] for card in sorted(arms)]
    order = [arms[card.card] for card in shown]
    for arms_in_order in (names, order):
        first_half = arms_in_order[: len(arms_in_order) // 2].count(Arm.SHUFFLED)
        assert 1 < first_half < arms_in_order.count(Arm.SHUFFLED) - 1


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    assert drawn(seed=3) == drawn(seed=3)
    assert {item.utterance_id for item in drawn(seed=3).items} != {item.utterance_id for item in drawn(seed=4).items}


def test_what_is_too_small_is_said() -> None:
    plan = drawn(per_group=100)
    assert "Irish, 18-39 has 80" in plan.remarks[0]


def test_nothing_to_review_is_an_error_for_people() -> None:
    frame = predictions_frame().drop(columns="rationale")
    predictions = predictions_from(from_frame(frame), Reading(run="run", by=BY))
    with pytest.raises(PlanError, match="no rationale under TAV"):
        draw_reviews(predictions, SamplingOptions(reviewers=REVIEWERS), by=BY, condition="TAV", seed=0)


@pytest.mark.parametrize(
    ("told", "match"),
    [({"reviewers": ("ada",), "per_card": 2}, "at most as many"), ({"reviewers": ("ada", "ada")}, "each stands once")],
)
def test_impossible_options_are_refused(told: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        SamplingOptions.model_validate(told)


def test_a_review_names_its_zone() -> None:
    said = {"card": "a", "reviewer": "ada", "score": 3, "reviewed_at": "2026-03-01T10:00:00"}
    with pytest.raises(ValidationError, match="names its zone"):
        Review.model_validate(said)
    assert Review.model_validate({**said, "reviewed_at": "2026-03-01T10:00:00Z"}).score == 3
