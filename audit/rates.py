"""Per-class rates of every group as an exhibit, and gaps over classes: what parity and odds have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from affidavit.case import Case
from affidavit.confusion import Statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, Testimony
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Task
from audit.claims import Place, claim_rows, gap_claim, group_claims
from audit.columns import BY_CLASS

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
    needs_labels: bool


def study(case: Case, design: RateStudy) -> Testimony:
    """Measure the rates of every group and the gaps of every family, under every condition."""
    claims: list[Claim] = []
    cells: Cells = {column.name: [] for column in BY_CLASS}
    runs = [r for r, p in case.runs.items() if p.task is Task.MULTICLASS and (p.labelled or not design.needs_labels)]
    steps = [(r, c, f) for r in runs for c in case.runs[r].conditions for f in case.families]
    for done, (run, condition, family) in enumerate(steps, start=1):
        predictions = case.runs[run]
        place = Place(
            examination=design.examination,
            method_version=design.method_version,
            run=run,
            condition=condition,
            family=family,
            has_units=predictions.unit != "row",
            level=case.statistics.level,
        )
        evidence = case.book.evidence(run, condition, family)
        rates = design.rates(predictions.labels, predictions.labelled)
        _add_rates(cells, place, evidence, rates)
        if family:
            claims += [_gap(place, evidence, gap) for gap in design.gaps(rates)]
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
    missing = len(gap.rates) - len(measured.components)
    caveats = (f"{missing} of {len(gap.rates)} class rates exist in fewer than two groups",) if missing else ()
    return gap_claim(place, measured, source=gap.source, caveats=caveats)
