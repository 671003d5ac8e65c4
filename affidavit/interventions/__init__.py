"""What is done to an utterance to find out what its answer rests on: `TAV/resampled=V`, `T/without-rationale=20%`.

Laws: what is drawn (a donor, a place, a word) depends on the seed and the utterances' own ids, never on their order;
an utterance never is its own donor; who has no donor is not judged, with the reason; only the input of the judged turn
is changed, and the turns before it stay as they are.
"""

from __future__ import annotations

from affidavit.interventions.operators import Intervention, canonical, intervention

__all__ = ["Intervention", "canonical", "intervention"]
