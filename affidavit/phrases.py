"""Numbers in sentences: a value with its unit and interval, told as the metric's name says that it is to be told."""

from __future__ import annotations

from typing import Final

from affidavit.metric_names import Kind, read
from affidavit.records import Estimate, Finding, Interval

_PEOPLE: Final = ("Jaccard", "Jensen", "Krippendorff", "Theil")
"""Names begin with a capital anywhere."""


def name_in_sentence(metric: str) -> str:
    """Return what a metric is called in the middle of a sentence.

    >>> name_in_sentence("macro_f1_change"), name_in_sentence("unweighted_average_recall")
    ('macro F1, change', 'unweighted average recall')
    """
    label = read(metric).label
    return label if label[:2].isupper() or label.startswith(_PEOPLE) else f"{label[:1].lower()}{label[1:]}"


def number(value: float, metric: str) -> str:
    """Return a number of a metric with its unit: rates in percent, differences of rates in points.

    >>> number(0.1234, "accuracy"), number(0.1234, "accuracy_difference"), number(0.8, "accuracy_ratio")
    ('12.3 %', '12.3 points', '0.800')
    """
    unit = {Kind.RATE: " %", Kind.DIFFERENCE: " points"}.get(read(metric).kind, "")
    return f"{plain_number(value, metric)}{unit}"


def plain_number(value: float, metric: str) -> str:
    """Return a number of a metric as `number` does, without its unit; what rounds to zero has no sign.

    >>> plain_number(-0.0004, "accuracy_difference")
    '0.0'
    """
    kind = read(metric).kind
    if kind is Kind.COUNT:
        return f"{value:,.0f}"
    text = f"{value:.3f}" if kind is Kind.PLAIN else f"{100 * value:.1f}"
    return text if float(text) else text.lstrip("-")


def between(interval: Interval, metric: str) -> str:
    """Return both ends of an interval without brackets."""
    return f"{plain_number(interval.low, metric)} to {plain_number(interval.high, metric)}"


def told(estimate: Estimate, metric: str) -> str:
    """Return a value with its unit and its interval in brackets, or the reason why one is missing."""
    if estimate.value is None:
        return f"undefined ({estimate.why_no_interval})"
    value = number(estimate.value, metric)
    if estimate.interval is None:
        return f"{value} (no interval: {estimate.why_no_interval})"
    return f"{value} ({between(estimate.interval, metric)})"


def ends(finding: Finding) -> str:
    """Return the groups at both ends of a gap, or the one group that a number was found in; nothing where none is."""
    if finding.lowest is not None and finding.highest is not None:
        return f"lowest for {finding.lowest} and highest for {finding.highest}"
    found_in = finding.lowest or finding.highest
    return f"found in {found_in}" if found_in else ""


def bound(at_most: float | None, at_least: float | None, metric: str) -> str:
    """Return a bound unrounded.

    >>> bound(0.1, None, "accuracy_difference"), bound(None, 0.8, "demographic_parity_ratio")
    ('at most 10 points', 'at least 0.8')
    """
    words, value = ("at most", at_most) if at_most is not None else ("at least", at_least or 0.0)
    kind = read(metric).kind
    unit = {Kind.RATE: " %", Kind.DIFFERENCE: " points"}.get(kind, "")
    return f"{words} {(value or 0.0) * (100 if unit else 1):.10g}{unit}"
