"""What accuracy owes to interactions of modalities: the model beside its best projection that has none (EMAP).

The projection f~ of scores is additive over modalities: for two, f~(a, b) = mean over b' of f(a, b') + mean over a' of
f(a', b) - mean of all. Rows under `TAV/additive` are its answers, computed by whoever could ask the model. That both
are as accurate means that interactions are not needed for these utterances, not that the model has none.

Source: Hessel, Lee 2020.
"""

from __future__ import annotations

from typing import Final

from affidavit.case import Case
from affidavit.examinations import Claim
from affidavit.records import Refusal
from faithfulness.reliance.judged import Judged
from faithfulness.reliance.panel import ACCURACY, Panel, panel_of
from faithfulness.reliance.telling import NAME, Answer, Number, tell
from faithfulness.twins import without_twins

GAIN: Final = "emap_interaction_gain"
WITH: Final = "emap_model_accuracy"
WITHOUT: Final = "emap_accuracy"
SOURCE: Final = "EMAP: Hessel, Lee 2020"
NOT_NEEDED: Final = "no difference means that interactions are not needed for these utterances, not that there are none"


def projected(
    case: Case, judged: Judged, condition: str, *, caveats: tuple[str, ...], noise: list[Claim]
) -> tuple[list[Answer], list[Refusal]]:
    """Return the accuracies of the model and of its projection, and their difference by group, paired by utterance."""
    base = judged.conditions[0]
    panel = panel_of(case, judged, [base, condition], name=condition)
    if panel is None:
        return [], [without_twins(NAME, judged.predictions.run, base, [condition])]
    return [tell(panel, _numbers(panel, base, condition), caveats=(*panel.caveats, *caveats), noise=noise)], []


def _numbers(panel: Panel, base: str, condition: str) -> list[Number]:
    model, plain = panel.weights({base: 1.0}), panel.weights({condition: 1.0})
    gain = panel.linear(GAIN, ACCURACY, model - plain, bounds=(-1.0, 1.0), source=SOURCE)
    sides = ((WITH, model), (WITHOUT, plain))
    return [
        Number(statistic=gain, told="by group", remarks=(NOT_NEEDED,)),
        *(
            Number(statistic=panel.linear(name, ACCURACY, side, bounds=(0.0, 1.0), source=SOURCE), told="everybody")
            for name, side in sides
        ),
    ]
