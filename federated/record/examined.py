"""Which record a run is examined by: found, read, held against what its checkpoint says and against sites' logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from affidavit.case import Case
from affidavit.errors import PlanError, VerificationError
from affidavit.records import Record, Refusal
from federated.record.course import Course, course_of, runs_of
from federated.record.holding import Held, held_together
from federated.record.laws import Breach, breaches
from federated.record.log import Log, read_log
from federated.record.site_keys import keys_of

NAME: Final = "federated-run"


class RecordOptions(Record):
    """The options of this examination in a plan."""

    record: str | dict[str, str] | None = None
    """The server's record, or the folder that it is in; where there are several runs, by run. Absent where the plan
    trained the model: it lies beside the checkpoint."""
    sites: tuple[str, ...] = ()
    """Logs of sites, or the folders that they are in, to be held against the record."""
    federation: str | None = None
    """The digest that names the training, where a record that is named here tells of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One run's record."""

    course: Course
    log: Log
    sites: Mapping[str, Log]
    """By the name that each says it has."""
    breaches: Sequence[Breach]
    held: Held | None
    """None where no site's log is at hand."""
    unmatched: str | None
    """In words, what the checkpoint says that the record does not."""
    parties: str | None
    """Who the server and the sites were, as the checkpoint says; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a record is, and what a checkpoint's card says of it."""

    path: Path
    federation: str | None
    head: str | None
    parties: str | None


def examined(case: Case, options: RecordOptions, run: str) -> Examined | Refusal:
    """Return a run's record, or why there is none that can be examined.

    Raises:
        PlanError: one record is named for several runs, or a log that is named is no site's.
        TableError: there is nothing where it is named.
    """
    place = _place(case, options, run)
    if isinstance(place, Refusal):
        return place
    try:
        log = read_log(place.path)
        logs = [read_log(case.folder / path) for path in options.sites]
    except VerificationError as error:
        return _refusal(
            f"the record does not hold: {error.what}",
            "ask whoever keeps it for an untouched copy, and run `affidavit log verify` on it",
        )
    federation = place.federation or _only(log)
    if isinstance(federation, Refusal):
        return federation
    course = course_of(log, federation)
    if course is None:
        return _refusal(
            "the record tells nothing of this training",
            "give the record that was written with this checkpoint (option record)",
        )
    sites = _by_name(logs)
    lacking = place.head is not None and not log.chain.holds(place.head)
    return Examined(
        course=course,
        log=log,
        sites=sites,
        breaches=breaches(log),
        held=held_together(log, sites) if sites else None,
        unmatched="no line has the digest that the checkpoint names: lines were cut off, or it is another record"
        if lacking
        else None,
        parties=place.parties,
    )


def _place(case: Case, options: RecordOptions, run: str) -> _Place | Refusal:
    trained = case.trained_on.get(run)
    told = _told(trained.card if trained is not None else {})
    named = options.record.get(run) if isinstance(options.record, dict) else options.record
    if isinstance(options.record, str) and len(case.book.runs) > 1:
        raise PlanError(
            "one record is named for several runs",
            slug="plan-impossible",
            where=f"examination {NAME}, option record",
            found=", ".join(case.book.runs),
            allowed="a record by run",
            remedy=f"write record: {{{run}: {options.record}}}, and leave out the runs that have none",
        )
    if named is not None:
        return _place_of(case.folder / named, told, federation=options.federation)
    if trained is None or trained.folder is None or "file" not in told:
        return _refusal(
            "there is no record of a federated training behind this run",
            "give the server's record (option record), which lies beside the checkpoint as NAME.rounds.jsonl",
        )
    beside = trained.folder.parent / Path(told["file"]).name
    return _place_of(beside, told)


def _place_of(path: Path, told: Mapping[str, str], *, federation: str | None = None) -> _Place:
    named = federation or told.get("run")
    return _Place(path=path, federation=named, head=told.get("head"), parties=told.get("parties"))


def _told(card: Mapping[str, Any]) -> dict[str, str]:
    """Return what a card says of the record: its file and last line, the digest of the run, and who took part."""
    said = card.get("federated")
    if not isinstance(said, Mapping):
        return {}
    log = said.get("log")
    found = {**(log if isinstance(log, Mapping) else {}), "run": said.get("run"), "parties": said.get("parties")}
    return {name: found[name] for name in ("file", "head", "run", "parties") if isinstance(found.get(name), str)}


def _only(log: Log) -> str | Refusal:
    runs = runs_of(log)
    if len(runs) == 1:
        return runs[0]
    if not runs:
        return _refusal(
            "the file is a record, and no server's: it tells of no rounds",
            "give the server's record (option record), and logs of sites as the option sites",
        )
    return _refusal(
        f"the record tells of {len(runs)} trainings, and nothing says which one is meant",
        f"give the option federation, one of {', '.join(runs)}",
    )


def _by_name(logs: Sequence[Log]) -> dict[str, Log]:
    """Return the logs of sites by the names that they say they have.

    Raises:
        PlanError: one is no site's, or two are of one site.
    """
    sites: dict[str, Log] = {}
    for log in logs:
        site = keys_of(line.entry for line in log.lines).site
        if not site or site in sites:
            raise PlanError(
                "a record is held against the logs of different sites",
                slug="plan-impossible",
                where=f"examination {NAME}, option sites",
                found=f"{log.where}, {f'a second log of {site}' if site else 'of no site'}",
                remedy="name each site's own log once",
            )
        sites[site] = log
    return sites


def _refusal(because: str, remedy: str) -> Refusal:
    return Refusal(examination=NAME, because=because, remedy=remedy)
