"""Numbers of explanations into claims: every group, gaps between groups, the property they speak of, their controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from affidavit.case import Case
from affidavit.claims import Place, gap_claim, group_claims, places_under
from affidavit.confusion import Statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.records import ExplanationProperty
from affidavit.tally import Tally


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What an examination tells of one run under one condition, from one tally."""

    examination: str
    version: str
    run: str
    tally: Tally
    """Its condition is the one that findings name."""
    statistics: Sequence[Statistic]
    property: ExplanationProperty
    compared: frozenset[str] = frozenset()
    """Metrics in which groups are compared."""
    controls: Sequence[str] = ()
    """Metrics among the statistics that are the controls of the others."""
    caveats: tuple[str, ...] = ()
    """What every finding says."""
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the findings of one metric say besides."""

    def places(self, case: Case) -> list[Place]:
        """Return where it tells: one place for each family of groups."""
        return places_under(
            case, self.run, self.tally.condition, examination=self.examination, method_version=self.version
        )

    def evidence(self, case: Case, place: Place) -> Evidence:
        """Return evidence over the sums of one family."""
        return case.book.evidence_of(self.run, self.tally, place.family)

    def spoken(self, claim: Claim) -> Claim:
        """Say which property of an explanation a number speaks of, and under which reserves."""
        said = (*claim.finding.caveats, *self.remarks.get(claim.finding.metric, ()), *self.caveats)
        told = {"property": self.property, "caveats": said}
        return replace(claim, finding=claim.finding.model_copy(update=told))


def claims_of(case: Case, told: Told) -> list[Claim]:
    """Return claims of every statistic in every group, and of gaps in those that are compared."""
    claims: list[Claim] = []
    for place in told.places(case):
        evidence = told.evidence(case, place)
        found = {s.name: group_claims(place, measure(evidence, s), caveats={}) for s in told.statistics}
        claims += [told.spoken(claim) for claim in _with_controls(found, told.controls)]
        if place.family:
            claims += [told.spoken(claim) for claim in _gaps(place, evidence, told)]
    return claims


def _gaps(place: Place, evidence: Evidence, told: Told) -> list[Claim]:
    return [
        gap_claim(
            place,
            measure_gap(evidence, [statistic], GapKind(name=f"{statistic.name}_difference", scale="difference")),
            source=statistic.source,
        )
        for statistic in told.statistics
        if statistic.name in told.compared
    ]


def _with_controls(found: Mapping[str, Sequence[Claim]], controls: Sequence[str]) -> list[Claim]:
    """Name beside each number the findings that are its controls, group by group."""
    named = []
    for metric, claims in found.items():
        for g, claim in enumerate(claims):
            ids = tuple(found[control][g].finding.id for control in controls)
            told = {} if metric in controls or not ids else {"controls": ids}
            named.append(replace(claim, finding=claim.finding.model_copy(update=told)))
    return named
