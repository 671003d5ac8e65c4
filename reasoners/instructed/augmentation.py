"""What training changes at random in its inputs, so that every subset of modalities, and noise, is in distribution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from affidavit.records import Record
from affidavit.utterances import Utterance

DEGRADATIONS: Final = (
    "TAV/noise=10dB",
    "TAV/noise=0dB",
    "TAV/blur=4",
    "TAV/transcript-errors=0.5",
)


class Augmentation(Record):
    """How much is changed."""

    modality_dropout: float = Field(default=0.5, ge=0, le=1)
    """Chance that a row of dialogues is shown with a part of its modalities, each part as likely as another."""
    turn_dropout: float = Field(default=0.05, ge=0, lt=1)
    """Chance that a modality is hidden in a single turn, as where a camera failed."""
    degraded_share: float = Field(default=0.3, ge=0, le=1)
    """Share of the training utterances that are measured a second time, degraded."""
    degraded_rate: float = Field(default=0.5, ge=0, le=1)
    """How often such an utterance is met degraded."""

    def drawn(self, utterances: Sequence[Utterance], *, rng: np.random.Generator) -> list[tuple[Utterance, str]]:
        """Return which utterances are degraded, each with the condition that degrades it."""
        chosen = np.flatnonzero(rng.random(len(utterances)) < self.degraded_share)
        kinds = rng.integers(len(DEGRADATIONS), size=len(chosen))
        return [(utterances[int(i)], DEGRADATIONS[int(k)]) for i, k in zip(chosen, kinds, strict=True)]


def dropped_modalities(
    present: Tensor, known: Tensor, augmentation: Augmentation, *, rng: np.random.Generator
) -> Tensor:
    """Return what to hide, `bool[P, U, 3]`; of a row that has any modality, one at least is not hidden as a whole."""
    n_rows, n_turns = known.shape
    has = (present & known.unsqueeze(-1)).any(1).numpy()
    hidden = np.zeros((n_rows, 3), dtype=bool)
    for row in np.flatnonzero(rng.random(n_rows) < augmentation.modality_dropout):
        parts = _proper_parts(np.flatnonzero(has[row]).tolist())
        if parts:
            hidden[row] = True
            hidden[row, list(parts[rng.integers(len(parts))])] = False
    single = rng.random((n_rows, n_turns, 3)) < augmentation.turn_dropout
    return torch.from_numpy(hidden[:, None, :] | single)


def _proper_parts(modalities: Sequence[int]) -> list[tuple[int, ...]]:
    sizes = range(1, len(modalities))
    return [part for size in sizes for part in combinations(modalities, size)]
