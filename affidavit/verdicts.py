"""Holds claims against the policy, over one declared family, and adjusts every test for being one of many.

A decision is read from an interval at level 1 - alpha / M, M being the number of decisions of the report (Bonferroni,
so that all of them hold together whatever their dependence): `pass` if the whole interval lies on the right side of
the bound, `fail` if it lies wholly on the wrong one, else `inconclusive`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.conditions import sorted_conditions
from affidavit.errors import PolicyError
from affidavit.examinations import Claim
from affidavit.mislabelling import label_noise
from affidavit.plan import Statistics
from affidavit.policy import Criterion, Policy
from affidavit.records import CriterionOutcome, Finding, Interval, SignificanceTest, Verdict
from affidavit.report import Decision
from affidavit.yaml_files import did_you_mean

FAMILY: Final = "every test of this report"
OTHERS: Final = "every test of this report that has no family of its own"


def check_policy(policy: Policy, metrics: frozenset[str]) -> None:
    """Refuse a criterion on a metric that none of the chosen examinations computes.

    Raises:
        PolicyError: names the criterion and the metrics there are.
    """
    for criterion in policy.criteria:
        if criterion.metric not in metrics:
            raise PolicyError(
                f"the criterion {criterion.id!r} bounds a metric that is not computed",
                slug="policy-metric",
                where=f"policy {policy.name}",
                found=criterion.metric + did_you_mean(criterion.metric, sorted(metrics)),
                allowed=", ".join(sorted(metrics)),
                remedy="correct the metric, or choose the examination that computes it",
            )


def decide(claims: Sequence[Claim], policy: Policy | None, statistics: Statistics) -> tuple[Finding, ...]:
    """Return the findings with verdicts and adjusted p-values.

    Raises:
        PolicyError: a criterion binds nothing that was found.
    """
    bound = _bound(claims, policy)
    if policy is not None:
        _refuse_unmatched(policy, {c.id for _, c in bound})
    by_claim: dict[str, list[Criterion]] = {}
    for claim, criterion in bound:
        by_claim.setdefault(claim.finding.id, []).append(criterion)
    decided = [
        (finding, claim.family)
        for claim in claims
        for finding in _decided(claim, by_claim.get(claim.finding.id, []), len(bound), statistics)
    ]
    return _adjusted([finding for finding, _ in decided], [family for _, family in decided], statistics)


def _bound(claims: Sequence[Claim], policy: Policy | None) -> list[tuple[Claim, Criterion]]:
    """Return every claim with every criterion that speaks of it."""
    if policy is None:
        return []
    shown: dict[str, set[str]] = {}
    for claim in claims:
        shown.setdefault(claim.finding.run, set()).add(claim.finding.condition)
    fullest = {run: sorted_conditions(conditions)[0] for run, conditions in shown.items()}
    return [
        (claim, criterion)
        for claim in claims
        for criterion in policy.criteria
        if criterion.binds(claim.finding, fullest=fullest[claim.finding.run])
    ]


def overall(findings: Sequence[Finding], policy: Policy | None) -> Decision:
    """Return the report's decision: one failure fails it, one open question leaves it open."""
    if policy is None:
        return Decision.NONE
    verdicts = {finding.verdict for finding in findings if finding.criterion is not None}
    if Verdict.FAIL in verdicts:
        return Decision.FAIL
    return Decision.PASS if verdicts <= {Verdict.PASS} else Decision.INCONCLUSIVE


def answers_demanded_but_open(findings: Sequence[Finding], policy: Policy | None) -> list[Finding]:
    """Return the findings whose criterion demands an answer and has none."""
    demanded = {criterion.id for criterion in (policy.criteria if policy else ()) if criterion.answer_demanded}
    answered = {Verdict.PASS, Verdict.FAIL}
    return [f for f in findings if f.criterion and f.criterion.id in demanded and f.verdict not in answered]


def _refuse_unmatched(policy: Policy, matched: set[str]) -> None:
    for criterion in policy.criteria:
        if criterion.id not in matched:
            raise PolicyError(
                f"the criterion {criterion.id!r} binds no finding of this audit",
                slug="policy-unmatched",
                where=f"policy {policy.name}",
                found=f"metric {criterion.metric}, compared {criterion.compared or 'any'}, "
                f"conditions {criterion.conditions or 'any'}, scope {criterion.scope}",
                remedy="check that --by names the features it compares and that the conditions are in the table",
            )


