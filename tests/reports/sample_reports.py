"""Reports made by hand, without the audit: 24 cells (accent x age), seven conditions, every kind of finding."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from affidavit.conditions import modality_subsets
from affidavit.exhibits import ExhibitTable
from affidavit.plan import AuditPlan, Execution, Task
from affidavit.policy import Criterion, Policy
from affidavit.records import (
    CriterionOutcome,
    DetectableEffect,
    Estimate,
    ExhibitColumn,
    Finding,
    Interval,
    NullExpectation,
    Refusal,
    SignificanceTest,
    Verdict,
)
from affidavit.report import AuditReport, DataDescription, Decision, Provenance

LABELS = ("anger", "fear", "joy", "neutral", "sadness", "surprise")
ACCENTS = ("General British", "Scottish", "Welsh", "Nigerian English", "Northern English", "unknown")
AGES = ("18-29", "30-44", "45-59", "60+")
CONDITIONS = tuple(str(condition) for condition in modality_subsets())
PERFORMANCE_METRICS = (
    "accuracy",
    "unweighted_average_recall",
    "weighted_average_recall",
    "weighted_f1",
    "macro_f1",
    "accuracy_per_unit",
    "unweighted_average_recall_per_unit",
    "weighted_average_recall_per_unit",
    "weighted_f1_per_unit",
    "macro_f1_per_unit",
    "expected_calibration_error",
    "brier_score",
)
GAP_METRICS = (
    "accuracy_difference",
    "accuracy_ratio",
    "unweighted_average_recall_difference",
    "demographic_parity_difference_max",
    "demographic_parity_difference_macro",
    "demographic_parity_ratio",
    "equalized_odds_difference_max",
    "equalized_odds_difference_macro",
    "equal_opportunity_difference_max",
    "equal_opportunity_difference_macro",
)
_STRENGTH = dict(zip(CONDITIONS, (0.74, 0.71, 0.70, 0.62, 0.66, 0.55, 0.48), strict=True))
_BEHIND = {"Scottish": 0.04, "Nigerian English": 0.16, "60+": 0.07}
_SMALL = {("Nigerian English", "60+"): 1, ("unknown", "60+"): 0, ("Welsh", "18-29"): 6}

# What a supplier may write into names and rationales.
HOSTILE = "<script>alert(1)</script>"
HOSTILE_MORE = "a|b `c` *d* [e](http://evil.example) & \"f\" 'g'\n# h \u202e"


@dataclass(frozen=True, slots=True)
class Cell:
    groups: dict[str, str]
    n: int
    n_clusters: int
    counts: NDArray[np.int64]


def sample_report(
    *,
    with_policy: bool = True,
    accents: tuple[str, ...] = ACCENTS,
    labels: tuple[str, ...] = LABELS,
    conditions: tuple[str, ...] = CONDITIONS,
    title: str = "Audit of the triage listener, third quarter",
    with_exhibits: bool = True,
    runs: tuple[str, ...] = ("listener",),
) -> AuditReport:
    rng = np.random.default_rng(7)
    cells = {(r, c): _cells(rng, c, accents, labels) for r, c in product(runs, conditions)}
    findings = tuple(f for (r, c), some in cells.items() for f in _group_findings(rng, r, c, some))
    findings += tuple(f for r, c in cells for f in _gap_findings(rng, r, c))
    findings += _privacy_findings(runs[0])
    policy = _policy() if with_policy else None
    if policy is None:
        findings = tuple(_without_criterion(finding) for finding in findings)
    exhibits = _exhibits(findings, cells, labels) if with_exhibits else ()
    sealed = [table.sealed("performance") for table in exhibits]
    report = AuditReport(
        title=title,
        plan=_plan(runs),
        policy=policy,
        policy_digest=policy.digest if policy else None,
        data=tuple(_data(run, cells, conditions, labels) for run in runs),
        decision=Decision.FAIL if policy else Decision.NONE,
        summary=(
            "Accuracy over everybody is 68.1 % in the condition with all modalities.",
            "The widest gap in accuracy between accents is larger than chance alone gives, and breaks the policy.",
            "Two of 24 intersections have too few speakers for an interval.",
        ),
        caveats=(
            "Perceived emotion depends on who annotates: gaps against majority labels may be the annotators' own.",
            "Three conditions were made by muting channels after the fact.",
        ),
        findings=findings,
        refusals=_refusals(runs[0]),
        exhibits=tuple(record for record, _ in sealed),
        provenance=_provenance(),
    )
    return report.sealed({record.id: table for record, table in sealed})


def hostile_report() -> AuditReport:
    accents = (f"{HOSTILE}0", f"{HOSTILE_MORE}1", "Welsh", "unknown")
    labels = (HOSTILE, HOSTILE_MORE, "joy")
    report = sample_report(accents=accents, labels=labels, conditions=("TAV", "T"), title=HOSTILE + HOSTILE_MORE)
    first = report.findings[0].model_copy(update={"because": HOSTILE, "caveats": (HOSTILE_MORE,), "source": HOSTILE})
    data = report.data[0].model_copy(
        update={"supplier": HOSTILE, "licence": HOSTILE_MORE, "columns": {"y_true": HOSTILE_MORE, "y_pred": HOSTILE}}
    )
    changed = report.model_copy(
        update={
            "findings": (first, *report.findings[1:]),
            "summary": (HOSTILE, HOSTILE_MORE),
            "caveats": (HOSTILE_MORE, HOSTILE),
            "refusals": (Refusal(examination=HOSTILE, because=HOSTILE_MORE, remedy=HOSTILE),),
            "data": (data,),
            "marking": HOSTILE,
        }
    )
    return changed.sealed({exhibit.id: report.exhibit(exhibit.id) for exhibit in report.exhibits})


def _cells(rng: np.random.Generator, condition: str, accents: tuple[str, ...], labels: tuple[str, ...]) -> list[Cell]:
    intersections = []
    for accent, age in product(accents, AGES):
        units = _SMALL.get((accent, age), int(rng.integers(14, 40)))
        n = units * 9
        intersections.append(
            Cell({"accent": accent, "age": age}, n, units, _counts(rng, condition, accent, age, n, labels))
        )
    marginal = [_sum(intersections, {"accent": accent}) for accent in accents]
    marginal += [_sum(intersections, {"age": age}) for age in AGES]
    return [_sum(intersections, {}), *marginal, *intersections]


def _sum(cells: list[Cell], groups: dict[str, str]) -> Cell:
    own = [c for c in cells if groups.items() <= c.groups.items()]
    counts = np.sum([c.counts for c in own], axis=0)
    return Cell(groups, sum(c.n for c in own), sum(c.n_clusters for c in own), counts)


def _counts(
    rng: np.random.Generator, condition: str, accent: str, age: str, n: int, labels: tuple[str, ...]
) -> NDArray[np.int64]:
    right = _STRENGTH[condition] - (_BEHIND.get(accent, 0.0) + _BEHIND.get(age, 0.0)) * ("A" in condition)
    rates = np.full((len(labels), len(labels)), (1 - right) / (len(labels) - 1))
    np.fill_diagonal(rates, right)
    truths = rng.multinomial(n, np.full(len(labels), 1 / len(labels)))
    return np.array([rng.multinomial(t, row) for t, row in zip(truths, rates, strict=True)])


def _accuracy(cell: Cell) -> float | None:
    return float(np.trace(cell.counts) / cell.n) if cell.n else None


def _estimate(value: float | None, cell: Cell) -> Estimate:
    if value is None:
        why = "the group has no rows"
        return Estimate(value=None, why_no_interval=why, n=cell.n, n_clusters=cell.n_clusters)
    if cell.n_clusters < 2:
        why = "one unit has no spread between units"
        return Estimate(value=value, why_no_interval=why, n=cell.n, n_clusters=cell.n_clusters)
    half = 1.96 * np.sqrt(max(value * (1 - value), 0.01) / cell.n) * 1.4
    small = cell.n_clusters < 20
    method = "t over units" if small else "percentile bootstrap over units, 2,000 resamples"
    interval = Interval(low=max(0.0, value - half), high=min(1.0, value + half), level=0.95, method=method)
    return Estimate(value=value, interval=interval, n=cell.n, n_clusters=cell.n_clusters)


def _group_findings(rng: np.random.Generator, run: str, condition: str, cells: list[Cell]) -> list[Finding]:
    findings = []
    for cell, metric in product(cells, PERFORMANCE_METRICS):
        accuracy = _accuracy(cell)
        better = metric not in ("expected_calibration_error", "brier_score")
        shift = 0.0 if metric == "accuracy" else float(rng.normal(0, 0.02))
        value = None if accuracy is None else float(np.clip((accuracy if better else 1 - accuracy) + shift, 0.01, 0.99))
        findings.append(_group_finding(run, condition, cell, metric, value, better=better))
    return findings


def _group_finding(run: str, condition: str, cell: Cell, metric: str, value: float | None, *, better: bool) -> Finding:
    group = ",".join(f"{k}={v}" for k, v in cell.groups.items()) or "everybody"
    estimate = _estimate(value, cell)
    few = 0 < cell.n_clusters < 20
    finding = Finding(
        id=f"performance/{run}/{condition}/{group}/{metric}",
        examination="performance",
        method_version="1",
        metric=metric,
        higher_is_better=better,
        run=run,
        condition=condition,
        groups=cell.groups,
        estimate=estimate,
        verdict=Verdict.INFORMATIVE if estimate.interval else Verdict.INCONCLUSIVE,
        because=None if estimate.interval else "too few units to say",
        source="Schuller et al. 2011, section 3" if "recall" in metric else "methods.md 6.1",
        caveats=("fewer than 20 units: small-sample interval",) if few else (),
        exhibits=("performance-by-group",),
    )
    return _held(finding, at_least=0.5) if metric == "accuracy" and condition == "TAV" else finding


def _held(finding: Finding, *, at_least: float) -> Finding:
    interval = finding.estimate.interval
    outcome = CriterionOutcome(
        id="accuracy-floor",
        at_least=at_least,
        source="Policy of the clinic, section 2",
        family_size=35,
        adjusted_interval=_wider(interval) if interval else None,
    )
    return finding.model_copy(update={"criterion": outcome, "verdict": _against(outcome, at_least)})


def _wider(interval: Interval) -> Interval:
    middle, half = (interval.low + interval.high) / 2, (interval.high - interval.low) / 2 * 1.6
    return Interval(low=middle - half, high=middle + half, level=1 - 0.05 / 35, method=interval.method)


def _against(outcome: CriterionOutcome, bound: float) -> Verdict:
    interval = outcome.adjusted_interval
    if interval is None or interval.low <= bound <= interval.high:
        return Verdict.INCONCLUSIVE
    good = interval.low > bound if outcome.at_least is not None else interval.high < bound
    return Verdict.PASS if good else Verdict.FAIL


def _gap_findings(rng: np.random.Generator, run: str, condition: str) -> list[Finding]:
    compared = (("accent",), ("age",), ("accent", "age"))
    return [_gap_finding(rng, run, condition, by, metric) for by, metric in product(compared, GAP_METRICS)]


def _gap_finding(rng: np.random.Generator, run: str, condition: str, compared: tuple[str, ...], metric: str) -> Finding:
    ratio = metric.endswith("_ratio")
    size = float(rng.uniform(0.05, 0.12)) * (1 + len(compared) * ("A" in condition))
    value = 1 - size if ratio else size
    p = float(np.exp(-size * 40))
    finding = Finding(
        id=f"gaps/{run}/{condition}/{'+'.join(compared)}/{metric}",
        examination="fairness_gaps",
        method_version="1",
        metric=metric,
        higher_is_better=ratio,
        run=run,
        condition=condition,
        groups={},
        compared=compared,
        lowest="Nigerian English" if "accent" in compared else "60+",
        highest="Scottish" if "accent" in compared else "18-29",
        estimate=Estimate(
            value=value,
            interval=Interval(low=value - 0.05, high=value + 0.06, level=0.95, method="studentised max-t over pairs"),
            n=5103,
            n_clusters=567,
        ),
        null_expectation=NullExpectation(
            value=0.93 if ratio else 0.041, high=0.88 if ratio else 0.078, method="permutation of units, 1,999 draws"
        ),
        minimum_detectable_effect=DetectableEffect(value=0.08, power=0.8, alpha=0.05, method="simulation"),
        test=SignificanceTest(
            null="all groups are alike",
            p_value=p,
            p_adjusted=min(1.0, p * 6),
            correction="benjamini-yekutieli",
            family="the gaps of this report",
            method="permutation of units",
        ),
        verdict=Verdict.INFORMATIVE,
        source="Agarwal et al. 2018, definition 2",
    )
    return _gap_held(finding) if metric == "accuracy_difference" else finding


def _gap_held(finding: Finding) -> Finding:
    outcome = CriterionOutcome(
        id="accuracy-gap", at_most=0.1, source="Starter policy, after Hardt et al. 2016", family_size=21,
        adjusted_interval=_wider(finding.estimate.interval) if finding.estimate.interval else None,
    )  # fmt: skip
    return finding.model_copy(update={"criterion": outcome, "verdict": _against(outcome, 0.1)})


def _privacy_findings(run: str) -> tuple[Finding, ...]:
    control = Finding(
        id="membership/control",
        examination="membership_inference",
        method_version="1",
        metric="attack_auroc",
        higher_is_better=False,
        run=run,
        condition="TAV",
        groups={},
        estimate=Estimate(value=0.5, why_no_interval="a constant attacker has no spread", n=400, n_clusters=40),
        verdict=Verdict.INFORMATIVE,
        source="Carlini et al. 2022, section 4",
    )
    interval = Interval(low=-0.1, high=0.62, level=0.95, method="DeLong over units")
    estimate = Estimate(value=0.57, interval=interval, n=400, n_clusters=40)
    attack = control.model_copy(
        update={"id": "membership/attack", "estimate": estimate, "controls": (control.id, "gone")}
    )
    return control, attack


def _without_criterion(finding: Finding) -> Finding:
    verdict = finding.verdict if finding.criterion is None else Verdict.INFORMATIVE
    return finding.model_copy(update={"criterion": None, "verdict": verdict})


def _columns(text: str, numbers: str, integers: str) -> tuple[ExhibitColumn, ...]:
    kinds = (("text", text), ("number", numbers), ("integer", integers))
    return tuple(
        ExhibitColumn(name=name, type=kind, description=name) for kind, names in kinds for name in names.split()
    )


def _exhibits(
    findings: tuple[Finding, ...], cells: dict[tuple[str, str], list[Cell]], labels: tuple[str, ...]
) -> tuple[ExhibitTable, ...]:
    groups = [f for f in findings if f.examination == "performance"]
    return (
        ExhibitTable(
            id="performance-by-group",
            title="Performance of every group",
            columns=_columns(
                "run condition features group level_1 level_2 metric method", "value low high", "n n_clusters"
            ),
            values=_performance_values(groups),
        ),
        ExhibitTable(
            id="confusion-matrices",
            title="Confusion matrix of every group",
            columns=_columns("run condition features group truth prediction", "count share", ""),
            values=_confusion_values(cells, labels),
        ),
        ExhibitTable(
            id="class-rates",
            title="Rates per class of every group",
            columns=_columns("run condition features group class rate", "value low high", "n n_clusters"),
            values=_rate_values(cells, labels),
        ),
    )


def _performance_values(findings: list[Finding]) -> dict[str, list[str | int | float | None]]:
    levels = [[*f.groups.values(), None, None] for f in findings]
    intervals = [f.estimate.interval for f in findings]
    return {
        "run": [f.run for f in findings],
        "condition": [f.condition for f in findings],
        "features": [" x ".join(f.groups) for f in findings],
        "group": [", ".join(f.groups.values()) or "everybody" for f in findings],
        "level_1": [level[0] for level in levels],
        "level_2": [level[1] for level in levels],
        "metric": [f.metric for f in findings],
        "method": [i.method if i else None for i in intervals],
        "value": [f.estimate.value for f in findings],
        "low": [i.low if i else None for i in intervals],
        "high": [i.high if i else None for i in intervals],
        "n": [f.estimate.n for f in findings],
        "n_clusters": [f.estimate.n_clusters for f in findings],
    }


def _transposed(
    names: str, rows: list[tuple[str | int | float | None, ...]]
) -> dict[str, list[str | int | float | None]]:
    return {name: list(values) for name, values in zip(names.split(), zip(*rows, strict=True), strict=True)}


def _place(run: str, condition: str, cell: Cell) -> tuple[str, ...]:
    return run, condition, " x ".join(cell.groups), ", ".join(cell.groups.values()) or "everybody"


def _confusion_values(
    cells: dict[tuple[str, str], list[Cell]], labels: tuple[str, ...]
) -> dict[str, list[str | int | float | None]]:
    rows = []
    for (run, condition), some in cells.items():
        for cell, (t, truth), (p, prediction) in product(some, enumerate(labels), enumerate(labels)):
            total = int(cell.counts[t].sum())
            count = float(cell.counts[t, p])
            rows.append((*_place(run, condition, cell), truth, prediction, count, count / total if total else None))
    return _transposed("run condition features group truth prediction count share", rows)


def _rate_values(
    cells: dict[tuple[str, str], list[Cell]], labels: tuple[str, ...]
) -> dict[str, list[str | int | float | None]]:
    rows = []
    for (run, condition), some in cells.items():
        for cell, (k, label) in product(some, enumerate(labels)):
            row, column, total = cell.counts[k].sum(), cell.counts[:, k].sum(), cell.n
            hit = cell.counts[k, k]
            shares = (
                ("selection_rate", column, total),
                ("recall", hit, row),
                ("false_positive_rate", column - hit, total - row),
            )
            for rate, part, whole in shares:
                value = float(part / whole) if whole else None
                low, high = (None, None) if value is None else (max(0.0, value - 0.06), min(1.0, value + 0.06))
                rows.append((*_place(run, condition, cell), label, rate, value, low, high, int(whole), cell.n_clusters))
    return _transposed("run condition features group class rate value low high n n_clusters", rows)


def _plan(runs: tuple[str, ...]) -> AuditPlan:
    return AuditPlan.model_validate(
        {
            "title": "Triage listener",
            "purpose": "Helps a nurse see distress in telephone triage.",
            "runs": {run: {"table": f"{run}.parquet", "supplier": "Vendor Ltd"} for run in runs},
            "by": ["accent", "age"],
            "features": {"age": {"order": list(AGES)}},
            "policy": "starter",
            "seed": 7,
        }
    )


def _policy() -> Policy:
    return Policy(
        version=1,
        name="starter",
        title="Starter policy",
        statement="Set by the clinic's safety board; the numbers are choices and not norms.",
        frozen_before_results=True,
        criteria=(
            Criterion(
                id="accuracy-gap", metric="accuracy_difference", at_most=0.1,
                source="Starter policy, after Hardt et al. 2016",
            ),
            Criterion(
                id="accuracy-floor", metric="accuracy", at_least=0.5, conditions=("TAV",), answer_demanded=True,
                source="Policy of the clinic, section 2",
            ),
            Criterion(id="word-errors", metric="word_error_rate_ratio", at_most=1.25, source="Koenecke et al. 2020"),
        ),
    )  # fmt: skip


def _data(
    run: str, cells: dict[tuple[str, str], list[Cell]], conditions: tuple[str, ...], labels: tuple[str, ...]
) -> DataDescription:
    everybody = cells[run, conditions[0]][0]
    return DataDescription(
        run=run,
        supplier="Vendor Ltd",
        source=f"{run}.parquet",
        task=Task.MULTICLASS,
        digest="sha256:" + "3f" * 32,
        file_digest="sha256:" + "a1" * 32,
        n_rows=everybody.n * len(conditions),
        n_units=everybody.n_clusters,
        unit="speaker_id",
        conditions=conditions,
        label_space=labels,
        columns={"y_true": "emotion_true", "y_pred": "emotion_pred", "speaker_id": "caller"},
        assumptions=("Labels were matched without regard to case.",),
        licence="Internal use under agreement 2031-4",
    )


def _refusals(run: str) -> tuple[Refusal, ...]:
    return (
        Refusal(
            examination="citation_tests",
            run=run,
            because="the table has no rationales",
            remedy="add the side table rationales.parquet, keyed by judgement id",
        ),
        Refusal(
            examination="membership_inference",
            because="the shadow models need the training set",
            remedy="run on the hospital's side",
        ),
    )


def _provenance() -> Provenance:
    return Provenance(
        created_at="2031-10-02T09:14:00Z",
        affidavit="0.1.0",
        commit="4c1d0f3",
        uncommitted_changes=True,
        python="3.11.9",
        platform="Linux-6.1-x86_64",
        packages={"numpy": "2.4.6", "pyarrow": "26.0.1"},
        execution=Execution(),
    )


def small_report() -> AuditReport:
    return sample_report(conditions=("TAV", "A"))


def row_unit_report() -> AuditReport:
    """A table without ids: each row stands for itself."""
    report = small_report()
    data = report.data[0].model_copy(update={"n_units": None, "unit": "row", "supplier": None})
    findings = tuple(
        f.model_copy(update={"estimate": f.estimate.model_copy(update={"n_clusters": None})}) for f in report.findings
    )
    changed = report.model_copy(update={"data": (data,), "findings": findings})
    return changed.sealed({exhibit.id: report.exhibit(exhibit.id) for exhibit in report.exhibits})
