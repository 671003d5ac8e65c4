"""What stands beside an estimate: why there is no interval, how it was made, what chance gives, which controls."""

from __future__ import annotations

from collections.abc import Mapping

from affidavit.records import Finding, Interval
from reports.wording import (
    EVERYBODY,
    PERCENT,
    chance_limit_text,
    detectable_text,
    estimate_text,
    metric_label,
    p_text,
    quantity,
    scale_of,
    with_unit,
)


def remarks_of(finding: Finding, by_id: Mapping[str, Finding]) -> list[str]:
    """Return everything that a finding says beside its numbers; the lack of an interval stands at the value."""
    texts = [
        finding.because,
        interval_remark(finding.estimate.interval),
        chance_remark(finding),
        detectable_remark(finding),
        test_remark(finding),
        label_noise_remark(finding),
        controls_remark(finding, by_id),
        *finding.caveats,
    ]
    return [text for text in texts if text]


def interval_remark(interval: Interval | None) -> str:
    """Return level and method of an interval."""
    return f"{interval.level * 100:.6g} % intervals: {interval.method}" if interval else ""


def chance_remark(finding: Finding) -> str:
    """Return what chance alone gives."""
    null, scale = finding.null_expectation, scale_of(finding.metric)
    if null is None:
        return ""
    within = f"95 % of draws {chance_limit_text(null, scale)}"
    return f"by chance alone {quantity(null.value, scale)}, {within}: {null.method}"


def detectable_remark(finding: Finding) -> str:
    """Return the smallest effect that would have been found."""
    effect, scale = finding.minimum_detectable_effect, scale_of(finding.metric)
    if effect is None:
        return ""
    power = f"power {effect.power:.6g}, alpha {effect.alpha:.6g}"
    smallest = with_unit(detectable_text(effect, scale), scale)
    return f"smallest detectable {smallest} ({power}): {effect.method}"


def test_remark(finding: Finding) -> str:
    """Return the test of a finding."""
    test = finding.test
    if test is None:
        return ""
    adjusted = f", adjusted {p_text(test.p_adjusted)}" if test.p_adjusted is not None else ""
    return f"p {p_text(test.p_value)}{adjusted}: {test.method}, null: {test.null}"


def label_noise_remark(finding: Finding) -> str:
    """Return how much mislabelling would take a failure away."""
    noise = finding.label_noise
    if noise is None:
        return ""
    whose = "labels" if noise.group == EVERYBODY else f"labels of {noise.group}"
    adverse = f"wrong {whose}, each excusing the model: {_least(noise.adverse)}"
    random = f"; replaced at random: {_least(noise.uniform)}" if noise.uniform_defined else ""
    return f"what would take the failure away: {adverse}{random}"


def _least(share: float | None) -> str:
    return "not even half" if share is None else quantity(share, PERCENT)


def controls_remark(finding: Finding, by_id: Mapping[str, Finding]) -> str:
    """Return the controls of a finding with their numbers."""
    said = [_control(control, by_id.get(control)) for control in finding.controls or ()]
    return f"controls: {'; '.join(said)}" if said else ""


def _control(name: str, control: Finding | None) -> str:
    if control is None:
        return f"{name} (not in this report)"
    return f"{metric_label(control.metric)} {estimate_text(control.estimate, scale_of(control.metric))} ({name})"
