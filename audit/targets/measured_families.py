"""Values of every group and gaps of every family, for examinations that count sums of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from affidavit.claims import Place, claim_rows, gap_claim, group_claims
from affidavit.confusion import Statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import Measured, measure
from audit.targets.paired_moments import unit_mean

GAP_SOURCE = "max-min over groups; null and bounds of docs/statistics.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What is measured in every group."""

    values: Sequence[Statistic]
    per_unit: Sequence[Statistic] = ()
    """Those whose mean over units stands beside them."""
    gaps: Sequence[Statistic] = ()
    """Those whose gap is tested; few, for every test costs the others."""
    undefined: Mapping[str, str] = field(default_factory=dict)
    """By a statistic's name, what it means that a group has rows and no value."""


def family_claims(
    place: Place, evidence: Evidence, measures: Measures, *, caveats: Mapping[int, tuple[str, ...]]
) -> tuple[list[Claim], list[Claim]]:
    """Return the claims of every group, with `caveats` by group, and those of gaps."""
    claims = []
    for statistic in measures.values:
        measured = measure(evidence, statistic)
        claims += group_claims(place, measured, caveats=_with_reasons(measured, measures, caveats))
    if place.has_units:
        for statistic in measures.per_unit:
            claims += group_claims(place, measure(*unit_mean(evidence, statistic)), caveats=caveats)
    if not place.family:
        return claims, []
    return claims, [gap_of(place, evidence, statistic) for statistic in measures.gaps]


def _with_reasons(
    measured: Measured, measures: Measures, caveats: Mapping[int, tuple[str, ...]]
) -> Mapping[int, tuple[str, ...]]:
    """Return the caveats, and why a group has rows and no value."""
    why = measures.undefined.get(measured.statistic.name)
    if why is None:
        return caveats
    there = np.isnan(measured.value) & (measured.evidence.grouped.rows() > 0)
    return {**caveats, **{int(group): (why, *caveats.get(int(group), ())) for group in np.flatnonzero(there)}}


def gap_of(place: Place, evidence: Evidence, statistic: Statistic) -> Claim:
    """Return the claim of the widest difference of a statistic between two groups."""
    kind = GapKind(name=f"{statistic.name}_difference", scale="difference")
    return gap_claim(place, measure_gap(evidence, [statistic], kind), source=f"{statistic.source}; {GAP_SOURCE}")


def group_exhibit(name: str, title: str, claims: Sequence[Claim]) -> ExhibitTable:
    """Return the values of every group as an exhibit."""
    rows = claim_rows(claims)
    return ExhibitTable(
        id=name,
        title=title,
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )
