from dataclasses import replace

import pytest

from affidavit.errors import PolicyError
from affidavit.examinations import Claim
from affidavit.plan import Statistics
from affidavit.policy import Criterion, Policy, read_policy
from affidavit.records import Estimate, Finding, Interval, SignificanceTest, Verdict
from affidavit.report import Decision
from affidavit.verdicts import check_policy, decide, overall

POLICY = {"version": 1, "name": "p", "title": "p", "statement": "p", "frozen_before_results": True}


def claim(
    metric: str = "gap", half: float = 0.01, value: float = 0.1, p: float | None = None, **fields: object
) -> Claim:
    def interval_at(level: float) -> Interval:
        width = half * (1 + 10 * (0.95 - min(level, 0.95)) + 100 * max(level - 0.95, 0))
        return Interval(low=value - width, high=value + width, level=level, method="test")

    finding = Finding(
        id=str(fields.pop("id", metric)),
        examination="e",
        method_version="1",
        metric=metric,
        higher_is_better=False,
        run="r",
        condition="TAV",
        groups=fields.pop("groups", {}),
        compared=fields.pop("compared", ("accent",)),
        estimate=Estimate(value=value, interval=interval_at(0.95), n=10, n_clusters=5),
        test=None if p is None else SignificanceTest(null="n", p_value=p, method="m"),
        verdict=Verdict.INFORMATIVE,
        source="s",
    )
    return Claim(finding=finding, interval_at=interval_at, unassessed=tuple(fields.pop("unassessed", ())))


def policy(**criterion: object) -> Policy:
    return Policy.model_validate(POLICY | {"criteria": [{"id": "c", "metric": "gap", "source": "s"} | criterion]})


@pytest.mark.parametrize(
    ("criterion", "verdict"),
    [
        ({"at_most": 0.2}, Verdict.PASS),
        ({"at_most": 0.05}, Verdict.FAIL),
        ({"at_most": 0.1}, Verdict.INCONCLUSIVE),
        ({"at_least": 0.05}, Verdict.PASS),
        ({"at_least": 0.2}, Verdict.FAIL),
        ({"at_least": 0.105}, Verdict.INCONCLUSIVE),
    ],
)
def test_the_whole_interval_decides(criterion: dict[str, float], verdict: Verdict) -> None:
    chosen = policy(**criterion)
    findings = decide([claim()], chosen, Statistics())
    assert findings[0].verdict is verdict
    assert overall(findings, chosen) == {"pass": Decision.PASS, "fail": Decision.FAIL}.get(
        verdict, Decision.INCONCLUSIVE
    )


def test_many_decisions_widen_the_deciding_interval() -> None:
    alone = decide([claim()], policy(at_most=0.115), Statistics())
    crowd = decide([claim(id=str(i)) for i in range(50)], policy(at_most=0.115), Statistics())
    assert alone[0].verdict is Verdict.PASS
    assert {finding.verdict for finding in crowd} == {Verdict.INCONCLUSIVE}
    outcome = crowd[0].criterion
    assert outcome is not None
    assert outcome.adjusted_interval is not None
    assert (outcome.family_size, outcome.adjusted_interval.level) == (50, pytest.approx(0.999))


def test_a_group_too_small_to_be_compared_forbids_a_pass_but_not_a_failure() -> None:
    small = claim(unassessed=("Welsh",))
    assert decide([small], policy(at_most=0.2), Statistics())[0].verdict is Verdict.INCONCLUSIVE
    assert "Welsh" in (decide([small], policy(at_most=0.2), Statistics())[0].because or "")
    assert decide([small], policy(at_most=0.05), Statistics())[0].verdict is Verdict.FAIL


def test_without_a_policy_there_is_no_decision() -> None:
    findings = decide([claim()], None, Statistics())
    assert findings[0].verdict is Verdict.INFORMATIVE
    assert overall(findings, None) is Decision.NONE


def test_a_criterion_binds_what_it_names() -> None:
    gap, value, group = claim(), claim("acc", compared=None), claim("acc", compared=None, groups={"accent": "x"})
    assert Criterion(id="c", metric="gap", at_most=1, compared=("accent",), source="s").binds(
        gap.finding, fullest="TAV"
    )
    assert not Criterion(id="c", metric="gap", at_most=1, compared=("age",), source="s").binds(
        gap.finding, fullest="TAV"
    )
    assert not Criterion(id="c", metric="gap", at_most=1, conditions=("A",), source="s").binds(
        gap.finding, fullest="TAV"
    )
    assert not Criterion(id="c", metric="gap", at_most=1, conditions="fullest", source="s").binds(
        gap.finding, fullest="A"
    )
    both = claim(compared=("accent", "age"))
    assert not Criterion(id="c", metric="gap", at_most=1, intersections=False, source="s").binds(
        both.finding, fullest="TAV"
    )
    for scope, binds in (("all", (True, True)), ("everybody", (True, False)), ("groups", (False, True))):
        criterion = Criterion(id="c", metric="acc", at_least=0, scope=scope, source="s")
        assert (criterion.binds(value.finding, fullest="TAV"), criterion.binds(group.finding, fullest="TAV")) == binds


def test_a_metric_that_is_not_computed_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(PolicyError, match="did you mean 'gap'"):
        check_policy(policy(metric="gpa", at_most=0.1), frozenset({"gap", "accuracy"}))


def test_a_criterion_that_binds_nothing_is_an_error() -> None:
    with pytest.raises(PolicyError, match="binds no finding"):
        decide([claim()], policy(at_most=0.1, compared=("age",)), Statistics())


def test_every_test_is_adjusted_over_the_whole_report() -> None:
    claims = [claim(id=str(i), p=p) for i, p in enumerate((0.01, 0.02, 0.5))]
    adjusted = [f.test.p_adjusted for f in decide(claims, None, Statistics(screening="holm")) if f.test]
    assert adjusted == pytest.approx([0.03, 0.04, 0.5])


def test_a_family_may_be_an_examination() -> None:
    first, second = claim(id="a", p=0.01), claim(id="b", p=0.02)
    other = Claim(finding=second.finding.model_copy(update={"examination": "f"}))
    findings = decide([first, other], None, Statistics(screening="holm", family="examination"))
    assert [f.test.p_adjusted for f in findings if f.test] == pytest.approx([0.01, 0.02])
    assert [f.test.family for f in findings if f.test] == ["every test of e (1)", "every test of f (1)"]


def test_two_criteria_on_one_metric_are_two_findings() -> None:
    both = Policy.model_validate(
        POLICY
        | {
            "criteria": [
                {"id": "soft", "metric": "gap", "at_most": 0.2, "source": "s"},
                {"id": "hard", "metric": "gap", "at_most": 0.05, "source": "s"},
            ]
        }
    )
    findings = decide([claim()], both, Statistics())
    assert [(f.id, f.verdict) for f in findings] == [("gap#soft", Verdict.PASS), ("gap#hard", Verdict.FAIL)]


def test_the_starter_policy_calls_nothing_legal_and_names_its_sources(tmp_path) -> None:  # noqa: ANN001
    starter = read_policy("starter", folder=tmp_path)
    assert all(criterion.source for criterion in starter.criteria)
    assert "No bound here is a legal threshold" in starter.statement


def test_what_a_test_had_to_say_is_kept_beside_the_verdict() -> None:
    tested = claim(p=0.001)
    refuted = replace(tested, finding=tested.finding.model_copy(update={"because": "the promise is refuted"}))
    (finding,) = decide([refuted], policy(at_most=0.1), Statistics())
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.because is not None
    assert finding.because.endswith("; the promise is refuted")
