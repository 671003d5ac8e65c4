"""Is one group attacked with more success than another? The largest AUROC of groups less the smallest.

Groups share no unit, so their AUROCs are independent. Each pair's difference has bounds recovered from the groups' own
(MOVER), Bonferroni over pairs; the gap is the largest difference of any pair, and lies between the largest of their
lower and the largest of their upper bounds. Simulated coverage at level 0.95 (300 draws; two, three and six groups of
15 to 200 members and as many non-members): 0.93 to 1.00.

Chance: the groups of members are dealt anew among members, those of non-members among non-members, which tests that
scores do not depend on the group at all.

Source: Zou, Donner 2008 (MOVER).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.claims import first_names
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, finding_id, pending
from affidavit.records import Finding, Interval, NullExpectation, SignificanceTest
from affidavit.statistics.levels import alpha_of
from affidavit.statistics.mover import mover_gap_bounds, pairs_of
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.types import BoolArray, Bounds, FloatArray, IntArray
from privacy.attacks.intervals import auroc_interval
from privacy.attacks.measures import ATTACK_SOURCE, GAP, NAME, VERSION
from privacy.attacks.roc import auroc
from privacy.attacks.study import Study
from privacy.attacks.told import condition_of
from privacy.attacks.units import Scored

MOVER: Final = "MOVER over pairs of groups, Bonferroni"
FEWER: Final = "fewer than two groups have enough members and non-members to be compared"
MOST_PERMUTATIONS: Final = 499


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """The groups that are compared."""

    names: tuple[str, ...]
    parts: tuple[Scored, ...]

    def values(self) -> FloatArray:
        """Return the AUROC of each."""
        return np.array([auroc(part.members, part.non_members) for part in self.parts])

    def interval(self, level: float) -> Interval | str:
        """Return the interval of the gap, or the reason why there is none."""
        if len(self.parts) < 2:
            return FEWER
        values, n_pairs = self.values(), len(pairs_of(len(self.parts))[0])
        each = [auroc_interval(p.members, p.non_members, 1 - alpha_of(level) / n_pairs) for p in self.parts]
        if without := [e for e in each if isinstance(e, str)]:
            return without[0]
        low, high = (np.array([getattr(e, end) for e in each]) for end in ("low", "high"))
        least, most = mover_gap_bounds(values, Bounds(low, high), largest=1.0)
        return Interval(low=float(least), high=float(most), level=level, method=MOVER)


def gap_claim(study: Study, feature: str, parts: Sequence[tuple[str, Scored]]) -> Claim:
    """Return the gap of one feature's groups, those too small named."""
    enough = study.case.statistics.compared_units
    compared = [(name, part) for name, part in parts if min(len(part.members), len(part.non_members)) >= enough]
    small = [name for name, part in parts if min(len(part.members), len(part.non_members)) < enough]
    groups = Groups(names=tuple(name for name, _ in compared), parts=tuple(part for _, part in compared))
    finding = _finding(study, feature, groups)
    if small:
        finding = finding.model_copy(
            update={"caveats": (f"too small to be compared: {first_names(small)}", *finding.caveats)}
        )
    apart = _apart(study, feature, groups)
    return Claim(finding=finding, interval_at=groups.interval, unassessed=tuple(small), barred=apart)


def _apart(study: Study, feature: str, groups: Groups) -> str | None:
    """Why the gap may be one of distributions: in one group that is compared, members may differ from the others."""
    return next(filter(None, (study.apart_in({feature: name}) for name in groups.names)), study.told_apart)


def _finding(study: Study, feature: str, groups: Groups) -> Finding:
    interval, values = groups.interval(study.case.statistics.level), groups.values()
    value = float(np.ptp(values)) if len(values) > 1 else None
    n_rows = int(sum(part.n_rows.sum() for part in groups.parts))
    estimate = estimate_of(value, interval, n=n_rows, n_units=sum(len(part.score) for part in groups.parts))
    verdict, because = pending(estimate)
    chance = _chance(study, feature, groups) if value is not None else None
    apart = _apart(study, feature, groups)
    return Finding(
        id=finding_id(study.run, condition_of(study), NAME, GAP, compared=(feature,)),
        examination=NAME,
        method_version=VERSION,
        metric=GAP,
        higher_is_better=False,
        run=study.run,
        condition=condition_of(study),
        groups={},
        compared=(feature,),
        highest=None if value is None else groups.names[int(values.argmax())],
        lowest=None if value is None else groups.names[int(values.argmin())],
        estimate=estimate,
        null_expectation=None if chance is None else _null(chance),
        test=None if chance is None or value is None else _test(value, chance),
        verdict=verdict,
        because=because,
        source=f"{ATTACK_SOURCE[study.attack]}; intervals: Zou, Donner 2008",
        caveats=(*([apart] if apart else []), *study.caveats),
    )


def _chance(study: Study, feature: str, groups: Groups) -> FloatArray:
    """Return gaps where groups are dealt anew within members and within non-members, [B]."""
    rng = np.random.default_rng(study.seed("gap", feature))
    score = np.concatenate([part.score for part in groups.parts])
    member = np.concatenate([part.member for part in groups.parts])
    group = np.repeat(np.arange(len(groups.parts)), [len(part.score) for part in groups.parts])
    sides = [np.flatnonzero(member), np.flatnonzero(~member)]
    draws = min(study.case.statistics.n_permutations, MOST_PERMUTATIONS)
    return np.array([_dealt(score, member, group, sides, rng) for _ in range(draws)])


def _dealt(
    score: FloatArray, member: BoolArray, group: IntArray, sides: Sequence[IntArray], rng: np.random.Generator
) -> float:
    dealt = group.copy()
    for side in sides:
        dealt[side] = group[rng.permutation(side)]
    own = [dealt == g for g in range(int(group.max()) + 1)]
    return float(np.ptp([auroc(score[g & member], score[g & ~member]) for g in own]))


def _null(chance: FloatArray) -> NullExpectation:
    method = f"{len(chance)} permutations of units within members and within non-members"
    return NullExpectation(value=float(chance.mean()), high=float(np.quantile(chance, 0.95)), method=method)


def _test(value: float, chance: FloatArray) -> SignificanceTest:
    return SignificanceTest(
        null="scores of members, and of non-members, do not depend on the group",
        p_value=permutation_p_value(value, chance, exact=False),
        method=f"{len(chance)} permutations of units within members and within non-members",
    )
