"""How a report says things: names of metrics and groups, and numbers at one stated precision.

Laws: an undefined value reads "undefined", never a number; a value beyond a bound never prints as the bound; a
verdict has a sign and a word, never a colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from affidavit.metric_names import Kind, read
from affidavit.records import CriterionOutcome, DetectableEffect, Estimate, Finding, Interval, NullExpectation, Verdict
from affidavit.report import Decision

UNDEFINED: Final = "undefined"
EVERYBODY: Final = "everybody"
NOTHING: Final = "–"
UNKNOWN: Final = "unknown"
PER_UNIT: Final = "_per_unit"
DIGITS_AT_MOST: Final = 9
LONGEST: Final = 4_000
"""Characters of one text that are shown; report.json holds all of them."""
PRECISION: Final = (
    "Rates are printed in percent and differences of rates in percentage points, both to one decimal; other numbers "
    "to three decimals; p-values to three decimals. report.json holds every number in full."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How numbers of one metric are printed."""

    factor: float
    digits: int
    unit: str


PERCENT: Final = Scale(factor=100.0, digits=1, unit="%")
POINTS: Final = Scale(factor=100.0, digits=1, unit="points")
RAW: Final = Scale(factor=1.0, digits=3, unit="")
WHOLE: Final = Scale(factor=1.0, digits=0, unit="")
LEAST_SHOWN: Final = 1e-6
"""A number nearer to zero than this is printed as lying between this and zero."""

_SCALES: Final = MappingProxyType({Kind.RATE: PERCENT, Kind.DIFFERENCE: POINTS, Kind.COUNT: WHOLE, Kind.PLAIN: RAW})
_SIGNS: Final = MappingProxyType(
    {
        Verdict.PASS: "✓ pass",
        Verdict.FAIL: "✗ fail",
        Verdict.INCONCLUSIVE: "? inconclusive",
        Verdict.INFORMATIVE: "i informative",
    }
)
_SEVERITY: Final = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.INFORMATIVE)


def plain(text: str) -> str:
    r"""Return text on one line in which nothing is invisible: spaces folded, control characters written out.

    >>> plain("Welsh\n\u202eevil")
    'Welsh \\u202eevil'
    """
    folded = ended(" ".join(text.split()))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in folded)


def ended(text: str, *, longest: int = LONGEST) -> str:
    """Return a text that people can read to its end: what is longer stops there, and says how long it is.

    >>> ended("endless", longest=3)
    'end … (7 characters; report.json has them all)'
    """
    return text if len(text) <= longest else f"{text[:longest]} … ({len(text):,} characters; report.json has them all)"


def metric_label(metric: str) -> str:
    """Return what a metric is called; an unknown one by its own name.

    >>> metric_label("accuracy_per_unit"), metric_label("equalized_odds_difference_max")
    ('Accuracy, mean over units', 'Equalised odds difference, widest class')
    """
    return read(metric).label


def scale_of(metric: str) -> Scale:
    """Return how a metric's numbers are printed: known rates in percent, their differences in points."""
    return _SCALES[read(metric).kind]


def figures(value: float | None, scale: Scale, *, digits: int | None = None) -> str:
    """Return a number without its unit, or `undefined`.

    >>> figures(0.7421, PERCENT), figures(-0.0421, POINTS), figures(None, RAW), figures(0.00001, RAW)
    ('74.2', '−4.2', 'undefined', '0.00001')
    """
    if value is None:
        return UNDEFINED
    places = scale.digits if digits is None else digits
    scaled = value * scale.factor
    text = f"{scaled:,.{places}f}" if scale is WHOLE else f"{scaled:.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = _near_zero(scaled) if scale is RAW else text.lstrip("-")
    return text.replace("-", "−")


def _near_zero(value: float) -> str:
    """Return what would round to zero with the digits that it takes, so that nothing prints as zero but zero.

    >>> _near_zero(0.000494), _near_zero(-3e-10), _near_zero(0.0)
    ('0.00049', '> -0.000001', '0.000')
    """
    if value == 0:
        return f"{0:.{RAW.digits}f}"
    if abs(value) < LEAST_SHOWN:
        return f"{'<' if value > 0 else '> -'}{' ' * (value > 0)}{LEAST_SHOWN:f}"
    places = 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{places}f}".rstrip("0")


