"""What a baseline reads: the features of each turn, which dialogue it is of, who speaks, and whether it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from affidavit.splits import dialogue_of
from affidavit.utterances import Utterance


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """P patients of U turns each, filled up at the end."""

    features: Tensor
    """`[P, U, D]`"""
    dialogue: Tensor
    """`int[P, U]`: number of the dialogue within the patient's row, -1 where the row is filled up"""
    known: Tensor
    """`bool[P, U]`"""
    speaker: Tensor
    """`int[P, U]`: number of the speaker within the dialogue"""


def speakers(rows: Sequence[Sequence[Utterance]]) -> Tensor:
    """Return the number of each turn's speaker within its dialogue, `int[P, U]`; nobody named counts as one party."""
    numbers = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for p, row in enumerate(rows):
        parties: dict[str, dict[str | None, int]] = {}
        for u, turn in enumerate(row):
            known = parties.setdefault(dialogue_of(turn), {})
            numbers[p, u] = known.setdefault(turn.speaker_id, len(known))
    return numbers
