"""What a reviewer was shown is on record: a card by its digest, a plan by its words."""

from __future__ import annotations

from affidavit.reviews import SHOWN, Card, Review, ReviewPlan


def test_a_digest_names_all_that_is_on_a_card() -> None:
    card = Card(card="1", utterance_id="u", rationale="because")
    others = [card.model_copy(update={name: "else"}) for name in Card.model_fields]
    assert len({card.digest, *(other.digest for other in others)}) == 1 + len(Card.model_fields)
    assert card.digest == Card.model_validate_json(card.model_dump_json()).digest


def test_a_plan_says_what_is_shown_and_a_review_which_card_it_was() -> None:
    plan = ReviewPlan(seed=0, by=(), items=(), assignments=())
    assert plan.shown == SHOWN
    assert ReviewPlan.model_validate_json(plan.model_dump_json()) == plan
    said = {"card": "1", "reviewer": "ada", "score": 4, "reviewed_at": "2026-03-01T10:00:00Z"}
    assert Review.model_validate(said).shown is None
    assert Review.model_validate({**said, "shown": "sha256:1"}).shown == "sha256:1"
