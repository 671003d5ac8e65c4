"""Holds the findings of a finished audit against a policy, which may be another than the audit was decided by.

A criterion that the audit was decided by keeps its verdicts. With another bound, the audit's deciding interval decides
again where it is wide enough for all decisions that are taken here: a failure may follow from it; a pass only where the
audit passed too, since only then did it vouch that no group was left out. What the audit never held against a
criterion is not assessed, for a report does not keep what an interval at another level needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from affidavit.conditions import sorted_conditions
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE
from affidavit.policy import Criterion, Policy
from affidavit.records import Finding, Interval, Verdict
from affidavit.report import AuditReport
from reports.gate.waivers import Waiver, first_in_force
from reports.law.scope import Outcome as ScopeOutcome
from reports.law.scope import ScopeDecision

RUN_AGAIN: Final = "audit under this policy (`--policy`, or `policy:` of the plan)"
STRADDLES: Final = "the bound lies within the deciding interval"
_ROUNDING: Final = 1e-9


class Outcome(StrEnum):
    """What the gate says of one finding under one criterion."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NOT_ASSESSED = "not assessed"


OF_VERDICT: Final[Mapping[Verdict, Outcome]] = {
    Verdict.PASS: Outcome.PASSED,
    Verdict.FAIL: Outcome.FAILED,
    Verdict.INCONCLUSIVE: Outcome.INCONCLUSIVE,
    Verdict.INFORMATIVE: Outcome.NOT_ASSESSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One finding held against one criterion; a criterion that binds nothing has one without finding."""

    criterion: Criterion
    finding: Finding | None
    outcome: Outcome
    because: str | None
    waiver: Waiver | None = None
    """The one in force that lets it through; None where nothing is to be let through."""
    demanded: bool = False
    """Whether the policy demands an answer, and this is none."""

    @property
    def stops(self) -> bool:
        """Whether this alone ends the gate with 1 or 3."""
        return self.waiver is None and (self.outcome is Outcome.FAILED or self.demanded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All that the gate says."""

    policy: Policy
    decided_by: str | None
    """Digest of the policy that the audit was decided by."""
    held: tuple[Held, ...]
    idle: tuple[tuple[Waiver, str], ...]
    """Waivers that let nothing through, and why."""
    scope: ScopeDecision | None = None
    """What the dossier says of the use; None where there is no dossier and none was demanded. No waiver opens it."""

    @property
    def exit_code(self) -> int:
        """1: a criterion failed, or the use is prohibited. 3: an answer is missing that is demanded. 0: neither.

        What is waived does not count, and nothing waives the scope.
        """
        stopping = [one for one in self.held if one.stops]
        scope = ScopeOutcome.ALLOWED if self.scope is None else self.scope.outcome
        if scope is ScopeOutcome.PROHIBITED or any(one.outcome is Outcome.FAILED for one in stopping):
            return EXIT_CRITERION_FAILED
        return EXIT_INCONCLUSIVE if stopping or scope is ScopeOutcome.UNANSWERED else EXIT_DONE


def gate(
    report: AuditReport,
    policy: Policy,
    waivers: Sequence[Waiver] = (),
    *,
    today: date,
    every_answer_demanded: bool = False,
    scope: ScopeDecision | None = None,
) -> Gate:
    """Hold a report against a policy on a day: waivers are in force on it or not, and a dossier says the scope."""
    bound = _bound(report, policy)
    needed = _level(report, policy, bound)
    held = []
    for criterion in policy.criteria:
        demanded = criterion.answer_demanded or every_answer_demanded
        for finding, outcome, because in _outcomes(report, criterion, bound[criterion.id], needed):
            unanswered = demanded and outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED)
            wanted = outcome is Outcome.FAILED or unanswered
            named = None if finding is None else _base(finding)
            held.append(
                Held(
                    criterion=criterion,
                    finding=finding,
                    outcome=outcome,
                    because=because,
                    waiver=first_in_force(waivers, criterion.id, named, today=today) if wanted else None,
                    demanded=unanswered,
                )
            )
    idle = tuple((waiver, why) for waiver in waivers if (why := _idle(waiver, held, today)) is not None)
    return Gate(policy=policy, decided_by=report.policy_digest, held=tuple(held), idle=idle, scope=scope)


def _base(finding: Finding) -> str:
    """Return the id without the criterion that stands behind it where several bind one finding."""
    return finding.id.partition("#")[0]


