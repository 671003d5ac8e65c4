"""What an attack says, as claims: of everybody and of groups, each with its interval over units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from scipy.stats import mannwhitneyu

from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, finding_id, pending
from affidavit.records import Finding, Interval, NullExpectation, SignificanceTest, Verdict
from affidavit.statistics.levels import normal_critical
from privacy.attacks.attack import WORDS
from privacy.attacks.epsilon import ASSUMED, epsilon_bound
from privacy.attacks.intervals import auroc_interval, share_interval, tpr_interval
from privacy.attacks.measures import (
    ATTACK_SOURCE,
    AUROC,
    CEILING,
    CHANGE,
    COMMON,
    COUNTED,
    EPSILON,
    EPSILON_SOURCE,
    FPR_COMMON,
    MODEL_ONLY,
    NAME,
    OF_ITSELF,
    ONE_SIDED,
    OWN,
    RATES,
    REFITTED,
    SHIFT,
    SHIFT_SOURCE,
    TPR,
    TPR_COMMON,
    UNSEEN,
    VACUOUS,
    VERSION,
)
from privacy.attacks.paired import pairs_of_units
from privacy.attacks.roc import auroc, non_members_needed, threshold_at
from privacy.attacks.shift import Shift
from privacy.attacks.study import Study
from privacy.attacks.units import Scored

EVERYBODY: Final[Mapping[str, str]] = {}
NOBODY: Final = "undefined: it takes members and non-members"
IntervalAt = Callable[[float], Interval | str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Number:
    """A number about units before it is a claim."""

    metric: str
    value: float
    scored: Scored
    interval_at: IntervalAt
    source: str
    caveats: tuple[str, ...] = ()
    higher_is_better: bool | None = False
    groups: Mapping[str, str] = field(default_factory=dict)
    apart: str | None = None
    """Why members and non-members may be drawn differently, where the study itself does not know."""

    def claim(self, study: Study) -> Claim:
        """Return the claim; barred where members and non-members are told apart without the model."""
        level = study.case.statistics.level
        interval = self.interval_at(level)
        estimate = estimate_of(
            None if np.isnan(self.value) else self.value,
            interval,
            n=int(self.scored.n_rows.sum()),
            n_units=len(self.scored.score),
        )
        verdict, because = pending(estimate)
        if interval in (ONE_SIDED, COUNTED, REFITTED):
            verdict, because = Verdict.INFORMATIVE, None
        apart = None if self.metric in (SHIFT, UNSEEN, CEILING) else study.apart_in(self.groups) or self.apart
        finding = Finding(
            id=finding_id(study.run, condition_of(study), NAME, self.metric, groups=self.groups),
            examination=NAME,
            method_version=VERSION,
            metric=self.metric,
            higher_is_better=self.higher_is_better,
            run=study.run,
            condition=condition_of(study),
            groups=self.groups,
            estimate=estimate,
            verdict=verdict,
            because=because,
            source=self.source,
            caveats=(*([apart] if apart else []), *self.caveats, *study.caveats),
        )
        return Claim(finding=finding, interval_at=self.interval_at, barred=apart)


def condition_of(study: Study) -> str:
    """Return the fullest condition of the run: the model is attacked, and policies bind there."""
    return study.case.runs[study.run].conditions[0]


def area(study: Study, scored: Scored, groups: Mapping[str, str]) -> Number:
    """Return the AUROC of the attack that leads on some units."""
    source = f"{ATTACK_SOURCE[study.attack]}; variance: DeLong et al. 1988"
    return _area(AUROC, scored, groups, source)


def _area(metric: str, scored: Scored, groups: Mapping[str, str], source: str) -> Number:
    members, others = scored.members, scored.non_members
    empty = not len(members) or not len(others)
    return Number(
        metric=metric,
        value=auroc(members, others),
        scored=scored,
        interval_at=(lambda _: NOBODY) if empty else partial(auroc_interval, members, others),
        source=source,
        groups=groups,
        higher_is_better=False if metric == AUROC else None,
    )


def tested(study: Study, claim: Claim) -> Claim:
    """Return the claim of everybody's AUROC with what chance gives, the test, and its controls."""
    members, others = study.main.members, study.main.non_members
    spread = float(np.sqrt((len(members) + len(others) + 1) / (12 * len(members) * len(others))))
    null = NullExpectation(
        value=0.5, high=min(1.0, 0.5 + normal_critical(0.9) * spread), method="Mann-Whitney, normal approximation"
    )
    test = SignificanceTest(
        null="members and non-members have the same scores",
        p_value=float(mannwhitneyu(members, others, alternative="greater").pvalue),
        method="Mann-Whitney over units, one-sided",
    )
    there = {SHIFT: study.shift, UNSEEN: study.unseen}
    ids = tuple(
        finding_id(study.run, condition_of(study), NAME, metric) for metric, known in there.items() if known is not None
    )
    table = (f"table of losses: {study.source}",) if study.source else ()
    said = (*claim.finding.caveats, MODEL_ONLY, *table)
    update = {"null_expectation": null, "test": test, "controls": ids or None, "caveats": said}
    return Claim(finding=claim.finding.model_copy(update=update), interval_at=claim.interval_at, barred=claim.barred)


