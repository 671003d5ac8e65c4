"""The gaps that a report found in one metric, each beside what chance alone gives and the least that could be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from affidavit.records import Finding
from affidavit.report import AuditReport
from dashboards.choosing.choice import Choice
from reports.wording import (
    NOTHING,
    bound_text,
    chance_limit_text,
    count_text,
    detectable_text,
    features_name,
    figures,
    interval_text,
    metric_label,
    p_text,
    plain,
    scale_of,
    verdict_text,
    with_unit,
)

_MADE: Final = ("_difference", "_ratio", "_spread", "_difference_max", "_difference_macro")
_WORST: Final = "worst_group_"
_DECIDED: Final = frozenset({"Verdict", "Criterion"})


def gaps_of(findings: Sequence[Finding], choice: Choice) -> tuple[Finding, ...]:
    """Return the gaps of the chosen metric, run and condition, in the order of the findings."""
    made = {f"{choice.metric}{ending}" for ending in _MADE} | {f"{_WORST}{choice.metric}"}
    place = choice.run, choice.condition
    return tuple(
        finding
        for finding in findings
        if finding.compared is not None and (finding.run, finding.condition) == place and finding.metric in made
    )


def metrics_with_gaps(report: AuditReport, choice: Choice, metrics: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics of which the report has gaps in this run and condition."""
    place = choice.run, choice.condition
    found = {f.metric for f in report.findings if f.compared is not None and (f.run, f.condition) == place}
    return tuple(metric for metric in metrics if any(f"{metric}{ending}" in found for ending in _MADE))


def undecided_row(finding: Finding) -> Mapping[str, str]:
    """Return a gap that no policy was held against, as a line of a table."""
    return {name: cell for name, cell in gap_row(finding).items() if name not in _DECIDED}


def gap_row(finding: Finding) -> Mapping[str, str]:
    """Return a gap as a line of a table, in words."""
    scale, estimate = scale_of(finding.metric), finding.estimate
    null, least = finding.null_expectation, finding.minimum_detectable_effect
    ends = [end for end in (finding.lowest, finding.highest) if end is not None]
    criterion = finding.criterion
    return {
        "Gap": f"{metric_label(finding.metric)}{f' ({scale.unit})' if scale.unit else ''}",
        "Features": features_name(tuple(map(plain, finding.compared or ()))),
        "Verdict": verdict_text(finding.verdict),
        "Between (lowest, highest)": " and ".join(map(plain, ends)) or NOTHING,
        "Value": figures(estimate.value, scale),
        "Interval": interval_text(estimate.interval, scale) or plain(estimate.why_no_interval or NOTHING),
        "Chance alone, mean": NOTHING if null is None else figures(null.value, scale),
        "Chance alone, 95 % of draws": NOTHING if null is None else chance_limit_text(null, scale),
        "Smallest detectable": NOTHING if least is None else with_unit(detectable_text(least, scale), scale),
        "p adjusted": p_text(finding.test.p_adjusted if finding.test else None),
        "Rows": count_text(estimate.n),
        "Units": count_text(estimate.n_clusters),
        "Criterion": NOTHING if criterion is None else bound_text(criterion.at_most, criterion.at_least, scale),
    }
