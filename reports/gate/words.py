"""What the gate says, line by line; JUnit and the terminal take the same sentences."""

from __future__ import annotations

from affidavit.records import Finding, Interval
from reports.gate.gating import Gate, Held, Outcome
from reports.law.scope import Outcome as ScopeOutcome
from reports.wording import (
    bound_text,
    counted,
    estimate_text,
    features_name,
    group_name,
    interval_text,
    metric_label,
    plain,
    scale_of,
)

_ENDS = {
    0: "the gate is open",
    1: "the gate is shut: a criterion failed (exit code 1)",
    3: "the gate is shut: an answer is demanded, and there is none (exit code 3)",
}
_PROHIBITED = "the gate is shut: the use is prohibited (exit code 1)"
NO_SCOPE = "not asked: no dossier was filed with the bundle (`affidavit file`), and none was demanded"


def lines_of(gate: Gate) -> list[str]:
    """Return the gate's whole account: what stops it first, then waivers, then the rest."""
    order = sorted(gate.held, key=lambda one: (not one.stops, one.waiver is None, list(Outcome).index(one.outcome)))
    told = [line for one in order for line in _told(one)]
    idle = [f"waiver       of {plain(waiver.criterion)} lets nothing through: {why}" for waiver, why in gate.idle]
    return [*told, *idle, *_scope(gate), _sum(gate), _end(gate)]


def _scope(gate: Gate) -> list[str]:
    """Return what the dossier says of the use, and why."""
    if gate.scope is None:
        return [f"{'scope':<12} {NO_SCOPE}"]
    because = [f"{'':<12} because {plain(reason.text)}" for reason in gate.scope.reasons]
    argued = [f"{'':<12} an argument: {plain(argument.text)}" for argument in gate.scope.arguments]
    return [f"{'scope':<12} {gate.scope.outcome}", *because, *argued]


def _end(gate: Gate) -> str:
    if gate.scope is not None and gate.scope.outcome is ScopeOutcome.PROHIBITED:
        return _PROHIBITED
    return _ENDS[gate.exit_code]


def named(held: Held) -> str:
    """Return what was held against the criterion: metric, run, condition and groups."""
    finding = held.finding
    if finding is None:
        return metric_label(held.criterion.metric)
    return ", ".join((metric_label(finding.metric), plain(finding.run), finding.condition, plain(_whom(finding))))


def sentence(held: Held) -> str:
    """Return the bound, the estimate, the deciding interval where there is one, and why."""
    criterion, finding, scale = held.criterion, held.finding, scale_of(held.criterion.metric)
    parts = [bound_text(criterion.at_most, criterion.at_least, scale)]
    if finding is not None:
        parts.append(f"found {estimate_text(finding.estimate, scale)}")
        deciding = finding.criterion.adjusted_interval if finding.criterion is not None else None
        if isinstance(deciding, Interval):
            parts.append(f"decided by {interval_text(deciding, scale)}")
    if held.because:
        parts.append(plain(held.because))
    return "; ".join(parts)


def _told(held: Held) -> list[str]:
    state = "waived" if held.waiver is not None else held.outcome.value
    demanded = " (an answer is demanded)" if held.demanded else ""
    lines = [f"{state:<12} {held.criterion.id}: {named(held)}: {sentence(held)}{demanded}"]
    if held.waiver is not None:
        lines.append(f"{'':<12} {held.outcome.value}, and waived: {plain(held.waiver.told())}")
    return lines


def _sum(gate: Gate) -> str:
    waived = sum(one.waiver is not None for one in gate.held)
    counts = ", ".join(f"{sum(one.outcome is outcome for one in gate.held)} {outcome.value}" for outcome in Outcome)
    return (
        f"{counted(len(gate.policy.criteria), 'criterion')} of the policy {plain(gate.policy.name)}: {counts}; "
        f"{waived} waived"
    )


def _whom(finding: Finding) -> str:
    return f"across {features_name(finding.compared)}" if finding.compared is not None else group_name(finding.groups)
