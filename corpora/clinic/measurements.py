"""What is known of face and voice because it was made: the evidence that rationales can be held against.

Of a face, the strength of every action unit at the apex. Of a voice, how far it is from the same words said calmly by
the same person: as measured where sound was made, as planned where none was. Who declined a modality is not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from affidavit.measured_cues import MeasuredCue, measurement_table
from corpora.clinic.faces import ACTION_UNITS
from corpora.clinic.measures import Change, planned_change
from corpora.clinic.performance import face, prosody
from corpora.clinic.script import Turn
from corpora.clinic.voices import neutral_prosody

if TYPE_CHECKING:
    import pyarrow as pa

VOICE: Final[Mapping[str, tuple[str, str]]] = {
    "pitch_st": ("pitch", "st"),
    "range_ratio": ("range", "ln"),
    "rate_ratio": ("rate", "ln"),
    "level_db": ("level", "dB"),
    "creak": ("creak", "depth"),
    "tremble": ("tremor", "depth"),
}
"""What is measured of a changed voice: its dimension and its unit."""


def measurements(turns: Sequence[Turn], notes: Mapping[str, Any], *, seed: int) -> pa.Table:
    """Return what is known of the patients' turns; `notes` are those of the sound, empty without media."""
    return measurement_table(
        cue for turn in turns if turn.beat is not None for cue in (*_face(turn, seed), *_voice(turn, notes))
    )


def _face(turn: Turn, seed: int) -> Iterator[MeasuredCue]:
    shown = face(turn, seed=seed)
    if shown is None or not turn.speaker.consent["video"]:
        return
    for unit in ACTION_UNITS:
        strength = shown.units.get(unit, 0.0)
        yield MeasuredCue(utterance_id=turn.utterance_id, aspect="face", cue=unit, value=strength, unit="strength")


def _voice(turn: Turn, notes: Mapping[str, Any]) -> Iterator[MeasuredCue]:
    if not turn.speaker.consent["audio"]:
        return
    change = planned_change(prosody(turn), neutral_prosody(turn.speaker))
    note = notes.get(turn.utterance_id)
    if note is not None and note["change"] is not None:
        change = Change(**note["change"])
    for name, value in asdict(change).items():
        cue, unit = VOICE[name]
        yield MeasuredCue(utterance_id=turn.utterance_id, aspect="tone", cue=cue, value=value, unit=unit)
