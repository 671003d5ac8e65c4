"""What became of the criteria, in sentences that name the value, the bound and the groups: what failed comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.phrases import between, bound, ends, name_in_sentence, number
from affidavit.records import CriterionOutcome, Finding, Verdict
from affidavit.report import Decision

SHOWN: Final = 12
"""Criteria that are told of one kind before the rest is counted."""
_BECAME: Final = {Verdict.FAIL: "fails", Verdict.INCONCLUSIVE: "stays open"}


def decisions_in_words(findings: Sequence[Finding], decision: Decision) -> list[str]:
    """Return how many decisions went which way, then each criterion that failed and each that stays open."""
    if decision is Decision.NONE:
        return ["No decision: no policy was given."]
    decided = [finding for finding in findings if finding.criterion is not None]
    said = [_counts(decided)]
    for verdict, became in _BECAME.items():
        of_verdict = [finding for finding in decided if finding.verdict is verdict]
        names = list(dict.fromkeys(f.criterion.id for f in of_verdict if f.criterion is not None))
        for name in names[:SHOWN]:
            own = [f for f in of_verdict if f.criterion is not None and f.criterion.id == name]
            said.append(_sentence(became, own))
        said += [f"and {len(names) - SHOWN} more criteria: {became}."] if len(names) > SHOWN else []
    return said


def _counts(decided: Sequence[Finding]) -> str:
    n = {verdict: sum(f.verdict is verdict for f in decided) for verdict in Verdict}
    words = (
        (n[Verdict.PASS], "passes", "pass"),
        (n[Verdict.FAIL], "fails", "fail"),
        (n[Verdict.INCONCLUSIVE], "is inconclusive", "are inconclusive"),
    )
    passed, failed, stays_open = (f"{count} {one if count == 1 else more}" for count, one, more in words)
    total = f"{len(decided)} decision{'' if len(decided) == 1 else 's'}"
    return f"Of {total} {passed}, {failed} and {stays_open}."


def _sentence(became: str, findings: Sequence[Finding]) -> str:
    """Return one sentence of a criterion, told by the finding that lies furthest beyond its bound."""
    finding = max(findings, key=_beyond)
    outcome, metric = finding.criterion, finding.metric
    assert outcome is not None  # noqa: S101 - only findings with a criterion come here
    groups = f"; {ends(finding)}" if ends(finding) else ""
    others = f"; {len(findings)} findings" if len(findings) > 1 else ""
    demanded = bound(outcome.at_most, outcome.at_least, metric)
    what = f"{name_in_sentence(metric)} {_whom(finding)}"
    where = f"{finding.run}, {finding.condition}"
    return f"{outcome.id} {became} ({demanded}{others}): {where}: {what} is {_value(finding, outcome)}{groups}."


def _whom(finding: Finding) -> str:
    if finding.compared is not None:
        return f"by {' x '.join(finding.compared)}"
    return f"of {', '.join(finding.groups.values()) or 'everybody'}"


def _value(finding: Finding, outcome: CriterionOutcome) -> str:
    """Return the value with the interval that decided."""
    value, interval = finding.estimate.value, outcome.adjusted_interval or finding.estimate.interval
    if value is None or interval is None:
        said = "undefined" if value is None else number(value, finding.metric)
        return f"{said} ({finding.because or finding.estimate.why_no_interval})"
    together = f", widened for {outcome.family_size} decisions" if outcome.family_size > 1 else ""
    return f"{number(value, finding.metric)} ({between(interval, finding.metric)}{together})"


def _beyond(finding: Finding) -> float:
    outcome, value = finding.criterion, finding.estimate.value
    if outcome is None or value is None:
        return float("-inf")
    return value - outcome.at_most if outcome.at_most is not None else (outcome.at_least or 0.0) - value
