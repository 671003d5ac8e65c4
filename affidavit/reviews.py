"""Records of people who read rationales: what they were shown, what they said, when and why.

Whoever draws the sample keeps the `ReviewPlan`; a reviewer sees `Card`s alone: no model's name, no condition, no group,
no answer marked right or wrong, and not which cards are controls. The answer is where a rationale names it, as most do.
A review names the card, and only the plan tells what the card was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from affidavit.digests import digest_of
from affidavit.records import Number, Record

SHOWN = ("the utterance", "a rationale")
"""What stands on a card, in words; nothing else reaches a reviewer who is blinded."""


class Plausibility(IntEnum):
    """How well a rationale explains what is seen and heard: the four points of EMER (Lian et al. 2023)."""

    COMPLETELY_WRONG = 1
    CORRECT_IN_A_SMALL_PART = 2
    CORRECT_FOR_THE_MOST_PART = 3
    COMPLETELY_CORRECT = 4


class Arm(StrEnum):
    """What stands on a card."""

    OWN = "own"
    """The rationale of this judgement."""
    SHUFFLED = "shuffled"
    """A control: the rationale of another utterance that got the same answer."""
    AGAIN = "again"
    """The same as an earlier card, to see whether a reviewer agrees with themselves."""


class Card(Record):
    """What a reviewer sees: the utterance, and a rationale."""

    card: str
    """Says nothing of what it stands for."""
    utterance_id: str
    rationale: str

    @property
    def digest(self) -> str:
        """Names what was on the card, so that a review can say what was read."""
        return digest_of(self.model_dump(mode="json"))


class ReviewItem(Record):
    """What a card stands for; for the owner of the plan alone."""

    card: str
    arm: Arm
    run: str
    utterance_id: str
    condition: str
    reasoner: str
    instruction: str
    repeat: int = Field(ge=0)
    unit: str | None
    groups: Mapping[str, str]
    rationale: str
    weight: Number = Field(gt=0)
    """How many judgements of its group this one stands for."""
    same_as: str | None = None
    """The card that this one repeats."""

    @property
    def shown(self) -> Card:
        """The card as reviewers see it."""
        return Card(card=self.card, utterance_id=self.utterance_id, rationale=self.rationale)


class Assignment(Record):
    """One reviewer's cards, in the order in which they are shown."""

    reviewer: str
    cards: tuple[str, ...]


class ReviewPlan(Record):
    """Who reads what; drawn before anybody reads anything."""

    schema_version: str = "1"
    seed: int
    by: tuple[str, ...]
    items: tuple[ReviewItem, ...]
    assignments: tuple[Assignment, ...]
    shown: tuple[str, ...] = SHOWN
    """What reviewers were shown of each item, in words; more than `SHOWN` and they were not blinded."""
    remarks: tuple[str, ...] = ()
    """What the sample could not be, such as groups with fewer judgements than were wanted."""
    table: str | None = None
    """Digest of the audited table that the sample was drawn from, where an audit named it."""

    def cards(self, reviewer: str) -> tuple[Card, ...]:
        """Return what one reviewer is shown, in order; empty for somebody who was given nothing."""
        items = {item.card: item for item in self.items}
        return tuple(
            items[card].shown
            for assignment in self.assignments
            if assignment.reviewer == reviewer
            for card in assignment.cards
        )


def _with_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time names its zone, as in 2026-03-01T10:00:00+00:00")
    return moment


class Review(Record):
    """What one reviewer said of one card."""

    card: str
    reviewer: str = Field(min_length=1)
    score: Plausibility
    reason: str | None = None
    shown: str | None = None
    """The digest of the card as it was shown (`Card.digest`), where it was recorded."""
    reviewed_at: Annotated[datetime, AfterValidator(_with_zone)]
