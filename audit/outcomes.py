"""Rates of outcomes that an examination computes row by row: one claim per group, one gap per family."""

from __future__ import annotations

from collections.abc import Sequence

from affidavit.case import Case
from affidavit.claims import gap_claim, group_claims, places_under
from affidavit.confusion import Statistic
from affidavit.examinations import Claim
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.tally import Tally


def outcome_claims(
    case: Case, *, examination: str, version: str, run: str, tally: Tally, statistics: Sequence[Statistic]
) -> list[Claim]:
    """Return group claims and gap claims of every statistic over every family of the case."""
    claims: list[Claim] = []
    for place in places_under(case, run, tally.condition, examination=examination, method_version=version):
        evidence = case.book.evidence_of(run, tally, place.family)
        for statistic in statistics:
            claims += group_claims(place, measure(evidence, statistic), caveats={})
            if place.family:
                kind = GapKind(name=f"{statistic.name}_difference", scale="difference")
                claims.append(gap_claim(place, measure_gap(evidence, [statistic], kind), source=statistic.source))
    return claims
