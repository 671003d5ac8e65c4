"""Can these numbers be sums over patients? What no table can give is refused before it is added.

Of n patients with whole numbers s_u >= 0: hits are among the truths and among the calls; sum s_u^2 >= sum s_u;
(sum s_u)^2 <= n sum s_u^2 (Cauchy, Schwarz); sum s_u s_u^T less (sum s_u)(sum s_u)^T / n is positive semidefinite; the
groups of a feature add up to everybody. All of these hold for totals over sites too, so the same is asked of secure
sums. Noised sums break them rightly, and are only held against their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from federated.pooled.counts_plan import CountsPlan
from federated.pooled.sums import BlockSums, Values

ROUNDING: Final = 1e-9
"""Of the largest eigenvalue: what double precision makes of an eigenvalue of 0."""


def implausible(plan: CountsPlan, blocks: Sequence[BlockSums], *, n_sites: int = 1, told: bool = True) -> str | None:
    """Return what cannot be, in words, or None. `told` says that nothing is withheld, so that groups add up."""
    for sums in blocks:
        for g, group in enumerate(sums.block.groups):
            if (fault := _fault(plan, sums, g, n_sites)) is not None:
                return f"{sums.block.condition}, {', '.join(group.values()) or 'everybody'}: {fault}"
        if sums.block.joint and (fault := _joint_fault(sums)) is not None:
            return f"{sums.block.condition}, {' x '.join(sums.block.features)}: {fault}"
    return _apart(plan, blocks) if told else None


def _fault(plan: CountsPlan, sums: BlockSums, g: int, n_sites: int) -> str | None:
    n, k = sums.n_units[g], sums.block.n_labels
    s, moments, present = sums.sums[g], sums.moments[g], sums.present[g]
    hits, true, called = s[:k], s[k : 2 * k], s[2 * k :]
    parts = (sums.n_units[g : g + 1], sums.n_rows[g : g + 1], s, present, moments)
    faults = (
        ("a number is negative", any((part < 0).any() for part in parts)),
        ("more patients than the plan is sized for", n > plan.most_units * n_sites),
        ("more rows than its patients can have", not n <= sums.n_rows[g] <= n * plan.most_rows),
        ("more hits than truths or calls", bool((hits > true).any() or (hits > called).any())),
        ("truths or calls that are not its rows", true.sum() != sums.n_rows[g] or called.sum() != sums.n_rows[g]),
        ("a label in more patients than there are", bool((present > np.minimum(n, true)).any())),
        ("a label with rows and no patient", bool(((present == 0) & (true > 0)).any())),
        ("second moments below the sums", bool((np.diagonal(moments) < s).any())),
        ("second moments beyond the largest patient", bool((np.diagonal(moments) > s * plan.most_rows).any())),
        ("second moments of no patients: S^2 > n M", _beyond_cauchy(n, s, moments)),
        ("second moments that are none: not positive semidefinite", _indefinite(n, s, moments)),
    )
    return next((words for words, found in faults if found), None)


def _beyond_cauchy(n: Values, s: Values, moments: Values) -> bool:
    left, right = s.astype(np.float64) ** 2, float(n) * np.diagonal(moments).astype(np.float64)
    return bool((left > right * (1 + ROUNDING)).any())


def _indefinite(n: Values, s: Values, moments: Values) -> bool:
    if n < 1:
        return bool(moments.any())
    values = s.astype(np.float64)
    covered = moments.astype(np.float64) - np.outer(values, values) / float(n)
    eigenvalues = np.linalg.eigvalsh(covered)
    return bool(eigenvalues[0] < -ROUNDING * max(float(np.trace(moments)), 1.0))


def _joint_fault(sums: BlockSums) -> str | None:
    n = len(sums.block.groups)
    whole = np.block([[sums.covered(g, h) for h in range(n)] for g in range(n)]).astype(np.float64)
    if (sums.cross < 0).any():
        return "a number is negative"
    if np.linalg.eigvalsh(whole)[0] < -ROUNDING * max(float(np.trace(whole)), 1.0):
        return "second moments that are none: not positive semidefinite"
    return None


def _apart(plan: CountsPlan, blocks: Sequence[BlockSums]) -> str | None:
    for condition in plan.conditions:
        own = [sums for sums in blocks if sums.block.condition == condition]
        for sums in own:
            whole = (own[0].n_rows[0], *own[0].sums[0]) if sums.block.joint else _all_of(own[0])
            parts = (sums.n_rows.sum(), *sums.sums.sum(axis=0)) if sums.block.joint else _all_of(sums)
            if tuple(map(int, whole)) != tuple(map(int, parts)):
                return f"{condition}: the groups of {' x '.join(sums.block.features)} do not add up to everybody"
    return None


def _all_of(sums: BlockSums) -> tuple[int, ...]:
    parts = (sums.n_units, sums.n_rows, sums.sums, sums.present, sums.moments)
    return tuple(int(value) for part in parts for value in np.asarray(part.sum(axis=0)).reshape(-1))
