"""Does a log say what can have happened? What it breaks of the laws of rounds and signatures, line by line.

A chain shows that lines were not changed since; these laws, that they make sense: no round is counted that did not
happen, nobody is in a round twice, a model moves only where a round closed, and what is signed was signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from affidavit.records import Record
from federated.record.audit_laws import Audits
from federated.record.entries import (
    Approved,
    Disapproved,
    Farewell,
    KeyRotated,
    KeyUse,
    Received,
    Sent,
    SiteBegan,
)
from federated.record.log import Line, Log
from federated.record.signatures import Signed, holds
from federated.record.site_keys import SiteKeys
from federated.rounds.events import Asked, ReplyTaken, RoundClosed, RoundFailed, RoundLost, RunBegan, RunEnded, Summed


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A law that a line breaks."""

    line: int
    """From 1, as editors count."""
    what: str


@dataclass(slots=True)
class _Rounds:
    """The rounds of one run as they went on."""

    run: str = ""
    done: int = 0
    """Rounds that closed."""
    last: int = 0
    """The number of the last round that closed, or was lost."""
    slack: int = 0
    """1 right after the server went on: a round may have been kept, and a crash have come before its line."""
    anew: bool = False
    """Whether the server began with nothing and only lost rounds before: it may ask for the first round again."""
    planned: int = 0
    round: int | None = None
    """The round that sites were asked for."""
    asked: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    model: str | None = None
    """After the last round; None where the record does not say."""

    def follow(self, entry: Record) -> Iterator[str]:
        match entry:
            case RunBegan():
                yield from self._began(entry)
            case Asked() | ReplyTaken() | Summed():
                yield from self._came(entry)
            case RoundClosed():
                yield from self._closed(entry)
            case RoundLost():
                yield from self._lost(entry)
            case RoundFailed():
                self._next()
            case RunEnded():
                yield from self._ended(entry)

    def _began(self, entry: RunBegan) -> Iterator[str]:
        if entry.run != self.run:
            self.run, self.done, self.model = entry.run, 0, None
            self._forget()
        crashed = entry.rounds_done == self.done + 1
        if entry.rounds_done not in (0, self.done) and not crashed:
            yield f"it goes on after {entry.rounds_done} rounds, and {self.done} closed before"
        self.anew = not entry.rounds_done and not self.done
        if not entry.rounds_done and self.done:
            self._forget()
        if entry.rounds_done != self.done:
            self.model = None
        self.last += int(crashed)
        self.done, self.slack, self.planned = entry.rounds_done, 1, entry.rounds
        self._next()

    def _forget(self) -> None:
        """Begin with the first round: what was kept of the earlier ones was removed."""
        self.last, self.lost, self.anew = 0, set(), False

    def _ended(self, entry: RunEnded) -> Iterator[str]:
        if entry.rounds_done != self.done:
            yield f"it ends after {entry.rounds_done} rounds, and {self.done} closed"
        if not self.lost <= set(entry.rounds_lost):
            yield f"it ends without a word of the lost rounds {_numbers(self.lost - set(entry.rounds_lost))}"
        if entry.because == "all rounds done" and entry.rounds_done + len(entry.rounds_lost) < self.planned:
            yield f"all rounds are said to be done, and {self.planned} were planned"
        if self.model is not None and entry.model != self.model:
            yield "it ends with another model than the last round closed with"

    def _lost(self, entry: RoundLost) -> Iterator[str]:
        if not self.last < entry.round <= self.last + 1 + self.slack:
            yield f"round {entry.round} was lost after round {self.last}"
        self.lost.add(entry.round)
        self.last, self.slack, self.anew = entry.round, 0, False
        self._next()

    def _came(self, entry: Asked | ReplyTaken | Summed) -> Iterator[str]:
        if isinstance(entry, Asked):
            if self.anew and entry.round == 1:
                self._forget()
            if not self.last < entry.round <= self.last + 1 + self.slack:
                yield f"round {entry.round} was asked for after round {self.last}"
            self.anew, self.round = False, entry.round
            self.asked |= set(entry.sites)
            return
        if entry.round != (self.round or entry.round):
            yield f"something was added to round {entry.round} while round {self.round} was asked for"
        came = [entry.site] if isinstance(entry, ReplyTaken) else list(entry.contributors)
        for site in came:
            if site in self.taken:
                yield f"{site} was added to round {entry.round} twice"
            if site not in self.asked:
                yield f"{site} was added to round {entry.round} and was not asked"
        self.taken += came

    def _closed(self, entry: RoundClosed) -> Iterator[str]:
        if not self.last < entry.round <= self.last + 1 + self.slack:
            yield f"round {entry.round} closed after round {self.last}"
        if sorted(entry.contributors) != sorted(self.taken):
            yield f"round {entry.round} counts {_listed(entry.contributors)}, and {_listed(self.taken)} were added"
        if not entry.contributors:
            yield f"round {entry.round} counts nobody"
        if both := set(entry.contributors) & set(entry.missing):
            yield f"{_listed([*both])} is in round {entry.round} and missing from it"
        self.done, self.last, self.slack, self.model = self.done + 1, entry.round, 0, entry.model
        self._next()

    def _next(self) -> None:
        self.asked, self.taken, self.round = set(), [], None


def _numbers(rounds: Collection[int]) -> str:
    return ", ".join(map(str, sorted(rounds)))


def _listed(sites: Sequence[str]) -> str:
    return ", ".join(sorted(sites)) or "nobody"


def breaches(log: Log) -> list[Breach]:
    """Return every law that the log breaks, in order; none where it is sound."""
    rounds, audits, keys, left = _Rounds(), Audits(), SiteKeys(), False
    found: list[Breach] = []
    for line in log.lines:
        said = [*rounds.follow(line.entry), *audits.follow(line.entry), *_signature(line, keys)]
        if left and isinstance(line.entry, Received | Sent | Approved | Farewell):
            said.append("it comes after the site's last word")
        found += [Breach(line=line.number + 1, what=what) for what in said]
        keys.take(line.entry)
        left = left or isinstance(line.entry, Farewell)
    return found


def _signature(line: Line, keys: SiteKeys) -> Iterator[str]:
    entry = line.entry
    if isinstance(entry, SiteBegan) and keys.site:
        yield "a site begins twice"
    if not isinstance(entry, Approved | Disapproved | Farewell | KeyRotated):
        return
    signer = _signer(entry)
    public = keys.keys.get(signer)
    if public is None:
        yield f"it is signed, and nothing says which {signer} key held"
    elif not holds(entry, public=public, site=keys.site):
        yield f"it was not signed by the {signer} key that held"
    if isinstance(entry, Farewell) and entry.head != line.before:
        yield "it countersigns another line than the one before"


def _signer(entry: Signed) -> KeyUse:
    if isinstance(entry, KeyRotated):
        return entry.use
    return "signing" if isinstance(entry, Farewell) else "officer"
