"""A channel that was made worse for one accent is named, the other channels are not, and the clean twin is silent."""

from pathlib import Path
from typing import Any

import pytest

from affidavit.plan import AuditPlan, RunSource
from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.run import examine
from affidavit.sources import load_run
from audit.conditions import robustness
from audit.modalities import disparity

ACCENTS = {"northern": 0.3, "southern": 0.25, "coastal": 0.25, "highland": 0.2}


def examined(seed: int, examination: Any, **options: Any) -> tuple[Finding, ...]:
    lean = dict.fromkeys(("probabilities", "intensity", "weights", "rationales"), False)
    chosen = {"n_speakers": 240, "icc": 0.05, "accents": ACCENTS} | lean | options
    source = {"reasoner": {"name": "simulator", "options": chosen}}
    plan = AuditPlan.model_validate(
        {
            "runs": {"r": source},
            "by": ["accent"],
            "depth": 1,
            "seed": seed,
            "statistics": {"n_resamples": 200, "n_permutations": 199},
        }
    )
    loaded = load_run("r", RunSource.model_validate(source), plan, Path(), silent)
    return examine(plan, loaded, examinations=[(examination, {})], policy=None).findings


def bounds(finding: Finding) -> tuple[float, float]:
    assert finding.estimate.interval is not None
    return finding.estimate.interval.low, finding.estimate.interval.high


@pytest.mark.parametrize("seed", range(2))
def test_an_accent_that_is_misheard_loses_by_the_audio_and_by_nothing_else(seed: int) -> None:
    planted = {"accent": {"highland": {"audio": 0.2}}}
    findings = examined(seed, disparity.EXAMINATION, accuracy_penalty=planted)
    for stem in ("accuracy", "unweighted_average_recall"):
        pair = {f.metric: f for f in findings if f.compared == ("accent",) and f.metric.startswith(f"{stem}_")}
        assert pair[f"{stem}_difference_all_modalities"].lowest == "highland"
        for name, truth in (("text", 0.0), ("audio", 0.2), ("video", 0.0)):
            low, high = bounds(pair[f"{stem}_difference_borne_by_{name}"])
            assert low <= truth <= high, name
            assert (low > 0) == (name == "audio"), name
        assert bounds(pair[f"{stem}_difference_change_without_audio"])[1] < 0, "without audio the gap closes"
        for name, borne in (("text", False), ("audio", True), ("video", False)):
            metric = f"{stem}_shortfall_borne_by_{name}"
            mine = next(f for f in findings if f.metric == metric and f.groups == {"accent": "highland"})
            assert (bounds(mine)[0] > 0) == borne, name
    tested = {f.metric: f.test for f in findings if f.test is not None}
    heard = tested["accuracy_difference_borne_by_audio"]
    assert heard.p_adjusted is not None
    assert heard.p_adjusted < 0.01


@pytest.mark.parametrize("seed", range(2))
def test_the_clean_twin_is_silent(seed: int) -> None:
    findings = examined(seed, disparity.EXAMINATION)
    for finding in findings:
        if "borne_by" in finding.metric:
            low, high = bounds(finding)
            assert low <= 0 <= high, finding.id
        if finding.test is not None:
            assert (finding.test.p_adjusted or 0) > 0.05, finding.id


@pytest.mark.slow
def test_clean_twins_are_silent_as_often_as_declared() -> None:
    """Over clean twins: any share of the picked pair, and any test, that speaks up."""
    n, shares, tests = 100, 0, 0
    for seed in range(500, 500 + n):
        findings = [f for f in examined(seed, disparity.EXAMINATION, n_speakers=100) if f.compared]
        borne = [bounds(f) for f in findings if f.metric.startswith("accuracy_difference_borne")]
        shares += any(not low <= 0 <= high for low, high in borne)
        tests += any((f.test.p_adjusted or 1) <= 0.05 for f in findings if f.test is not None)
    most = 0.05 + 3 * (0.05 * 0.95 / n) ** 0.5
    assert shares / n <= most
    assert tests / n <= most


NOISE = {"TAV": 0.72, "TAV/noise=10dB": 0.65, "TAV/noise=0dB": 0.55}


def test_noise_that_costs_everybody_the_same_widens_nothing() -> None:
    findings = examined(3, robustness.EXAMINATION, conditions=list(NOISE), accuracy=NOISE)
    lost = {f.condition: f for f in findings if f.metric == "accuracy_loss" and not f.groups}
    for condition, truth in (("TAV/noise=10dB", 0.07), ("TAV/noise=0dB", 0.17)):
        low, high = bounds(lost[condition])
        assert low <= truth <= high
    for finding in findings:
        if finding.compared:
            low, high = bounds(finding)
            assert low <= 0 <= high, finding.id
        if finding.test is not None:
            assert (finding.test.p_adjusted or 0) > 0.05, finding.id
