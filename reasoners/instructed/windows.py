"""Turns to be judged each for itself, with turns before it: what is changed in one reaches no other's history.

Under a plain condition a whole dialogue is read at once, since each turn sees only what came before. Where the state of
the judged turn is exchanged, or its history is cut, each judged turn needs a row of its own: the turns before it that
are read, and itself last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from affidavit.conditions import MODALITIES
from reasoners.instructed.batches import Batch
from reasoners.instructed.model import Encoded

Place = tuple[int, int]
"""Row and turn of a batch."""
_AT_ONCE: Final = 4096
"""Turns that are read at a time, those before counted: bounds memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """N turns with what is read before each: rows of turns, filled up at the end."""

    encoded: Encoded
    batch: Batch
    last: Tensor
    """`int[N]`: where in its row the judged turn stands."""

    @property
    def places(self) -> list[Place]:
        """Where the judged turns stand."""
        return [(row, turn) for row, turn in enumerate(self.last.tolist())]

    def exchanged(self, letter: str, states: Tensor, present: Tensor) -> Windows:
        """Return it with one modality of the judged turns alone: states `[N, D]`, and whether it is there `bool[N]`."""
        at, rows = list(MODALITIES).index(letter), torch.arange(len(self.last), device=self.last.device)
        there, shown = self.encoded.states.clone(), self.encoded.present.clone()
        there[rows, self.last, at] = states.to(there.device, there.dtype).masked_fill(
            ~present.to(there.device)[:, None], 0.0
        )
        shown[rows, self.last, at] = present.to(shown.device)
        return replace(self, encoded=replace(self.encoded, states=there, present=shown))


def windows(encoded: Encoded, batch: Batch, places: Sequence[Place], before: Sequence[Sequence[int]]) -> Windows:
    """Return the judged turns at some places of a batch, each behind the turns of its row that are named for it."""
    turns = [[*earlier, turn] for (_, turn), earlier in zip(places, before, strict=True)]
    width, device = max(map(len, turns)), encoded.states.device
    index = torch.tensor([[*some, *[0] * (width - len(some))] for some in turns], device=device)
    lengths = torch.tensor([len(some) for some in turns], device=device)
    known = torch.arange(width, device=device)[None] < lengths[:, None]
    rows = torch.tensor([row for row, _ in places], device=device)
    return Windows(
        encoded=Encoded(
            states=encoded.states[rows[:, None], index].masked_fill(~known[:, :, None, None], 0.0),
            present=encoded.present[rows[:, None], index] & known[:, :, None],
            instruction=encoded.instruction[rows],
        ),
        batch=replace(batch, dialogue=torch.where(known, 0, -1), known=known),
        last=lengths - 1,
    )


def pieces(n_places: int, *, longest: int) -> Iterator[slice]:
    """Yield slices of the judged turns of which, with up to `longest` turns each, so many are read at a time."""
    step = max(1, _AT_ONCE // max(1, longest))
    return (slice(start, start + step) for start in range(0, n_places, step))
