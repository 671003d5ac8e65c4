"""What a record says as tables of a report: what ran, its rounds, its sites, who is missing where, what is wrong.

Law: a record counts sites and sizes; of patients it tells at most how many a site said that it has (`patients`), and a
report that leaves the house withholds these tables.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import ExhibitColumn
from federated.record.course import Ask, Course, RoundTold
from federated.record.entries import Approved, Disapproved, Sent
from federated.record.log import Log, printable

Row = Mapping[str, Cell]
RUNS: Final = "federated-runs"
ROUNDS: Final = "federated-rounds"
SITES: Final = "federated-sites"
MISSING: Final = "federated-missing"
FAULTS: Final = "federated-faults"
NAMED_AT_MOST: Final = 60
"""With more sites than these a round's are counted, and those who are missing from it named."""

MOST_WORDS: Final = 300
"""Letters of somebody else's words that are kept."""


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


_RUN: Final = _column("run", "text", "the run of this report")
_FEDERATION: Final = _column("federation", "text", "digest that names the training in the record")
RUN_COLUMNS: Final = (
    _RUN,
    _FEDERATION,
    _column("parties", "text", "who server and sites were, as the checkpoint says; empty where that is not at hand"),
    _column("app", "text", "digest of the bundle of code; empty where it ran without one, or nobody wrote it down"),
    _column("plan", "text", "digest of the plan; empty where nobody wrote it down"),
    _column("layout", "text", "digest of the trained parameters' names and shapes"),
    _column("size", "integer", "numbers in an update"),
    _column("affidavit", "text", "its version at the server; empty where nobody wrote it down"),
    _column("began", "text", "when, as the server's clock said"),
    _column("ended", "text", "when the last line was written"),
    _column("because", "text", "why it ended; empty where the record does not say that it did"),
    _column("planned", "integer", "rounds of the plan", "rounds"),
    _column("done", "integer", "rounds that happened", "rounds"),
    _column("lost", "integer", "rounds that did not happen and could not be asked for again", "rounds"),
    _column("went_on", "integer", "how often the server went on after an interruption", "times"),
    _column("began_anew", "integer", "how often it began again from nothing", "times"),
    _column(
        "turned_away", "integer", "nodes that wanted to take part and were not taken, each time they asked", "times"
    ),
    _column("lines", "integer", "lines of the record", "lines"),
    _column("head", "text", "digest of the record's last line"),
    _column("model", "text", "digest of the model after the last round"),
)
ROUND_COLUMNS: Final = (
    _RUN,
    _FEDERATION,
    _column("round", "integer", "the round"),
    _column("outcome", "text", "closed, lost, failed, or without an end where the server was stopped"),
    _column("attempts", "integer", "how often sites were asked", "attempts"),
    _column("asked", "integer", "sites that were asked", "sites"),
    _column("contributors", "integer", "sites that are in it", "sites"),
    _column("present", "text", "their names; empty where more than 60 sites take part"),
    _column("missing", "text", "names of sites that were asked and are not in it"),
    _column("refused", "integer", "replies that were not added", "replies"),
    _column("aborted", "integer", "attempts at a secure sum that did not come about", "attempts"),
    _column("shortest", "number", "norm of the shortest update; empty where only sums are seen"),
    _column("median", "number", "median of the norms of updates"),
    _column("longest", "number", "norm of the longest update"),
    _column("cut", "integer", "numbers cut to the largest value in a secure sum; empty where updates came in clear"),
    _column("scaled", "integer", "sites of a secure sum whose vector was longer than its bound", "sites"),
    _column("moved", "number", "Euclidean distance that the model moved"),
    _column("model", "text", "digest of the model after it"),
    _column("at", "text", "when, as the server's clock said"),
    _column("line", "text", "digest of the line that says so"),
)
SITE_COLUMNS: Final = (
    _RUN,
    _FEDERATION,
    _column("site", "text", "the site"),
    _column("asked", "integer", "how often it was asked for its part", "times"),
    _column("came", "integer", "how often its part came and nothing was wanting of it", "times"),
    _column("not_seen", "integer", "how often the server was stopped before the end of the attempt", "times"),
    _column("rounds", "integer", "rounds that it is in", "rounds"),
    _column("refused", "integer", "its replies that were not added", "replies"),
    _column("bytes", "integer", "of its update vectors that were added", "bytes"),
    _column("longest", "number", "norm of its longest update; empty where only sums are seen"),
    _column("epsilon", "number", "the largest that it said it has spent; empty where it said none"),
    _column("patients", "integer", "how many it said that it trains on; empty where it told none", "units"),
    _column("left", "text", "why it took its leave; empty where it did not"),
    _column("log", "text", "digest of the last line of its own log; empty where that is not at hand"),
)
MISSING_COLUMNS: Final = (
    _RUN,
    _FEDERATION,
    _column("round", "integer", "the round"),
    _column("attempt", "integer", "which time sites were asked in it"),
    _column("site", "text", "the site that was asked"),
    _column("part", "text", "no reply, refused, left, aborted with the whole sum, or not seen by a stopped server"),
    _column("because", "text", "in words of the server or the site; empty where nothing came"),
)
FAULT_COLUMNS: Final = (
    _RUN,
    _column("kind", "text", "cannot have happened, logs contradict each other, or sent and not added"),
    _column("line", "integer", "line of the record, from 1; empty where it is between logs"),
    _column("what", "text", "in words"),
)
APPROVAL_COLUMNS: Final = (
    _column("digest", "text", "of what is approved or refused"),
    _column("what", "text", "what it is, in the officer's words"),
    _column("answer", "text", "approved or refused"),
    _column("by", "text", "the officer, as they name themselves"),
    _column("because", "text", "why"),
    _column("until", "text", "the last day on which it holds; empty without an end"),
    _column("at", "text", "when, as the machine's clock said"),
)


