"""One finding in one line: what it speaks of, what was found, what it was held to; for formats without tables.

Law: every word and number comes from `reports.wording`, so JUnit, OSCAL and the model card print what the page does.
"""

from __future__ import annotations

from affidavit.records import Finding
from reports.wording import (
    bound_text,
    counted,
    digits_apart,
    features_name,
    figures,
    group_name,
    interval_text,
    metric_label,
    plain,
    scale_of,
    with_unit,
)


def whom(finding: Finding) -> str:
    """Return whom a finding speaks of: a group, everybody, or the groups between which there is a gap."""
    if finding.compared is not None:
        ends = f", {finding.lowest} to {finding.highest}" if finding.lowest and finding.highest else ""
        return plain(f"across {features_name(finding.compared)}{ends}")
    return plain(group_name(finding.groups))


def subject(finding: Finding) -> str:
    """Return what was measured of whom, under which condition."""
    return plain(f"{metric_label(finding.metric)}, {whom(finding)} (run {finding.run}, condition {finding.condition})")


def value_line(finding: Finding) -> str:
    """Return the estimate with unit and interval, at the precision at which the criteria's tables print it."""
    scale, digits = scale_of(finding.metric), digits_apart(finding, scale_of(finding.metric))
    value = with_unit(figures(finding.estimate.value, scale, digits=digits), scale)
    return f"{value} {interval_text(finding.estimate.interval, scale, digits=digits)}".strip()


def basis_line(finding: Finding) -> str:
    """Return how many rows and units stand behind the estimate, and why it has no interval where it has none."""
    estimate = finding.estimate
    units = "units not known" if estimate.n_clusters is None else counted(estimate.n_clusters, "unit")
    why = f"; no interval: {estimate.why_no_interval}" if estimate.why_no_interval else ""
    return plain(f"{counted(estimate.n, 'row')}, {units}{why}")


def criterion_line(finding: Finding) -> str:
    """Return the bound, the interval that decided, and whose bound it is; nothing where there is none."""
    outcome = finding.criterion
    if outcome is None:
        return ""
    scale = scale_of(finding.metric)
    bound = bound_text(outcome.at_most, outcome.at_least, scale)
    deciding = interval_text(outcome.adjusted_interval, scale, digits=digits_apart(finding, scale))
    decided = f", deciding interval {deciding}" if deciding else ", no deciding interval"
    return plain(f"criterion {outcome.id}: {bound}{decided}; source {outcome.source}")


def sentence(finding: Finding) -> str:
    """Return a finding as one line: subject, estimate, basis, criterion and reason."""
    because = f"; because {finding.because}" if finding.because else ""
    criterion = f"; {criterion_line(finding)}" if finding.criterion else ""
    return plain(f"{subject(finding)}: {value_line(finding)}; {basis_line(finding)}{criterion}{because}")
