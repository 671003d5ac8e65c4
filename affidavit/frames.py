"""Findings as a frame, one row each, for people who go on working with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from affidavit.records import Finding
    from affidavit.report import AuditReport


def findings_frame(report: AuditReport) -> pd.DataFrame:
    """Return the findings: place, ends of a gap, value, interval, n, verdict and the bound that it was held to.

    One column per feature of the plan; empty where a finding has no such part.
    """
    return pd.DataFrame([_row(finding, report.plan.by) for finding in report.findings])


def _row(finding: Finding, by: tuple[str, ...]) -> dict[str, object]:
    estimate, interval, test = finding.estimate, finding.estimate.interval, finding.test
    return {
        "run": finding.run,
        "examination": finding.examination,
        "metric": finding.metric,
        "condition": finding.condition,
        **{feature: finding.groups.get(feature) for feature in by},
        "compared": " x ".join(finding.compared or ()) or None,
        "lowest": finding.lowest,
        "highest": finding.highest,
        "label": finding.label,
        "value": estimate.value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "level": None if interval is None else interval.level,
        "method": None if interval is None else interval.method,
        "why_no_interval": estimate.why_no_interval,
        "n": estimate.n,
        "n_clusters": estimate.n_clusters,
        "expected_by_chance": None if finding.null_expectation is None else finding.null_expectation.value,
        "p_value": None if test is None else test.p_value,
        "p_adjusted": None if test is None else test.p_adjusted,
        "verdict": str(finding.verdict),
        "criterion": None if finding.criterion is None else finding.criterion.id,
        "at_most": None if finding.criterion is None else finding.criterion.at_most,
        "at_least": None if finding.criterion is None else finding.criterion.at_least,
        "because": finding.because,
        "id": finding.id,
    }
