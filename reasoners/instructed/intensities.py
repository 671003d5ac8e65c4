"""On which scale a corpus gives intensities: the model concludes 0 to 1, and answers on the scale it was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from affidavit.errors import PlanError
from affidavit.utterances import Utterance

SCALES: Final = (1.0, 5.0, 10.0, 100.0)
DEFAULT_SCALE: Final = 10.0
"""Where nobody rated an intensity."""


def intensity_scale(utterances: Sequence[Utterance]) -> float:
    """Return the least of the scales 0 to 1, 5, 10 and 100 that holds every intensity of the labelled utterances.

    Raises:
        PlanError: an intensity is negative (a valence is no strength), or above 100.
    """
    rated = [u for u in utterances if u.label is not None and u.intensity is not None and not math.isnan(u.intensity)]
    outside = [u for u in rated if not 0 <= float(u.intensity or 0) <= SCALES[-1]]
    if outside:
        first = outside[0]
        raise PlanError(
            "intensities that are no strengths cannot be learnt from",
            slug="plan-impossible",
            where=f"utterance {first.utterance_id}",
            found=f"an intensity of {first.intensity:g}, and {len(outside)} of {len(rated)} outside the allowed range",
            allowed=f"0 (none) to {SCALES[-1]:g}; a valence, which has a sign, is no intensity",
            remedy="leave the intensity out in the corpus's options, or give it no weight (intensity: 0)",
        )
    if not rated:
        return DEFAULT_SCALE
    return min(scale for scale in SCALES if all(float(u.intensity or 0) <= scale for u in rated))
