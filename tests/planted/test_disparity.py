"""The auditor's own test: it finds a planted disparity, names the group, and stays silent on the clean twin."""

from pathlib import Path

import pytest

from affidavit.plan import AuditPlan
from affidavit.policy import Policy
from affidavit.records import Finding, Verdict
from affidavit.report import AuditReport, Decision
from affidavit.run import run_plan

ACCENTS = {"northern": 0.3, "southern": 0.25, "coastal": 0.25, "highland": 0.2}
POLICY = Policy.model_validate(
    {
        "version": 1,
        "name": "p",
        "title": "p",
        "statement": "p",
        "frozen_before_results": True,
        "criteria": [
            {"id": "gap", "metric": "accuracy_difference", "at_most": 0.1, "compared": ["accent"], "source": "test"}
        ],
    }
)


def audited(seed: int, *, n_speakers: int = 400, policy: Policy | None = POLICY, **options: object) -> AuditReport:
    plan = AuditPlan.model_validate(
        {
            "runs": {
                "r": {
                    "reasoner": {
                        "name": "simulator",
                        "options": {"n_speakers": n_speakers, "icc": 0.05, "accents": ACCENTS, **options},
                    }
                }
            },
            "by": ["accent"],
            "depth": 1,
            "seed": seed,
            "examinations": ["performance"],
            "statistics": {"n_resamples": 800, "n_permutations": 499},
        }
    )
    return run_plan(plan, folder=Path(), policy=policy)


def gaps(report: AuditReport) -> dict[str, Finding]:
    return {f.condition: f for f in report.findings if f.metric == "accuracy_difference"}


def test_a_planted_accent_gap_is_found_where_the_voice_is_heard_and_only_there() -> None:
    report = audited(1, accuracy_penalty={"accent": {"highland": {"audio": 0.25}}})
    found = gaps(report)
    assert report.decision is Decision.FAIL
    for condition, finding in found.items():
        heard = "A" in condition
        assert (finding.verdict is Verdict.FAIL) == heard, condition
        assert finding.test is not None
        assert finding.test.p_adjusted is not None
        assert (finding.test.p_adjusted < 0.01) == heard, condition
        assert finding.estimate.interval is not None
        truth = 0.25 if heard else 0.0
        assert finding.estimate.interval.low <= truth <= finding.estimate.interval.high
        if heard:
            assert finding.lowest == "highland"


@pytest.mark.parametrize("seed", range(3))
def test_the_clean_twin_is_silent(seed: int) -> None:
    report = audited(seed)
    assert report.decision is not Decision.FAIL
    for finding in gaps(report).values():
        assert finding.test is not None
        assert (finding.test.p_adjusted or 0) > 0.05
        assert finding.verdict is not Verdict.FAIL


def test_enough_speakers_let_the_clean_twin_pass() -> None:
    report = audited(5, n_speakers=2500)
    assert {finding.verdict for finding in gaps(report).values()} == {Verdict.PASS}
    assert report.decision is Decision.PASS


@pytest.mark.slow
def test_the_family_errs_as_rarely_as_declared() -> None:
    """Over clean twins: any adjusted p <= 0.05, or any interval without the truth, in about 5 % of reports at most."""
    reports, false_alarms, missed = 60, 0, 0
    for seed in range(reports):
        report = audited(1000 + seed, n_speakers=120, policy=None)
        found = [f for f in report.findings if f.test is not None]
        false_alarms += any((f.test.p_adjusted or 1) <= 0.05 for f in found if f.test)
        missed += any(f.estimate.interval is not None and f.estimate.interval.low > 0 for f in gaps(report).values())
    assert false_alarms / reports <= 0.05 + 3 * (0.05 * 0.95 / reports) ** 0.5
    assert missed / reports <= 7 * 0.05 + 3 * (0.35 * 0.65 / reports) ** 0.5