def _bound(report: AuditReport, policy: Policy) -> dict[str, list[list[Finding]]]:
    """Return, by criterion, the findings that it binds; each with its copies under the audit's own criteria."""
    shown: dict[str, set[str]] = {}
    copies: dict[str, list[Finding]] = {}
    for finding in report.findings:
        shown.setdefault(finding.run, set()).add(finding.condition)
        copies.setdefault(_base(finding), []).append(finding)
    fullest = {run: sorted_conditions(conditions)[0] for run, conditions in shown.items()}
    return {
        criterion.id: [
            several for several in copies.values() if criterion.binds(several[0], fullest=fullest[several[0].run])
        ]
        for criterion in policy.criteria
    }


def _level(report: AuditReport, policy: Policy, bound: Mapping[str, Sequence[Sequence[Finding]]]) -> float:
    """Return the least level of an interval that decides: the audit's where it decided all of this, or Bonferroni's."""
    own = [_bounds(criterion) for criterion in (report.policy.criteria if report.policy else ())]
    if all(_bounds(criterion) in own for criterion in policy.criteria):
        return 0.0
    n_decisions = sum(_interval(several) is not None for found in bound.values() for several in found)
    return 1 - (1 - report.plan.statistics.level) / max(1, n_decisions)


def _interval(several: Sequence[Finding]) -> Interval | None:
    """Return the interval that decided a finding; None where nothing did."""
    decided = (one.criterion for one in several if one.criterion is not None and one.verdict is not Verdict.INFORMATIVE)
    return next((outcome.adjusted_interval for outcome in decided if outcome.adjusted_interval is not None), None)


def _outcomes(
    report: AuditReport, criterion: Criterion, bound: Sequence[Sequence[Finding]], needed: float
) -> list[tuple[Finding | None, Outcome, str | None]]:
    if not bound:
        return [(None, Outcome.NOT_ASSESSED, _nothing_found(report, criterion))]
    own = {one.id for one in (report.policy.criteria if report.policy else ()) if _bounds(one) == _bounds(criterion)}
    return [_outcome(several, criterion, own, needed) for several in bound]


def _bounds(criterion: Criterion) -> dict[str, object]:
    """Return what a criterion asks for, without its name and its words."""
    return criterion.model_dump(exclude={"id", "answer_demanded", "source", "note"})


def _outcome(
    several: Sequence[Finding], criterion: Criterion, own: set[str], needed: float
) -> tuple[Finding, Outcome, str | None]:
    decided = [finding for finding in several if finding.criterion is not None]
    same = next((one for one in decided if one.criterion is not None and one.criterion.id in own), None)
    interval = _interval(several)
    if interval is not None and interval.level < needed - _ROUNDING:
        return (
            (same or decided[0]),
            Outcome.NOT_ASSESSED,
            f"this policy takes more decisions than the audit did, so its interval ({100 * interval.level:.4g} %) is "
            f"too narrow ({100 * needed:.4g} % is needed): {RUN_AGAIN}",
        )
    if same is not None:
        straddles = interval is not None and not criterion.broken_by(interval) and not criterion.kept_by(interval)
        return same, OF_VERDICT[same.verdict], STRADDLES if straddles else same.because
    if interval is not None:
        return decided[0], *_decided_anew(decided, interval, criterion)
    because = next((finding.because for finding in decided if finding.because), None)
    return (
        several[0],
        Outcome.NOT_ASSESSED,
        because or f"the audit held it against no criterion, and keeps no interval to decide by: {RUN_AGAIN}",
    )


def _decided_anew(decided: Sequence[Finding], interval: Interval, criterion: Criterion) -> tuple[Outcome, str | None]:
    if criterion.broken_by(interval):
        return Outcome.FAILED, None
    if not criterion.kept_by(interval):
        return Outcome.INCONCLUSIVE, STRADDLES
    if any(finding.verdict is Verdict.PASS for finding in decided):
        return Outcome.PASSED, None
    return (
        Outcome.INCONCLUSIVE,
        f"the interval keeps this bound, but the audit, which had another, did not vouch for every group: {RUN_AGAIN}",
    )


def _nothing_found(report: AuditReport, criterion: Criterion) -> str:
    refused = [f"{one.examination}: {one.because}" for one in report.refusals]
    told = f"no finding of this audit is {criterion.metric} as the criterion asks for it"
    return f"{told}; not assessed were {'; '.join(refused[:3])}" if refused else told


def _idle(waiver: Waiver, held: Sequence[Held], today: date) -> str | None:
    if any(one.waiver == waiver for one in held):
        return None
    if not waiver.in_force(today):
        return f"expired on {waiver.expires}" if today >= waiver.expires else f"not in force before {waiver.granted}"
    meant = [
        one for one in held if waiver.covers(one.criterion.id, None if one.finding is None else _base(one.finding))
    ]
    return "nothing that it speaks of stops the gate" if meant else "it speaks of nothing that this policy asks"
