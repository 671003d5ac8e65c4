"""A model's conclusion as a judgement, and the cues that a written rationale cites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from affidavit.conditions import MODALITIES
from affidavit.utterances import Cue, Judgement
from reasoners.instructed.batches import INTENSITY_RANGE
from reasoners.instructed.model import Concluded

DECIMALS: Final = 5
"""Beyond these the order of additions shows, which depends on threads and on who else is in the batch."""
_NOUNS: Final = {"text": r"words?", "audio": r"voice", "video": r"face"}
_CLAUSE: Final = re.compile(r"[^.;:]+")


def judgement(
    concluded: Concluded, place: tuple[int, int], rationale: str | None, *, labels: Sequence[str], instruction: str
) -> Judgement:
    """Return the judgement of the turn at a place of the batch."""
    shares = concluded.logits[place].double().softmax(-1).tolist()
    weights = concluded.weights[place].double().tolist()
    return Judgement(
        label=labels[max(range(len(labels)), key=shares.__getitem__)],
        probabilities={label: round(share, DECIMALS) for label, share in zip(labels, shares, strict=True)},
        intensity=round(float(concluded.intensity[place]) * INTENSITY_RANGE, DECIMALS),
        rationale=rationale,
        cues=() if rationale is None else cited(rationale),
        modality_weights={
            name: round(weight, DECIMALS) for name, weight in zip(MODALITIES.values(), weights, strict=True)
        },
        instruction=instruction,
    )


def cited(rationale: str) -> tuple[Cue, ...]:
    """Return the clauses that speak of words, voice or face, each as a cue of that modality without a time.

    >>> [cue.modality for cue in cited("Fear. The voice is high; the words stay neutral.")]
    ['audio', 'text']
    """
    cues = []
    for clause in _CLAUSE.findall(rationale):
        found = [name for name, noun in _NOUNS.items() if re.search(rf"\b{noun}\b", clause, re.IGNORECASE)]
        cues += [Cue(modality=name, quote=clause.strip()) for name in found]
    return tuple(cues)
