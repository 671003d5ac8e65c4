"""The gate says what the audit said; with another policy nothing that the audit itself would not have said."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import pytest

from affidavit import audit
from affidavit.plan import AuditPlan, Choice, RunSource, Statistics
from affidavit.policy import Criterion, Policy
from affidavit.records import Finding, Verdict
from affidavit.report import AuditReport
from affidavit.testing import predictions_frame
from reports.gate.gating import OF_VERDICT, Gate, Held, Outcome, gate
from reports.gate.waivers import Waiver

TODAY = date(2026, 3, 1)


def criterion(name: str = "floor", **asked: Any) -> Criterion:
    return Criterion.model_validate({"id": name, "metric": "accuracy", "at_least": 0.5, "source": "a test", **asked})


def policy(*criteria: Criterion, name: str = "tested") -> Policy:
    return Policy(version=1, name=name, title="T", statement="S", frozen_before_results=True, criteria=criteria)


def audited(*criteria: Criterion) -> AuditReport:
    plan = AuditPlan(
        runs={"predictions": RunSource(table="table")},
        by=("accent",),
        examinations=(Choice(name="performance"),),
        statistics=Statistics(n_resamples=200, n_permutations=99),
    )
    return audit(predictions_frame(), "accent", policy=policy(*criteria) if criteria else None, plan=plan)


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return audited(criterion(), criterion("gap", metric="accuracy_difference", at_least=None, at_most=0.1))


def held(report: AuditReport, *criteria: Criterion, demand: bool = False, waivers: tuple[Waiver, ...] = ()) -> Gate:
    return gate(report, policy(*criteria), waivers, today=TODAY, every_answer_demanded=demand)


def by_finding(found: Gate) -> dict[str, Held]:
    return {one.finding.id.partition("#")[0]: one for one in found.held if one.finding is not None}


def waiver(**told: Any) -> Waiver:
    known = {
        "criterion": "floor",
        "owner": "Ada",
        "reason": "until the new microphones arrive",
        "granted": "2026-02-01",
        "expires": "2026-04-01",
        "approved_by": "Jo",
    }
    return Waiver.model_validate({**known, **told})


def test_under_its_own_policy_the_verdicts_are_the_audits(report: AuditReport, full: AuditReport) -> None:
    for one in (report, full):
        assert one.policy is not None
        found = gate(one, one.policy, today=TODAY)
        bound = {finding.id: finding for finding in one.findings if finding.criterion is not None}
        said = {item.finding.id: item.outcome for item in found.held if item.finding is not None}
        assert said == {name: OF_VERDICT[finding.verdict] for name, finding in bound.items()}
        assert len(bound) > 5


@pytest.mark.slow
@pytest.mark.parametrize("bound", [0.05, 0.3, 0.55, 0.62, 0.66, 0.7, 0.74, 0.8, 0.95])
@pytest.mark.parametrize("old", [0.3, 0.6, 0.7, 0.9])
def test_another_bound_never_decides_what_an_audit_under_it_would_not(old: float, bound: float) -> None:
    """The twin is the audit itself, made again under the new policy: where the gate decides, it decides the same."""
    new = criterion(at_least=bound)
    anew = {one.id: one for one in audited(new).findings if one.criterion is not None}
    before = audited(criterion(at_least=old))
    found = by_finding(held(before, new))
    assert found.keys() == anew.keys()
    for name, one in found.items():
        if one.outcome in (Outcome.PASSED, Outcome.FAILED):
            assert one.outcome is OF_VERDICT[anew[name].verdict]
    if bound <= old:
        passed = {one.id for one in before.findings if one.verdict is Verdict.PASS}
        assert {name for name, one in found.items() if one.outcome is Outcome.PASSED} >= passed


def test_a_bound_that_was_not_passed_is_not_passed_by_loosening_it_alone(report: AuditReport) -> None:
    missed = [
        one for one in report.findings if one.verdict is Verdict.INCONCLUSIVE and one.metric == "accuracy_difference"
    ]
    loose = by_finding(held(report, criterion("gap", metric="accuracy_difference", at_least=None, at_most=1.0)))
    assert missed
    for one in missed:
        assert loose[one.id].outcome is Outcome.INCONCLUSIVE
        assert "did not vouch for every group" in str(loose[one.id].because)


def test_more_decisions_than_the_audit_took_are_not_assessed(report: AuditReport) -> None:
    one = criterion(scope="everybody")
    few = audited(one)
    again = gate(few, policy(one, name="renamed"), today=TODAY)
    assert {item.outcome for item in again.held} <= {Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE}
    more = held(few, one, criterion("higher", at_least=0.6, scope="everybody"))
    assert {item.outcome for item in more.held} == {Outcome.NOT_ASSESSED}
    assert all("too narrow" in str(item.because) for item in more.held)
    undecidable = held(few, one, criterion("recall", metric="unweighted_average_recall"))
    decided = [item for item in undecidable.held if item.criterion.id == "floor"]
    assert {item.outcome for item in decided} == {item.outcome for item in again.held}


def test_what_was_never_held_against_a_criterion_is_not_assessed(report: AuditReport) -> None:
    found = held(audited(), criterion())
    assert {item.outcome for item in found.held} == {Outcome.NOT_ASSESSED}
    assert all("held it against no criterion" in str(item.because) for item in found.held)
    assert found.exit_code == 0
    assert held(audited(), criterion(), demand=True).exit_code == 3


def test_a_criterion_that_binds_nothing_is_not_assessed_and_says_what_was_refused(full: AuditReport) -> None:
    (one,) = held(full, criterion(metric="flip_rate")).held
    assert one.finding is None
    assert one.outcome is Outcome.NOT_ASSESSED
    assert str(one.because).startswith("no finding of this audit is flip_rate")
    assert full.refusals[0].because in str(one.because)


@pytest.mark.parametrize(
    ("asked", "demand", "code"),
    [
        ({"at_least": 0.05}, False, 0),
        ({"at_least": 0.05}, True, 0),
        ({"at_least": 0.99}, False, 1),
        ({"at_least": 0.99}, True, 1),
        ({"at_least": 0.7}, False, 0),
        ({"at_least": 0.7}, True, 3),
        ({"at_least": 0.7, "answer_demanded": True}, False, 3),
        ({"metric": "flip_rate"}, False, 0),
        ({"metric": "flip_rate", "answer_demanded": True}, False, 3),
    ],
)
def test_exit_codes(asked: dict[str, Any], demand: bool, code: int) -> None:
    only = criterion(scope="everybody", **asked)
    known = only if only.metric == "accuracy" else criterion(scope="everybody")
    assert held(audited(known), only, demand=demand).exit_code == code


def test_a_failure_is_worse_than_a_missing_answer(report: AuditReport) -> None:
    high, unknown = criterion(at_least=0.99), criterion("flips", metric="flip_rate", answer_demanded=True)
    assert held(audited(high), high, unknown).exit_code == 1


@pytest.mark.parametrize(
    ("change", "code", "idle"),
    [
        ({}, 0, None),
        ({"granted": "2026-03-01"}, 0, None),
        ({"granted": "2026-03-02"}, 1, "not in force before 2026-03-02"),
        ({"expires": "2026-03-02"}, 0, None),
        ({"expires": "2026-03-01"}, 1, "expired on 2026-03-01"),
        ({"criterion": "ceiling"}, 1, "it speaks of nothing that this policy asks"),
        ({"finding": "another"}, 1, "it speaks of nothing that this policy asks"),
    ],
)
def test_a_waiver_holds_for_what_it_names_and_while_it_is_in_force(
    change: dict[str, Any], code: int, idle: str | None
) -> None:
    high = criterion(at_least=0.99, scope="everybody")
    one = waiver(**change)
    found = held(audited(high), high, waivers=(one,))
    assert found.exit_code == code
    assert [why for _, why in found.idle] == ([] if idle is None else [idle])
    assert all(item.outcome is Outcome.FAILED for item in found.held), "what is waived is not hidden"
    assert all((item.waiver is one) == (idle is None) for item in found.held)


def test_a_waiver_of_one_finding_lets_no_other_through() -> None:
    high = criterion(at_least=0.99)
    before = audited(high)
    ids = [finding.id for finding in before.findings if finding.verdict is Verdict.FAIL]
    assert len(ids) > 1
    found = held(before, high, waivers=(waiver(finding=ids[0]),))
    assert found.exit_code == 1
    assert {name for name, item in by_finding(found).items() if item.waiver is not None} == {ids[0]}
    assert held(before, high, waivers=tuple(waiver(finding=name) for name in ids)).exit_code == 0


def test_a_missing_answer_is_waived_too_and_a_waiver_of_a_pass_is_idle() -> None:
    unknown = criterion("flips", metric="flip_rate", answer_demanded=True)
    low = criterion(at_least=0.05, scope="everybody")
    before = audited(low)
    assert held(before, low, unknown, waivers=(waiver(criterion="flips"),)).exit_code == 0
    found = held(before, low, waivers=(waiver(),))
    assert [why for _, why in found.idle] == ["nothing that it speaks of stops the gate"]


def test_findings_that_two_criteria_bind_are_told_apart() -> None:
    both = (criterion(scope="everybody"), criterion("high", at_least=0.99, scope="everybody"))
    found = held(audited(*both), *both)
    outcomes = {(item.criterion.id, item.outcome) for item in found.held}
    conditions = {finding.condition for item in found.held if (finding := item.finding) is not None}
    assert outcomes == {("floor", Outcome.PASSED), ("high", Outcome.FAILED)}
    assert len(found.held) == len(list(product(both, conditions)))


def test_every_finding_is_held_once(full: AuditReport) -> None:
    assert full.policy is not None
    found = gate(full, full.policy, today=TODAY)
    keys = [(item.criterion.id, _id(item.finding)) for item in found.held]
    assert len(keys) == len(set(keys))


def _id(finding: Finding | None) -> str | None:
    return None if finding is None else finding.id
