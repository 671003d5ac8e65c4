"""Findings after release: as they are, with a coarser value, without their value, or gone."""

from __future__ import annotations

from typing import Any, Final

from affidavit.disclosure.coarsening import OUTWARDS, Number, coarse
from affidavit.disclosure.lattice import group_of
from affidavit.disclosure.printing import Printing
from affidavit.disclosure.rule import DisclosureRule
from affidavit.disclosure.texts import Words
from affidavit.disclosure.told import key_of_finding
from affidavit.records import Estimate, Finding, Interval, LabelNoise, NullExpectation, Verdict

BLANK: Final = "withheld: a small count is behind it"
NO_POINT: Final = "withheld: only intervals are told, and it has none"
NOT_TOLD: Final = "the reason is not released"
BESIDE: Final = ("null_expectation", "minimum_detectable_effect", "test", "label_noise")


def released_findings(findings: tuple[Finding, ...], printing: Printing, words: Words) -> tuple[Finding, ...]:
    """Return the findings that are told, as they are told."""
    fates = printing.fates
    fate = {f.id: fates.of_group_finding(f) if f.compared is None else _fate_of_gap(f, printing) for f in findings}
    told = {name for name, what in fate.items() if what != "gone"}
    return tuple(
        _finding(finding, told, printing, words, blank=fate[finding.id] == "blank")
        for finding in findings
        if finding.id in told
    )


def _fate_of_gap(finding: Finding, printing: Printing) -> str:
    estimate = finding.estimate
    few = printing.rule.small(estimate.n if estimate.n_clusters is None else estimate.n_clusters)
    return "gone" if few else printing.fates.of_gap(finding)


def _finding(finding: Finding, told: set[str], printing: Printing, words: Words, *, blank: bool) -> Finding:
    changes: dict[str, Any] = {
        "estimate": _estimate(finding, printing, blank=blank),
        "caveats": words.kept(finding.caveats),
        "because": None if finding.because is None or not words.harmless(finding.because) else finding.because,
        "exhibits": None,
    }
    if finding.controls is not None:
        changes["controls"] = tuple(control for control in finding.controls if control in told)
    if blank:
        changes |= {**dict.fromkeys(BESIDE), "because": BLANK, "verdict": Verdict.INCONCLUSIVE}
        if finding.criterion is not None:
            changes["criterion"] = finding.criterion.model_copy(update={"adjusted_interval": None})
    elif printing.rule.grain is not None:
        changes |= _beside(finding, printing)
    return Finding.model_validate({**_as_fields(finding), **changes})


def _as_fields(record: Finding) -> dict[str, Any]:
    return {name: getattr(record, name) for name in type(record).model_fields}


def _estimate(finding: Finding, printing: Printing, *, blank: bool) -> Estimate:
    rule, estimate, units = printing.rule, finding.estimate, finding.estimate.n_clusters
    n, units = rule.told(estimate.n), None if units is None else rule.told(units)
    if blank or estimate.value is None:
        return Estimate(value=None, why_no_interval=BLANK if blank else "undefined", n=n, n_clusters=units)
    number = _printed(finding, estimate.value, estimate.interval, printing)
    if number.value is None:
        return Estimate(value=None, why_no_interval=NO_POINT, n=n, n_clusters=units)
    interval = _interval(number, estimate.interval, rule)
    why = NOT_TOLD if interval is None else None
    return Estimate(value=number.value, interval=interval, why_no_interval=why, n=n, n_clusters=units)


def _printed(finding: Finding, value: float, interval: Interval | None, printing: Printing) -> Number:
    number = Number(value=value, ends=None if interval is None else (interval.low, interval.high))
    if finding.compared is not None:
        return printing.of_gap(finding, number)
    return printing.of_group(number, (key_of_finding(finding), ()), group_of(finding.groups))


def _interval(number: Number, exact: Interval | None, rule: DisclosureRule) -> Interval | None:
    if number.ends is None or rule.grain is None:
        return exact
    low, high = number.ends
    level = 0.95 if exact is None else exact.level
    return Interval(low=low, high=high, level=level, method=number.method or OUTWARDS)


def _beside(finding: Finding, printing: Printing) -> dict[str, Any]:
    """Return what is told beside a coarse value, as coarse: what it was made of would give the value back."""
    changes: dict[str, Any] = {}
    estimate, criterion, rule = finding.estimate, finding.criterion, printing.rule
    if criterion is not None and criterion.adjusted_interval is not None and estimate.value is not None:
        exact = criterion.adjusted_interval
        number = _printed(finding, estimate.value, exact, printing)
        told = None if number.ends is None else _interval(number, exact, rule)
        changes["criterion"] = criterion.model_copy(update={"adjusted_interval": told})
    if rule.intervals_only:
        return changes | dict.fromkeys(("null_expectation", "minimum_detectable_effect", "label_noise"))
    if finding.null_expectation is not None:
        changes["null_expectation"] = _coarse_null(finding.null_expectation, rule)
    if finding.minimum_detectable_effect is not None:
        effect = finding.minimum_detectable_effect
        changes["minimum_detectable_effect"] = effect.model_copy(update={"value": coarse(effect.value, rule)})
    if finding.label_noise is not None:
        changes["label_noise"] = _coarse_noise(finding.label_noise, rule)
    return changes


def _coarse_null(null: NullExpectation, rule: DisclosureRule) -> NullExpectation:
    return null.model_copy(update={"value": coarse(null.value, rule), "high": coarse(null.high, rule)})


def _coarse_noise(noise: LabelNoise, rule: DisclosureRule) -> LabelNoise:
    ends = {name: getattr(noise, name) for name in ("adverse", "uniform")}
    return noise.model_copy(update={name: None if end is None else coarse(end, rule) for name, end in ends.items()})