def change(study: Study, before: Study) -> Number:
    """Return by how much the attack on the same units is more successful than on the baseline."""
    pairs = pairs_of_units(before.main, study.main)
    both = study.main.chosen(np.isin(np.array(study.main.unit), np.array(pairs.unit)))
    left = len(study.main.unit) - len(pairs.unit)
    lost = (f"{left:,} units are left out: the baseline does not know them, or not on the same side",) if left else ()
    how = () if before.attack == study.attack else (f"the baseline is attacked by {WORDS[before.attack]}",)
    return Number(
        metric=CHANGE,
        value=pairs.change,
        scored=both,
        interval_at=pairs.interval,
        source=f"{ATTACK_SOURCE[study.attack]}; intervals: DeLong et al. 1988",
        caveats=(f"compared with {before.run}, on the same units", *lost, *how),
        apart=before.told_apart,
    )


def shift_claims(study: Study) -> list[Claim]:
    """Return how well members are told without the model, where anything can tell."""
    found = []
    if study.shift is not None:
        found.append(_without_model(study, study.shift))
    if study.unseen is not None:
        found.append(_area(UNSEEN, study.unseen, EVERYBODY, SHIFT_SOURCE).claim(study))
    return found


def _without_model(study: Study, shift: Shift) -> Claim:
    """Return the claim of what no model made, beside what chance gives."""
    number = Number(
        metric=SHIFT,
        value=shift.auroc,
        scored=study.numbers,
        interval_at=lambda _: REFITTED,
        source=SHIFT_SOURCE,
        higher_is_better=None,
    )
    claim, method = number.claim(study), f"{len(shift.chance)} permutations of membership over units"
    null = NullExpectation(value=0.5, high=float(np.quantile(shift.chance, 0.95)), method=method)
    test = SignificanceTest(
        null="membership has nothing to do with what no model made", p_value=shift.p_value, method=method
    )
    finding = claim.finding.model_copy(update={"null_expectation": null, "test": test})
    return Claim(finding=finding, interval_at=claim.interval_at)


def shown(scored: Scored, rate: float) -> bool:
    """Say whether the non-members can show a rate of false alarms."""
    return len(scored.members) > 0 and len(scored.non_members) >= non_members_needed(rate)


def found_at(study: Study, scored: Scored, groups: Mapping[str, str], ending: str) -> Number:
    """Return the share of members found at a rate of false alarms among the same group's non-members."""
    rate, members, others = RATES[ending], scored.members, scored.non_members
    return Number(
        metric=f"{TPR}_{ending}",
        value=float((members > threshold_at(others, rate)).mean()),
        scored=scored,
        interval_at=partial(tpr_interval, members, others, rate),
        source=f"{ATTACK_SOURCE[study.attack]}; intervals: Hilgers 1991",
        caveats=(OWN,) if groups else (),
        groups=groups,
    )


def found_at_common(study: Study, scored: Scored, groups: Mapping[str, str], ending: str) -> list[Number]:
    """Return the shares of a group's members and of its non-members above everybody's threshold."""
    threshold = threshold_at(study.main.non_members, RATES[ending])
    numbers = []
    for stem, which in ((TPR_COMMON, scored.member), (FPR_COMMON, ~scored.member)):
        part = scored.chosen(which)
        above, n = int((part.score > threshold).sum()), len(part.score)
        numbers.append(
            Number(
                metric=f"{stem}_{ending}",
                value=above / n if n else np.nan,
                scored=part,
                interval_at=partial(share_interval, above, n),
                source=ATTACK_SOURCE[study.attack],
                caveats=(COMMON,),
                groups=groups,
                higher_is_better=False if stem == TPR_COMMON else None,
            )
        )
    return numbers


def epsilons(study: Study, scored: Scored, groups: Mapping[str, str]) -> list[Number]:
    """Return the lower bound of epsilon and, beside it, its ceiling."""
    options = study.options
    seed = study.seed("epsilon", *map(str, groups.items()))
    bound = epsilon_bound(scored, delta=options.delta, confidence=options.confidence, seed=seed)
    if isinstance(bound, str):
        return [_epsilon(EPSILON, np.nan, scored, groups, (bound, ()))]
    asked = f"at delta {options.delta:g}, with {100 * options.confidence:g} % confidence; ceiling {bound.ceiling:.2f}"
    vacuous = (VACUOUS,) if options.delta * len(scored.members) >= 1 else ()
    itself = (*vacuous, *((OF_ITSELF,) if groups else ()))
    return [
        _epsilon(EPSILON, bound.epsilon, scored, groups, (ONE_SIDED, (asked, ASSUMED, *itself))),
        _epsilon(CEILING, bound.ceiling, scored, groups, (COUNTED, (asked,))),
    ]


def _epsilon(
    metric: str, value: float, scored: Scored, groups: Mapping[str, str], said: tuple[str, tuple[str, ...]]
) -> Number:
    why_no_interval, caveats = said
    return Number(
        metric=metric,
        value=value,
        scored=scored,
        interval_at=lambda _: why_no_interval,
        source=EPSILON_SOURCE,
        caveats=caveats,
        higher_is_better=False if metric == EPSILON else None,
        groups=groups,
    )
