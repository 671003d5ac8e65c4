"""Which modalities a rationale cites, by its kind: two kinds that know what was used, and two that do not.

| kind | cites |
|---|---|
| faithful | exactly the modalities whose removal changes the answer; where there is none, the one it was taken from |
| decorative | what a faithful rationale of anybody's would cite, drawn anew: the same rates, whatever was used |
| template | all three, shown or not |
| inverted | of the modalities shown exactly those whose removal changes nothing |

What is cited is coded as bits: text 1, audio 2, video 4. A slip of noise changes the answer and not the citations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from reasoners.transparent.decisions import N_MASKS, Decisions
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import FloatArray, IntArray, donor_law, exchanged, pattern_rates
from reasoners.transparent.showing import BY_LABEL, Showing

KINDS: Final = ("faithful", "decorative", "template", "inverted")
EVERYTHING: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Citations:
    """What the kinds that know what was used cite; axes as in `Decisions`."""

    faithful: IntArray
    """[2, 3, 8, P]."""
    inverted: IntArray
    """[2, 3, 8, P]."""


def cite(options: TransparentOptions, decisions: Decisions) -> Citations:
    """Return what faithful and inverted rationales cite of every pattern."""
    bits = np.array([1, 2, 4])
    used = decisions.used @ bits
    fallback = bits[decisions.taken_from] if options.redundant == "leading" else 0
    masks = np.arange(N_MASKS)[None, None, :, None]
    return Citations(faithful=np.where(used > 0, used, fallback), inverted=masks & ~used)


def speaker_law(options: TransparentOptions, showing: Showing) -> FloatArray:
    """Return the joint chances that identity shifts the decision and who leads, [2, 3], over everybody."""
    law = np.zeros((2, 3))
    for cell, share in options.cells():
        seen = cell if showing.rendered is None else cell | dict([showing.rendered])
        law[int(options.is_shifted(seen))] += share * np.array(options.leading_in(cell))
    return law


def shown_law(options: TransparentOptions, showing: Showing) -> FloatArray:
    """Return the chance of each pattern as it is shown, [P]: what a donor brings knows at most the true label."""
    n_labels = len(options.labels)
    own = np.array(list(options.label_distribution.values()))[:, None] * pattern_rates(options)
    donors, chances = donor_law(options, showing.resampled, same_label=showing.exchange == BY_LABEL)
    codes = np.arange(own.shape[1])
    law = np.zeros(len(codes))
    for donor, chance in zip(donors, chances.T, strict=True):
        shown = exchanged(codes, np.full_like(codes, donor), showing.resampled, n_labels)
        law += np.bincount(shown, chance @ own, len(codes))
    return law


def decorative_law(options: TransparentOptions, citations: Citations, showing: Showing) -> FloatArray:
    """Return the chances of the eight codes of a decorative rationale under a condition, [8]."""
    chances = speaker_law(options, showing)[:, :, None] * shown_law(options, showing)
    law = np.bincount(citations.faithful[:, :, showing.mask].ravel(), chances.ravel(), N_MASKS)
    total: FloatArray = law / law.sum()
    return total
