"""Whom does a worse input cost more? Accuracy lost under each degraded condition, by group, beside its clean base.

A degraded condition shows the same modalities through an operator (`TAV/noise=10dB`, base `TAV`). What is lost is the
accuracy under the base less that under the degraded condition, of the utterances that were judged under both; the
others are counted. Two questions are asked of groups: does the loss differ at all (the widest gap in the loss, beside
chance, with a test), and does the operator widen the gap that was there: the loss of the group that is lowest under the
base less the loss of the highest, above 0 where it does. The latter's intervals hold at once for every pair of groups,
so also for the pair that was picked; chance alone narrows a picked gap, and by how much stands beside it. A loss below
0 is a gain. The exhibit lists accuracy and loss by operator and level.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place, gap_claim, group_name, level_cells, places_under
from affidavit.conditions import Condition
from affidavit.confusion import Statistic
from affidavit.estimates import estimate_cells
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony, finding_id, pending
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.gaps import GapKind, group_label, measure_gap
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Estimate, ExhibitColumn, Finding, NullExpectation, Record, Refusal
from audit.conditions.paired_judgements import PairedJudgements, paired_judgements, refused_for_size
from audit.conditions.paired_statistics import evidence_for, weighted_conditions
from audit.contrasts import Contrasts, contrasts_of, selected_pair_null, signed_estimate, signed_interval
from audit.modalities.study import extremes

NAME: Final = "robustness"
VERSION: Final = "1"
LOSS: Final = "accuracy_loss"
WIDENING: Final = "accuracy_difference_widening"
LOSS_SOURCE: Final = "accuracy under the base less accuracy under the operator, paired by utterance"
WIDENING_SOURCE: Final = "difference in differences, simultaneous over pairs: Dunn 1961; bounds: Zou, Donner 2008"
_CLEAN, _DEGRADED = np.array([1.0, 0.0]), np.array([0.0, 1.0])
_NUMBER: Final = re.compile(r"(?P<number>[-+]?\d+(?:\.\d+)?)(?P<unit>%|[A-Za-z]*)")
Row = dict[str, Cell]
COLUMNS: Final = (
    ExhibitColumn(name="operator", type="text", description="what was done to the input"),
    ExhibitColumn(name="level", type="text", description="how much of it, as the condition says"),
    ExhibitColumn(name="dose", type="number", description="the level as a number (30% is 0.3), empty where it is none"),
    *BY_GROUP,
)


class RobustnessOptions(Record):
    """The options of this examination in a plan."""

    most_rows: int = Field(default=5_000_000, ge=1)
    """A run with more rows is refused: pairing its utterances takes them all at once, some hundred bytes each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Degraded:
    """A degraded condition of one run and its base, over the utterances of both."""

    case: Case
    run: str
    condition: str
    base: str
    paired: PairedJudgements

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says."""
        return (f"compared with {self.base}", *self.paired.left_out((self.base, self.condition)))

    def statistic(self, name: str, weights: tuple[float, float], low: float, source: str = "") -> Statistic:
        """Return weights of accuracy under the base and under the degraded condition."""
        return weighted_conditions(
            name,
            "accuracy",
            weights[0] * _CLEAN + weights[1] * _DEGRADED,
            n_labels=len(self.case.runs[self.run].labels),
            bounds=(low, 1.0),
            source=source,
        )

    @property
    def loss(self) -> Statistic:
        """What is lost, [-1, 1]."""
        return replace(self.statistic(LOSS, (1.0, -1.0), -1.0, LOSS_SOURCE), higher_is_better=False)


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without a degraded condition beside its clean base, or too large to be paired."""
    options = read_options(RobustnessOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if bases(run.conditions):
        return refused_for_size(run, options.most_rows, examination=NAME)
    shown = [condition for condition in run.conditions if Condition.parse(condition).operator]
    because = (
        f"{', '.join(shown)} stand without the same modalities undegraded" if shown else "no condition has an operator"
    )
    return Refusal(
        examination=NAME,
        because=because,
        remedy="ask the supplier to judge the same utterances with and without an operator, as TAV and TAV/noise=10dB",
    )


def bases(conditions: tuple[str, ...]) -> dict[str, str]:
    """Return each degraded condition whose undegraded base is there, and that base.

    >>> bases(("TAV", "TAV/noise=10dB", "A/noise=10dB"))
    {'TAV/noise=10dB': 'TAV'}
    """
    parsed = {condition: Condition.parse(condition) for condition in conditions}
    worse = {c: p for c, p in parsed.items() if p.operator is not None and not p.intervenes}
    found = {c: str(Condition(modalities=p.modalities)) for c, p in worse.items()}
    return {condition: base for condition, base in found.items() if base in parsed}


def examine(case: Case) -> Testimony:
    """Measure the loss of every group and how it widens gaps, under every degraded condition."""
    claims: list[Claim] = []
    rows: list[Row] = []
    for run, predictions in case.runs.items():
        found = bases(predictions.conditions)
        wanted = [c for c in predictions.conditions if c in found or c in found.values()]
        paired = paired_judgements(predictions, case.by, wanted)
        for done, (condition, base) in enumerate(found.items(), start=1):
            degraded = Degraded(case=case, run=run, condition=condition, base=base, paired=paired)
            told, shown = _study(degraded)
            claims += told
            rows += shown
            case.progress("comparing degraded conditions", done, len(found))
    exhibit = ExhibitTable(
        id="robustness-by-level",
        title="Accuracy and what is lost of it, by operator, level and group",
        columns=COLUMNS,
        values={column.name: [row[column.name] for row in rows] for column in COLUMNS},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,))