def _decided(claim: Claim, criteria: Sequence[Criterion], family_size: int, statistics: Statistics) -> list[Finding]:
    if not criteria:
        return [claim.finding]
    findings = [_held_against(claim, criterion, family_size, statistics) for criterion in criteria]
    if len(findings) == 1:
        return findings
    return [f.model_copy(update={"id": f"{f.id}#{c.id}"}) for f, c in zip(findings, criteria, strict=True)]


def _held_against(claim: Claim, criterion: Criterion, family_size: int, statistics: Statistics) -> Finding:
    level = 1 - (1 - statistics.level) / family_size
    if claim.barred:
        return _left_informative(claim, criterion, family_size)
    interval = claim.interval_at(level) if claim.interval_at else claim.finding.estimate.interval
    outcome = CriterionOutcome(
        id=criterion.id,
        at_most=criterion.at_most,
        at_least=criterion.at_least,
        source=criterion.source,
        family_size=family_size,
        adjusted_interval=interval if isinstance(interval, Interval) else None,
    )
    verdict, because = _verdict(criterion, interval, claim)
    if claim.finding.test is not None and claim.finding.because:
        because = "; ".join(filter(None, (because, claim.finding.because)))
    noise = label_noise(claim.mislabelled, criterion, level) if verdict is Verdict.FAIL and claim.mislabelled else None
    decided = {"criterion": outcome, "verdict": verdict, "because": because, "label_noise": noise}
    return claim.finding.model_copy(update=decided)


def _left_informative(claim: Claim, criterion: Criterion, family_size: int) -> Finding:
    outcome = CriterionOutcome(
        id=criterion.id,
        at_most=criterion.at_most,
        at_least=criterion.at_least,
        source=criterion.source,
        family_size=family_size,
    )
    decided = {"criterion": outcome, "verdict": Verdict.INFORMATIVE, "because": claim.barred}
    return claim.finding.model_copy(update=decided)


def _verdict(criterion: Criterion, interval: Interval | str | None, claim: Claim) -> tuple[Verdict, str | None]:
    if not isinstance(interval, Interval):
        return Verdict.INCONCLUSIVE, interval or "there is no interval to decide by"
    bound = criterion.at_most if criterion.at_most is not None else criterion.at_least
    side = "at most" if criterion.at_most is not None else "at least"
    if criterion.broken_by(interval):
        return Verdict.FAIL, None
    if not criterion.kept_by(interval):
        return Verdict.INCONCLUSIVE, f"the deciding interval contains the bound ({side} {bound:g})"
    if claim.unassessed:
        return Verdict.INCONCLUSIVE, f"groups not compared: {'; '.join(claim.unassessed[:6])}"
    return Verdict.PASS, None


def _adjusted(findings: Sequence[Finding], own: Sequence[str | None], statistics: Statistics) -> tuple[Finding, ...]:
    """Adjust every test: those with a family of their own within it by Holm, the rest as the plan says."""
    import numpy as np

    from affidavit.statistics.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm

    corrections = {
        "holm": holm,
        "benjamini-hochberg": benjamini_hochberg,
        "benjamini-yekutieli": benjamini_yekutieli,
    }
    several = any(
        finding.test is not None and family is not None for finding, family in zip(findings, own, strict=True)
    )
    families: dict[tuple[str, str], list[int]] = {}
    for i, (finding, family) in enumerate(zip(findings, own, strict=True)):
        if finding.test is not None:
            named = (
                (family, "holm") if family else (_family(finding, statistics, several=several), statistics.screening)
            )
            families.setdefault(named, []).append(i)
    changed: dict[int, Finding] = {}
    for (family, correction), tested in families.items():
        adjusted = corrections[correction](np.array([_test(findings[i]).p_value for i in tested]))
        for i, p in zip(tested, adjusted, strict=True):
            changed[i] = _with_adjusted(findings[i], float(p), f"{family} ({len(tested)})", correction=correction)
    return tuple(changed.get(i, finding) for i, finding in enumerate(findings))


def _family(finding: Finding, statistics: Statistics, *, several: bool) -> str:
    if statistics.family == "report":
        return OTHERS if several else FAMILY
    return f"every test of {finding.examination}"


def _test(finding: Finding) -> SignificanceTest:
    if finding.test is None:
        raise ValueError(f"{finding.id} has no test")
    return finding.test


def _with_adjusted(finding: Finding, p_adjusted: float, family: str, *, correction: str) -> Finding:
    adjusted = {"p_adjusted": p_adjusted, "correction": correction, "family": family}
    test = SignificanceTest.model_validate(_test(finding).model_dump() | adjusted)
    return finding.model_copy(update={"test": test})
