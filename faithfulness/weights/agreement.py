"""Does more weight go with mattering more? As functions of sums over judgements.

For each judgement under all modalities and each modality m that can be taken away: d_m = 1 if the answer is another
one without m. A judgement with both kinds of modalities has pairs (m that matters, m' that does not); it is concordant
as far as w_m > w_m' in them, ties counting half. Every such judgement counts once; the others say nothing.

Sums are [..., K (1 + 3 P) + P + M + 2], with P pairs m < m' of M modalities: for each of K labels that was answered
the judgements N, and for each pair the share of judgements F in which only m matters, B in which only m' does, and
O in which w_m > w_m'; then the F and B that are concordant, by pair; the shares of weight, by modality; the judgements
that were repeated, and those whose repetition gave another answer.

| number | what it compares with effects | constant weights get |
|---|---|---|
| concordance | the judgement's own weights | what the template gets |
| shuffled | weights dealt anew among judgements with the same answer, in expectation | the same |
| template | the group's mean weights for everybody | the same |
| weights at random | | 0.5 |

Given the counts, the expectation over deals is a function of the same sums: F O / N + B (1 - O / N) over labels.

Source: concordance within a judgement is its area under the ROC curve (Hanley, McNeil
1982), as an average over judgements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from faithfulness.twins import BoolArray, Codes
from faithfulness.weights.reading import SAME

CONCORDANCE: Final = "weight_effect_concordance"
SHUFFLED: Final = f"{CONCORDANCE}_shuffled"
TEMPLATE: Final = f"{CONCORDANCE}_template"
EXCESS: Final = f"{CONCORDANCE}_excess"
NOISE: Final = "repeat_flip_rate"
SOURCE: Final = "weights against effects of removal: Hanley, McNeil 1982"
Formula = Callable[["Counted"], FloatArray]


@dataclass(frozen=True, slots=True)
class Counted:
    """Sums taken apart: `n` [..., K], the others by label and pair [..., K, P]."""

    n: FloatArray
    only_first: FloatArray
    only_second: FloatArray
    first_heavier: FloatArray
    concordant: FloatArray
    """[...]"""
    weight: FloatArray
    """[..., M]"""

    @property
    def informative(self) -> FloatArray:
        """Judgements in which some modality matters and some other does not, [...]."""
        return np.asarray((self.only_first + self.only_second).sum(axis=(-2, -1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementLayout:
    """How the sums of M modalities and K labels lie."""

    n_modalities: int
    n_labels: int

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of modalities, each once."""
        return tuple(combinations(range(self.n_modalities), 2))

    def sums(self, shares: FloatArray, effects: BoolArray, answer: Codes, noise: BoolArray) -> FloatArray:
        """Return what each judgement adds.

        Takes shares of weight and effects of removal [N, M], answers as codes [N], and noise [N, 2]: repeated, changed.
        """
        first, second = (np.array(side) for side in zip(*self.pairs, strict=True))
        one, other = effects[:, first] & ~effects[:, second], effects[:, second] & ~effects[:, first]
        each = 1 / np.maximum((one | other).sum(axis=1, keepdims=True), 1)
        heavier = _heavier(shares[:, first], shares[:, second])
        concordant = np.where(one, heavier, 0.0) + np.where(other, 1 - heavier, 0.0)
        by_pair = np.concatenate([np.ones((len(shares), 1)), one * each, other * each, heavier], axis=1)
        by_label = np.eye(self.n_labels)[answer][:, :, None] * by_pair[:, None, :]
        return np.concatenate([by_label.reshape(len(shares), -1), concordant * each, shares, noise], axis=1)

    def counted(self, sums: FloatArray) -> Counted:
        """Take sums apart."""
        n_pairs, n_labels = len(self.pairs), self.n_labels
        cut = n_labels * (1 + 3 * n_pairs)
        by_label = sums[..., :cut].reshape(*sums.shape[:-1], n_labels, 1 + 3 * n_pairs)
        one, other, heavier = (by_label[..., 1 + i * n_pairs : 1 + (i + 1) * n_pairs] for i in range(3))
        return Counted(
            n=by_label[..., 0],
            only_first=one,
            only_second=other,
            first_heavier=heavier,
            concordant=np.asarray(sums[..., cut : cut + n_pairs].sum(-1)),
            weight=sums[..., cut + n_pairs : -2],
        )

    def _value(self, formula: Formula) -> Callable[[FloatArray, FloatArray], FloatArray]:
        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            return formula(self.counted(sums))

        return value

    def concordance(self) -> Statistic:
        """Return how far the heavier modality is the one that matters, [0, 1]."""
        return Statistic(name=CONCORDANCE, value=self._value(concordance), source=SOURCE)

    def shuffled(self) -> Statistic:
        """Return the concordance of weights dealt anew among judgements with the same answer."""
        return Statistic(name=SHUFFLED, value=self._value(shuffled), higher_is_better=None, source=SOURCE)

    def template(self) -> Statistic:
        """Return the concordance of the mean weights, given to every judgement."""
        return Statistic(name=TEMPLATE, value=self._value(self._template), higher_is_better=None, source=SOURCE)

    def excess(self) -> Statistic:
        """Return what the concordance has beyond that of weights dealt anew, [-1, 1]."""

        def formula(counts: Counted) -> FloatArray:
            return np.asarray(concordance(counts) - shuffled(counts))

        return Statistic(name=EXCESS, value=self._value(formula), low=-1.0, source=SOURCE)

    def noise(self) -> Statistic:
        """Return P(another answer when the same judgement is repeated)."""
        eye = np.eye(self.n_labels * (1 + 3 * len(self.pairs)) + len(self.pairs) + self.n_modalities + 2)
        return ratio_statistic(NOISE, eye[-1], eye[-2], source=SOURCE, higher_is_better=None)

    def _template(self, counts: Counted) -> FloatArray:
        first, second = (np.array(side) for side in zip(*self.pairs, strict=True))
        mean = divide(counts.weight, counts.n.sum(-1)[..., None])
        heavier = _heavier(mean[..., first], mean[..., second])
        got = counts.only_first.sum(-2) * heavier + counts.only_second.sum(-2) * (1 - heavier)
        return divide(got.sum(-1), counts.informative)


def concordance(counts: Counted) -> FloatArray:
    """Return the share of concordant pairs, each judgement counting once; NaN where none is informative."""
    return divide(counts.concordant, counts.informative)


def shuffled(counts: Counted) -> FloatArray:
    """Return the same for weights dealt anew among judgements with the same answer, in expectation."""
    heavier = np.nan_to_num(divide(counts.first_heavier, counts.n[..., None]))
    got = counts.only_first * heavier + counts.only_second * (1 - heavier)
    return divide(got.sum(axis=(-2, -1)), counts.informative)


def _heavier(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return 1 where the first is more, 0 where it is less, 0.5 where they are the same."""
    return np.asarray(0.5 * (1 + np.sign(first - second) * (np.abs(first - second) > SAME)))