def _study(degraded: Degraded) -> tuple[list[Claim], list[Row]]:
    case, claims, rows = degraded.case, [], []
    tally = degraded.paired.tally((degraded.base, degraded.condition), name=degraded.condition)
    n_labels = len(case.runs[degraded.run].labels)
    for place in places_under(case, degraded.run, degraded.condition, examination=NAME, method_version=VERSION):
        evidence = evidence_for("accuracy", case.book.evidence_of(degraded.run, tally, place.family), n_labels)
        claims += _loss_claims(degraded, place, evidence)
        rows += _rows(degraded, place, evidence)
        if place.family:
            gap = measure_gap(evidence, [degraded.loss], GapKind(name=f"{LOSS}_difference", scale="difference"))
            claims.append(gap_claim(place, gap, source=LOSS_SOURCE, caveats=degraded.caveats))
            claims.append(_widening(degraded, place, evidence))
    return claims, rows


def _loss_claims(degraded: Degraded, place: Place, evidence: Evidence) -> list[Claim]:
    measured = measure(evidence, degraded.loss)
    claims = []
    for group, groups in enumerate(measured.groups):
        estimate = signed_estimate(measured, group, place.level, has_units=place.has_units)
        finding = _finding(degraded, place, LOSS, estimate, groups=dict(groups))
        claims.append(Claim(finding=finding, interval_at=partial(signed_interval, measured, group)))
    return claims


