"""A model's conclusion as a judgement, with the cues that its rationale cites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.citations import cues_of
from affidavit.conditions import MODALITIES
from affidavit.utterances import Judgement
from reasoners.instructed.model import Concluded

DECIMALS: Final = 5
"""Beyond these the order of additions shows, which depends on threads and on who else is in the batch."""


def judgement(
    concluded: Concluded,
    place: tuple[int, int],
    rationale: str | None,
    *,
    labels: Sequence[str],
    instruction: str,
    intensity_scale: float,
) -> Judgement:
    """Return the judgement of the turn at a place of the batch; its intensity is in 0 to `intensity_scale`."""
    shares = concluded.logits[place].double().softmax(-1).tolist()
    weights = concluded.weights[place].double().tolist()
    return Judgement(
        label=labels[max(range(len(labels)), key=shares.__getitem__)],
        probabilities={label: round(share, DECIMALS) for label, share in zip(labels, shares, strict=True)},
        intensity=round(float(concluded.intensity[place]) * intensity_scale, DECIMALS),
        rationale=rationale,
        cues=() if rationale is None else cues_of(rationale),
        modality_weights={
            name: round(weight, DECIMALS) for name, weight in zip(MODALITIES.values(), weights, strict=True)
        },
        instruction=instruction,
    )
