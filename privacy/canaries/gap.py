"""Are guesses right more often in one group than in another, under one threshold for all?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from affidavit.claims import first_names
from affidavit.examinations import Claim
from affidavit.records import Interval, NullExpectation, SignificanceTest
from affidavit.seeds import seed_of
from affidavit.statistics.levels import alpha_of
from affidavit.statistics.mover import mover_gap_bounds, pairs_of
from affidavit.statistics.permutation import permutation_p_value
from affidavit.statistics.types import Bounds, FloatArray
from privacy.canaries.measures import GAP, GAP_SOURCE, NAME
from privacy.canaries.study import Study
from privacy.canaries.telling import Number, accuracy_interval, finding_of

FEWER: Final = "fewer than two groups have enough guessed canaries to be compared"


def gap_claim(study: Study, feature: str, levels: Sequence[str]) -> Claim:
    """Return the largest share of right guesses of a group less the smallest, under one threshold for all."""
    least, guessed = study.case.statistics.compared_units, {}
    for level in levels:
        right = study.right_of_group(feature, level)
        guessed[level] = right[np.isfinite(right)]
    compared = {level: right for level, right in guessed.items() if len(right) >= least}
    small = tuple(level for level in levels if level not in compared)
    values = np.array([float(right.mean()) for right in compared.values()])

    def interval_at(level: float) -> Interval | str:
        return gap_interval(list(compared.values()), n_rules=study.everybody.n_rules, level=level)

    number = Number(
        metric=GAP,
        value=float(np.ptp(values)) if len(values) > 1 else None,
        source=GAP_SOURCE,
        n=sum(map(len, compared.values())),
        caveats=(
            *([f"too small to be compared: {first_names(small)}"] if small else []),
            *study.unheard(feature),
            "of what this attack guesses: a group that it guesses badly may be told by another",
        ),
        interval=interval_at(study.case.statistics.level),
        compared=(feature,),
    )
    finding = finding_of(study, number)
    if len(values) > 1:
        names = tuple(compared)
        chance = _dealt_anew(study, feature, list(compared.values()))
        ends = {"highest": names[int(values.argmax())], "lowest": names[int(values.argmin())]}
        finding = finding.model_copy(update=ends | _beside_chance(float(np.ptp(values)), chance))
    return Claim(finding=finding, interval_at=interval_at, unassessed=small)


def gap_interval(parts: Sequence[FloatArray], *, n_rules: int, level: float) -> Interval | str:
    """Return the interval of the largest share of right guesses less the smallest, or the reason why there is none.

    `parts` are each group's guesses, 1 right and 0 wrong. Clopper-Pearson for each group, MOVER for each pair,
    Bonferroni over pairs. Simulated coverage at level 0.95, two to six groups of 10 to 200 guesses, shares from 0.02 to
    1: 0.96 or more.
    """
    if len(parts) < 2:
        return FEWER
    values = np.array([float(part.mean()) for part in parts])
    n_pairs = len(pairs_of(len(parts))[0])
    each = [accuracy_interval(part, n_rules, 1 - alpha_of(level) / n_pairs) for part in parts]
    low, high = (np.array([getattr(interval, end) for interval in each]) for end in ("low", "high"))
    least, most = mover_gap_bounds(values, Bounds(low, high), largest=1.0)
    return Interval(low=float(least), high=float(most), level=level, method="MOVER over pairs of groups, Bonferroni")


def _dealt_anew(study: Study, feature: str, parts: Sequence[FloatArray]) -> FloatArray:
    """Return gaps where right guesses are dealt anew among the guessed canaries [B]."""
    rng = np.random.default_rng(seed_of(study.case.book.seed, NAME, study.run, feature))
    sizes, n_right = np.array([len(part) for part in parts]), int(sum(part.sum() for part in parts))
    drawn = rng.multivariate_hypergeometric(sizes, n_right, size=study.case.statistics.n_permutations)
    return np.asarray(np.ptp(drawn / sizes, axis=1))


def _beside_chance(value: float, chance: FloatArray) -> dict[str, NullExpectation | SignificanceTest]:
    method = f"{len(chance):,} permutations of right guesses over canaries"
    return {
        "null_expectation": NullExpectation(
            value=float(chance.mean()), high=float(np.quantile(chance, 0.95)), method=method
        ),
        "test": SignificanceTest(
            null="guesses are right equally often in every group",
            p_value=permutation_p_value(value, chance, exact=False),
            method=method,
        ),
    }