def _widening(degraded: Degraded, place: Place, evidence: Evidence) -> Claim:
    """Return how much further the operator takes the groups apart that are furthest apart without it."""
    base = degraded.statistic("base", (1.0, 0.0), 0.0)
    clean, loss = contrasts_of(evidence, (base, degraded.loss))
    loss = replace(loss, n_parts=1)
    if len(loss.compared) < 2:
        because = "fewer than two groups can be compared"
        estimate = Estimate(value=None, why_no_interval=because, n=0, n_clusters=0 if place.has_units else None)
        finding = _finding(degraded, place, WIDENING, estimate, compared=place.family)
        return Claim(finding=finding, interval_at=lambda _: because)
    highest, lowest = extremes(clean.measured.value[clean.compared])
    names = [group_label(evidence, int(group)) for group in clean.compared]
    left_out = tuple(
        group_label(evidence, g) for g in range(len(evidence.grouped.groups)) if g not in set(clean.compared.tolist())
    )
    estimate = loss.estimate(lowest, highest, place.level, has_units=place.has_units)
    finding = _finding(degraded, place, WIDENING, estimate, compared=place.family)
    alike = np.ptp(clean.measured.value[clean.compared]) == 0
    said = (
        f"the loss of the group that is lowest under {degraded.base} less that of the highest",
        *([f"the groups are equal under {degraded.base}: the two that are named stand for any pair"] if alike else []),
        *([f"too small to be compared: {'; '.join(left_out[:6])}"] if left_out else []),
    )
    update = {
        "highest": names[highest],
        "lowest": names[lowest],
        "null_expectation": _widening_null(clean, loss),
        "minimum_detectable_effect": loss.detectable(lowest, highest, place.level),
        "caveats": (*finding.caveats, *said),
    }
    return Claim(
        finding=finding.model_copy(update=update),
        interval_at=partial(loss.interval, lowest, highest),
        unassessed=left_out,
    )


def _widening_null(clean: Contrasts, loss: Contrasts) -> NullExpectation | None:
    """Return what chance gives: the pair furthest apart regresses to the mean, so its gap narrows by chance alone."""
    found = selected_pair_null((loss,), clean)
    if found is None:
        return None
    draws = -found[0][:, 0]
    return NullExpectation(
        value=float(draws.mean()), high=float(np.quantile(draws, 0.95)), method=f"{found[1]}, pair picked anew"
    )


def _finding(
    degraded: Degraded,
    place: Place,
    metric: str,
    estimate: Estimate,
    *,
    groups: dict[str, str] | None = None,
    compared: tuple[str, ...] | None = None,
) -> Finding:
    verdict, because = pending(estimate)
    return Finding(
        id=finding_id(place.run, place.condition, NAME, metric, groups=groups, compared=compared or ()),
        examination=NAME,
        method_version=VERSION,
        metric=metric,
        higher_is_better=False,
        run=place.run,
        condition=place.condition,
        groups=groups or {},
        compared=compared,
        estimate=estimate,
        verdict=verdict,
        because=because,
        source=LOSS_SOURCE if metric == LOSS else WIDENING_SOURCE,
        caveats=degraded.caveats,
    )


def _rows(degraded: Degraded, place: Place, evidence: Evidence) -> list[Row]:
    """Return the exhibit rows of a family: accuracy under both conditions and what is lost."""
    parsed = Condition.parse(degraded.condition)
    shown = (
        degraded.statistic("accuracy_clean", (1.0, 0.0), 0.0),
        degraded.statistic("accuracy_degraded", (0.0, 1.0), 0.0),
        degraded.loss,
    )
    rows: list[Row] = []
    for statistic in shown:
        measured = measure(evidence, statistic)
        for group, groups in enumerate(measured.groups):
            estimate = signed_estimate(measured, group, place.level, has_units=place.has_units)
            rows.append(
                {
                    "operator": parsed.operator,
                    "level": parsed.level,
                    "dose": dose(parsed.level),
                    "run": place.run,
                    "condition": place.condition,
                    "features": " x ".join(place.family),
                    "group": group_name(groups),
                    **level_cells(groups),
                    "metric": statistic.name,
                    **estimate_cells(estimate),
                }
            )
    return rows


def dose(level: str | None) -> float | None:
    """Return the level of an operator as a number, None where it is a name (`codec=mp3`) or absent.

    >>> dose("10dB"), dose("30%"), dose("mp3")
    (10.0, 0.3, None)
    """
    found = _NUMBER.fullmatch(level or "")
    if found is None:
        return None
    return float(found["number"]) / (100 if found["unit"] == "%" else 1)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Robustness by group",
    method_version=VERSION,
    access=("table", "labels", "several conditions"),
    metrics=frozenset({LOSS, f"{LOSS}_difference", WIDENING}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