def table_of(name: str, title: str, columns: Sequence[ExhibitColumn], rows: Sequence[Row]) -> ExhibitTable:
    """Return rows as an exhibit; a cell that a row does not have is empty."""
    values = {column.name: [row.get(column.name) for row in rows] for column in columns}
    return ExhibitTable(id=name, title=title, columns=tuple(columns), values=values)


def run_row(run: str, course: Course, log: Log, *, parties: str | None = None) -> Row:
    """Return what ran, in one row."""
    opened, ended = course.opened, course.ended
    model = ended.model if ended else next((told.model for told in reversed(course.done) if told.model), None)
    return {
        "run": run,
        "federation": course.began.run,
        "parties": None if parties is None else _words(parties),
        "app": opened.app if opened else None,
        "plan": opened.plan if opened else None,
        "layout": course.began.layout,
        "size": course.began.size,
        "affidavit": opened.affidavit if opened else None,
        "began": course.began_at,
        "ended": course.ended_at,
        "because": ended.because if ended else None,
        "planned": course.began.rounds,
        "done": len(course.done),
        "lost": len(course.lost),
        "went_on": course.went_on,
        "began_anew": course.began_anew,
        "turned_away": len(course.turned_away),
        "lines": len(log.lines),
        "head": log.head,
        "model": model,
    }


def round_rows(run: str, course: Course) -> list[Row]:
    """Return a row for each round as it ended."""
    named = len(course.sites) <= NAMED_AT_MOST
    return [{"run": run, "federation": course.began.run, **_round(told, named=named)} for told in course.rounds]