def with_unit(number: str, scale: Scale) -> str:
    """Return a printed number with its unit; `undefined` has none."""
    return number if number == UNDEFINED or not scale.unit else f"{number} {scale.unit}"


def quantity(value: float | None, scale: Scale) -> str:
    """Return a number with its unit."""
    return with_unit(figures(value, scale), scale)


def interval_text(interval: Interval | None, scale: Scale, *, digits: int | None = None) -> str:
    """Return `[low, high]`, or nothing where there is no interval."""
    if interval is None or (scale is WHOLE and interval.low == interval.high):
        return ""
    return f"[{figures(interval.low, scale, digits=digits)}, {figures(interval.high, scale, digits=digits)}]"


def estimate_text(estimate: Estimate, scale: Scale) -> str:
    """Return value, unit and interval in one line."""
    return f"{quantity(estimate.value, scale)} {interval_text(estimate.interval, scale)}".strip()


def p_text(p_value: float | None) -> str:
    """Return a p-value to three decimals, small ones as `< 0.001`."""
    if p_value is None:
        return NOTHING
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def chance_limit_text(expected: NullExpectation, scale: Scale) -> str:
    """Return what 95 % of chance draws stay within: from above for differences, from below for ratios."""
    sign = "≤" if expected.high >= expected.value else "≥"
    return f"{sign} {figures(expected.high, scale)}"


def detectable_text(effect: DetectableEffect, scale: Scale) -> str:
    """Return the smallest detectable effect; one that no rates can have reads as beyond all."""
    return "> 100" if scale is POINTS and effect.value > 1 else figures(effect.value, scale)


def bound_of(outcome: CriterionOutcome) -> float:
    """Return the number that a criterion sets."""
    bound = outcome.at_most if outcome.at_most is not None else outcome.at_least
    return 0.0 if bound is None else bound


def bound_text(at_most: float | None, at_least: float | None, scale: Scale) -> str:
    """Return a criterion's bound, unrounded.

    >>> bound_text(0.07, None, POINTS)
    'at most 7 points'
    """
    words, bound = ("at most", at_most) if at_most is not None else ("at least", at_least)
    if bound is None:
        return NOTHING
    return f"{words} {with_unit(f'{bound * scale.factor:.10g}'.replace('-', '−'), scale)}"


def digits_apart(finding: Finding, scale: Scale) -> int:
    """Return how many decimals keep a finding's numbers from printing as the bound they miss."""
    if finding.criterion is None:
        return scale.digits
    bound = bound_of(finding.criterion)
    deciding = finding.criterion.adjusted_interval or finding.estimate.interval
    numbers = [finding.estimate.value, *((deciding.low, deciding.high) if deciding else ())]
    near = [number for number in numbers if number is not None and number != bound]
    for digits in range(scale.digits, DIGITS_AT_MOST):
        printed = figures(bound, scale, digits=digits)
        if all(figures(number, scale, digits=digits) != printed for number in near):
            return digits
    return DIGITS_AT_MOST


def verdict_text(verdict: Verdict) -> str:
    """Return a verdict's sign and word."""
    return _SIGNS[verdict]


def severity(verdict: Verdict) -> int:
    """Return a rank: what must be read first comes first."""
    return _SEVERITY.index(verdict)


def worst(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict that must be read first."""
    return min(verdicts, key=severity)


def features_name(features: tuple[str, ...]) -> str:
    """Return the features of a group or a gap."""
    return " × ".join(features) if features else NOTHING


def group_name(groups: Mapping[str, str]) -> str:
    """Return the levels of a group."""
    return ", ".join(groups.values()) if groups else EVERYBODY.capitalize()


def counted(count: int, noun: str) -> str:
    """Return a count and its noun, in the plural where it is one.

    >>> counted(1, "criterion"), counted(2, "criterion"), counted(1200, "row")
    ('1 criterion', '2 criteria', '1,200 rows')
    """
    plural = {"criterion": "criteria"}.get(noun, f"{noun}s")
    return f"{count:,} {noun if count == 1 else plural}"


def count_text(count: int | None) -> str:
    """Return a count, or that it is not known."""
    return "not known" if count is None else f"{count:,}"


def decision_line(decision: Decision, *, has_policy: bool) -> str:
    """Return the first line of a report."""
    if not has_policy:
        return "No decision: no policy was given"
    if decision is Decision.NONE:
        return "No decision: the policy met no finding that it could decide"
    return f"Decision: {decision.value}"
