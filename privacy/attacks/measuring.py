"""Measures all turns at once where a live reasoner can: asked turn by turn, it starts its worker processes for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from affidavit.errors import InputError, PlanError
from affidavit.protocols import Progress, silent
from affidavit.utterances import Utterance


@runtime_checkable
class Measuring(Protocol):
    """A reasoner that measures what it takes in, once, of as many utterances as it is given together."""

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Measure what was not measured yet."""


def measure_at_once(reasoner: object, turns: Iterable[Utterance], *, progress: Progress = silent) -> None:
    """Measure each turn once; what cannot be measured is met again when its own turn is asked about."""
    if isinstance(reasoner, Measuring):
        with suppress(InputError, PlanError):
            reasoner.prepare(list({turn.utterance_id: turn for turn in turns}.values()), progress=progress)
