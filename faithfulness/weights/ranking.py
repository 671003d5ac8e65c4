"""Is a modality given more weight in the judgements where it matters? One area under the ROC curve for each modality.

Shares of weight are cut into `BANDS` bands by their quantiles over the run; then the area is a function of how many
judgements of each band hang on the modality: sums [..., M 2 BANDS], those where it matters before those where it does
not. Two judgements of one band count half. Constant weights get 0.5, whatever matters how often: here a template
has nothing to win. NaN where a modality always or never matters.

Source: Hanley, McNeil 1982.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.conditions import MODALITIES
from affidavit.confusion import FloatArray, Statistic, divide
from faithfulness.twins import BoolArray, Codes
from faithfulness.weights.reading import SAME

AUROC: Final = "weight_effect_auroc"
BANDS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingLayout:
    """How the sums of M modalities lie, and where their bands are cut."""

    letters: tuple[str, ...]
    cuts: tuple[FloatArray, ...]

    @classmethod
    def of(cls, letters: tuple[str, ...], shares: FloatArray) -> RankingLayout:
        """Cut the shares [N, M] of a run into bands of about as many judgements."""
        inner = np.linspace(0, 1, BANDS + 1)[1:-1]
        cuts = (np.unique(np.quantile(column, inner)) for column in shares.T)
        return cls(letters=letters, cuts=tuple(_apart(each) for each in cuts))

    def sums(self, shares: FloatArray, effects: BoolArray) -> FloatArray:
        """Return what each judgement adds, [N, M 2 BANDS]."""
        blocks = []
        for m, cuts in enumerate(self.cuts):
            band: Codes = np.searchsorted(cuts, shares[:, m], side="right").astype(np.int64)
            blocks.append(np.eye(2 * BANDS)[np.where(effects[:, m], 0, BANDS) + band])
        return np.concatenate(blocks, axis=1)

    def auroc(self, modality: int) -> Statistic:
        """Return P(more weight where it matters than where it does not), [0, 1]."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            block = sums.reshape(*sums.shape[:-1], len(self.letters), 2, BANDS)[..., modality, :, :]
            matters, not_ = block[..., 0, :], block[..., 1, :]
            won = (matters * (np.cumsum(not_, axis=-1) - not_ / 2)).sum(-1)
            return divide(won, matters.sum(-1) * not_.sum(-1))

        name = f"{AUROC}_{MODALITIES[self.letters[modality]]}"
        return Statistic(name=name, value=value, source="Hanley, McNeil 1982")


def _apart(cuts: FloatArray) -> FloatArray:
    """Return cuts half of `SAME` below where they were, so that equal shares never fall to both sides of one."""
    return np.asarray(cuts - SAME / 2)
