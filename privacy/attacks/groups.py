"""The attack by group: with one threshold for everybody and with a group's own, nothing subtracted from anything."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from affidavit.examinations import Claim
from affidavit.records import Refusal
from privacy.attacks.gap import gap_claim
from privacy.attacks.measures import BY_GROUP_RATE, NAME, RATES
from privacy.attacks.roc import non_members_needed
from privacy.attacks.study import Study
from privacy.attacks.told import Number, area, epsilons, found_at, found_at_common, shown
from privacy.attacks.units import Scored


def everybody(study: Study) -> list[Number]:
    """Return what is told of everybody, but for the shift."""
    found = [area(study, study.main, {})]
    found += [found_at(study, study.main, {}, ending) for ending, rate in RATES.items() if shown(study.main, rate)]
    return [*found, *epsilons(study, study.main, {})]


def of_group(study: Study, scored: Scored, groups: Mapping[str, str]) -> list[Number]:
    """Return everything that is known of one group."""
    found = [area(study, scored, groups), *epsilons(study, scored, groups)]
    for ending, rate in RATES.items():
        if shown(study.main, rate):
            found += found_at_common(study, scored, groups, ending)
        if shown(scored, rate):
            found.append(found_at(study, scored, groups, ending))
    return found


def is_finding(number: Number) -> bool:
    """Say whether a group's number is a finding; the rest stands in the exhibit."""
    rate_of = next((ending for ending in sorted(RATES, key=len, reverse=True) if number.metric.endswith(ending)), None)
    return not number.metric.endswith("ceiling") and rate_of in (None, BY_GROUP_RATE)


def groups_of(study: Study, family: tuple[str, ...]) -> list[tuple[dict[str, str], Scored]]:
    """Return the units of each group of a family; of intersections only those that have any."""
    every = [study.levels(feature) for feature in family]
    found = []
    for levels in product(*every):
        groups = dict(zip(family, levels, strict=True))
        part = study.main.of(groups)
        if len(family) == 1 or len(part.score):
            found.append((groups, part))
    return found


def gap(study: Study, feature: str) -> Claim:
    """Return the gap between the groups of a feature; units that lie in several are counted and left out."""
    claim = gap_claim(study, feature, [(groups[feature], part) for groups, part in groups_of(study, (feature,))])
    several = sum(level is None for level in study.main.groups[feature])
    if not several:
        return claim
    said = f"{several:,} units that lie in several groups of {feature} are left out"
    finding = claim.finding.model_copy(update={"caveats": (said, *claim.finding.caveats)})
    return Claim(finding=finding, interval_at=claim.interval_at, unassessed=claim.unassessed, barred=claim.barred)


def refusals(study: Study) -> list[Refusal]:
    """Refuse rates of false alarms that the non-members cannot show, and features that the table lacks."""
    refused = [_few(study, ending) for ending, rate in RATES.items() if not shown(study.main, rate)]
    refused += [r for ending in RATES for feature in study.features if (r := _few_in_groups(study, feature, ending))]
    lacking = [name for name in study.case.by if name not in study.main.groups]
    if lacking:
        refused.append(
            Refusal(
                examination=NAME,
                run=study.run,
                because=f"the table of losses does not say of whom it speaks by {', '.join(lacking)}",
                remedy=f"add {', '.join(f'group_{name}' for name in lacking)} to the table of losses",
            )
        )
    return refused


def _few(study: Study, ending: str) -> Refusal:
    rate, n = RATES[ending], len(study.main.non_members)
    return Refusal(
        examination=NAME,
        run=study.run,
        because=f"{n:,} non-members cannot show a false positive rate of {rate:.1%}",
        remedy=f"bring losses of at least {non_members_needed(rate):,} units that were not trained on",
    )


def _few_in_groups(study: Study, feature: str, ending: str) -> Refusal | None:
    """Refuse a group's own threshold, where everybody's could be told."""
    rate = RATES[ending]
    if not shown(study.main, rate):
        return None
    few = [groups[feature] for groups, part in groups_of(study, (feature,)) if not shown(part, rate)]
    if not few:
        return None
    named = "; ".join(few[:6]) + (f" and {len(few) - 6} more" if len(few) > 6 else "")
    return Refusal(
        examination=NAME,
        run=study.run,
        because=f"too few non-members to show a false positive rate of {rate:.1%} of their own, by {feature}: {named}",
        remedy=f"bring losses of at least {non_members_needed(rate):,} units of each group that were not trained on; "
        "the threshold of everybody is told",
    )
