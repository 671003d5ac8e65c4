"""Gathers what a rationale has to tell of a turn: its cues, what stays quiet, and the patient's turns before."""

from __future__ import annotations

from collections.abc import Sequence

from affidavit.utterances import Cue
from corpora.clinic.cues import EVEN_VOICE, MOST_CUES, RELAXED_FACE
from corpora.clinic.faces import ACTION_UNITS, EXPRESSIONS
from corpora.clinic.faults import Planted, quiet
from corpora.clinic.measures import planned_change
from corpora.clinic.rationales import Account
from corpora.clinic.script import Turn
from corpora.clinic.voices import moved_prosody, neutral_prosody


def account(turn: Turn, earlier: Sequence[Turn], cues: Sequence[Cue], faults: Planted) -> Account | None:
    """Return the account of a patient's turn, None for a clinician's; `earlier` are the patient's turns before."""
    if turn.beat is None:
        return None
    wrong = faults.miscited.get(turn.utterance_id)
    cited = turn.beat.order if wrong is None else (wrong,)
    quotes = {modality: tuple(cue.quote for cue in cues if cue.modality == modality) for modality in turn.beat.order}
    if wrong is not None:
        quotes = {wrong: _invented(turn, wrong)}
    told_by = [past.beat for past in earlier if past.beat is not None and past.beat.order]
    return Account(
        label=faults.drifted.get(turn.utterance_id, turn.beat.label),
        felt=turn.beat.label,
        cited=cited,
        quotes=quotes,
        quiet=quiet(turn) if wrong is None else tuple(m for m in turn.speaker.modalities() if m != wrong),
        masked=turn.beat.masked and wrong != "text",
        earlier=tuple(past.beat.label for past in earlier if past.beat is not None),
        shown_before=told_by[-1].order[0] if told_by else None,
    )


def _invented(turn: Turn, modality: str) -> tuple[str, ...]:
    """Return what a modality would have shown, had it carried the emotion."""
    label, intensity = ("neutral", 0.0) if turn.beat is None else (turn.beat.label, turn.beat.intensity)
    if modality == "text":
        return (turn.line.text,)
    if modality == "audio":
        moved = moved_prosody(turn.speaker, label, intensity)
        return planned_change(moved, neutral_prosody(turn.speaker)).descriptors()[:MOST_CUES] or (EVEN_VOICE,)
    units = tuple(f"{ACTION_UNITS[unit]} ({unit})" for unit in EXPRESSIONS[label])
    return units[:MOST_CUES] or (RELAXED_FACE,)
