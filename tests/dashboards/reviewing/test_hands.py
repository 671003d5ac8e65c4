"""A reviewer goes through their cards, blinded; what they said goes to the examination `human-review` unchanged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from affidavit.errors import PlanError, TableError
from affidavit.registry import Door, load
from affidavit.reviews import Arm, Plausibility
from affidavit.testing import case_of, predictions_frame
from dashboards.access.people import Person, Role
from dashboards.records.book import RecordBook, Wanted
from dashboards.records.conflicts import EditConflictError
from dashboards.records.entries import Kind
from dashboards.reviewing.agreement import Rated, agreement, review_agreement, told
from dashboards.reviewing.exporting import reviews_csv
from dashboards.reviewing.hands import Said, hand_in, hand_of, reviews_of, speak
from dashboards.reviewing.studies import Study, add_study, studies
from tests.dashboards.reviewing.conftest import REVIEWERS, small_study

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADMIN = Person(name="Dee", role=Role.ADMINISTRATOR)


def score(study: Study, reviewer: str, book: RecordBook, value: int, reason: str | None = None) -> str:
    """Score a reviewer's next card, and return which it was."""
    hand = hand_of(study, reviewer, book)
    card = hand.upcoming
    assert card is not None
    speak(hand, card, Said(score=Plausibility(value), reason=reason), book=book, at=NOON, seen=hand.seen(card))
    return card.card


def test_cards_come_in_the_order_of_the_plan_each_once(study: Study, book: RecordBook) -> None:
    (cards,) = (a.cards for a in study.plan.assignments if a.reviewer == "Ada Osei")
    assert [score(study, "Ada Osei", book, 1 + i % 4) for i in range(len(cards))] == list(cards)
    hand = hand_of(study, "Ada Osei", book)
    assert hand.upcoming is None
    assert (hand.complete, hand.scored, hand.skipped) == (True, len(cards), 0)
    assert hand_of(study, "Ben Ito", book).scored == 0


def test_a_skipped_card_comes_again_at_the_end_and_is_no_score(study: Study, book: RecordBook) -> None:
    hand = hand_of(study, "Ada Osei", book)
    first = hand.cards[0]
    speak(hand, first, Said(score=None), book=book, at=NOON, seen=0)
    order = [score(study, "Ada Osei", book, 4) for _ in hand.cards[1:]]
    assert first.card not in order
    again = hand_of(study, "Ada Osei", book)
    assert (again.complete, again.skipped, again.upcoming) == (True, 1, first)
    assert len(reviews_of(study, book)) == len(hand.cards) - 1


def test_nobody_scores_a_card_that_was_not_given_to_them(study: Study, book: RecordBook) -> None:
    hand = hand_of(study, "Ada Osei", book)
    other = hand.cards[0].model_copy(update={"rationale": "another text"})
    with pytest.raises(PlanError) as raised:
        speak(hand, other, Said(score=Plausibility(4)), book=book, at=NOON, seen=0)
    assert raised.value.slug == "records-rule"
    assert book.found(Wanted()) == ()


def test_a_score_changed_in_two_windows_is_told_and_both_are_kept(study: Study, book: RecordBook) -> None:
    hand = hand_of(study, "Ada Osei", book)
    card = hand.cards[0]
    speak(hand, card, Said(score=Plausibility(1), reason="here"), book=book, at=NOON, seen=0)
    with pytest.raises(EditConflictError, match="here"):
        speak(hand, card, Said(score=Plausibility(4), reason="there"), book=book, at=NOON, seen=0)
    assert [review.score for review in reviews_of(study, book)] == [1]
    assert [entry.reason for entry in book.found(Wanted(kind=Kind.SET_ASIDE))] == ["there"]


def test_who_handed_in_changes_nothing_and_who_has_not_finished_hands_nothing_in(
    study: Study, book: RecordBook
) -> None:
    with pytest.raises(PlanError, match="neither scored nor skipped"):
        hand_in(hand_of(study, "Ada Osei", book), book=book, at=NOON)
    for _ in hand_of(study, "Ada Osei", book).cards:
        score(study, "Ada Osei", book, 3)
    hand_in(hand_of(study, "Ada Osei", book), book=book, at=NOON)
    closed = hand_of(study, "Ada Osei", book)
    with pytest.raises(PlanError, match="handed in"):
        speak(closed, closed.cards[0], Said(score=Plausibility(1)), book=book, at=NOON, seen=1)


