"""A live reasoner asked about turns that it was and was not trained on: its table of losses, to be attacked.

A reasoner that refuses to judge whom it was trained on refuses behind its door; the live one (`affidavit.live`) answers
whoever holds it, which is who an attacker is. Whole dialogues are asked, since turns before it help a turn; only
labelled turns have a loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pyarrow as pa

from affidavit.protocols import Ablatable
from affidavit.schema import UNKNOWN
from affidavit.utterances import Utterance
from privacy.attacks.reading import FEATURE, GROUP


def asked_losses(
    reasoner: Ablatable, utterances: Sequence[Utterance], *, member: Callable[[str], bool | None], condition: str
) -> pa.Table:
    """Return `unit_id`, `member`, `loss`, `y_true` and the sensitive features of every labelled turn.

    Beside them stands what no model made of a turn, for a shift would show in it: its number of words, where it has
    words, and its label.

    `member` says of a unit whether it was trained on, None where nobody knows: such turns are asked, for their
    dialogue's sake, and left out. A loss is empty where the reasoner gives no probability to the label.
    """
    judged = reasoner.judge_under(utterances, condition=condition)
    known = {unit: member(unit) for unit in {turn.unit for turn in utterances}}
    pairs = [
        (turn, judgement.probabilities.get(turn.label))
        for turn, judgement in zip(utterances, judged, strict=True)
        if turn.label is not None and known[turn.unit] is not None
    ]
    features = sorted({name for turn, _ in pairs for name in turn.sensitive})
    columns: dict[str, list[str] | list[str | None] | list[int] | list[float | None]] = {
        "unit_id": [turn.unit for turn, _ in pairs],
        "member": [int(bool(known[turn.unit])) for turn, _ in pairs],
        "loss": [_loss(p) for _, p in pairs],
        "y_true": [turn.label for turn, _ in pairs],
        f"{FEATURE}words": [None if turn.text is None else float(len(turn.text.split())) for turn, _ in pairs],
    }
    groups = {f"{GROUP}{name}": [turn.sensitive.get(name, UNKNOWN) for turn, _ in pairs] for name in features}
    return pa.table({**columns, **groups})


def _loss(probability: float | None) -> float | None:
    if probability is None or math.isnan(probability):
        return None
    return -math.log(min(probability, 1.0)) if probability > 0 else math.inf
