"""What became of one run, by a server's record: its rounds, its sites, and who was asked and is not in a round.

A run is followed from where it last began with nothing, over every interruption. What a stopped server never saw the
end of is neither a reply nor the want of one: such asks are counted apart, and in no rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from federated.record.entries import RunOpened
from federated.record.log import Line, Log
from federated.rounds.events import (
    Asked,
    AttemptAborted,
    ReplyRefused,
    ReplyTaken,
    RoundClosed,
    RoundFailed,
    RoundLost,
    RunBegan,
    RunEnded,
    SiteJoined,
    SiteLeft,
    SiteRefused,
    Summed,
)

Part = Literal["in", "no reply", "refused", "left", "aborted", "not seen"]
"""What came of asking a site once. `aborted`: nothing was wanting of it, and the sum did not come about; `not seen`:
the server was stopped before the end of the attempt."""
Outcome = Literal["closed", "closed, and its line is missing", "lost", "failed", "no end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One site, asked once for its part in a round."""

    round: int
    attempt: int
    site: str
    part: Part
    because: str = ""
    """In words, where something was wanting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTold:
    """One round, as it ended; a round that failed and was taken again stands there twice."""

    number: int
    outcome: Outcome
    attempts: int
    asks: tuple[Ask, ...]
    contributors: tuple[str, ...]
    refused: int
    """Replies that were not added."""
    aborted: int
    """Attempts at a secure sum that did not come about."""
    norms: tuple[float, ...]
    """Of the updates that were added; none under secure sums, where nobody sees one."""
    cut: int | None
    """Numbers that were cut to the largest value under secure sums; None where updates came in clear."""
    scaled: int | None
    """Sites whose vector was longer than its bound under secure sums."""
    moved: float | None
    model: str | None
    at: str
    """When the line was written that ends it."""
    digest: str
    """Of that line."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Sites that were asked and are not in it."""
        return tuple(sorted({ask.site for ask in self.asks} - set(self.contributors)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One run."""

    began: RunBegan
    opened: RunOpened | None
    """Which code, which plan; None where the server did not write it down."""
    began_anew: int
    """How often the run had begun before, and its rounds were thrown away."""
    went_on: int
    """How often the server went on after an interruption."""
    rounds: tuple[RoundTold, ...]
    joined: Mapping[str, SiteJoined]
    turned_away: tuple[SiteRefused, ...]
    left: Mapping[str, SiteLeft]
    taken: tuple[ReplyTaken, ...]
    summed: tuple[Summed, ...]
    refused: tuple[ReplyRefused, ...]
    ended: RunEnded | None
    """None where the record does not say that it ended."""
    began_at: str
    """When the run began with nothing, as the server's clock said."""
    ended_at: str
    """When its last line was written."""

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Every time that a site was asked."""
        return tuple(ask for told in self.rounds for ask in told.asks)

    @property
    def done(self) -> tuple[RoundTold, ...]:
        """Rounds that happened."""
        return tuple(told for told in self.rounds if told.outcome.startswith("closed"))

    @property
    def lost(self) -> tuple[RoundTold, ...]:
        """Rounds that did not happen and could not be asked for again."""
        return tuple(told for told in self.rounds if told.outcome == "lost")

    @property
    def sites(self) -> tuple[str, ...]:
        """Everybody who joined, was asked or left; a stranger whose reply was refused is none."""
        return tuple(sorted({ask.site for ask in self.asks} | set(self.joined) | set(self.left)))


def runs_of(log: Log) -> tuple[str, ...]:
    """Return the runs that a record tells of, each once, in the order of their last beginning."""
    began = [entry.run for entry in log.of(RunBegan)]
    return tuple(sorted(set(began), key=lambda run: len(began) - began[::-1].index(run)))


def course_of(log: Log, run: str) -> Course | None:
    """Return what became of a run; None where the record does not tell of it."""
    lives, opened = _lives(log, run)
    return None if not lives else _Following(opened=opened, lives=len(lives)).course(lives[-1])


def _lives(log: Log, run: str) -> tuple[list[list[Line]], RunOpened | None]:
    """Return the lines of a run, a list for each time that it began with nothing, and what was said of it before."""
    parts: list[list[Line]] = []
    opened, current = None, False
    for line in log.lines:
        entry = line.entry
        if isinstance(entry, RunOpened):
            current = False
            opened = entry if entry.run == run else opened
        elif isinstance(entry, RunBegan):
            current = entry.run == run
            parts += [[]] if current else []
        if current:
            parts[-1].append(line)
    lives: list[list[Line]] = []
    for part in parts:
        if not lives or _anew(lives[-1], part):
            lives.append([])
        lives[-1] += part
    return lives, opened


def _anew(before: Sequence[Line], after: Sequence[Line]) -> bool:
    """Say whether a server that began with no round done had thrown rounds away, or had none to go on from.

    A beginning does not say which rounds were lost before; which round is asked for next does.
    """
    if after[0].entry.rounds_done:
        return False
    ends = [line.entry for line in before if isinstance(line.entry, RoundClosed | RoundLost)]
    following = next((line.entry.round for line in after if isinstance(line.entry, Asked | RoundLost)), 1)
    return any(isinstance(entry, RoundClosed) for entry in ends) or (bool(ends) and following == 1)


@dataclass(slots=True, kw_only=True)
class _Following:
    """The lines of one run, followed."""

    opened: RunOpened | None
    lives: int
    began: list[RunBegan] = field(default_factory=list)
    rounds: list[RoundTold] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    """Of the round that is going on, but for the last attempt."""
    asked: Asked | None = None
    """The attempt that is going on."""
    attempt: list[Any] = field(default_factory=list)
    """Its events."""
    round: list[Any] = field(default_factory=list)
    """Events of the round that is going on."""

    def course(self, lines: Sequence[Line]) -> Course:
        for line in lines:
            self._take(line)
        if self.asked is not None:
            self._ended("no end", line=lines[-1], number=self.asked.round, seen=False)
        entries = [line.entry for line in lines]
        return Course(
            began=self.began[0],
            opened=self.opened,
            began_anew=self.lives - 1,
            went_on=len(self.began) - 1,
            rounds=tuple(self.rounds),
            joined={entry.site: entry for entry in entries if isinstance(entry, SiteJoined)},
            turned_away=tuple(entry for entry in entries if isinstance(entry, SiteRefused)),
            left={entry.site: entry for entry in entries if isinstance(entry, SiteLeft)},
            taken=tuple(entry for entry in entries if isinstance(entry, ReplyTaken)),
            summed=tuple(entry for entry in entries if isinstance(entry, Summed)),
            refused=tuple(entry for entry in entries if isinstance(entry, ReplyRefused)),
            ended=entries[-1] if isinstance(entries[-1], RunEnded) else None,
            began_at=lines[0].at,
            ended_at=lines[-1].at,
        )

    def _take(self, line: Line) -> None:
        entry = line.entry
        match entry:
            case RunBegan():
                self._stopped(entry, line)
                self.began.append(entry)
            case Asked():
                self._close_attempt(seen=True)
                self.asked = entry
                self.round.append(entry)
            case RoundClosed():
                self._ended("closed", line=line, number=entry.round)
            case RoundLost():
                self._ended("lost", line=line, number=entry.round)
            case RoundFailed():
                self._ended("failed", line=line, number=entry.round)
            case _:
                self.attempt.append(entry)
                self.round.append(entry)

    def _stopped(self, entry: RunBegan, line: Line) -> None:
        """Follow what a stopped server left: a round without an end, or one that was kept before its line came."""
        if self.asked is None:
            return
        number, kept = self.asked.round, entry.rounds_done > sum(r.outcome.startswith("closed") for r in self.rounds)
        if kept:
            self._ended("closed, and its line is missing", line=line, number=number)
        else:
            self._ended("no end", line=line, number=number, seen=False)

    def _close_attempt(self, *, seen: bool) -> None:
        if self.asked is not None:
            self.asks += _asks(self.asked, self.attempt, seen=seen)
        self.asked, self.attempt = None, []

    def _ended(self, outcome: Outcome, *, line: Line, number: int, seen: bool = True) -> None:
        self._close_attempt(seen=seen)
        entry, own = line.entry, self.round
        closed = entry if isinstance(entry, RoundClosed) else None
        sums = [event for event in own if isinstance(event, Summed)]
        taken = [event for event in own if isinstance(event, ReplyTaken)]
        counted = outcome.startswith("closed")
        came = {event.site for event in taken} | {site for event in sums for site in event.contributors}
        self.rounds.append(
            RoundTold(
                number=number,
                outcome=outcome,
                attempts=getattr(entry, "attempts", sum(isinstance(event, Asked) for event in own)),
                asks=tuple(self.asks),
                contributors=tuple(sorted(closed.contributors if closed else came if counted else ())),
                refused=sum(isinstance(event, ReplyRefused) for event in own),
                aborted=sum(isinstance(event, AttemptAborted) for event in own),
                norms=tuple(event.norm for event in taken),
                cut=sum(event.saturated for event in sums) if sums else None,
                scaled=sum(event.scaled for event in sums) if sums else None,
                moved=closed.moved if closed else None,
                model=closed.model if closed else None,
                at=line.at,
                digest=line.digest,
            )
        )
        self.asks, self.round = [], []


def _asks(asked: Asked, events: Sequence[Any], *, seen: bool) -> list[Ask]:
    """Return what came of one attempt, site by site; a later word on a site is the one that counts, but for `in`."""
    parts: dict[str, tuple[Part, str]] = dict.fromkeys(asked.sites, ("no reply", ""))
    for event in events:
        parts |= {site: part for site, part in _said(event, parts).items() if parts.get(site, ("in",))[0] != "in"}
    if not seen:
        parts = dict.fromkeys(parts, ("not seen", "the server was stopped"))
    return [
        Ask(round=asked.round, attempt=asked.attempt, site=site, part=part, because=because)
        for site, (part, because) in parts.items()
    ]


def _said(event: object, parts: Mapping[str, tuple[Part, str]]) -> dict[str, tuple[Part, str]]:
    """Return what an event says of sites."""
    match event:
        case ReplyTaken():
            return {event.site: ("in", "")}
        case ReplyRefused():
            return {event.site: ("refused", event.because)}
        case SiteLeft():
            return {event.site: ("left", event.because)}
        case Summed():
            silent: dict[str, tuple[Part, str]] = {
                site: ("no reply", f"no answer at stage {stage}")
                for site, stage in event.dropped.items()
                if parts.get(site, ("",))[0] == "no reply"
            }
            return {**silent, **dict.fromkeys(event.contributors, ("in", ""))}
        case AttemptAborted():
            waiting = [site for site, (part, _) in parts.items() if part == "no reply"]
            return {
                site: ("no reply", f"no answer at stage {event.stage}")
                if site in event.missing
                else ("aborted", event.because)
                for site in waiting
            }
        case _:
            return {}
