"""Corpora of the judgement simulator, and what the house says of each beside the truth: the parts of validity.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import (
    Statistic,
    accuracy,
    class_sums,
    divide,
    macro_f1,
    ratio_statistic,
    recall,
    unweighted_average_recall,
)
from affidavit.evidence import Evidence
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import AuditPlan, Statistics
from affidavit.policy import Policy
from affidavit.records import Finding, Interval, Verdict
from affidavit.registry import BUILT_IN, Door
from affidavit.run import run_plan
from affidavit.statistics.bootstrap import UnitResampler
from audit.groups.inequality import between
from audit.groups.spread import spread
from audit.groups.worst_group import worst
from audit.rates.total_variation import Distributions
from reasoners.simulator import SimulatorOptions, expected_accuracy_per_unit, expected_confusion
from reasoners.simulator_sums import simulate_sums

FloatArray = NDArray[np.float64]
Outcome = tuple[str, int, Interval | str, float]
"""What was bounded, for which group, its interval or the reason why there is none, and the truth."""
LABELS: Final = ("anger", "joy", "neutral", "sadness")
K: Final = len(LABELS)
LEVEL: Final = 0.95
EXAMINATIONS: Final = ("performance", "demographic-parity", "equalized-odds", "agreement")
ANNOTATORS: Final = 10
NEVER: Final = frozenset({"regression", "ordinal", "multilabel", "word-errors", "model-comparison", "multicalibration"})
"""Examinations of other tasks and of two runs; and multicalibration, for simulated confidence follows no accuracy."""
UNTESTED: Final = frozenset(
    {"worst-group", "spread", "small-groups", "differential-fairness", "chance-thresholds", "mitigation"}
)
"""Examinations that measure and test nothing."""
FAIRNESS: Final = tuple(name for name, place in BUILT_IN[Door.EXAMINATIONS].items() if place.startswith("audit."))
"""Examinations of the fairness room."""
ACCURACY_GAP: Final = "accuracy_difference"
EQUALITY: Final = Policy.model_validate(
    {
        "version": 1,
        "name": "equality",
        "title": "No gap at all",
        "statement": "Every gap is zero: a failure of a clean twin is a false alarm.",
        "frozen_before_results": True,
        "criteria": [
            {
                "id": metric.replace("_", "-"),
                "metric": metric,
                "at_most": 0.0,
                "compared": ["accent"],
                "source": "simulation",
            }
            for metric in (ACCURACY_GAP, "demographic_parity_difference_max", "equalized_odds_difference_max")
        ],
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a corpus is drawn from."""

    units: tuple[int, ...]
    """Units in each group."""
    rates: tuple[float, ...]
    """Accuracy in each group, as the mean over its units."""
    icc: float
    unlike: bool
    """Whether units have 1 to 200 utterances, and those with more err more."""
    attracted: float = 0.0
    """Share of the last group's errors that go to one label."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, in order."""
        return tuple(f"g{i}" for i in range(len(self.units)))

    def told(self) -> dict[str, Any]:
        """Return the simulator's options."""
        best = max(self.rates)
        losses = {group: {"text": best - rate} for group, rate in zip(self.groups, self.rates, strict=True)}
        unlike = {"utterance_counts": {"least": 1, "most": 200}, "loss_per_doubling": 0.02} if self.unlike else {}
        drawn_to = {"feature": "accent", "level": self.groups[-1], "label": LABELS[0], "share": self.attracted}
        return {
            "labels": LABELS,
            "accents": dict(zip(self.groups, self.units, strict=True)),
            "ages": ["any"],
            "sexes": ["any"],
            "exact_shares": "accent",
            "n_speakers": sum(self.units),
            "accuracy": {"TAV": best, "T": best},
            "accuracy_penalty": {"accent": losses},
            "conditions": ["TAV"],
            "icc": self.icc,
            "attractor": drawn_to if self.attracted else None,
            **unlike,
        }


