"""Makes of an audit report one that may leave the house.

Claim: of a group with fewer than `floor` units the released report says that it is there and `n < 11`, and nothing
else; no count of units or rows of such a group, and no count behind a share that is as small, follows from what the
report does say by sums, shares and differences. Every withheld group is a row of the exhibit `withheld`, and the rule
itself is the exhibit `disclosure-rule`.

What a table was called is not told either: it is named by its run.

Group findings whose group is withheld are gone; those with a small count behind their value keep their group and lose
their value; gaps over families with a withheld group are gone; exhibits that cannot be tied to groups are gone; the
summary is written anew from what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from affidavit.disclosure.exhibit_release import released_exhibit, tied_blocks
from affidavit.disclosure.fates import Fates, decide_fates
from affidavit.disclosure.finding_release import released_findings
from affidavit.disclosure.legend import legend_exhibits
from affidavit.disclosure.printing import Printing
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.texts import WITHHELD_TEXT, Words
from affidavit.disclosure.told import blocks_of_findings
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan
from affidavit.records import Exhibit, Finding, Refusal
from affidavit.report import AuditReport, DataDescription
from affidavit.summary import summary

if TYPE_CHECKING:
    import pyarrow as pa

NAME: Final = "releasable"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureControl:
    """The release `releasable`; satisfies `affidavit.protocols.Release`."""

    name: str = NAME
    rule: DisclosureRule = field(default_factory=DisclosureRule)

    def release(self, report: AuditReport) -> AuditReport:
        """Return a report that may leave: every exhibit releasable, under digests of its own.

        Raises:
            PlanError: everybody of a run is too few for anything to be released.
        """
        return released(report, self.rule)


RELEASE: Final = DisclosureControl()


def released(report: AuditReport, rule: DisclosureRule) -> AuditReport:
    """Return what of a report may leave the house under a rule.

    Raises:
        PlanError: everybody of a run is too few for anything to be released.
    """
    _refuse_few(report, rule)
    rows = {exhibit.id: report.exhibit(exhibit.id).to_pylist() for exhibit in report.exhibits}
    exhibit_blocks = {exhibit.id: tied_blocks(exhibit, rows[exhibit.id]) for exhibit in report.exhibits}
    blocks = blocks_of_findings(report.findings)
    for own in exhibit_blocks.values():
        blocks |= own or {}
    everybody = {data.run: data.n_rows if data.n_units is None else data.n_units for data in report.data}
    fates = decide_fates(blocks, {data.run: data.conditions for data in report.data}, everybody, rule)
    words = Words(withheld=frozenset().union(*fates.hidden.everywhere.values()), names=_names(report, fates))
    kept = [exhibit for exhibit in report.exhibits if exhibit_blocks[exhibit.id] is not None]
    printing = Printing(rule=rule, fates=fates)
    sealed = [released_exhibit(exhibit, rows[exhibit.id], printing).sealed(exhibit.examination) for exhibit in kept]
    gone = [exhibit for exhibit in report.exhibits if exhibit_blocks[exhibit.id] is None]
    sealed += [table.sealed(NAME) for table in legend_exhibits(fates, gone, rule)]
    findings = released_findings(report.findings, printing, words)
    return _report(report, findings, dict(sealed_by_id(sealed)), words, rule).sealed(
        {record.id: table for record, table in sealed}
    )


def sealed_by_id(sealed: list[tuple[Exhibit, pa.Table]]) -> list[tuple[str, Exhibit]]:
    """Return the records of sealed exhibits by id; the last of one id stands."""
    return [(record.id, record) for record, _ in sealed]


def _refuse_few(report: AuditReport, rule: DisclosureRule) -> None:
    """Refuse a report in which a run's everybody is too few.

    Raises:
        PlanError: says which run, and how many it would take.
    """
    for data in report.data:
        if rule.small(data.n_rows if data.n_units is None else data.n_units):
            raise PlanError(
                "the report cannot be released: everybody together is a small group",
                slug="plan-impossible",
                where=data.run,
                found=rule.mark,
                allowed=f"runs of at least {rule.floor} units",
                remedy="audit more units, or keep the report in the house",
            )


def _names(report: AuditReport, fates: Fates) -> frozenset[str]:
    levels = {level for own in fates.hidden.known.values() for group in own for _, level in group}
    runs = {data.run for data in report.data} | {c for data in report.data for c in data.conditions}
    labels = {label for data in report.data for label in data.label_space or ()}
    return frozenset(levels | runs | labels)


def _report(
    report: AuditReport,
    findings: tuple[Finding, ...],
    exhibits: Mapping[str, Exhibit],
    words: Words,
    rule: DisclosureRule,
) -> AuditReport:
    caveats = (
        f"Released under disclosure control: {rule.mark} stands for a group of fewer than {rule.floor} units, or one "
        "withheld so that no such group follows from the others; the exhibit `withheld` lists them.",
        "The decision is that of the whole audit; decisions that rest on withheld numbers are not listed.",
        *(() if rule.grain is None else (rule.in_words(),)),
    )
    return AuditReport(
        title=words.or_withheld(report.title),
        marking=_marking(rule),
        plan=_plan(report.plan, words),
        policy=report.policy,
        policy_digest=report.policy_digest,
        data=tuple(_data(data, report.plan, words, rule) for data in report.data),
        decision=report.decision,
        summary=summary(findings, report.decision),
        caveats=(*caveats, *words.kept(report.caveats)),
        findings=findings,
        refusals=tuple(_refusal(refusal, words) for refusal in report.refusals),
        exhibits=tuple(exhibits.values()),
        provenance=report.provenance,
    )


def _marking(rule: DisclosureRule) -> str:
    marking = f"released: groups under {rule.floor} units, and what they follow from, are withheld"
    if rule.intervals_only:
        return f"{marking}; counts and rates are intervals"
    return marking if rule.rounding is None else f"{marking}; counts are rounded to multiples of {rule.rounding}"


def _plan(plan: AuditPlan, words: Words) -> AuditPlan:
    purpose = None if plan.purpose is None else words.or_withheld(plan.purpose)
    runs = {
        name: source if source.table is None else source.model_copy(update={"table": _file_of(name, source.table)})
        for name, source in plan.runs.items()
    }
    return plan.model_copy(update={"title": words.or_withheld(plan.title), "purpose": purpose, "runs": runs})


def _file_of(run: str, file: str) -> str:
    """Return a name for the table of a run that says nothing: files are called by wards, dates and people."""
    return f"{run.replace('/', '-')}{PurePath(file).suffix.lower()}"


def _data(data: DataDescription, plan: AuditPlan, words: Words, rule: DisclosureRule) -> DataDescription:
    units = None if data.n_units is None else rule.told(data.n_units)
    owner = next((name for name in plan.runs if data.run == name or data.run.startswith(f"{name}/")), None)
    of_table = owner is not None and plan.runs[owner].table is not None
    return data.model_copy(
        update={
            "n_rows": rule.told(data.n_rows),
            "n_units": units,
            "assumptions": words.kept(data.assumptions),
            "source": _file_of(data.run, data.source) if of_table else data.source,
        }
    )


def _refusal(refusal: Refusal, words: Words) -> Refusal:
    because = refusal.because if words.harmless(refusal.because) else WITHHELD_TEXT
    remedy = refusal.remedy if words.harmless(refusal.remedy) else WITHHELD_TEXT
    return refusal.model_copy(update={"because": because, "remedy": remedy})
