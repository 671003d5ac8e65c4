"""What does the record of a federated training say: did its rounds happen, who was in them, does it hold?

Numbers are counted in the server's record and are no estimates, but for the share of asks that were answered, which is
a rate over sites and has an interval. A record whose chain does not hold is refused. A record that holds and says what
cannot have happened, or what sites' own logs contradict, is examined, and that is what the findings are.

What it cannot see: what a server did and did not write down, what a site did beside its log, and lines cut off the end
where nobody kept the head; the head that the checkpoint's card names is looked for.

Source: methods.md 7.6 and 7.7 (replies that really came, participations by hospital).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from affidavit.case import Case
from affidavit.claims import exactly
from affidavit.examinations import Claim, FunctionExamination, Testimony, finding_id
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Estimate, Finding, Refusal, Verdict
from affidavit.seeds import seed_of
from federated.record.examined import NAME, Examined, RecordOptions, examined
from federated.record.exhibits import (
    FAULT_COLUMNS,
    FAULTS,
    MISSING,
    MISSING_COLUMNS,
    ROUND_COLUMNS,
    ROUNDS,
    RUN_COLUMNS,
    RUNS,
    SITE_COLUMNS,
    SITES,
    Row,
    missing_rows,
    round_rows,
    run_row,
    site_rows,
    table_of,
)
from federated.record.reply_rate import METRIC as REPLY_RATE
from federated.record.reply_rate import SOURCE as OVER_SITES
from federated.record.reply_rate import reply_rate

VERSION: Final = "1"
SOURCE: Final = "the server's own record, line by line"
COUNTED: Final = "counted in the record, not estimated from a sample"
NO_SITES: Final = "no site's own log is at hand to be held against the server's (option sites)"
OWN_WORD: Final = (
    "the server's own word: a chain shows that no line was changed since it was written, and not that it was true"
)
METRICS: Final = (
    "federated_rounds_planned",
    "federated_rounds_done",
    "federated_rounds_lost",
    REPLY_RATE,
    "federated_dropouts",
    "federated_attempts_aborted",
    "federated_record_breaches",
    "federated_record_contradictions",
)


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without a record, one whose record does not hold, and one that the record does not tell of."""
    options = read_options(RecordOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs
    read = examined(case, options, run)
    return read if isinstance(read, Refusal) else None


def examine(case: Case) -> Testimony:
    """Tell of every run what its record says."""
    options = read_options(RecordOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    told: dict[str, Examined] = {}
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        read = examined(case, options, run)
        if isinstance(read, Refusal):
            raise TypeError("a run that was refused is examined")
        told[run] = read
        claims += _claims(case, predictions, read)
        case.progress("reading records", done, len(case.runs))
    return Testimony(claims=tuple(claims), exhibits=_exhibits(told))


def _claims(case: Case, run: Predictions, read: Examined) -> Iterator[Claim]:
    course = read.course
    dropouts = sum(len(told.missing) for told in course.done)
    asked = sum(len({ask.site for ask in told.asks}) for told in course.done)
    aborted = sum(told.aborted for told in course.rounds)
    yield _counted(run, METRICS[0], course.began.rounds, better=None)
    yield _counted(run, METRICS[1], len(course.done), better=True, because=_ending(read))
    yield _counted(run, METRICS[2], len(course.lost), better=False)
    yield _answered(case, run, read)
    yield _counted(run, METRICS[4], dropouts, better=False, caveats=(f"of {asked:,} asks in rounds that happened",))
    yield _counted(run, METRICS[5], aborted, better=False)
    yield _counted(run, METRICS[6], len(read.breaches), better=False, because=_first_breach(read))
    against = _contradictions(read)
    yield _counted(
        run, METRICS[7], None if against is None else len(against), better=False, because=_first(against or ())
    )


def _ending(read: Examined) -> str | None:
    """Say why fewer rounds happened than were planned."""
    course = read.course
    if len(course.done) >= course.began.rounds:
        return None
    return "the record does not say that the run ended" if course.ended is None else f"it ended: {course.ended.because}"


def _first_breach(read: Examined) -> str | None:
    return _first([f"line {breach.line}: {breach.what}" for breach in read.breaches])


def _first(words: list[str] | tuple[str, ...]) -> str | None:
    if not words:
        return None
    return words[0] if len(words) == 1 else f"{words[0]}; and {len(words) - 1:,} more"


def _contradictions(read: Examined) -> list[str] | None:
    """Return what two tellings contradict each other in; None where there is nothing to hold the record against."""
    if read.held is None and read.unmatched is None:
        return None
    against = [] if read.held is None else list(read.held.contradictions)
    return [*([read.unmatched] if read.unmatched else []), *against]


def _counted(
    run: Predictions,
    metric: str,
    value: int | None,
    *,
    better: bool | None,
    because: str | None = None,
    caveats: tuple[str, ...] = (),
) -> Claim:
    """Return a count; no row and no patient stands behind it."""
    why = NO_SITES if value is None else COUNTED
    estimate = Estimate(value=value, why_no_interval=why, n=0, n_clusters=0)
    verdict = Verdict.INCONCLUSIVE if value is None else Verdict.INFORMATIVE
    finding = _finding(run, metric, estimate, higher_is_better=better, source=SOURCE).model_copy(
        update={
            "verdict": verdict,
            "because": why if value is None else because,
            "caveats": (*caveats, OWN_WORD),
        }
    )
    return Claim(finding=finding, interval_at=None if value is None else exactly(float(value), method=COUNTED))


def _answered(case: Case, run: Predictions, read: Examined) -> Claim:
    measured = reply_rate(read.course.asks, statistics=case.statistics, seed=seed_of(case.book.seed, NAME, run.run))
    estimate = measured.estimate(0, case.statistics.level, has_units=True)
    unseen = sum(ask.part == "not seen" for ask in read.course.asks)
    stopped = (f"{unseen:,} asks are left out: the server was stopped before their end",) if unseen else ()
    caveats = ("rows are asks, and units are sites", *stopped, OWN_WORD)
    finding = _finding(run, REPLY_RATE, estimate, higher_is_better=True, source=OVER_SITES)
    if estimate.interval is None:
        finding = finding.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "because": estimate.why_no_interval})
    return Claim(
        finding=finding.model_copy(update={"caveats": caveats}),
        interval_at=partial(measured.interval, 0),
    )


