"""What is worth writing down about rounds, in the order in which it happens. Nothing here is a patient's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from affidavit.records import Record


class RunBegan(Record):
    """The server begins, or goes on after an interruption."""

    kind: Literal["run-began"] = "run-began"
    run: str
    layout: str
    size: int
    """Numbers in an update."""
    rounds: int
    rounds_done: int
    """More than none where it goes on from what was kept."""
    last: RoundClosed | RoundLost | None = None
    """The last round that was kept, where it goes on: the server may have been killed before it wrote that down."""


class SiteJoined(Record):
    """A site said who it is and is part of the rounds from now on."""

    kind: Literal["site-joined"] = "site-joined"
    site: str
    node: str
    """Its number at Flower, in decimals: beyond what a number in JSON can hold."""
    n_units: int | None = None
    rounds_left: int | None = None


class SiteRefused(Record):
    """A site that wanted to join was not taken."""

    kind: Literal["site-refused"] = "site-refused"
    site: str
    node: str
    """Its number at Flower, in decimals: beyond what a number in JSON can hold."""
    because: str


class SiteLeft(Record):
    """A site said that it takes no part any more, and why."""

    kind: Literal["site-left"] = "site-left"
    site: str
    round: int
    slug: str
    because: str


class Asked(Record):
    """Sites were asked for their part in a round."""

    kind: Literal["asked"] = "asked"
    round: int
    attempt: int
    sites: tuple[str, ...]


class ReplyTaken(Record):
    """A site's update was added."""

    kind: Literal["reply-taken"] = "reply-taken"
    round: int
    attempt: int
    site: str
    weight: float
    bytes: int
    norm: float
    digest: str
    """Of the update, as the site's own record says it of what it sent."""
    epsilon: float | None = None


class ReplyRefused(Record):
    """A reply was not added."""

    kind: Literal["reply-refused"] = "reply-refused"
    round: int
    attempt: int
    site: str
    because: str


class AttemptAborted(Record):
    """A secure sum did not come about, and nothing of any site was seen."""

    kind: Literal["attempt-aborted"] = "attempt-aborted"
    round: int
    attempt: int
    stage: str
    """Which of the five stages was the last one."""
    slug: str
    because: str
    missing: tuple[str, ...] = ()


class Summed(Record):
    """A secure sum was opened; of its parts nothing was seen."""

    kind: Literal["summed"] = "summed"
    round: int
    attempt: int
    terms: str
    """Digest of what server and sites agreed on."""
    contributors: tuple[str, ...]
    dropped: dict[str, str]
    """Sites that were invited and did not go all the way, with the stage that they did not answer."""
    saturated: int
    """Numbers that were cut to the largest value, over all sites."""
    scaled: int
    """Sites whose vector was longer than its bound."""
    bytes: int
    """That one site sent in the vector."""


class RoundLost(Record):
    """A round did not happen and cannot be asked for again: sites already gave what opens its sum.

    The model is what it was before, and the next round has the next number.
    """

    kind: Literal["round-lost"] = "round-lost"
    round: int
    attempts: int
    because: str


class RoundClosed(Record):
    """A round happened."""

    kind: Literal["round-closed"] = "round-closed"
    round: int
    attempts: int
    contributors: tuple[str, ...]
    missing: tuple[str, ...]
    """Who was asked and is not in it."""
    moved: float
    """Euclidean distance from the model before to the one after."""
    model: str
    """Digest of the model after."""


class RoundFailed(Record):
    """A round did not happen; the model is what it was before."""

    kind: Literal["round-failed"] = "round-failed"
    round: int
    attempts: int
    replied: tuple[str, ...]
    quorum: int


class RunEnded(Record):
    """The server ended."""

    kind: Literal["run-ended"] = "run-ended"
    rounds_done: int
    rounds_lost: tuple[int, ...] = ()
    because: Literal["all rounds done", "too few sites left", "a round failed", "budget spent"]
    model: str


Event = Annotated[
    RunBegan
    | SiteJoined
    | SiteRefused
    | SiteLeft
    | Asked
    | ReplyTaken
    | ReplyRefused
    | AttemptAborted
    | Summed
    | RoundClosed
    | RoundLost
    | RoundFailed
    | RunEnded,
    Field(discriminator="kind"),
]
Note = Callable[[Event], None]
"""Writes an event down before anything is done that rests on it."""


def unnoted(event: Event) -> None:
    """Write nothing down."""
