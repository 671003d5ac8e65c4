"""Per-class rates of every group as an exhibit, and gaps over classes: what parity and odds have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, gap_claim, group_claims, places
from affidavit.confusion import Statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, Testimony
from affidavit.exhibit_columns import BY_CLASS
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, MeasuredGap, measure_gap
from affidavit.intervals import measure
from affidavit.mislabelling import mislabelled_gap
from audit.family_claims import FamilyNumber, family_claim

NAMED: Final = 6
"""Rates that a caveat names before it counts."""
Cells = dict[str, list[str | int | float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRate:
    """One rate of one class."""

    label: str
    statistic: Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassGap:
    """A gap over classes: its kind and the rates that enter it."""

    kind: GapKind
    rates: tuple[ClassRate, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStudy:
    """What an examination of per-class rates measures."""

    examination: str
    method_version: str
    exhibit: str
    title: str
    rates: Callable[[tuple[str, ...], bool], tuple[ClassRate, ...]]
    """From the label space, and whether there are reference labels."""
    gaps: Callable[[tuple[ClassRate, ...]], tuple[ClassGap, ...]]
    apart: Callable[[Case, Place], tuple[Evidence, FamilyNumber]]
    """The widest total variation between whole distributions, in one family."""


def study(case: Case, design: RateStudy) -> Testimony:
    """Measure the rates of every group and the gaps of every family, under every condition."""
    claims: list[Claim] = []
    cells: Cells = {column.name: [] for column in BY_CLASS}
    steps = places(case, examination=design.examination, method_version=design.method_version)
    for done, place in enumerate(steps, start=1):
        predictions = case.runs[place.run]
        evidence = case.book.evidence(place.run, place.condition, place.family)
        rates = design.rates(predictions.labels, predictions.labelled)
        _add_rates(cells, place, evidence, rates)
        if place.family:
            claims += [_gap(place, evidence, gap) for gap in design.gaps(rates)]
            claims.append(family_claim(place, *design.apart(case, place)))
        case.progress(f"measuring {design.examination}", done, len(steps))
    exhibit = ExhibitTable(id=design.exhibit, title=design.title, columns=BY_CLASS, values=cells)
    return Testimony(claims=tuple(claims), exhibits=(exhibit,))


def _add_rates(cells: Cells, place: Place, evidence: Evidence, rates: Sequence[ClassRate]) -> None:
    for rate in rates:
        for row in claim_rows(group_claims(place, measure(evidence, rate.statistic), caveats={})):
            row |= {"class": rate.label, "rate": rate.statistic.name, "features": " x ".join(place.family)}
            for name, column in cells.items():
                column.append(row[name])


def _gap(place: Place, evidence: Evidence, gap: ClassGap) -> Claim:
    measured = measure_gap(evidence, [replace(rate.statistic, label=rate.label) for rate in gap.rates], gap.kind)
    missing = _missing(measured, gap)
    zero = [rate for rate in missing if gap.kind.scale == "ratio" and _is_zero(evidence, rate.statistic)]
    few = [rate for rate in missing if rate not in zero]
    known = _without(measured, {rate.label for rate in zero})
    claim = gap_claim(place, known, source=gap.source, caveats=_said(zero, few) if measured.defined else ())
    unassessed = (*known.left_out, *(f"no group is ever given {rate.label}" for rate in zero))
    return replace(claim, mislabelled=mislabelled_gap(measured), unassessed=unassessed)


def _missing(measured: MeasuredGap, gap: ClassGap) -> list[ClassRate]:
    """Return the class rates that have no part in the gap."""
    there = {(c.measured.statistic.name, c.measured.statistic.label) for c in measured.components}
    return [rate for rate in gap.rates if (rate.statistic.name, rate.label) not in there]


def _without(measured: MeasuredGap, labels: set[str]) -> MeasuredGap:
    """Take no group for too small because of a label that nobody is given."""
    endings = tuple(f" ({label})" for label in labels)
    if not endings or not measured.defined:
        return measured
    return replace(measured, left_out=tuple(name for name in measured.left_out if not name.endswith(endings)))


def _said(zero: Sequence[ClassRate], few: Sequence[ClassRate]) -> tuple[str, ...]:
    return (
        *([f"zero in every group, which makes no ratio: {_rate_names(zero)}"] if zero else []),
        *([f"left out, for fewer than two groups have the units to compare: {_rate_names(few)}"] if few else []),
    )


def _is_zero(evidence: Evidence, statistic: Statistic) -> bool:
    return statistic.ratio is not None and not (evidence.totals @ statistic.ratio[0]).any()


def _rate_names(rates: Sequence[ClassRate]) -> str:
    names = [f"{rate.statistic.name.replace('_', ' ')} of {rate.label}" for rate in rates]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
