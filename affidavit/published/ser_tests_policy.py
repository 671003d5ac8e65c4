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

What differs: there the value is rounded and then compared (`<`), here the whole simultaneous interval decides (`<=`);
there each test has its own corpus, balanced over labels, here it is the table at hand. What cannot be carried over is
listed with its reason in the policy's statement, and in `not_assessed`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from affidavit.errors import PolicyError
from affidavit.policy import Criterion, Policy
from affidavit.published.ser_tests import FAIRNESS, SOURCE, PublishedTest, read_thresholds

PREFIX: Final = "ser-tests:"
"""What a plan or `--policy` writes before the path."""
METRICS: Final = {
    "Relative Difference Per Class": "selection_rate_deviation",
    "Recall Per Class": "recall_deviation",
    "Precision Per Class": "precision_deviation",
    "Unweighted Average Recall": "unweighted_average_recall_deviation",
}
_ANOTHER_KIND: Final = {
    "Shift Difference": "how a group's answers move with the sentiment of what is said is not measured here",
    "Per Bin": "it bins the values of a dimension, and tables of dimensions are not audited here",
    "Mean Value": "it is the mean of a dimension, and tables of dimensions are not audited here",
    "Concordance Correlation Coeff": "it is of a dimension's values, and tables of dimensions are not audited here",
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
    criteria = tuple(_criterion(*key, tests, several=len(tasks) > 1) for key, tests in kept.items())
    policy = Policy(
        version=1,
        name="-".join(("ser-tests", *tasks)),
        title=f"Published thresholds of ser-tests: {', '.join(tasks)}",
        statement=_statement(missing),
        frozen_before_results=True,
        criteria=criteria,
    )
    return CarriedOver(policy=policy, not_assessed=tuple(missing))


def _not_assessed(test: PublishedTest, by: Sequence[str] | None) -> str | None:
    if not test.test.startswith(FAIRNESS):
        return "it is no test of fairness"
    if test.threshold is None:
        return "its threshold is no single number"
    if _metric(test) is None:
        return next((why for name, why in _ANOTHER_KIND.items() if name in test.metric), "its metric is not known here")
    if by is not None and _feature(test) not in by:
        return f"{_feature(test)!r} is not among the features of this audit"
    return None


def _feature(test: PublishedTest) -> str:
    return test.test.removeprefix(FAIRNESS)


def _metric(test: PublishedTest) -> str | None:
    return next((ours for theirs, ours in METRICS.items() if test.metric.startswith(theirs)), None)


def _criterion(task: str, feature: str, metric: str, tests: Sequence[PublishedTest], *, several: bool) -> Criterion:
    strictest = min(test.threshold for test in tests if test.threshold is not None)
    name = f"{feature}-{metric}".replace("_", "-")
    note = f"stands for {', '.join(test.metric for test in tests)}"
    if any(test.threshold != strictest for test in tests):
        note += f"; their thresholds differ ({', '.join(f'{test.threshold:g}' for test in tests)}), the least is taken"
    return Criterion(
        id=f"{task}-{name}" if several else name,
        metric=metric,
        at_most=strictest,
        compared=(feature,),
        intersections=False,
        conditions="fullest",
        source=f"{SOURCE}; {task}/{tests[0].test}.yaml",
        note=note,
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
        remedy="name the thresholds of the task `emotion`, and by --by the features that they compare",
    )