def test_what_is_exported_is_what_the_examination_reads(book: RecordBook, tmp_path: Path) -> None:
    study = small_study(per_group=6)
    rng = np.random.default_rng(0)
    items = {item.card: item for item in study.plan.items}
    liked = {item.utterance_id: int(rng.integers(2, 5)) for item in study.plan.items}
    for reviewer in REVIEWERS:
        for card in hand_of(study, reviewer, book).cards:
            item = items[card.card]
            value = 1 if item.arm is Arm.SHUFFLED else liked[item.utterance_id]
            score(study, reviewer, book, value, reason='=1+1; "so", he said\nand left')
    (tmp_path / "plan.json").write_text(study.plan.model_dump_json())
    (tmp_path / "reviews.csv").write_bytes(reviews_csv(reviews_of(study, book)))
    frame = predictions_frame(per_speaker=2)
    frame = frame.assign(rationale=frame["rationale"] + " (" + frame["utterance_id"] + ")")
    case = case_of(frame, options={"reviews": "reviews.csv", "plan": "plan.json"})
    case = replace(case, folder=tmp_path)
    examination = load(Door.EXAMINATIONS, "human-review")
    assert examination.refuses(case) is None
    claims = examination.examine(case).claims
    of_everybody = {c.finding.metric: c.finding for c in claims if not c.finding.groups and not c.finding.compared}
    expected = {c.card for c in study.plan.items if c.arm is Arm.OWN}
    assert of_everybody["human_plausibility"].estimate.n == len(expected)
    assert of_everybody["review_completion_rate"].estimate.value == 1.0
    assert of_everybody["reviewer_krippendorff_alpha"].estimate.value == 1.0, "all three always said the same"
    assert of_everybody["human_plausibility_shuffled"].estimate.value == 1.0
    caveats = " ".join(of_everybody["human_plausibility"].caveats)
    assert "neither model nor group" in caveats
    assert "do not have" not in caveats
    assert "something else than was drawn" not in caveats


def test_agreement_is_krippendorffs_with_an_interval_over_units() -> None:
    # Krippendorff 2011, section B: two observers, ten units, binary; alpha = 0.095
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    rated = [Rated(unit=i, given=pair) for i, pair in enumerate(zip(first, second, strict=True))]
    estimate = agreement(rated, n_classes=2)
    assert estimate.value == pytest.approx(0.095, abs=5e-4)
    assert estimate.interval is not None
    assert estimate.interval.low < 0.095 < estimate.interval.high
    assert (estimate.n, estimate.n_clusters) == (10, 10)
    together = agreement([Rated(unit=0, given=one.given) for one in rated], n_classes=2)
    assert together.interval is None
    assert "one unit alone" in str(together.why_no_interval)


def test_ten_cards_of_one_patient_are_no_ten_patients() -> None:
    rng = np.random.default_rng(3)
    cards = [(patient, tuple(int(k) for k in rng.integers(0, 4, 3))) for patient in range(6) for _ in range(10)]
    by_patient = agreement([Rated(unit=p, given=g) for p, g in cards], n_classes=4)
    assert (by_patient.n, by_patient.n_clusters) == (60, 6)


def test_unknown_is_said_where_nothing_can_be(study: Study, book: RecordBook) -> None:
    nothing = review_agreement(study, reviews_of(study, book))
    assert (nothing.value, nothing.n) == (None, 0)
    words = {"rows": "cards", "units": "units"}
    assert told(nothing, of=words) == "unknown: nothing was looked at by two people yet (0 cards of 0 units)"
    same = agreement([Rated(unit=i, given=(2, 2)) for i in range(5)], n_classes=4)
    assert same.value is None
    assert "everybody gave the same" in told(same, of=words)


def test_controls_and_repetitions_are_no_agreement_about_rationales(study: Study, book: RecordBook) -> None:
    for reviewer in REVIEWERS[:2]:
        for _ in hand_of(study, reviewer, book).cards:
            score(study, reviewer, book, 2)
    own = sum(item.arm is Arm.OWN for item in study.plan.items)
    assert own < len(study.plan.items)
    assert review_agreement(study, reviews_of(study, book)).n == own


def test_a_study_is_brought_once_read_strictly_and_found_again(study: Study, book: RecordBook, tmp_path: Path) -> None:
    content = study.plan.model_dump_json().encode()
    add_study(tmp_path, book, name="March 2026", content=content, by=ADMIN, at=NOON)
    assert [(one.name, one.plan) for one in studies(tmp_path)] == [("March 2026", study.plan)]
    assert [entry.act for entry in book.found(Wanted(kind=Kind.STUDY))] == ["brought"]
    for name in ("March 2026", "../x", "", "a/b", "."):
        with pytest.raises(PlanError, match="cannot have this name"):
            add_study(tmp_path, book, name=name, content=content, by=ADMIN, at=NOON + timedelta(1))
    for wrong in (b"{}", b"not json", content.replace(b'"weight":', b'"heavy":')):
        with pytest.raises(TableError, match="no review plan"):
            add_study(tmp_path, book, name="other", content=wrong, by=ADMIN, at=NOON)
    assert len(studies(tmp_path)) == 1


def test_a_hand_is_found_however_the_name_is_written(study: Study) -> None:
    assert study.hand_name(Person(name="ada  OSEI", role=Role.REVIEWER)) == "Ada Osei"
    assert study.hand_name(ADMIN) is None
