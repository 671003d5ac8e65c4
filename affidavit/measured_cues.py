"""What was measured of utterances, one row a cue: the evidence that cues in rationales are held against.

A corpus that knows more of its utterances than their media say (action units that a detector or a coder saw, changes of
the voice beside the same words said calmly) carries it as a table of these columns:

| column | meaning |
|---|---|
| `utterance_id` | of the corpus |
| `aspect` | `face` (and body), `tone`, `content`, `scene` |
| `cue` | an action unit (`AU15`), another cue of the face in words (`gaze down`), a dimension of the voice (`pitch`) |
| `value` | how strong it is; of a dimension of the voice how far from the speaker's usual, below zero is lower |
| `unit` | of the value: a key of `NOTICED` |

A row says that somebody looked; an utterance without rows of an aspect was not looked at, which is not to show nothing.

Source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa

ASPECTS: Final = ("face", "tone", "content", "scene")
COLUMNS: Final = ("utterance_id", "aspect", "cue", "value", "unit")
NOTICED: Final[Mapping[tuple[str, str], float]] = MappingProxyType(
    {
        ("", "present"): 0.5,
        ("", "strength"): 0.25,
        ("", "intensity 0-5"): 1.0,
        ("pitch", "st"): 1.5,
        ("range", "ln"): 0.2,
        ("rate", "ln"): 0.1,
        ("level", "dB"): 2.5,
        ("pauses", "share"): 0.1,
        ("tremor", "depth"): 0.2,
        ("tremor", "ln"): 0.4,
        ("creak", "depth"): 0.3,
        ("creak", "dB"): 2.0,
    }
)
"""The tolerance: by cue (empty for any) and unit, the size from which on a value is a cue. `strength` is 0 to 1, `ln`
the natural logarithm of a ratio, `intensity 0-5` that of detectors of action units. Rates and ranges are beside the
same words said calmly; beside other words more is asked (`faithfulness/grounding/voices.py`)."""
DIMENSIONS: Final = ("pitch", "range", "rate", "level", "pauses", "tremor", "creak")
"""Of the voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCue:
    """One cue of one utterance."""

    utterance_id: str
    aspect: str
    cue: str
    value: float
    unit: str

    @property
    def direction(self) -> int:
        """1 where the cue is there, -1 where its contrary is, 0 where the value is within the tolerance."""
        least = noticed_from(self.cue, self.unit)
        return int(self.value >= least) - int(self.value <= -least)


def noticed_from(cue: str, unit: str) -> float:
    """Return the size from which on a value is a cue.

    >>> noticed_from("pitch", "st"), noticed_from("AU15", "strength")
    (1.5, 0.25)

    Raises:
        ValueError: nothing of that cue is measured in that unit.
    """
    known = {of: least for (name, of), least in NOTICED.items() if name in {"", cue}}
    if cue in DIMENSIONS:  # how strong a pitch is says not whether it is high or low
        known = {of: least for of, least in known.items() if (cue, of) in NOTICED or of == "present"}
    if unit not in known:
        raise ValueError(f"{cue} is not measured in {unit!r}; its units are {', '.join(sorted(known))}")
    return known[unit]


def measurement_table(cues: Iterable[MeasuredCue]) -> pa.Table:
    """Return measured cues as a table of `COLUMNS`."""
    import pyarrow as pa

    held = list(cues)
    types = (pa.string(), pa.string(), pa.string(), pa.float64(), pa.string())
    return pa.table(
        {
            name: pa.array([getattr(cue, name) for cue in held], type=kind)
            for name, kind in zip(COLUMNS, types, strict=True)
        }
    )


def measured_cues(table: pa.Table) -> list[MeasuredCue]:
    """Return the rows of such a table; a row without a value was not measured and is left out."""
    columns = [table.column(name).to_pylist() for name in COLUMNS]
    return [
        MeasuredCue(utterance_id=who, aspect=aspect, cue=cue, value=float(value), unit=unit)
        for who, aspect, cue, value, unit in zip(*columns, strict=True)
        if value is not None
    ]
