"""The thresholds of ser-tests as a policy, as far as they bound what is measured here.

What is the same on both sides: the metric of one group less that of everybody, the group included, for each class of
a label. So a threshold there becomes a criterion on the largest such deviation (`audit/deviation/from_everybody.py`):
all of a test's values pass exactly where the largest does.

| ser-tests | here |
|---|---|
| Relative Difference Per Class | `selection_rate_deviation` |
| Recall Per Class of a group | `recall_deviation` |
| Precision Per Class of a group | `precision_deviation` |
| Unweighted Average Recall of a group | `unweighted_average_recall_deviation` |
| Mean Value of arousal, dominance or valence | `<dimension>_mean_shift` |
| Concordance Correlation Coeff of a group | `<dimension>_ccc_deviation` |

What differs: there the value is rounded and then compared (`<`), here the whole simultaneous interval decides (`<=`);
there each test has its own corpus, balanced over labels, here it is the table at hand; and dimensions go from 0 to 1
there, so that on a wider scale a mean shift is held against a bound that is too strict. What cannot be carried over is
listed with its reason in the policy's statement, and in `not_assessed`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.errors import PolicyError
from affidavit.policy import Criterion, Policy
from affidavit.published.ser_tests import FAIRNESS, SOURCE, PublishedTest, read_thresholds
from affidavit.schema import DIMENSIONS

PREFIX: Final = "ser-tests:"
"""What a plan or `--policy` writes before the path."""
METRICS: Final = {
    "Relative Difference Per Class": "selection_rate_deviation",
    "Recall Per Class": "recall_deviation",
    "Precision Per Class": "precision_deviation",
    "Unweighted Average Recall": "unweighted_average_recall_deviation",
    "Mean Value": "{task}_mean_shift",
    "Concordance Correlation Coeff": "{task}_ccc_deviation",
}
"""By the beginning of the published name; `{task}` is a dimension."""
SCALE: Final = "for a dimension on a scale from 0 to 1"
_ANOTHER_KIND: Final = {
    "Shift Difference": "how a group's answers move with the sentiment of what is said is not measured here",
    "Per Bin": "it cuts a dimension into bins, and deviations within bins are not measured here",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAssessed:
    """A published test that no criterion stands for."""

    test: PublishedTest
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOver:
    """A policy, and what it does not hold."""

    policy: Policy
    not_assessed: tuple[NotAssessed, ...]


def policy_from_thresholds(path: Path, *, by: Sequence[str] | None = None) -> CarriedOver:
    """Return the thresholds below a path as a policy; with `by`, only those of features that are audited.

    A test's feature is what follows `fairness_`: accent, language, pitch, sex.

    Raises:
        TableError, PolicyError: as `read_thresholds`; or no threshold can be carried over.
    """
    kept: dict[tuple[str, str, str], list[PublishedTest]] = defaultdict(list)
    missing: list[NotAssessed] = []
    for test in read_thresholds(path):
        because = _not_assessed(test, by)
        if because is not None:
            missing.append(NotAssessed(test=test, because=because))
        else:
            kept[test.task, _feature(test), _metric(test) or ""].append(test)
    if not kept:
        raise _nothing(path, missing)
    tasks = sorted({task for task, _, _ in kept})
    criteria = [_criterion(*key, tests, several=len(tasks) > 1) for key, tests in kept.items()]
    policy = Policy(
        version=1,
        name=_slug("ser-tests", *tasks),
        title=f"Published thresholds of ser-tests: {', '.join(tasks)}",
        statement=_statement(missing),
        frozen_before_results=True,
        criteria=_told_apart(criteria),
    )
    return CarriedOver(policy=policy, not_assessed=tuple(missing))


def _not_assessed(test: PublishedTest, by: Sequence[str] | None) -> str | None:
    if not test.test.startswith(FAIRNESS):
        return "it is no test of fairness"
    if test.threshold is None:
        return "its threshold is not one number from 0 up"
    if _metric(test) is None:
        return next((why for name, why in _ANOTHER_KIND.items() if name in test.metric), "its metric is not known here")
    if by is not None and _feature(test) not in by:
        return f"{_feature(test)!r} is not among the features of this audit"
    return None


def _feature(test: PublishedTest) -> str:
    return test.test.removeprefix(FAIRNESS)


def _metric(test: PublishedTest) -> str | None:
    ours = next((ours for theirs, ours in METRICS.items() if test.metric.startswith(theirs)), None)
    if ours is None or ("{task}" in ours and test.task not in DIMENSIONS):
        return None
    return ours.format(task=test.task)


def _criterion(task: str, feature: str, metric: str, tests: Sequence[PublishedTest], *, several: bool) -> Criterion:
    strictest = min(test.threshold for test in tests if test.threshold is not None)
    note = f"stands for {', '.join(test.metric for test in tests)}"
    if any(test.threshold != strictest for test in tests):
        note += f"; their thresholds differ ({', '.join(f'{test.threshold:g}' for test in tests)}), the least is taken"
    if metric.endswith("_mean_shift"):
        note += f"; {SCALE}"
    return Criterion(
        id=_slug(*([task] if several else []), feature, metric),
        metric=metric,
        at_most=strictest,
        compared=(feature,),
        intersections=False,
        conditions="fullest",
        source=f"{SOURCE}; {task}/{tests[0].test}.yaml",
        note=note,
    )


def _slug(*names: str) -> str:
    """Return names as an id may be written, whatever folders and files are called."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(names).lower()).strip("-")


def _told_apart(criteria: Sequence[Criterion]) -> tuple[Criterion, ...]:
    """Number ids that are alike: names that differ only in what an id may not hold."""
    ids = [criterion.id for criterion in criteria]
    return tuple(
        c if ids.count(c.id) == 1 else c.model_copy(update={"id": f"{c.id}-{ids[: i + 1].count(c.id)}"})
        for i, c in enumerate(criteria)
    )


def _statement(missing: Sequence[NotAssessed]) -> str:
    said = (
        "Thresholds that were published for other corpora: each is what 1,000 random models without bias reach at "
        "most at the sizes and label balance of those corpora, so on other sizes it is a convention. No bound here "
        "is a legal threshold."
    )
    return f"{said} Not assessed: {'; '.join(_reasons(missing))}." if missing else said


def _reasons(missing: Sequence[NotAssessed]) -> list[str]:
    """Return one clause per test file and reason."""
    named: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for item in missing:
        named[item.test.task, item.test.test, item.because].append(item.test.metric)
    return [f"{task}/{test}: {', '.join(metrics)} ({why})" for (task, test, why), metrics in named.items()]


def _nothing(path: Path, missing: Sequence[NotAssessed]) -> PolicyError:
    return PolicyError(
        "none of the published thresholds bounds what is measured here",
        slug="policy-unmatched",
        where=str(path),
        found="; ".join(_reasons(missing)),
        allowed=f"{', '.join(METRICS)} of a feature that is audited",
        remedy="name the thresholds of a task that the table has, and by --by the features that they compare",
    )
