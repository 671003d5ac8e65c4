"""What is marked in the seconds of one utterance: cues that a reasoner listed, and those that the corpus knows of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from affidavit.utterances import Cue
from dashboards.media.judged import Row
from dashboards.media.marks import Verdict
from dashboards.media.verdicts import JudgedCue

MODALITIES: Final = ("audio", "video", "text")
SHOWN_AT_MOST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A cue with the seconds in which it is said to be; of one without any, both are None."""

    modality: str
    quote: str
    start_s: float | None
    end_s: float | None
    verdict: Verdict | None
    """What evidence says of it; None of a cue that the corpus itself knows of: it is the evidence."""

    @property
    def placed(self) -> bool:
        """Whether it can be drawn."""
        return self.start_s is not None and self.end_s is not None

    def over(self, start_s: float, end_s: float) -> bool:
        """Whether any of it lies in a stretch of time."""
        return self.start_s is not None and self.end_s is not None and self.start_s < end_s and self.end_s > start_s


def listed_marks(side: pa.Table | None, row: Row, utterance_id: str, judged: Mapping[int, JudgedCue]) -> list[Mark]:
    """Return the cues that a reasoner listed beside one judgement, each with what evidence says of it."""
    if side is None:
        return []
    own = side.filter(
        pc.and_(pc.equal(side["utterance_id"], utterance_id), pc.equal(side["condition"], row.condition))
    ).to_pylist()
    own = [cue for cue in own if (cue.get("instruction") or "") == row.instruction]
    return [
        Mark(
            modality=cue["modality"] or "",
            quote=cue["quote"] or "",
            verdict=judged[i].verdict if i in judged else Verdict.NOT_JUDGED,
            **_seconds(cue),
        )
        for i, cue in enumerate(own[:SHOWN_AT_MOST])
    ]


def known_marks(cues: Sequence[Cue]) -> list[Mark]:
    """Return the cues that the corpus knows of in its own turn."""
    return [
        Mark(
            modality=cue.modality,
            quote=cue.quote,
            verdict=None,
            **_seconds({"start_s": cue.start_s, "end_s": cue.end_s}),
        )
        for cue in cues[:SHOWN_AT_MOST]
        if cue.utterance_id is None
    ]


def _seconds(cue: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the seconds of a cue; those that cannot be are none."""
    start, end = cue.get("start_s"), cue.get("end_s")
    told = [value for value in (start, end) if isinstance(value, int | float) and math.isfinite(value) and value >= 0]
    if len(told) < len((start, end)) or told[0] > told[1]:
        return {"start_s": None, "end_s": None}
    return {"start_s": float(told[0]), "end_s": float(told[1])}
