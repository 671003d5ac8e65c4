"""Do a server and its sites tell the same story? Their logs, held against each other.

What a site says it sent must be what the server says it added, and what sites say they received in one round must be
one thing, the model that closed the round before. An update that a site sent and the server did not add is no
contradiction: it came late, or was refused. What can be said without a log is said: whose is missing. Runs that the
server's log does not tell of are another server's, and nothing is said of them but how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from federated.record.audit_holding import audits_held
from federated.record.entries import Received, RunOpened, Sent
from federated.record.log import Log
from federated.rounds.events import ReplyTaken, RoundClosed, RunBegan, Summed

TRAIN: Final = "train."
"""How the types of the messages begin whose replies carry what a site learnt."""
ROUND: Final = "train.round"
"""The message whose reply the server sees; of a masked one it sees the sum alone."""
MODEL: Final = frozenset({ROUND, "query.keys"})
"""The messages that carry the model to a site, in clear and as the first stage of a secure sum: their digest is the
model's, as the server's log names it. Written out, so that a log is read without Flower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of holding logs against each other."""

    agreeing: int
    """Updates that server and site name by the same digest."""
    models: int
    """Rounds in which every log that there is names one model sent out."""
    contradictions: tuple[str, ...]
    uncounted: tuple[str, ...]
    """Updates that a site sent and the server did not add."""
    missing: tuple[str, ...]
    """Sites whose updates were added, and whose log is not there."""
    elsewhere: int = 0
    """Runs in sites' logs that the server's does not tell of."""
    answers: int = 0
    """Answers to federated audits that server and site name by the same digest."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One round of one run."""

    run: str
    round: int


def held_together(server: Log, sites: Mapping[str, Log]) -> Held:
    """Hold a server's log against those of sites, by name."""
    taken, closed, lives = _taken(server), _closed(server), _lives(server)
    agreeing, against, uncounted = 0, [], []
    for (place, site), digest in taken.items():
        if site not in sites:
            continue
        sent = [one.digest for one in sites[site].of(Sent) if _of(one, place) and one.what == ROUND]
        if digest in sent:
            agreeing += 1
        else:
            said = f"says {', '.join(_short(one) for one in sent)}" if sent else "says it sent none"
            against.append(f"round {place.round}: the server added {_short(digest)} of {site}, whose log {said}")
    for site, log in sites.items():
        for one in log.of(Sent):
            known = one.what == ROUND and one.run in lives
            if known and (_Place(one.run, one.round), site) not in taken:
                uncounted.append(f"round {one.round}: {site} sent {_short(one.digest)}, and the server did not add it")
    summed = _summed(server)
    against += [
        f"round {place.round}: {site} is in the server's sum, and its log says that it sent nothing"
        for place, site in sorted(summed, key=lambda one: (one[0].round, one[1]))
        if site in sites and not any(_of(one, place) and one.what.startswith(TRAIN) for one in sites[site].of(Sent))
    ]
    models, differing = _models(closed, sites, lives)
    audits = audits_held(server, sites)
    missing = tuple(sorted({site for _, site in (*taken, *summed)} - set(sites) | audits.missing))
    return Held(
        agreeing=agreeing,
        models=models,
        contradictions=(*against, *differing, *audits.contradictions),
        uncounted=tuple(dict.fromkeys(uncounted)),
        missing=missing,
        elsewhere=len(_trained(sites) - set(lives)),
        answers=audits.agreeing,
    )


def _models(
    closed: Mapping[_Place, frozenset[str]], sites: Mapping[str, Log], lives: Mapping[str, int]
) -> tuple[int, list[str]]:
    """Return in how many rounds one model went out, and in what words it did not.

    A run that began anew sends out a model more for each time that it did.
    """
    received: dict[_Place, set[tuple[str, str]]] = {}
    for site, log in sites.items():
        for one in log.of(Received):
            if one.what in MODEL and one.run in lives:
                received.setdefault(_Place(one.run, one.round), set()).add((site, one.digest))
    against = []
    for place, pairs in received.items():
        before = closed.get(_Place(place.run, place.round - 1), frozenset())
        digests = {digest for _, digest in pairs}
        if len(digests) > lives[place.run] or (before and not digests <= before):
            told = ", ".join(f"{site} {_short(digest)}" for site, digest in sorted(pairs))
            ours = f"; the server's was {', '.join(sorted(map(_short, before)))}" if before else ""
            against.append(f"round {place.round}: not all were sent one model: {told}{ours}")
    return len(received) - len(against), against


def _trained(sites: Mapping[str, Log]) -> set[str]:
    """Return the runs in which a site sent something that it learnt."""
    return {one.run for log in sites.values() for one in log.of(Sent) if one.what.startswith(TRAIN)}


def _lives(server: Log) -> dict[str, int]:
    """Return every run that the server tells of, and how often it began with nothing."""
    lives: dict[str, int] = {}
    for line in server.lines:
        if isinstance(line.entry, RunBegan):
            lives[line.entry.run] = max(1, lives.get(line.entry.run, 0) + int(not line.entry.rounds_done))
        elif isinstance(line.entry, RunOpened):
            lives.setdefault(line.entry.run, 0)
    return lives


def _taken(server: Log) -> dict[tuple[_Place, str], str]:
    """Return the digest of what was added, by round and site; a later attempt is the one that counts."""
    run, taken = "", dict[tuple[_Place, str], str]()
    for line in server.lines:
        run = _run(line.entry, run)
        if isinstance(line.entry, ReplyTaken):
            taken[_Place(run, line.entry.round), line.entry.site] = line.entry.digest
    return taken


def _summed(server: Log) -> set[tuple[_Place, str]]:
    """Return who is in which secure sum."""
    run, summed = "", set[tuple[_Place, str]]()
    for line in server.lines:
        run = _run(line.entry, run)
        if isinstance(line.entry, Summed):
            summed |= {(_Place(run, line.entry.round), site) for site in line.entry.contributors}
    return summed


def _closed(server: Log) -> dict[_Place, frozenset[str]]:
    """Return the models that closed each round: one each time that the run began."""
    run, closed = "", dict[_Place, frozenset[str]]()
    for line in server.lines:
        run = _run(line.entry, run)
        if isinstance(line.entry, RoundClosed):
            place = _Place(run, line.entry.round)
            closed[place] = closed.get(place, frozenset()) | {line.entry.model}
    return closed


def _run(entry: object, run: str) -> str:
    return entry.run if isinstance(entry, RunBegan | RunOpened) else run


def _of(one: Sent, place: _Place) -> bool:
    return (one.run, one.round) == (place.run, place.round)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
