"""What a comparison of two runs found, in sentences: for everybody, for whom the new run is worse, and how unevenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.phrases import name_in_sentence, plain_number, told
from affidavit.records import Finding

COMPARISON: Final = "model-comparison"
APART: Final = "accuracy_change_difference"
ALPHA: Final = 0.05
SHOWN: Final = 20
"""Groups that are told before the rest is counted."""


def changes_in_words(findings: Sequence[Finding]) -> list[str]:
    """Return what changed for everybody under the fullest condition, then for whom, and how far groups fall apart.

    Told of groups are those whose test stands after adjustment, and, where none of the worse ones does, the one that
    lost most if its own interval lies below zero: a harm is not hidden because many groups were asked about.
    """
    own = [f for f in findings if f.examination == COMPARISON]
    changes = [f for f in own if f.metric.endswith("_change") and f.compared is None]
    first = [f for f in changes if f.condition == changes[0].condition]
    said = [_change(f) for f in first if not f.groups]
    moved = [f for f in first if f.groups and f.test is not None and _adjusted(f) <= ALPHA]
    worse, better = [f for f in moved if _value(f) < 0], [f for f in moved if _value(f) > 0]
    said += _told("worse", worse) or _most_harmed(first)
    said += _told("better", better)
    apart = [f for f in own if f.metric == APART and f.condition == first[0].condition] if first else []
    return said + [_apart(f, first) for f in apart if len(f.compared or ()) == 1 or _adjusted(f) <= ALPHA]


def _told(word: str, findings: Sequence[Finding]) -> list[str]:
    said = [f"surely {word} for {_group(f)}: {_change(f)}" for f in findings[:SHOWN]]
    return said + ([f"and {len(findings) - SHOWN} more groups"] if len(findings) > SHOWN else [])


def _most_harmed(findings: Sequence[Finding]) -> list[str]:
    groups = [f for f in findings if f.groups and f.metric == "accuracy_change" and f.estimate.interval is not None]
    most = min(groups, key=_value, default=None)
    if most is None or most.estimate.interval is None or most.estimate.interval.high >= 0:
        return []
    return [f"most is lost by {_group(most)}: {_change(most)}"]


def _apart(finding: Finding, changes: Sequence[Finding]) -> str:
    """Return how far groups' changes lie apart, and the change of those at both ends."""
    ends = {f"{_group(f)}": f for f in changes if f.metric == "accuracy_change" and f.groups}
    at = [f"{plain_number(_value(ends[g]), APART)} for {g}" for g in (finding.lowest, finding.highest) if g in ends]
    span = f" (from {' to '.join(at)})" if len(at) == 2 else ""
    where = f"{finding.run}, {finding.condition}, by {' x '.join(finding.compared or ())}"
    return f"{where}: groups' changes in accuracy lie {told(finding.estimate, APART)} apart{span}{_p(finding)}."


def _change(finding: Finding) -> str:
    what = name_in_sentence(finding.metric.removesuffix("_change"))
    where = f"{finding.run}, {finding.condition}"
    return f"{where}: {what} changes by {told(finding.estimate, finding.metric)}{_p(finding)}."


def _group(finding: Finding) -> str:
    return ", ".join(finding.groups.values())


def _p(finding: Finding) -> str:
    return "" if finding.test is None or finding.test.p_adjusted is None else f", adjusted p = {_adjusted(finding):.2g}"


def _adjusted(finding: Finding) -> float:
    return 1.0 if finding.test is None or finding.test.p_adjusted is None else finding.test.p_adjusted


def _value(finding: Finding) -> float:
    return finding.estimate.value or 0.0
