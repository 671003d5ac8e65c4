"""Tests with a family of their own, and refusals that concern runs together."""

import numpy as np
import pytest
from scipy.special import ndtr

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


def test_of_a_report_without_any_effect_hardly_a_test_says_otherwise_however_many_examinations_it_has() -> None:
    """Decision 006: one family holds the report's error; a family each does not, and is no default."""
    rng, n_reports, n_examinations, size = np.random.default_rng(0), 600, 20, 40
    said = {"report": 0, "examination": 0}
    for _ in range(n_reports):
        shared = np.repeat(rng.normal(size=n_examinations), size)  # tests of an examination share their units
        z = np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.normal(size=n_examinations * size)
        p = 2 * ndtr(-np.abs(z))
        said["report"] += benjamini_yekutieli(p).min() <= 0.05
        said["examination"] += min(benjamini_yekutieli(part).min() for part in np.split(p, n_examinations)) <= 0.05
    rates = {family: count / n_reports for family, count in said.items()}
    assert rates["report"] <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n_reports)
    assert rates["examination"] > 0.12, "why it is said to hold within an examination only"


def test_the_report_is_one_family_unless_the_plan_says_otherwise() -> None:
    assert (Statistics().family, Statistics().screening) == ("report", "benjamini-yekutieli")
    claims = [claim(f"{name}-{i}", 0.001 * (i + 1)) for name in ("a", "b") for i in range(3)]
    adjusted = {
        family: [f.test.p_adjusted for f in decide(claims, None, Statistics(family=family)) if f.test]
        for family in ("report", "examination")
    }
    p = np.array([0.001, 0.002, 0.003])
    assert adjusted["report"] == pytest.approx(benjamini_yekutieli(np.tile(p, 2)).tolist())
    assert adjusted["examination"] == pytest.approx(np.tile(benjamini_yekutieli(p), 2).tolist())


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
