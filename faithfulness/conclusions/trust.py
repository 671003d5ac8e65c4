"""When may a number that rests on a judge decide anything? Where the judge agrees with people, group by group.

Without gold nobody knows, and with too little agreement the judge is known to be poor: either way a number stays
informative, whatever a policy says of it. A gap is as good as the judge is in the worst of the groups it compares, and
even there a judge that errs more often for one group makes one: of a gap that is told with and without the judge's
errors, only the second may decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from affidavit.claims import group_name
from affidavit.examinations import Claim
from affidavit.records import Estimate, Finding
from faithfulness.conclusions.reliability import KAPPA_NEEDED

UNMEASURED: Final = "how often the judge agrees with people is not known here: read it as informative"
UNEQUAL: Final = "the judge may err more often in one group than in another"
FEWEST_UNITS: Final = 10
"""Where units do not differ at all in how they agree there is no interval; of fewer units that is no proof."""
_Group = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The judge's kappa with people, by group, of one run under one condition."""

    metric: str
    kappa: Mapping[_Group, Estimate] = field(default_factory=dict)
    """Empty where there is no gold."""

    def objection(self, finding: Finding) -> str | None:
        """Say why a finding may decide nothing; None where it may."""
        if not self.kappa:
            return UNMEASURED
        groups = [tuple(finding.groups.items())]
        if finding.compared is not None:
            groups = [group for group in self.kappa if {name for name, _ in group} == set(finding.compared)]
        for group in dict.fromkeys((*groups, ())):
            if (said := _objection(self.kappa.get(group))) is not None:
                return f"{said} ({group_name(dict(group))}): read it as informative"
        return None


def agreement_of(claims: Sequence[Claim], metric: str) -> Agreement:
    """Return the agreement that claims of kappa tell."""
    return Agreement(
        metric=metric,
        kappa={
            tuple(claim.finding.groups.items()): claim.finding.estimate
            for claim in claims
            if claim.finding.metric == metric and claim.finding.compared is None
        },
    )


def held_back(claims: Sequence[Claim], agreement: Agreement) -> list[Claim]:
    """Return claims of which those that rest on an unproved judge can neither pass nor fail, and say why."""
    return [_held_back(claim, agreement.objection(claim.finding)) for claim in claims]


def left_to_corrected(claims: Sequence[Claim], checks: Sequence[Claim], instead: Mapping[str, str]) -> list[Claim]:
    """Return claims of which a gap decides nothing where the checks tell it without the judge's errors.

    `instead` names for the metric of a gap that of the corrected one.
    """
    told = {claim.finding.metric for claim in checks}
    left = {metric: better for metric, better in instead.items() if better in told}
    why = {metric: f"{UNEQUAL}: {better} decides" for metric, better in left.items()}
    return [claim if claim.barred else _held_back(claim, why.get(claim.finding.metric)) for claim in claims]


def _held_back(claim: Claim, why: str | None) -> Claim:
    if why is None:
        return claim
    caveats = (*claim.finding.caveats, why)
    finding = claim.finding.model_copy(update={"caveats": caveats})
    return replace(claim, finding=finding, barred=why)


def _objection(estimate: Estimate | None) -> str | None:
    if estimate is None or estimate.value is None:
        return "how often the judge agrees with people is not known here"
    units = estimate.n if estimate.n_clusters is None else estimate.n_clusters
    if estimate.interval is None:
        unanimous = units >= FEWEST_UNITS and estimate.value >= KAPPA_NEEDED
        return None if unanimous else f"how often the judge agrees with people is not known from {units} units"
    if estimate.value < KAPPA_NEEDED or estimate.interval.low <= 0:
        low, high = estimate.interval.low, estimate.interval.high
        return f"the judge agrees too little with people: kappa {estimate.value:.2f} ({low:.2f} to {high:.2f})"
    return None