def _finding(
    run: Predictions, metric: str, estimate: Estimate, *, higher_is_better: bool | None, source: str
) -> Finding:
    return Finding(
        id=finding_id(run.run, run.conditions[0], NAME, metric),
        examination=NAME,
        method_version=VERSION,
        metric=metric,
        higher_is_better=higher_is_better,
        run=run.run,
        condition=run.conditions[0],
        groups={},
        estimate=estimate,
        verdict=Verdict.INFORMATIVE,
        source=source,
        exhibits=(ROUNDS,),
    )


def _exhibits(told: dict[str, Examined]) -> tuple[ExhibitTable, ...]:
    """Return the tables of all runs; what is missing and what is wrong only where there is any."""
    missing = [row for run, read in told.items() for row in missing_rows(run, read.course)]
    faults = [row for run, read in told.items() for row in _faults(run, read)]
    sites = [row for run, read in told.items() for row in site_rows(run, read.course, read.sites)]
    rounds = [row for run, read in told.items() for row in round_rows(run, read.course)]
    ran = [run_row(run, read.course, read.log, parties=read.parties) for run, read in told.items()]
    always = (
        table_of(RUNS, "What was trained, and when", RUN_COLUMNS, ran),
        table_of(ROUNDS, "Rounds, as the record has them", ROUND_COLUMNS, rounds),
        table_of(SITES, "What came of each site", SITE_COLUMNS, sites),
    )
    also = (
        table_of(MISSING, "Who was asked and is not in a round", MISSING_COLUMNS, missing),
        table_of(FAULTS, "What is wrong with the record", FAULT_COLUMNS, faults),
    )
    return (*always, *(table for table, rows in zip(also, (missing, faults), strict=True) if rows))


def _faults(run: str, read: Examined) -> Iterator[Row]:
    for breach in read.breaches:
        yield {"run": run, "kind": "cannot have happened", "line": breach.line, "what": breach.what}
    for words in _contradictions(read) or ():
        yield {"run": run, "kind": "contradiction", "line": None, "what": words}
    for words in () if read.held is None else read.held.uncounted:
        yield {"run": run, "kind": "sent and not added", "line": None, "what": words}


EXAMINATION = FunctionExamination(
    name=NAME,
    title="What the record of a federated training says",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset(METRICS),
    tasks=frozenset(Task),
    function=examine,
    refusal=refuses,
    on_request=True,
)
