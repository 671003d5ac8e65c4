"""A live reasoner asked about turns that it was and was not trained on: its table of losses, to be attacked.

A reasoner that refuses to judge whom it was trained on refuses behind its door; the live one (`affidavit.live`) answers
whoever holds it, which is who an attacker is. Whole dialogues are asked, since turns before it help a turn; only
labelled turns have a loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from affidavit.protocols import Ablatable
from affidavit.schema import UNKNOWN
from affidavit.utterances import Utterance
from privacy.attacks.measuring import measure_at_once
from privacy.attacks.reading import FEATURE, GROUP, MEMBER, SHADOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """Another model, trained on another draw of the same people, that was asked about the same turns."""

    losses: Sequence[float | None]
    """Of every turn, as `turn_losses` returns them."""
    member: Callable[[str], bool | None]
    """Whether it was trained on a unit; None where nobody knows: it then tells nothing of that unit."""


def turn_losses(reasoner: Ablatable, utterances: Sequence[Utterance], *, condition: str) -> list[float | None]:
    """Return the loss of every turn in nats; None where it has no label or its label no probability."""
    measure_at_once(reasoner, utterances)
    judged = reasoner.judge_under(utterances, condition=condition)
    return [
        None if turn.label is None else _loss(judgement.probabilities.get(turn.label))
        for turn, judgement in zip(utterances, judged, strict=True)
    ]


def asked_losses(
    reasoner: Ablatable,
    utterances: Sequence[Utterance],
    *,
    member: Callable[[str], bool | None],
    condition: str,
    shadows: Sequence[Shadow] = (),
) -> pa.Table:
    """Return `unit_id`, `member`, `loss`, `y_true` and the sensitive features of every labelled turn.

    Beside them stands what no model made of a turn, for a shift would show in it: its number of words, where it has
    words, and its label; and what each shadow made of it, with whether the shadow saw its unit.

    `member` says of a unit whether it was trained on, None where nobody knows: such turns are asked, for their
    dialogue's sake, and left out. A loss is empty where the reasoner gives no probability to the label.
    """
    losses = turn_losses(reasoner, utterances, condition=condition)
    units = {turn.unit for turn in utterances}
    known = {unit: member(unit) for unit in units}
    kept = [i for i, turn in enumerate(utterances) if turn.label is not None and known[turn.unit] is not None]
    turns = [utterances[i] for i in kept]
    features = sorted({name for turn in turns for name in turn.sensitive})
    columns: dict[str, Sequence[str | int | float | None]] = {
        "unit_id": [turn.unit for turn in turns],
        "member": [int(bool(known[turn.unit])) for turn in turns],
        "loss": [losses[i] for i in kept],
        "y_true": [turn.label for turn in turns],
        f"{FEATURE}words": [None if turn.text is None else float(len(turn.text.split())) for turn in turns],
    }
    for k, shadow in enumerate(shadows):
        saw = {unit: shadow.member(unit) for unit in units}
        columns[f"{SHADOW}{k:03d}"] = [shadow.losses[i] for i in kept]
        columns[f"{SHADOW}{k:03d}{MEMBER}"] = [_answer(saw[turn.unit]) for turn in turns]
    groups = {f"{GROUP}{name}": [turn.sensitive.get(name, UNKNOWN) for turn in turns] for name in features}
    return pa.table({**columns, **groups})


def _answer(known: bool | None) -> int | None:  # noqa: FBT001 - yes, no or unknown
    return None if known is None else int(known)


def _loss(probability: float | None) -> float | None:
    if probability is None or math.isnan(probability):
        return None
    return -math.log(min(probability, 1.0)) if probability > 0 else math.inf
