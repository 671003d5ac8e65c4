"""Tests with a family of their own, and refusals that concern runs together."""

import numpy as np
import pytest

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.plan import Statistics, Task
from affidavit.records import Estimate, Finding, Refusal, SignificanceTest, Verdict
from affidavit.statistics.multiplicity import benjamini_yekutieli, holm
from affidavit.testing import case_of, predictions_frame
from affidavit.verdicts import FAMILY, decide


def claim(name: str, p_value: float | None, family: str | None = None) -> Claim:
    test = None if p_value is None else SignificanceTest(null="n", p_value=p_value, method="m")
    finding = Finding(
        id=name,
        examination=name.split("-")[0],
        method_version="1",
        metric="m",
        higher_is_better=None,
        run="run",
        condition="TAV",
        groups={},
        estimate=Estimate(value=None, why_no_interval="none", n=0, n_clusters=None),
        test=test,
        verdict=Verdict.INCONCLUSIVE,
        source="s",
    )
    return Claim(finding=finding, family=family)


OWN = [0.001, 0.02, 0.03]
REST = [0.004, 0.01]


def test_a_family_of_its_own_is_adjusted_by_holm_and_the_rest_as_the_plan_says() -> None:
    claims = [claim(f"own-{i}", p, "the family") for i, p in enumerate(OWN)]
    claims += [claim(f"rest-{i}", p) for i, p in enumerate(REST)]
    claims += [claim("own-none", None, "the family")]
    tests = {finding.id: finding.test for finding in decide(claims, None, Statistics())}
    own, rest = ([tests[f"{kind}-{i}"] for i in range(n)] for kind, n in (("own", 3), ("rest", 2)))
    assert [t.p_adjusted for t in own if t] == pytest.approx(holm(np.array(OWN)).tolist())
    assert [t.p_adjusted for t in rest if t] == pytest.approx(benjamini_yekutieli(np.array(REST)).tolist())
    assert {(t.family, t.correction) for t in own if t} == {("the family (3)", "holm")}
    assert {(t.family, t.correction) for t in rest if t} == {
        ("every test of this report that has no family of its own (2)", "benjamini-yekutieli")
    }
    assert tests["own-none"] is None


def test_without_such_families_the_report_is_one() -> None:
    findings = decide([claim("a", 0.01), claim("b", 0.02)], None, Statistics(screening="holm"))
    assert {f.test.family for f in findings if f.test} == {f"{FAMILY} (2)"}


def test_an_own_family_goes_before_that_of_the_examination() -> None:
    claims = [claim("a-1", 0.01, "mine"), claim("a-2", 0.02), claim("b-1", 0.03)]
    findings = decide(claims, None, Statistics(family="examination"))
    assert [f.test.family for f in findings if f.test] == ["mine (1)", "every test of a (1)", "every test of b (1)"]


def together(case: Case) -> Refusal | None:
    return (
        Refusal(examination="x", because=f"{len(case.runs)} runs", remedy="bring two") if len(case.runs) < 2 else None
    )


def test_reasons_that_no_single_run_has_refuse_the_case() -> None:
    examination = FunctionExamination(
        name="x",
        title="X",
        method_version="1",
        access=("table",),
        metrics=frozenset({"m"}),
        tasks=frozenset({Task.MULTICLASS}),
        function=lambda case: Testimony(),
        together=together,
    )
    case = case_of(predictions_frame())
    refusal = examination.refuses(case)
    assert refusal is not None
    assert refusal.because == "1 runs"
    assert examination.refusals(case) == ()
