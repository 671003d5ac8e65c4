"""In which order a report is read: the fullest condition first, everybody before groups, `unknown` last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from affidavit.conditions import Condition
from affidavit.errors import RowError
from affidavit.records import Finding
from affidavit.report import AuditReport
from reports.wording import UNKNOWN

GroupKey = tuple[tuple[str, str], ...]
Rank = tuple[int, tuple[int, ...], bool, tuple[int, ...]]


def conditions_in_order(conditions: Iterable[str]) -> tuple[str, ...]:
    """Return conditions, the fullest first; what does not parse stands last, as it came."""
    return tuple(sorted(dict.fromkeys(conditions), key=_condition_rank))


def _condition_rank(condition: str) -> tuple[bool, tuple[int, str, str, str]]:
    try:
        return False, Condition.parse(condition).sort_key
    except RowError:
        return True, (0, "", "", "")


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Return values once each, in the order of their first appearance."""
    return tuple(dict.fromkeys(values))


def group_key(finding: Finding) -> GroupKey:
    """Return the group of a finding as something that can be a key."""
    return tuple(finding.groups.items())


def groups_in_order(report: AuditReport, findings: Sequence[Finding]) -> tuple[GroupKey, ...]:
    """Return the groups: everybody, single features, intersections; within features `unknown` last."""
    keys = tuple(dict.fromkeys(map(group_key, findings)))
    levels = {feature: _levels(report, feature, keys) for key in keys for feature, _ in key}
    return tuple(sorted(keys, key=lambda key: _group_rank(report, key, levels)))


def _levels(report: AuditReport, feature: str, keys: Sequence[GroupKey]) -> tuple[str, ...]:
    """Return a feature's levels: in the plan's order, and then as they appear."""
    planned = report.plan.features[feature].order if feature in report.plan.features else None
    return distinct([*(planned or ()), *(dict(key)[feature] for key in keys if feature in dict(key))])


def _group_rank(report: AuditReport, key: GroupKey, levels: Mapping[str, Sequence[str]]) -> Rank:
    features = tuple(_place(feature, report.plan.by) for feature, _ in key)
    places = tuple(levels[feature].index(level) for feature, level in key)
    return len(key), features, any(level == UNKNOWN for _, level in key), places


def _place(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else len(names)
