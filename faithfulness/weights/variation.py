"""How much the weights of modalities differ between judgements, as functions of sums.

Sums are [..., 3 M + 3]: judgements N; of each of M modalities the shares of weight, their squares, and the squared
distances within units; the judgements in units of several; those whose weights are others than the most common ones.

| number | formula | weights that are the same for everything |
|---|---|---|
| variation | sqrt(mean over m of variance(w_m)), [0, 0.5] | 0 |
| within share | mean variance within units / mean variance | undefined |
| differ rate | P(other weights than the most common ones) | 0 |
| mean | mean of w_m | what they are |

Source.4 (K3): weights said to adapt to the input that are three global numbers have no variance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.conditions import MODALITIES
from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from faithfulness.twins import Codes
from faithfulness.weights.reading import SAME, Weights, within_units

VARIATION: Final = "modality_weight_variation"
WITHIN: Final = "modality_weight_within_share"
DIFFER: Final = "modality_weights_differ_rate"
MEAN: Final = "modality_weight_mean"
SOURCE: Final = "variance of modality weights over judgements"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationLayout:
    """How the sums of M modalities lie."""

    letters: tuple[str, ...]

    @property
    def _m(self) -> int:
        return len(self.letters)

    def sums(self, weights: Weights, unit: Codes) -> FloatArray:
        """Return what each judgement with known weights adds, [N, 3 M + 3]."""
        shares = weights.shares[weights.known]
        within = within_units(shares, unit)
        several = np.asarray(~np.isnan(within).any(axis=1))
        return np.column_stack(
            [
                np.ones(len(shares)),
                shares,
                shares**2,
                np.where(several[:, None], within, 0.0),
                several,
                weights.differ[weights.known],
            ]
        ).astype(np.float64)

    def _variance(self, sums: FloatArray) -> FloatArray:
        """Return the variance of each modality, [..., M]; exactly 0 where shares are the same but for rounding."""
        n, m = sums[..., :1], self._m
        mean, square = divide(sums[..., 1 : 1 + m], n), divide(sums[..., 1 + m : 1 + 2 * m], n)
        variance = square - mean**2
        return np.asarray(np.where(np.abs(variance) <= SAME**2, 0.0, np.maximum(variance, 0.0)))

    def variation(self, modality: int | None = None) -> Statistic:
        """Return the standard deviation of one modality's weight, or the root mean square of all."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            variance = self._variance(sums)
            return np.asarray(np.sqrt(variance.mean(-1) if modality is None else variance[..., modality]))

        name = VARIATION if modality is None else f"{VARIATION}_{MODALITIES[self.letters[modality]]}"
        return Statistic(name=name, value=value, high=None, higher_is_better=None, source=SOURCE)

    def within_share(self) -> Statistic:
        """Return how much of the variance there is among one unit's own judgements; NaN without any variance."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            m = self._m
            within = divide(sums[..., 1 + 2 * m : 1 + 3 * m], sums[..., 1 + 3 * m, None]).sum(-1)
            return np.asarray(np.clip(divide(within, self._variance(sums).sum(-1)), 0.0, 1.0))

        return Statistic(name=WITHIN, value=value, higher_is_better=None, source=SOURCE)

    def differ_rate(self) -> Statistic:
        """Return the share of judgements with other weights than the most common ones."""
        eye = np.eye(3 * self._m + 3)
        return ratio_statistic(DIFFER, eye[-1], eye[0], source=SOURCE, higher_is_better=None)

    def mean(self, modality: int) -> Statistic:
        """Return the mean share of weight of one modality."""
        eye = np.eye(3 * self._m + 3)
        name = f"{MEAN}_{MODALITIES[self.letters[modality]]}"
        rate = ratio_statistic(name, eye[1 + modality], eye[0], source=SOURCE, higher_is_better=None)
        return replace(rate, counts_rows=False)

    def others(self) -> list[Statistic]:
        """Return every number but the variation over all modalities."""
        each = range(self._m)
        return [
            self.differ_rate(),
            self.within_share(),
            *(self.variation(m) for m in each),
            *(self.mean(m) for m in each),
        ]
