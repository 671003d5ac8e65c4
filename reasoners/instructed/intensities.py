"""On which scale a corpus gives intensities: the model concludes 0 to 1, and answers on the scale it was trained on.

A scale that is learnt tells something of the patients it was learnt from; one that the plan declares tells nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from affidavit.errors import PlanError
from affidavit.utterances import Utterance

SCALES: Final = (1.0, 5.0, 10.0, 100.0)
DEFAULT_SCALE: Final = 10.0
"""Where nobody rated an intensity."""


def intensity_scale(utterances: Sequence[Utterance], *, declared: float | None = None) -> float:
    """Return the declared scale; where there is none, the least of 1, 5, 10 and 100 that holds every intensity.

    Intensities of utterances without a label are not learnt from, and do not count.

    Raises:
        PlanError: an intensity is negative (a valence is no strength), or above the declared scale, or above 100.
    """
    rated = [u for u in utterances if u.label is not None and u.intensity is not None and not math.isnan(u.intensity)]
    _require_strengths(rated, declared=declared)
    if declared is not None:
        return declared
    if not rated:
        return DEFAULT_SCALE
    return min(scale for scale in SCALES if all(float(u.intensity or 0) <= scale for u in rated))


def _require_strengths(rated: Sequence[Utterance], *, declared: float | None) -> None:
    """Refuse by name what is no strength, and what a declared scale would cut off."""
    most = SCALES[-1] if declared is None else declared
    outside = [u for u in rated if not 0 <= float(u.intensity or 0) <= most]
    if outside:
        first = outside[0]
        what = "that are no strengths" if declared is None else "outside the declared scale"
        larger = "" if declared is None else "declare a larger scale (intensity_scale), "
        raise PlanError(
            f"intensities {what} cannot be learnt from",
            slug="plan-impossible",
            where=f"utterance {first.utterance_id}",
            found=f"an intensity of {first.intensity:g}, and {len(outside)} of {len(rated)} outside the allowed range",
            allowed=f"0 (none) to {most:g}; a valence, which has a sign, is no intensity",
            remedy=f"{larger}leave the intensity out in the corpus's options, or give it no weight (intensity: 0)",
        )
