"""Simulated judgements: an accent whose errors are drawn to one label is made alike, its clean twin is let be."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from affidavit.plan import AuditPlan
from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.report import AuditReport
from affidavit.run import examine
from affidavit.sources import load_run
from audit.mitigation.examination import EXAMINATION as MITIGATION
from audit.mitigation.leakage_probe import EXAMINATION as LEAKAGE

ATTRACTED = {"feature": "accent", "level": "highland", "label": "sadness", "share": 0.9}


@cache
def audited(planted: bool) -> AuditReport:
    options = {
        "n_speakers": 200,
        "conditions": ["TAV"],
        "accuracy": {"TAV": 0.55},
        "labels": ["anger", "joy", "neutral", "sadness"],
        "accents": {"northern": 1, "coastal": 1, "highland": 1},
        **({"attractor": ATTRACTED} if planted else {}),
    }
    plan = AuditPlan.model_validate(
        {
            "runs": {"r": {"reasoner": {"name": "simulator", "options": options}}},
            "by": ["accent"],
            "depth": 1,
            "statistics": {"n_resamples": 400, "n_permutations": 199},
        }
    )
    loaded = load_run("r", plan.runs["r"], plan, Path(), silent)
    chosen = [(MITIGATION, {"interventions": ["stacking", "reweighing", "parity-offsets"]}), (LEAKAGE, {})]
    return examine(plan, loaded, examinations=chosen, policy=None)


def finding(planted: bool, metric: str) -> Finding:
    (found,) = [f for f in audited(planted).findings if f.metric == metric]
    return found


def test_the_planted_gap_is_narrowed_on_held_out_speakers_and_its_price_is_told() -> None:
    change = finding(True, "parity_offsets_demographic_parity_change")
    assert (change.highest, change.label) == ("highland", "sadness")
    assert change.estimate.interval is not None
    assert change.estimate.interval.high < -0.05
    assert "it narrowed the gap on held-out units" in change.caveats
    price = finding(True, "parity_offsets_accuracy_change").estimate
    assert price.interval is not None
    assert price.interval.high < 0.05


def test_the_clean_twin_has_no_gap_to_narrow() -> None:
    change = finding(False, "parity_offsets_demographic_parity_change")
    assert any(caveat.startswith("no gap between them is shown") for caveat in change.caveats)
    assert finding(False, "parity_offsets_accuracy_change").estimate.interval is not None


@pytest.mark.parametrize("planted", [True, False])
def test_the_probe_tells_the_planted_accent_and_not_that_of_the_twin(planted: bool) -> None:
    told = finding(planted, "leakage_balanced_accuracy")
    assert told.test is not None
    assert (told.test.p_value < 0.01) == planted
