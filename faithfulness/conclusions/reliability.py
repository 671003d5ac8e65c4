"""How far can a judge be trusted, and what would a rate be without the judge's errors?

Everything is a function of sums that add over rows and units, with any leading axes [...]: groups, replicates. Gold are
labels that people gave after reading the same rationale; -1 where nobody did.

A judge that errs more often for one group makes a gap where there is none, so agreement and correction are by group.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, divide

KAPPA_NEEDED: Final = 0.4
"""Below it a number that rests on the judge stays informative (Landis, Koch 1977: moderate from 0.41)."""


class Corrected(NamedTuple):
    """A rate corrected for the judge's errors, elementwise; NaN where the judge tells nothing apart."""

    value: FloatArray
    """Within 0 and 1."""
    unclipped: FloatArray
    """As the formula gives it, possibly outside."""
    clipped: NDArray[np.bool_]
    """Where the two differ: the judge's errors explain more than what was observed."""


class Variances(NamedTuple):
    """Variances of the observed rate, the sensitivity and the specificity, estimated independently."""

    observed: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray


def agreement_sums(gold: NDArray[np.integer], judged: NDArray[np.integer], n_labels: int) -> FloatArray:
    """Return per row [N, K * (K + 1)] the flattened table gold x (judged, abstained last); zeros where gold is -1."""
    table = np.zeros((len(gold), n_labels * (n_labels + 1)))
    known = np.flatnonzero(gold >= 0)
    column = np.where(judged[known] >= 0, judged[known], n_labels)
    table[known, gold[known] * (n_labels + 1) + column] = 1.0
    return table


def judged_table(sums: FloatArray, n_labels: int) -> FloatArray:
    """Return the tables [..., K, K] of gold x judged without the abstentions."""
    return sums.reshape(*sums.shape[:-1], n_labels, n_labels + 1)[..., :n_labels]


def cohen_kappa(sums: FloatArray, n_labels: int) -> FloatArray:
    """(p_o - p_e) / (1 - p_e) over the rows that were judged; p_e from the two margins.

    Range [-1, 1]: 1 agrees always, 0 as often as chance. NaN where nothing was judged, or only one label ever given.

    Source: Cohen 1960.

    >>> table = np.array([[20.0, 5.0, 0.0], [10.0, 15.0, 0.0]])
    >>> float(cohen_kappa(table.reshape(-1), 2).round(12))
    0.4
    """
    table = judged_table(sums, n_labels)
    n = table.sum(axis=(-2, -1))
    agreeing = np.trace(table, axis1=-2, axis2=-1) * n
    by_chance = (table.sum(-1) * table.sum(-2)).sum(-1)
    return divide(agreeing - by_chance, n**2 - by_chance)


def coverage(sums: FloatArray, n_labels: int) -> FloatArray:
    """Return the share of gold rows on which the judge did not abstain; NaN where there is no gold."""
    return divide(judged_table(sums, n_labels).sum(axis=(-2, -1)), sums.sum(-1))


def sensitivity(sums: FloatArray, n_labels: int) -> FloatArray:
    """Return P(judged k | gold k, not abstained) for every class, [..., K]; NaN where a class has no judged gold."""
    table = judged_table(sums, n_labels)
    return divide(np.diagonal(table, axis1=-2, axis2=-1), table.sum(-1))


def specificity(sums: FloatArray, n_labels: int) -> FloatArray:
    """Return P(not judged k | gold not k, not abstained) for every class, [..., K]; NaN where all judged gold is k."""
    table = judged_table(sums, n_labels)
    others = table.sum(axis=(-2, -1))[..., None] - table.sum(-1)
    called = table.sum(-2) - np.diagonal(table, axis1=-2, axis2=-1)
    return divide(others - called, others)


def prevalence(sums: FloatArray, n_labels: int) -> FloatArray:
    """Return how often the judge says each class, [..., K], of the rows that it judged."""
    table = judged_table(sums, n_labels)
    return divide(table.sum(-2), table.sum(axis=(-2, -1))[..., None])


def rogan_gladen(observed: FloatArray, sensitivity: FloatArray, specificity: FloatArray) -> Corrected:
    """(observed + spec - 1) / (sens + spec - 1), the rate that a judge with these errors would turn into `observed`.

    | case | value |
    |---|---|
    | sens + spec <= 1 | NaN: the judge is no better than a coin |
    | outside 0 and 1 | the nearer end, and `clipped` |
    | any input NaN | NaN |

    Source: Rogan, Gladen 1978.

    >>> rogan_gladen(np.array([0.30]), np.array([0.9]), np.array([0.8])).value.round(6).tolist()
    [0.142857]
    """
    youden = sensitivity + specificity - 1
    unclipped = np.asarray(divide(np.asarray(observed + specificity - 1), np.asarray(youden)))
    beyond = (unclipped < 0) | (unclipped > 1)  # a NaN is neither
    return Corrected(value=np.clip(unclipped, 0.0, 1.0), unclipped=unclipped, clipped=beyond)


def rogan_gladen_standard_error(
    corrected: Corrected, sensitivity: FloatArray, specificity: FloatArray, variances: Variances
) -> FloatArray:
    """Return the delta-method standard error of the unclipped rate p.

    SE^2 = (Var(observed) + p^2 Var(sens) + (1 - p)^2 Var(spec)) / (sens + spec - 1)^2, if the three were estimated on
    different units. NaN where p is. Too small near sens + spec = 1, where p is far from normal: resample units there.

    Source: Rogan, Gladen 1978.
    """
    p = corrected.unclipped
    spread = variances.observed + p**2 * variances.sensitivity + (1 - p) ** 2 * variances.specificity
    return np.asarray(np.sqrt(divide(np.asarray(spread), np.asarray((sensitivity + specificity - 1) ** 2))))


def binary_sums(truth: NDArray[np.bool_], judged: NDArray[np.bool_], known: NDArray[np.bool_]) -> FloatArray:
    """Return per row [N, 4] true positives, false negatives, false positives, true negatives; zeros where not known.

    For a yes-or-no reading of a judge, such as: does this rationale agree with the answer?
    """
    cells = (truth & judged, truth & ~judged, ~truth & judged, ~truth & ~judged)
    return np.stack([cell & known for cell in cells], axis=1).astype(np.float64)


def corrected_rate(observed: FloatArray, validation: FloatArray) -> Corrected:
    """Correct a rate from sums: `observed` [..., 2] yes and all, `validation` [..., 4] as `binary_sums` gives them.

    Both may carry the same leading axes of replicates, drawn together where they share units, so that percentiles of
    `unclipped` hold the uncertainty of the judge's errors too.
    """
    positive, negative = validation[..., 0] + validation[..., 1], validation[..., 2] + validation[..., 3]
    return rogan_gladen(
        divide(observed[..., 0], observed[..., 1]),
        divide(validation[..., 0], positive),
        divide(validation[..., 3], negative),
    )
