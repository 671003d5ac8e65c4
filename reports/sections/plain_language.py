"""A summary in plain words for the people whom the system judges: what it is, how often it errs, for whom, what then.

Laws: short sentences and everyday words; a rate is told as so many out of 100, with the range that chance leaves; what
was not measured is said to be unknown, and never as good news; the numbers are those of the findings, rounded to whole
ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from affidavit.changes import ALPHA
from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import RowError
from affidavit.privacy_promises import LEDGER
from affidavit.records import Estimate, Finding
from affidavit.report import AuditReport, Decision
from reports.document import Block, Listing, Paragraph, Section
from reports.law.dossier import Question
from reports.law.pack import Supplier
from reports.law.scope import Outcome
from reports.ordering import conditions_in_order, distinct
from reports.sections.areas import Area, area_of
from reports.sections.case_file import CaseFile
from reports.sections.missing import Told, told

LEAD: Final = (
    "This part is for the people whom the program judges, and for those who care for them. It tells in short words "
    "what the rest of this report found."
)
_SHOWN: Final = {"text": "what is said", "audio": "the voice", "video": "the face"}
_DECIDED: Final = {
    Decision.PASS: "Rules were set for this check. The program kept them.",
    Decision.FAIL: "Rules were set for this check. The program broke at least one of them.",
    Decision.INCONCLUSIVE: "Rules were set for this check. There was too little to see whether the program keeps them.",
    Decision.NONE: "No rules were set. So nobody can say that the program passed.",
}
_MORE: Final = "over_claim_rate"
_ASKED: Final = (
    (Question.INTENDED_PURPOSE, Supplier.PROVIDER),
    (Question.PEOPLE_INFORMED, Supplier.DEPLOYER),
    (Question.COMPLAINTS, Supplier.DEPLOYER),
    (Question.OVERSIGHT_PERSON, Supplier.DEPLOYER),
)


def plain_language_section(case: CaseFile) -> Told:
    """Return the summary for affected people."""
    parts: tuple[tuple[str, str, list[str]], ...] = (
        ("plain-what", "What is it?", list(_what(case))),
        ("plain-right", "How often is it right?", list(_right(case.report))),
        ("plain-fair", "Is it fair to everybody?", list(_fair(case.report))),
        ("plain-reasons", "Are its reasons true?", list(_reasons(case.report))),
        ("plain-private", "Does it keep secrets?", list(_private(case.report))),
        ("plain-rights", "What can you do?", list(_rights(case))),
    )
    blocks: list[Block] = [Paragraph(text=LEAD)]
    blocks += [Section(id=name, title=title, blocks=(Listing(items=tuple(said)),)) for name, title, said in parts]
    missing = [case.unanswered(one, supplied_by=who) for one, who in _ASKED if case.answer(one) is None]
    return told("plain-language", "In plain words, for the people concerned", blocks, missing)


def _what(case: CaseFile) -> Iterator[str]:
    shown = _senses(case.report)
    yield f"It is a computer program. It names what a person feels{f' from {shown}' if shown else ''}."
    yield "A feeling that it names is a guess. It cannot look into anybody."
    purpose = case.answer(Question.INTENDED_PURPOSE)
    yield f"What it is for: {purpose}" if purpose else "Nobody has said under a signature what it is for."
    if case.scope.outcome is Outcome.PROHIBITED:
        yield "The law forbids this use of it. The part Legal scope says which law."
    yield _DECIDED[case.report.decision if case.report.policy is not None else Decision.NONE]


def _senses(report: AuditReport) -> str:
    """Return what the program is shown under its fullest condition, in everyday words."""
    letters: set[str] = set()
    for data in report.data:
        for condition in data.conditions:
            try:
                letters |= set(Condition.parse(condition).modalities)
            except RowError:
                return ""
    named = [_SHOWN[MODALITIES[letter]] for letter in "TAV" if letter in letters]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1]))) if named else ""


def _right(report: AuditReport) -> Iterator[str]:
    for run in distinct(data.run for data in report.data):
        said_of = _prefix(report, run)
        data = next(one for one in report.data if one.run == run)
        if data.n_units is not None and data.unit != "utterance_id":
            yield f"{said_of}It was tried on {data.n_units:,} people."
        found = _everybody(report, run, "accuracy") or _everybody(report, run, "word_error_rate")
        if found is None or found.estimate.value is None:
            yield f"{said_of}How often it is right was not measured."
        elif found.metric == "accuracy":
            yield f"{said_of}Out of 100 answers {_out_of_100(found.estimate)} were right."
        else:
            yield f"{said_of}For every 100 spoken words it got {_out_of_100(found.estimate)} wrong."


def _fair(report: AuditReport) -> Iterator[str]:
    gaps = [f for f in report.findings if f.metric == "accuracy_difference" and f.compared is not None]
    if not gaps:
        yield "Whether it is right as often for one group of people as for another was not measured."
        return
    for run in distinct(finding.run for finding in gaps):
        own = [finding for finding in gaps if finding.run == run]
        fullest = conditions_in_order(finding.condition for finding in own)[0]
        for gap in (one for one in own if one.condition == fullest and len(one.compared or ()) == 1):
            yield f"{_prefix(report, run)}{_gap(report, gap)}"


def _gap(report: AuditReport, gap: Finding) -> str:
    feature = (gap.compared or ("",))[0]
    if gap.test is None or gap.test.p_adjusted is None or gap.lowest is None or gap.highest is None:
        return f"By {feature}: there was too little to compare groups."
    if gap.test.p_adjusted > ALPHA:
        effect = gap.minimum_detectable_effect
        least = f" A difference of less than {100 * effect.value:.0f} out of 100 may be there unseen." if effect else ""
        return f"By {feature}: no difference was found that chance could not make.{least}"
    low, high = (_of_group(report, gap, feature, level) for level in (gap.lowest, gap.highest))
    if low is None or high is None:
        return f"By {feature}: it is less often right for {gap.lowest} than for {gap.highest}."
    return (
        f"By {feature}: out of 100 answers it gets {_out_of_100(low)} right for {gap.lowest}, and {_out_of_100(high)} "
        f"for {gap.highest}. Chance alone does not make that."
    )


def _of_group(report: AuditReport, gap: Finding, feature: str, level: str) -> Estimate | None:
    wanted = {feature: level}
    return next(
        (
            f.estimate
            for f in report.findings
            if f.metric == "accuracy"
            and (f.run, f.condition) == (gap.run, gap.condition)
            and f.groups == wanted
            and f.estimate.value is not None
        ),
        None,
    )


def _reasons(report: AuditReport) -> Iterator[str]:
    if not any(area_of(finding) is Area.EXPLANATIONS for finding in report.findings):
        yield "Whether the reasons that it gives are the real ones was not checked."
        return
    for run in distinct(finding.run for finding in report.findings):
        found = _everybody(report, run, _MORE)
        if found is not None and found.estimate.value is not None:
            told_as = _out_of_100(found.estimate)
            yield (
                f"{_prefix(report, run)}When it gave as its reason something that it saw or heard, that had not "
                f"mattered for the answer {told_as} times out of 100."
            )
    yield "A reason can sound right and still not be why it answered so. The part Explanations says what was checked."


def _private(report: AuditReport) -> Iterator[str]:
    ledgers = [f for f in report.findings if f.examination == LEDGER and not f.groups]
    kept = distinct(finding.run for finding in ledgers if finding.estimate.value is not None)
    if not kept:
        yield "Nobody has shown how much the program gives away of the people it learned from."
        return
    for run in kept:
        yield (
            f"{_prefix(report, run)}While it learned, noise was mixed in and counted, so that one person alone changes "
            "little of what it became. The part Privacy says how little."
        )
    others = [data.run for data in report.data if data.run not in kept]
    if others:
        yield f"Of {', '.join(others)} nobody has shown how much it gives away of the people it learned from."


def _rights(case: CaseFile) -> Iterator[str]:
    informed, complaints = case.answer(Question.PEOPLE_INFORMED), case.answer(Question.COMPLAINTS)
    yield (
        f"How you are told that it is used: {informed}" if informed else "Nobody has said how you are told of its use."
    )
    yield f"Where you can complain: {complaints}" if complaints else "Nobody has said where you can complain."
    person = case.answer(Question.OVERSIGHT_PERSON)
    yield f"Who watches over it: {person}" if person else "Nobody has said who watches over it."


def _everybody(report: AuditReport, run: str, metric: str) -> Finding | None:
    found = [f for f in report.findings if (f.run, f.metric) == (run, metric) and not f.groups and f.compared is None]
    if not found:
        return None
    first = conditions_in_order(finding.condition for finding in found)[0]
    return next(finding for finding in found if finding.condition == first)


def _out_of_100(estimate: Estimate) -> str:
    """Return a rate as a whole number out of 100, with its range where there is one."""
    value = 100 * (estimate.value or 0.0)
    if estimate.interval is None:
        return f"about {value:.0f}"
    low, high = 100 * estimate.interval.low, 100 * estimate.interval.high
    return f"about {value:.0f} ({low:.0f} to {high:.0f})"


def _prefix(report: AuditReport, run: str) -> str:
    """Return which of several models a sentence speaks of."""
    return "" if len(report.data) == 1 else f"{run}: "
