"""One reviewer's cards: which comes next, which were scored or skipped, and what was said of each.

Laws: a reviewer scores their own cards alone; what others said is closed to them until they have handed in; after that
their cards are closed, for they know what others said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from affidavit.errors import PlanError
from affidavit.reviews import Card, Plausibility, Review
from dashboards.records.book import RecordBook
from dashboards.records.entries import Change, Entry, Kind, Moment, Subject
from dashboards.reviewing.studies import Study

SCORED: Final = "scored"
SKIPPED: Final = "skipped"
HANDED_IN: Final = "handed in"
_APART: Final = " / "


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One reviewer's cards, and how far they are."""

    study: str
    reviewer: str
    cards: tuple[Card, ...]
    said: Mapping[str, Entry]
    """Card to what stands there now, of those that they scored or skipped."""
    handed_in: Entry | None

    @property
    def scored(self) -> int:
        """How many cards have a score."""
        return sum(entry.act == SCORED for entry in self.said.values())

    @property
    def skipped(self) -> int:
        """How many were skipped."""
        return sum(entry.act == SKIPPED for entry in self.said.values())

    @property
    def complete(self) -> bool:
        """Whether each card was scored or skipped."""
        return len(self.said) == len(self.cards)

    @property
    def upcoming(self) -> Card | None:
        """The next card: those that nobody spoke of in their order, then the skipped ones; None where none is left."""
        fresh = [card for card in self.cards if card.card not in self.said]
        later = [card for card in self.cards if (told := self.said.get(card.card)) and told.act == SKIPPED]
        return next(iter([*fresh, *later]), None)

    def subject(self, card: Card) -> Subject:
        """Return what a score of a card is kept under."""
        return Subject(kind=Kind.REVIEW, about=self.study, name=f"{card.card}{_APART}{self.reviewer}")

    def seen(self, card: Card) -> int:
        """Return the version of what was said of a card."""
        return self.said[card.card].version if card.card in self.said else 0


def hand_of(study: Study, reviewer: str, book: RecordBook) -> Hand:
    """Return the cards of somebody to whom the plan gives some."""
    said = {
        card: entry
        for entry in book.current(Kind.REVIEW, study.name)
        for card, _, who in [entry.subject.name.partition(_APART)]
        if who == reviewer
    }
    cards = study.plan.cards(reviewer)
    known = {card.card for card in cards}
    return Hand(
        study=study.name,
        reviewer=reviewer,
        cards=cards,
        said={card: entry for card, entry in said.items() if card in known},
        handed_in=book.latest(_hand_subject(study.name, reviewer)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a reviewer says of a card; no score is a card that is skipped."""

    score: Plausibility | None
    reason: str | None = None
    named: bool = False
    """Whether the reviewer had the utterance's name before them, which may tell more than they should know."""


def speak(hand: Hand, card: Card, said: Said, *, book: RecordBook, at: Moment, seen: int) -> Entry:
    """Keep what a reviewer says of a card of theirs.

    Raises:
        PlanError: the card is not theirs, or they have handed in.
        EditConflictError: they said something else meanwhile.
    """
    if card not in hand.cards:
        raise _rule(f"the card {card.card} was not given to you", "your own cards")
    if hand.handed_in is not None:
        raise _rule(
            "your cards are handed in, and what others said is open to you now", "cards before they are handed in"
        )
    content = {"card": card.card, "shown": card.digest, "named": said.named}
    change = Change(
        subject=hand.subject(card),
        act=SKIPPED if said.score is None else SCORED,
        person=hand.reviewer,
        at=at,
        reason=said.reason or None,
        content=content if said.score is None else {**content, "score": int(said.score)},
    )
    return book.append(change, seen=seen)


def hand_in(hand: Hand, *, book: RecordBook, at: Moment) -> Entry:
    """Close a reviewer's cards.

    Raises:
        PlanError: a card was neither scored nor skipped. EditConflictError: they were handed in meanwhile.
    """
    if not hand.complete:
        left = len(hand.cards) - len(hand.said)
        raise _rule(f"{left} cards were neither scored nor skipped", "every card looked at")
    content = {"scored": hand.scored, "skipped": hand.skipped}
    subject = _hand_subject(hand.study, hand.reviewer)
    change = Change(subject=subject, act=HANDED_IN, person=hand.reviewer, at=at, content=content)
    return book.append(change, seen=0 if hand.handed_in is None else hand.handed_in.version)


def reviews_of(study: Study, book: RecordBook) -> tuple[Review, ...]:
    """Return what everybody said, as far as they scored."""
    return tuple(
        Review(
            card=str(entry.content["card"]),
            reviewer=entry.person,
            score=Plausibility(int(str(entry.content["score"]))),
            reason=entry.reason,
            shown=str(entry.content["shown"]),
            reviewed_at=entry.at,
        )
        for entry in book.current(Kind.REVIEW, study.name)
        if entry.act == SCORED
    )


def _hand_subject(study: str, reviewer: str) -> Subject:
    return Subject(kind=Kind.HAND, about=study, name=reviewer)


def _rule(found: str, allowed: str) -> PlanError:
    return PlanError(
        "this cannot be reviewed by you now",
        slug="records-rule",
        where="review",
        found=found,
        allowed=allowed,
        remedy="ask whoever keeps the desk; nothing was written",
    )