Kind = Literal["groups", "families", "power", "audit", "everything"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Some corpora of one setting."""

    kind: Kind
    setting: Setting
    seeds: tuple[int, int]
    """From the first to before the last."""


@lru_cache(maxsize=256)
def options_of(setting: Setting) -> SimulatorOptions:
    return SimulatorOptions(**setting.told())


@lru_cache(maxsize=256)
def confusion_of(setting: Setting) -> FloatArray:
    """Return the true joint distribution of label and answer by group, [G, K, K]."""
    options = options_of(setting)
    return np.stack([expected_confusion(options, "TAV", {"accent": group}) for group in setting.groups])


def truth_of(setting: Setting, statistic: Statistic) -> FloatArray:
    """Return the true value by group: the statistic is a function of sums, so of their expectations."""
    sums = class_sums(confusion_of(setting).reshape(len(setting.units), -1), K)
    return statistic.value(sums, sums)


def matrices(setting: Setting, seed: int, n_permutations: int = 99) -> Evidence:
    """Draw one corpus: the confusion matrix of every unit, by group."""
    rng = np.random.default_rng([seed, sum(setting.units), len(setting.units), round(1000 * setting.icc)])
    grouped = simulate_sums(options_of(setting), rng)["TAV"].by(["accent"])
    statistics = Statistics(n_resamples=1000, n_permutations=n_permutations)
    resampler = UnitResampler(n_units=grouped.n_units, n_resamples=statistics.n_resamples, seed=seed)
    return Evidence(grouped=grouped, options=statistics, resampler=resampler, seed=seed)


def by_class(sums: FloatArray) -> FloatArray:
    return class_sums(sums, K)


def group_outcomes(setting: Setting, seed: int) -> Iterator[Outcome]:
    """Yield the interval of every statistic in every group."""
    evidence = matrices(setting, seed).projected(by_class)
    for name, statistic in STATISTICS.items():
        measured, truth = measure(evidence, statistic), truth_of(setting, statistic)
        for g in range(len(setting.units)):
            yield name, g, measured.interval(g, LEVEL), float(truth[g])
    mean = replace(ratio_statistic("mean", *np.eye(2), source="mean over units"), counts_rows=False)
    measured = measure(evidence.per_unit([accuracy(K)]), mean)
    for g, group in enumerate(setting.groups):
        truth_g = expected_accuracy_per_unit(options_of(setting), "TAV", {"accent": group})
        yield "accuracy, mean over units", g, measured.interval(g, LEVEL), truth_g


STATISTICS: Final[Mapping[str, Statistic]] = {
    "accuracy": accuracy(K),
    "UAR": unweighted_average_recall(),
    "macro F1": macro_f1(),
    "recall of a label": recall(0, K),
}


def family_outcomes(setting: Setting, seed: int) -> Iterator[Outcome]:
    """Yield the interval of every number over the groups."""
    raw = matrices(setting, seed)
    evidence, right = raw.projected(by_class), accuracy(K)
    values, matrix = truth_of(setting, right), confusion_of(setting)
    for name, scale, statistics in (
        ("difference", "difference", [right]),
        ("ratio", "ratio", [right]),
        ("UAR difference", "difference", [unweighted_average_recall()]),
        ("equal opportunity", "difference", [recall(k, K) for k in range(K)]),
    ):
        kind = GapKind(name=name, scale="ratio" if scale == "ratio" else "difference")
        truth = kind.combined(np.array([kind.over_groups(truth_of(setting, s)) for s in statistics]))
        yield name, 0, measure_gap(evidence, statistics, kind).interval(LEVEL), float(truth)
    yield "worst group", 0, worst("worst", evidence, right).interval_at(LEVEL), float(values.min())
    yield "spread", 0, spread("spread", evidence, right).interval_at(LEVEL), float(values.std(ddof=1))
    share = np.array(setting.units) / sum(setting.units)
    part = float(divide(values**2 @ share, np.asarray((values @ share) ** 2)) - 1) / 2
    yield "inequality between", 0, between(raw.projected(benefits)).interval_at(LEVEL), part
    answers = Distributions(evidence=raw.projected(answered), n_labels=K, strata=(None,))
    shares = matrix.sum(axis=1)
    apart = max(float(np.abs(a - b).sum()) / 2 for a in shares for b in shares)
    yield "total variation", 0, answers.interval(LEVEL), apart


def benefits(sums: FloatArray) -> FloatArray:
    """Return the sums of one, b, b squared and b ln b, b being 1 where the answer is right."""
    hits = np.trace(sums.reshape(*sums.shape[:-1], K, K), axis1=-2, axis2=-1)
    return np.stack([sums.sum(-1), hits, hits, np.zeros_like(hits)], axis=-1)


def answered(sums: FloatArray) -> FloatArray:
    """Return how often each label was given."""
    return np.asarray(sums.reshape(*sums.shape[:-1], K, K).sum(-2))


def power_outcomes(setting: Setting, seed: int) -> Iterator[tuple[str, bool]]:
    """Yield whether a gap of accuracy is found: by its test, and by its interval."""
    evidence = matrices(setting, seed, n_permutations=499).projected(by_class)
    gap = measure_gap(evidence, [accuracy(K)], GapKind(name="gap", scale="difference"))
    interval, test = gap.interval(LEVEL), gap.test()
    yield "p <= 0.05", test is not None and test.p_value <= 1 - LEVEL
    yield "interval excludes 0", isinstance(interval, Interval) and interval.low > 0


def audit_outcomes(setting: Setting, seed: int) -> Iterator[tuple[str, bool]]:
    """Yield what a whole audit of two conditions says: any test after adjustment, the accuracy's, any verdict."""
    bare = dict.fromkeys(("probabilities", "intensity", "weights", "rationales"), False)
    told = {**setting.told(), **bare, "conditions": ["TAV", "T"], "labels": list(LABELS)}
    plan = AuditPlan.model_validate(
        {
            "runs": {"r": {"reasoner": {"name": "simulator", "options": told}}},
            "by": ["accent"],
            "depth": 1,
            "seed": seed,
            "examinations": EXAMINATIONS,
            "statistics": {"n_resamples": 400, "n_permutations": 499},
        }
    )
    yield from _claims(run_plan(plan, folder=Path(), policy=EQUALITY).findings)


def everything_outcomes(setting: Setting, seed: int) -> Iterator[tuple[str, bool | None]]:
    """Yield what an audit by every examination says, and whether each examination on its own finds anything.

    Two features, two modalities with all of their sets, a degraded condition, probabilities, rationales and shares of
    annotators. An examination alone takes its smallest p-value times the number of its tests; None where it has none.
    """
    best = max(setting.rates)
    told = {
        **setting.told(),
        "labels": list(LABELS),
        "sexes": ["f", "m"],
        "accuracy": {"TA": best, "T": best - 0.05, "A": best - 0.1},
        "conditions": ["TA", "T", "A", "TA/noise=10dB"],
        "soft_labels": True,
        "annotators": ANNOTATORS,
        "intensity": False,
        "weights": False,
    }
    named = [name for name in FAIRNESS if name not in NEVER]
    asked = {name: {"annotators": ANNOTATORS} if name in ("soft-labels", "annotators") else {} for name in named}
    plan = AuditPlan.model_validate(
        {
            "runs": {"r": {"reasoner": {"name": "simulator", "options": told}}},
            "by": ["accent", "sex"],
            "seed": seed,
            "examinations": [{"name": name, "options": options} for name, options in asked.items()],
            "statistics": {"n_resamples": 400, "n_permutations": 999},
        }
    )
    findings = run_plan(plan, folder=Path(), policy=EQUALITY).findings
    yield from _claims(findings)
    for name in named:
        raw = [f.test.p_value for f in findings if f.examination == name and f.test is not None]
        if name not in UNTESTED:
            yield name, min(raw) * len(raw) <= 1 - LEVEL if raw else None


def _claims(findings: Sequence[Finding]) -> Iterator[tuple[str, bool]]:
    adjusted = [(f.metric, f.test.p_adjusted or 0.0) for f in findings if f.test is not None]
    yield "any adjusted p <= 0.05", any(p <= 1 - LEVEL for _, p in adjusted)
    yield "accuracy: adjusted p <= 0.05", any(p <= 1 - LEVEL for metric, p in adjusted if metric == ACCURACY_GAP)
    yield "any verdict fail", any(f.verdict is Verdict.FAIL for f in findings)


Counts = dict[tuple[str, int], NDArray[np.int64]]
"""By column and group: held, truth below, truth above, no interval; or yes and no."""


def tallied(job: Job) -> Counts:
    """Draw the corpora of a job and count what became of each interval or claim."""
    counts: Counts = {}
    for seed in range(*job.seeds):
        for (column, group), place in OUTCOMES[job.kind](job.setting, seed):
            counts.setdefault((column, group), np.zeros(4, dtype=np.int64))[place] += 1
    return counts


def _placed(bounded: Callable[[Setting, int], Iterator[Outcome]]) -> Callable[[Setting, int], Iterator[Any]]:
    def outcomes(setting: Setting, seed: int) -> Iterator[tuple[tuple[str, int], int]]:
        for column, group, interval, truth in bounded(setting, seed):
            yield (column, group), _place(interval, truth)

    return outcomes


def _place(interval: Interval | str, truth: float) -> int:
    if not isinstance(interval, Interval):
        return 3
    if truth < interval.low - 1e-9:
        return 1
    return 2 if truth > interval.high + 1e-9 else 0


def _answered(
    asked: Callable[[Setting, int], Iterator[tuple[str, bool]]]
    | Callable[[Setting, int], Iterator[tuple[str, bool | None]]],
) -> Callable[[Setting, int], Iterator[Any]]:
    def outcomes(setting: Setting, seed: int) -> Iterator[tuple[tuple[str, int], int]]:
        for column, yes in asked(setting, seed):
            yield (column, 0), 3 if yes is None else 0 if yes else 1

    return outcomes


OUTCOMES: Final[Mapping[Kind, Callable[[Setting, int], Iterator[Any]]]] = {
    "groups": _placed(group_outcomes),
    "families": _placed(family_outcomes),
    "power": _answered(power_outcomes),
    "audit": _answered(audit_outcomes),
    "everything": _answered(everything_outcomes),
}
