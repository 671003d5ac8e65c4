"""What is promised about privacy, what attacks found, and what nobody looked at: one section, whatever was examined.

Laws: nothing is called differential privacy without a ledger that was read; a lower bound never stands without its
ceiling; an attack that failed is no evidence; what was not examined is named, with what would let it be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.privacy_promises import LEDGER
from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.document import Block, Cell, Column, Listing, Paragraph, Section, Table, tidied
from reports.drawings.gallery import Gallery
from reports.sections.privacy_instruments import instruments
from reports.wording import estimate_text, features_name, group_name, metric_label, scale_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of this section, and the examination that answers it."""

    asked: str
    examination: str


QUESTIONS: Final = (
    Question(asked="What was promised: accounted epsilon", examination=LEDGER),
    Question(asked="What canaries showed of one training", examination="one-run-audit"),
    Question(asked="What the steps of training hide, seen from inside", examination="gradient-canaries"),
    Question(asked="Whether members can be told from others", examination="membership"),
    Question(asked="What representations and rationales tell of people", examination="leakage"),
    Question(asked="Whether an update gives its inputs away", examination="gradient-inversion"),
    Question(asked="What privacy costs, and whom", examination="price-of-privacy"),
    Question(asked="Whether who opted out is left out", examination="consent"),
    Question(asked="How few modalities are enough", examination="minimisation"),
)
EXAMINATIONS: Final = tuple(question.examination for question in QUESTIONS)
NO_LEDGER: Final = "No ledger was read: nothing in this report may be called differential privacy."
NOT_EXAMINED: Final = (
    "Nothing was asked about privacy. No ledger was read, so nothing in this report may be called differential "
    "privacy, and no attack was tried, so nothing is known of what the model gives away."
)
NOT_COVERED: Final = (
    "Side channels: how long the model takes, what a machine leaks, who may read its memory or its files.",
    "Prompts, logs and whatever else was kept of people beside the model and what was named here.",
    "What the text of a rationale tells of a person beyond the attributes that a probe was given.",
    "Releases beside the model: metrics on private data, and audits of it by group, spend as well once they are told.",
    "Attacks that were not tried: one that failed is no evidence of privacy.",
)
OF_THE_NOISE: Final = (
    "Of the accounting: it holds for noise of real numbers, and a computer adds floating-point ones, whose gaps can "
    "give something away; it holds for the training that the ledger tells of, and the ledger cannot see another."
)


def privacy_section(report: AuditReport, gallery: Gallery | None = None) -> Section:
    """Return the section: promises and attacks side by side, curves of attacks, and what is not covered."""
    answered = {finding.examination for finding in report.findings}
    named = {choice.name for choice in report.plan.examinations or ()}
    if not (answered | named) & set(EXAMINATIONS):
        return _section(Paragraph(text=NOT_EXAMINED))
    blocks: list[Block] = []
    ledgers = [finding for finding in report.findings if finding.examination == LEDGER]
    if not ledgers:
        blocks.append(Paragraph(text=NO_LEDGER))
    reasons = _reasons(report.findings)
    if rows := tuple(row for question in QUESTIONS for row in _rows(question, report.findings, reasons)):
        blocks.append(tidied(_table(rows, reasons)))
    blocks += gallery.of_privacy if gallery else ()
    blocks += [_promised(finding) for finding in ledgers]
    blocks += [tidied(table) for table in instruments(report)]
    if missing := tuple(_missing(report)):
        blocks.append(Listing(lead="Not known:", items=missing))
    covered = (OF_THE_NOISE, *NOT_COVERED) if ledgers else NOT_COVERED
    return _section(*blocks, Listing(lead="Not covered by anything above:", items=covered))


def _section(*blocks: Block) -> Section:
    return Section(id="privacy", title="Privacy", blocks=blocks)


def _reasons(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return why numbers of this section have no interval, once each: the notes of its table."""
    whole = (f for f in findings if f.examination in EXAMINATIONS and not f.groups)
    return tuple(dict.fromkeys(f.estimate.why_no_interval for f in whole if f.estimate.why_no_interval))


def _table(rows: tuple[tuple[Cell, ...], ...], reasons: tuple[str, ...]) -> Table:
    return Table(
        id="privacy-told",
        caption="What was promised, and what was found",
        columns=(
            Column(title="Question", kind="heading"),
            Column(title="Run"),
            Column(title="Number"),
            Column(title="Of everybody", detail="with its interval, or a note on why it has none"),
            Column(title="By group", detail="least and largest", kind="prose"),
        ),
        rows=rows,
        notes=reasons,
    )


def _rows(question: Question, findings: Sequence[Finding], reasons: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for each run and metric; what differs by group stands beside what is true of everybody."""
    mine = [finding for finding in findings if finding.examination == question.examination]
    for run, metric in dict.fromkeys((finding.run, finding.metric) for finding in mine):
        alike = [finding for finding in mine if (finding.run, finding.metric) == (run, metric)]
        whole = [finding for finding in alike if not finding.groups and finding.compared is None]
        yield (
            Cell(text=question.asked),
            Cell(text=run),
            Cell(text=metric_label(metric)),
            _whole(whole, reasons),
            Cell(text="; ".join((*_by_group(alike), *_gaps(alike)))),
        )


def _whole(findings: Sequence[Finding], reasons: tuple[str, ...]) -> Cell:
    noted = [f.estimate.why_no_interval for f in findings if f.estimate.why_no_interval]
    notes = tuple(dict.fromkeys(reasons.index(reason) + 1 for reason in noted))
    return Cell(text="; ".join(map(_value, findings)), notes=notes)


def _value(finding: Finding) -> str:
    return estimate_text(finding.estimate, scale_of(finding.metric))


def _by_group(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield for each feature the least and the largest of its groups, of those with an interval where any has one."""
    grouped = [f for f in findings if f.groups and f.compared is None and f.estimate.value is not None]
    grouped = [f for f in grouped if f.estimate.interval] or grouped
    for features in dict.fromkeys(tuple(finding.groups) for finding in grouped):
        own = sorted((f for f in grouped if tuple(f.groups) == features), key=lambda f: f.estimate.value or 0.0)
        if own[0].estimate.value == own[-1].estimate.value:
            yield f"{features_name(features)}: {_value(own[0])} in each of {len(own)}"
            continue
        told = " to ".join(f"{_value(finding)} ({group_name(finding.groups)})" for finding in (own[0], own[-1]))
        yield f"{features_name(features)}: {told}"


def _gaps(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.compared is not None:
            yield f"{features_name(finding.compared)}: {_value(finding)}"


def _promised(finding: Finding) -> Listing:
    place = f"{finding.run}, {group_name(finding.groups)}" if finding.groups else finding.run
    return Listing(lead=f"What epsilon of {place} is true of:", items=finding.caveats)


def _missing(report: AuditReport) -> Iterator[str]:
    """Yield what no examination answered, with its own words where it was asked and refused."""
    answered = {finding.examination for finding in report.findings}
    named = {choice.name for choice in report.plan.examinations or ()}
    for question in QUESTIONS:
        if question.examination in answered:
            continue
        refused = [r for r in report.refusals if r.examination == question.examination and r.examination in named]
        if refused:
            why = f"{refused[0].because}. {refused[0].remedy[:1].upper()}{refused[0].remedy[1:]}"
        else:
            why = f"nobody asked; name the examination {question.examination} in the plan"
        yield f"{question.asked}: {why}."
