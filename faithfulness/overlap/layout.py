"""What each judgement adds to the numbers of overlap, and those numbers: means from 0 to 10, and their controls.

| control | what is compared |
|---|---|
| shuffled | clues: with what people wrote of another utterance of the same label; emotions: of any other utterance |
| template | one fixed rationale, which lists what rationales say most often, with the reference |
| repeat change | the score of a rationale with that of the next repetition of the same judgement: its noise |

With gold a score is read as *at least half* (5 of 10), so that agreement and the judge's errors can be counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from faithfulness.conclusions.reliability import agreement_sums, binary_sums, cohen_kappa, corrected_rate
from faithfulness.overlap.judge import HIGHEST, KINDS, Outcome, Overlap

CLUE: Final = "clue_overlap"
LABEL: Final = "label_overlap"
ABSTAINED: Final = "overlap_abstention_rate"
REPEAT: Final = f"{CLUE}_repeat_change"
ENDINGS: Final = ("_shuffled", "_template")
CONTROLS: Final = tuple(f"{kind}_overlap{ending}" for kind in KINDS for ending in ENDINGS)
TOLD: Final = (CLUE, LABEL, ABSTAINED, *CONTROLS)
HALF: Final = HIGHEST / 2
SOURCE: Final = "clue and label overlap: Lian et al. 2023 (EMER); F1 of clue atoms in place of its judge"
CONTROL_SOURCE: Final = "controls of docs/faithfulness.md"
KAPPA_SOURCE: Final = "Cohen 1960, over scores of at least 5 of 10"
CORRECTED_SOURCE: Final = "Rogan, Gladen 1978"
COLUMNS: Final = (
    *("asked", "clue_n", "clue", "label_n", "label", "precision_n", "precision", "recall"),
    *(f"{kind}{ending}{part}" for ending in ENDINGS for kind in KINDS for part in ("_n", "")),
    *("repeated", "repeat_change"),
    *(f"outcome_{outcome.name.lower()}" for outcome in Outcome),
)
"""What each judgement adds; a score and its `_n`, which is 1 where there is a score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The scores of N judgements, and those of what stands in the place of rationale or reference."""

    own: Overlap
    shuffled: Overlap
    """Its clues against the references of other utterances with the same label, its labels against those of any."""
    template: Overlap
    following: NDArray[np.int64]
    """Where the next repetition stands, -1 for none."""

    def sums(self) -> FloatArray:
        """Return what each judgement adds to `COLUMNS`, [N, S]."""
        own = self.own
        change = np.where(self.following >= 0, np.abs(own.clue - own.clue[self.following]), np.nan)
        columns = [
            np.ones(len(own.clue)),
            *_counted(own.clue),
            *_counted(own.label),
            *_counted(own.precision),
            np.nan_to_num(own.recall),
            *(part for other in (self.shuffled, self.template) for part in _both(other)),
            *_counted(change),
            *(own.outcome == outcome for outcome in Outcome),
        ]
        return np.stack(columns, axis=1).astype(np.float64)


def told(*, repeated: bool) -> tuple[Statistic, ...]:
    """Return what findings tell."""
    return (
        _mean(CLUE, "clue"),
        _mean(LABEL, "label"),
        replace(_share(ABSTAINED, _weights("asked") - _weights("clue_n")), higher_is_better=False),
        *(_control(name) for name in CONTROLS),
        *([_control(REPEAT, "repeat_change", "repeated")] if repeated else []),
    )


def listed() -> tuple[Statistic, ...]:
    """Return what an exhibit lists: precision and recall of clues, and what came of judging."""
    parts = (("clue_precision", "precision", "precision_n"), ("clue_recall", "recall", "clue_n"))
    return (
        *(
            replace(ratio_statistic(name, _weights(over), _weights(under), source=SOURCE), counts_rows=False)
            for name, over, under in parts
        ),
        replace(_share("label_abstention_rate", _weights("asked") - _weights("label_n")), higher_is_better=False),
        *(_share(f"outcome_{o.name.lower()}_rate", _weights(f"outcome_{o.name.lower()}")) for o in Outcome),
    )


def kappa(kind: str) -> Statistic:
    """Return the agreement of the judge with people on `at least half`, over `kappa_sums`."""

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return cohen_kappa(sums, 2)

    return Statistic(name=f"{kind}_judge_kappa", value=value, low=-1.0, higher_is_better=True, source=KAPPA_SOURCE)


def kappa_sums(score: FloatArray, gold: FloatArray) -> FloatArray:
    """Return what each judgement adds to agreement, [N, 6]; nothing where people gave no score."""
    known, judged = ~np.isnan(gold), ~np.isnan(score)
    return agreement_sums(np.where(known, gold >= HALF, -1), np.where(judged, score >= HALF, -1), 2)


def halves(kind: str) -> tuple[Statistic, Statistic]:
    """Return the share of scores of at least half, and the same without the judge's errors, over `half_sums`.

    The second may lie beyond 0 and 1: claims of it go through `faithfulness.conclusions.corrections.cut`.
    """
    name = f"{kind}_overlap_half_rate"
    plain = ratio_statistic(name, np.eye(6)[0], np.eye(6)[1], source=SOURCE)
    corrected = Statistic(name=f"{name}_corrected", value=_corrected, low=-np.inf, high=None, source=CORRECTED_SOURCE)
    return plain, corrected


def half_sums(score: FloatArray, gold: FloatArray) -> FloatArray:
    """Return what each judgement adds, [N, 6]: at least half, judged, and the judge's errors where gold is."""
    judged = ~np.isnan(score)
    said, known = judged & (score >= HALF), judged & ~np.isnan(gold)
    observed = np.stack([said, judged], axis=1).astype(np.float64)
    return np.concatenate([observed, binary_sums(known & (gold >= HALF), said, known)], axis=1)


def _corrected(sums: FloatArray, reference: FloatArray) -> FloatArray:
    return corrected_rate(sums[..., :2], sums[..., 2:]).unclipped


def _counted(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    known = ~np.isnan(scores)
    return known.astype(np.float64), np.where(known, scores, 0.0)


def _both(other: Overlap) -> Sequence[FloatArray]:
    return (*_counted(other.clue), *_counted(other.label))


def _weights(name: str) -> FloatArray:
    return np.asarray(np.eye(len(COLUMNS))[COLUMNS.index(name)])


def _mean(name: str, column: str, count: str | None = None) -> Statistic:
    over, under = _weights(column), _weights(count or f"{column}_n")
    plain = ratio_statistic(name, over, under, source=SOURCE, high=HIGHEST)
    return replace(plain, counts_rows=False)


def _control(name: str, column: str | None = None, count: str | None = None) -> Statistic:
    plain = _mean(name, column or name.replace("_overlap", ""), count)
    return replace(plain, higher_is_better=None, source=CONTROL_SOURCE)


def _share(name: str, above: FloatArray) -> Statistic:
    return ratio_statistic(name, above, _weights("asked"), source=SOURCE, higher_is_better=None)
