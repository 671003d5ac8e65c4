"""The federated run: what was trained and by which code, round by round, who was in it, and what nobody can say.

Laws: what the record does not tell is said to be not told, and is no zero; a record that nobody held against sites'
logs is said to be the server's own word; a report without such a run has no such section.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.document import Block, Facts, Listing, Paragraph, Section
from reports.drawings.gallery import Gallery
from reports.ordering import distinct
from reports.sections.federated_tables import (
    FAULTS,
    MISSING,
    ROUNDS,
    RUNS,
    SITES,
    Told,
    fault_table,
    missing_table,
    round_table,
    rows_of,
    short,
    site_table,
)
from reports.wording import PERCENT, RAW, count_text, counted, estimate_text, figures

EXAMINATION: Final = "federated-run"
REPLY_RATE: Final = "federated_reply_rate"
LATE: Final = "sent and not added"
LATE_UPDATES: Final = "Updates that a site says it sent and the server did not add: they came late, or were refused."
NOT_WRITTEN: Final = "not written down"
WITHHELD: Final = (
    "What the record says of rounds and sites is not in this report: it tells of single sites, and was withheld."
)
NEVER_KNOWN: Final = (
    "What the server did and did not write down, and what a site did beside its log: a chain shows that no line was "
    "changed since it was written.",
    "What one site's update gives away: norms and digests say nothing of it, and secure sums hide it from the server "
    "alone.",
)


def federated_sections(report: AuditReport, gallery: Gallery) -> tuple[Section, ...]:
    """Return the section, or nothing where no record was examined or asked for."""
    findings = [finding for finding in report.findings if finding.examination == EXAMINATION]
    named = any(choice.name == EXAMINATION for choice in report.plan.examinations or ())
    refused = [r for r in report.refusals if r.examination == EXAMINATION and named]
    if not findings and not named:
        return ()
    runs = distinct(finding.run for finding in findings)
    blocks: list[Block] = []
    for place, run in enumerate(runs):
        own = _of_run(report, run, [finding for finding in findings if finding.run == run], gallery, place)
        blocks += own if len(runs) == 1 else [Section(id=f"federated-{run}", title=f"Run {run}", blocks=tuple(own))]
    items = tuple(f"{r.run or 'Every run'}: {r.because}. {r.remedy[:1].upper()}{r.remedy[1:]}." for r in refused)
    blocks += [Listing(lead="Not known:", items=items)] if items else []
    blocks = blocks or [Paragraph(text=WITHHELD)]
    return (Section(id="federated-run", title="Federated run", blocks=tuple(blocks)),)


def _of_run(report: AuditReport, run: str, findings: Sequence[Finding], gallery: Gallery, place: int) -> list[Block]:
    rounds, sites = rows_of(report, ROUNDS, run), rows_of(report, SITES, run)
    told = {finding.metric: finding for finding in findings}
    ran = next(iter(rows_of(report, RUNS, run)), None)
    if ran is None:
        return [*_counts(told), Paragraph(text=WITHHELD)]
    missing, wrong = rows_of(report, MISSING, run), rows_of(report, FAULTS, run)
    faults, late = [row for row in wrong if row["kind"] != LATE], [row for row in wrong if row["kind"] == LATE]
    blocks: list[Block] = [Paragraph(text=_in_words(ran, sites, told)), Facts(items=tuple(_facts(ran)))]
    blocks += [figure for figure in gallery.of_federations if figure.id == f"attendance-{place}"]
    blocks += [round_table(rounds, run)] if rounds else []
    blocks += [site_table(sites, run)] if sites else []
    blocks += [missing_table(missing, run)] if missing else []
    blocks += [fault_table(faults, run)] if faults else [Paragraph(text=_sound(told))]
    blocks += [Listing(lead=LATE_UPDATES, items=tuple(row["what"] for row in late))] if late else []
    unknown = (*_unknown(ran, rounds, sites), *NEVER_KNOWN)
    return [*blocks, Listing(lead="Not known from the record:", items=unknown)]


def _in_words(ran: Told, sites: Sequence[Told], told: dict[str, Finding]) -> str:
    """Say in a sentence or two what the run was."""
    happened = f"{count_text(ran['done'])} of {counted(ran['planned'], 'round')} happened"
    lost = f"; {counted(ran['lost'], 'round')} could not be asked for again" if ran["lost"] else ""
    took = sorted(int(row["rounds"]) for row in sites if row["asked"])
    part = ""
    if took:
        span = f"{took[0]:,}" if took[0] == took[-1] else f"{took[0]:,} to {took[-1]:,}"
        each, every = "it is" if len(took) == 1 else "each is", took[0] == ran["done"] > 0
        part = f" {counted(len(took), 'site')} took part; {each} in {'all' if every else span} of them."
    rate = told.get(REPLY_RATE)
    came = ""
    if rate is not None and rate.estimate.value is not None:
        came = f" When a site was asked, its part came {estimate_text(rate.estimate, PERCENT)} of the time."
    return f"{happened}{lost}.{part}{came}"


def _facts(ran: Told) -> Iterator[tuple[str, str]]:
    yield "Training", f"{short(ran['federation'])} (digest of plan, code and start)"
    if ran["parties"]:
        yield "Parties", ran["parties"]
    yield "Code", short(ran["app"]) if ran["app"] else NOT_WRITTEN
    yield "Plan", short(ran["plan"]) if ran["plan"] else NOT_WRITTEN
    yield "Trained parameters", f"{ran['size']:,} numbers, layout {short(ran['layout'])}"
    yield "affidavit at the server", ran["affidavit"] or NOT_WRITTEN
    yield "From, to (by the server's clock)", f"{ran['began']}, {ran['ended']}"
    yield "Ended", ran["because"] or "the record does not say that it did"
    yield "Interruptions", _interruptions(ran)
    if ran["turned_away"]:
        yield "Nodes turned away", counted(ran["turned_away"], "time")
    yield "Model after the last round", short(ran["model"])
    yield "Record", f"{counted(ran['lines'], 'line')}, head {ran['head']}"


def _interruptions(ran: Told) -> str:
    went_on, anew = ran["went_on"], ran["began_anew"]
    said = (
        f"the server went on {counted(went_on, 'time')}" if went_on else "",
        f"it began anew {counted(anew, 'time')}, and rounds were thrown away" if anew else "",
    )
    return "; ".join(filter(None, said)) or "none"


def _sound(told: dict[str, Finding]) -> str:
    held = told.get("federated_record_contradictions")
    beside = (
        "Sites' own logs, held against it, contradict it nowhere."
        if held is not None and held.estimate.value is not None
        else "No site's own log was held against it."
    )
    return f"The record holds, and says nothing that cannot have happened. {beside}"


def _counts(told: dict[str, Finding]) -> Iterator[Block]:
    """Yield what findings alone tell."""
    words = {
        "federated_rounds_planned": "rounds were planned",
        "federated_rounds_done": "rounds happened",
        "federated_rounds_lost": "rounds were lost",
        "federated_dropouts": "times a site was asked in a round that happened, and is not in it",
        "federated_record_breaches": "things in the record cannot have happened",
        "federated_record_contradictions": "times logs contradict each other",
    }
    items = tuple(
        f"{figures(told[metric].estimate.value, RAW).removesuffix('.000')} {said}."
        for metric, said in words.items()
        if metric in told and told[metric].estimate.value is not None
    )
    if items:
        yield Listing(items=items)


def _unknown(ran: Told, rounds: Sequence[Told], sites: Sequence[Told]) -> Iterator[str]:
    """Yield what this record leaves open."""
    if not ran["app"]:
        yield "Which code ran, by digest: the server wrote none down."
    if not ran["plan"]:
        yield "Which plan it was, by digest: the server wrote none down."
    if rounds and all(row["median"] is None for row in rounds):
        yield "How long single updates were: under secure sums the server sees sums alone."
    if sites and all(row["epsilon"] is None for row in sites):
        yield "What the training spent of anybody's privacy: no site told the server an epsilon; ledgers say it."
    if sites and all(row["patients"] is None for row in sites):
        yield "How many patients stand behind it: no site told its number."
    if sites and any(row["log"] is None for row in sites):
        yield "Whether every site tells the same story: not each one's own log is at hand."