def site_rows(run: str, course: Course, logs: Mapping[str, Log]) -> list[Row]:
    """Return a row for each site; what only its own log tells (epsilon under secure sums) is taken from there."""
    place = {"run": run, "federation": course.began.run}
    asks: dict[str, list[Ask]] = {site: [] for site in course.sites}
    for ask in course.asks:
        asks[ask.site].append(ask)
    rounds = Counter(site for told in course.done for site in told.contributors)
    refused = Counter(event.site for event in course.refused)
    sent = Counter[str]()
    for taken in course.taken:
        sent[taken.site] += taken.bytes
    for summed in course.summed:
        sent.update(dict.fromkeys(summed.contributors, summed.bytes))
    longest, epsilons = _by_site(course, "norm"), _epsilons(course, logs)
    return [
        {
            **place,
            "site": site,
            "asked": len(own),
            "came": sum(came(ask) for ask in own),
            "not_seen": sum(ask.part == "not seen" for ask in own),
            "rounds": rounds[site],
            "refused": refused[site],
            "bytes": sent[site],
            "longest": longest.get(site),
            "epsilon": epsilons.get(site),
            "patients": course.joined[site].n_units if site in course.joined else None,
            "left": _words(f"{course.left[site].slug}: {course.left[site].because}") if site in course.left else None,
            "log": logs[site].head if site in logs else None,
        }
        for site, own in asks.items()
    ]


def missing_rows(run: str, course: Course) -> list[Row]:
    """Return a row for each time that a site was asked and is not in what came of it."""
    place = {"run": run, "federation": course.began.run}
    wanting = [ask for ask in course.asks if ask.part != "in"]
    return [
        {
            **place,
            "round": ask.round,
            "attempt": ask.attempt,
            "site": ask.site,
            "part": ask.part,
            "because": _words(ask.because) or None,
        }
        for ask in wanting
    ]


def came(ask: Ask) -> bool:
    """Say whether a site's part came, whatever became of the attempt."""
    return ask.part in ("in", "aborted")


def approvals_table(log: Log) -> ExhibitTable | None:
    """Return what the officer of a site approved and refused, by the site's own log; None where nothing was."""
    rows: list[Row] = []
    for line in log.lines:
        if isinstance(line.entry, Approved | Disapproved):
            answer = "approved" if isinstance(line.entry, Approved) else "refused"
            rows.append({**line.entry.model_dump(mode="json"), "answer": answer, "at": line.at})
    title = "What the site's officer approved and refused"
    return table_of("federated-approvals", title, APPROVAL_COLUMNS, rows) if rows else None


def _round(told: RoundTold, *, named: bool) -> Row:
    norms = [norm for norm in told.norms if math.isfinite(norm)]
    return {
        "round": told.number,
        "outcome": told.outcome,
        "attempts": told.attempts,
        "asked": len({ask.site for ask in told.asks}),
        "contributors": len(told.contributors),
        "present": ", ".join(told.contributors) if named else None,
        "missing": ", ".join(told.missing),
        "refused": told.refused,
        "aborted": told.aborted,
        "shortest": min(norms, default=None),
        "median": float(np.median(norms)) if norms else None,
        "longest": max(norms, default=None),
        "cut": told.cut,
        "scaled": told.scaled,
        "moved": told.moved,
        "model": told.model,
        "at": told.at,
        "line": told.digest,
    }


def _words(said: str) -> str:
    """Return what somebody else wrote, on one line and no longer than people read."""
    line = printable(said)
    return line if len(line) <= MOST_WORDS else f"{line[: MOST_WORDS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _by_site(course: Course, field: str) -> dict[str, float]:
    """Return the largest that each site's added updates say."""
    found: dict[str, float] = {}
    for taken in course.taken:
        said = getattr(taken, field)
        if said is not None:
            found[taken.site] = max(said, found.get(taken.site, said))
    return found


def _epsilons(course: Course, logs: Mapping[str, Log]) -> dict[str, float]:
    """Return the largest epsilon of each site, as it told the server or wrote down itself."""
    own: dict[str, float] = {}
    for site, log in logs.items():
        said = [one.epsilon for one in log.of(Sent) if one.run == course.began.run and one.epsilon is not None]
        own |= {site: max(said)} if said else {}
    told = _by_site(course, "epsilon")
    return {site: max(own.get(site, 0.0), told.get(site, 0.0)) for site in own | told}
