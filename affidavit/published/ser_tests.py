"""What do the published tests of speech-emotion models say, test by test and model by model?

Reads the thresholds (YAML) and the result tables (CSV) of ser-tests (Derington et al. 2023, arXiv:2312.06270; MIT
licence) from the folders `thresholds/<task>/<test>.yaml` and `results/<task>/<model>/<test>/<metric>.csv`. A fairness
test there takes a metric of one group less that of everybody, the group included, for each class; it passes where the
absolute value is below the threshold, and it is skipped where no value was printed.

The tables are aggregates at two decimals: there is no interval, no number of speakers and nothing to resample, so what
stands here is what was published, counted, and never an estimate of ours. `near` counts the values whose rounding
alone could have moved them over the threshold.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

from affidavit.errors import PolicyError, TableError
from affidavit.yaml_files import read_yaml

SOURCE: Final = "ser-tests: Derington et al. 2023 (arXiv:2312.06270), thresholds of random models without bias"
FAIRNESS: Final = "fairness_"
ANNOTATION: Final = "_"
"""Columns with this prefix explain the value beside them."""
_SLACK: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTest:
    """One metric of one test, and what it may reach at most."""

    task: str
    """`emotion`, `arousal`, `dominance` or `valence`."""
    test: str
    """`fairness_accent` and its like."""
    metric: str
    """The name in the file, `Recall Per Class Female`."""
    threshold: float | None
    """None where there is no single number from 0 up."""

    @property
    def key(self) -> str:
        """The stem of the result table's name."""
        return self.metric.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScore:
    """One printed value."""

    task: str
    model: str
    test: str
    key: str
    data: str
    """The row: a data set, with its group where rows are groups."""
    part: str
    """The column: a class or a bin, or the metric's own name."""
    value: float | None
    """None where nothing was printed."""
    decimals: int

    def passes(self, threshold: float) -> bool | None:
        """Say whether the value is below the threshold; None where there is no value."""
        return None if self.value is None else abs(self.value) < threshold

    def near(self, threshold: float) -> bool:
        """Say whether a value that rounds to this one could lie on the other side of the threshold."""
        return self.value is not None and abs(abs(self.value) - threshold) < 0.5 * 10.0**-self.decimals - _SLACK


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCount:
    """How many values passed."""

    __test__ = False

    task: str
    model: str
    test: str
    passed: int
    failed: int
    skipped: int
    """No value was printed."""
    near: int
    """Of those that passed or failed: rounding alone could have decided otherwise."""


def read_thresholds(path: Path) -> tuple[PublishedTest, ...]:
    """Return the tests in a YAML file, in a task's folder, or in a folder of tasks; pictures are no tests.

    Raises:
        TableError: there is no such file or folder, or a file is not YAML.
        PolicyError: a file is not a list of metrics, or there is none.
    """
    if not path.exists():
        raise TableError("there is no such file or folder", slug="file-not-found", where=str(path), remedy=_REMEDY)
    files = [path] if path.is_file() else sorted(path.rglob("*.yaml"))
    tests = tuple(test for file in files for test in _tests_in(file))
    if not tests:
        raise PolicyError(
            "there is no threshold",
            slug="policy-invalid",
            where=str(path),
            found=f"{len(files)} YAML files, none with a threshold",
            allowed="files of ser-tests: a list `Metrics`, each with `name` and `threshold`",
            remedy=_REMEDY,
        )
    return tests


def read_results(folder: Path) -> tuple[PublishedScore, ...]:
    """Return every value of the result tables below a folder, in the order of their names.

    Raises:
        TableError: there is no table, or a cell is no number.
    """
    tables = sorted(folder.glob("*/*/*/*.csv"))
    if not tables:
        raise TableError(
            "there are no result tables",
            slug="file-not-found",
            where=str(folder),
            allowed="<task>/<model>/<test>/<metric>.csv",
            remedy="name the folder `results` of ser-tests",
        )
    return tuple(score for table in tables for score in _scores_in(table))


def count(tests: Sequence[PublishedTest], scores: Sequence[PublishedScore]) -> tuple[TestCount, ...]:
    """Hold each value against its threshold and count per task, model and test; fairness tests only.

    Raises:
        PolicyError: a value has no threshold.
    """
    thresholds = {(test.task, test.test, test.key): test.threshold for test in tests}
    counted: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for score in scores:
        if not score.test.startswith(FAIRNESS):
            continue
        threshold = _threshold_of(score, thresholds)
        passes = score.passes(threshold)
        tallied = counted[score.task, score.model, score.test]
        tallied[2 if passes is None else 0 if passes else 1] += 1
        tallied[3] += score.near(threshold)
    return tuple(
        TestCount(task=task, model=model, test=test, passed=p, failed=f, skipped=s, near=n)
        for (task, model, test), (p, f, s, n) in counted.items()
    )


def _threshold_of(score: PublishedScore, thresholds: Mapping[tuple[str, str, str], float | None]) -> float:
    threshold = thresholds.get((score.task, score.test, score.key))
    if threshold is None:
        raise PolicyError(
            "a published value has no threshold",
            slug="policy-unmatched",
            where=f"{score.task}/{score.test}",
            found=score.key,
            allowed=", ".join(sorted(k for t, n, k in thresholds if (t, n) == (score.task, score.test))) or "none",
            remedy="read thresholds and results of the same version of ser-tests",
        )
    return threshold


def _tests_in(path: Path) -> Iterator[PublishedTest]:
    document = read_yaml(path)
    metrics = document.get("Metrics") if isinstance(document, dict) else None
    if not isinstance(metrics, list) or not all(
        isinstance(m, dict) and isinstance(m.get("name"), str) for m in metrics
    ):
        raise PolicyError(
            "the file is no list of thresholds",
            slug="policy-invalid",
            where=str(path),
            found=f"the keys {', '.join(map(str, document))}"
            if isinstance(document, dict)
            else type(document).__name__,
            allowed="a list `Metrics`, each with `name` and, unless it is a picture, `threshold`",
            remedy=_REMEDY,
        )
    for metric in metrics:
        if "threshold" in metric:
            yield PublishedTest(
                task=path.resolve().parent.name,
                test=path.stem,
                metric=metric["name"],
                threshold=_number(metric["threshold"]),
            )


def _number(value: Any) -> float | None:  # noqa: ANN401 - whatever a YAML file holds
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) and value >= 0 else None


def _scores_in(path: Path) -> Iterator[PublishedScore]:
    task, model, test = path.parts[-4:-1]
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            data = row.pop("Data", "")
            for part, cell in row.items():
                if part and not part.startswith(ANNOTATION):
                    yield PublishedScore(
                        task=task,
                        model=model,
                        test=test,
                        key=path.stem,
                        data=data,
                        part=part,
                        value=_value(cell, path),
                        decimals=len((cell or "").partition(".")[2]),
                    )


def _value(cell: str | None, path: Path) -> float | None:
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        raise TableError(
            "a cell is no number",
            slug="file-unreadable",
            where=str(path),
            found=repr(cell),
            allowed="a number, or nothing where a test was skipped",
            remedy="restore the table as it was published",
        ) from None


_REMEDY: Final = "name the folder `thresholds` of ser-tests, one of its tasks, or one of its YAML files"
