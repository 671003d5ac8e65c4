"""How often the answer under the base changes when nothing but chance does: in repetitions of the same judgement."""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import group_claims, places_under
from affidavit.confusion import ratio_statistic
from affidavit.examinations import Claim
from affidavit.intervals import measure
from affidavit.tally import tally_outcomes
from faithfulness.twins import BoolArray, Judgements

NOISE: Final = "repeat_flip_rate"


def noise_claims(case: Case, examination: str, version: str, judgements: Judgements, judged: BoolArray) -> list[Claim]:
    """Return P(another answer when the same judgement is repeated) of everybody and each group; none of no repeats.

    `judged` [N] are the judgements that take part.
    """
    if not judgements.repeated[judged].any():
        return []
    tally = tally_outcomes(
        judgements.predictions,
        case.by,
        condition=judgements.condition,
        rows={name: values[judged] for name, values in judgements.rows.items()},
        sums=np.stack([judgements.repeated, judgements.changed_on_repetition], axis=1)[judged].astype(np.float64),
    )
    rate = ratio_statistic(
        NOISE,
        np.array([0.0, 1.0]),
        np.array([1.0, 0.0]),
        source="share of repetitions with another answer",
        higher_is_better=None,
    )
    run = judgements.predictions.run
    places = places_under(case, run, judgements.condition, examination=examination, method_version=version)
    return [
        claim
        for place in places
        if len(place.family) < 2  # as the parts of the information
        for claim in group_claims(place, measure(case.book.evidence_of(run, tally, place.family), rate), caveats={})
    ]
