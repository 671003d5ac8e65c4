"""The evidence of a turn as cues: words of the emotion, measured changes of the voice, action units of the face.

Seconds count from the start of the clip. Words have the seconds at which they are spoken, a change of the voice those
of the whole clip, an action unit those in which more than half of it is shown. Without media there are no seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from affidavit.utterances import Cue
from corpora.clinic.measures import Change, planned_change
from corpora.clinic.performance import Performance, face, prosody
from corpora.clinic.script import Turn
from corpora.clinic.voices import neutral_prosody

MOST_CUES: Final = 2
"""Of one modality."""
EVEN_VOICE: Final = "even voice"
RELAXED_FACE: Final = "relaxed face"


def cues(turn: Turn, made: Performance | None, note: Mapping[str, Any] | None, *, seed: int) -> tuple[Cue, ...]:
    """Return the cues of a turn in the order of its evidence, the strongest modality first.

    `made` is what was made of the turn, `note` what is known of its sound; None without media.
    """
    if turn.beat is None:
        return ()
    found: list[Cue] = []
    for modality in turn.beat.order:
        if modality == "text":
            found += _words(turn, note)
        elif modality == "audio":
            found += _voice(turn, note)
        else:
            found += _face(turn, made, seed)
    return tuple(found)


def _words(turn: Turn, note: Mapping[str, Any] | None) -> list[Cue]:
    spans = turn.line.spans or ((0, len(turn.line.text)),)
    made = []
    for start, end in spans:
        start_s, end_s = (None, None) if note is None else spoken_between(note["words"], note["duration_s"], start, end)
        made.append(Cue(modality="text", quote=turn.line.text[start:end], start_s=start_s, end_s=end_s))
    return made


def spoken_between(words: Sequence[Sequence[float]], duration_s: float, start: int, end: int) -> tuple[float, float]:
    """Return the seconds in which the characters from `start` to `end` are spoken."""
    before = [at for first, _, at in words if first <= start]
    after = [at for first, _, at in words if first >= end]
    return (max(before) if before else 0.0), (min(after) if after else duration_s)


def _voice(turn: Turn, note: Mapping[str, Any] | None) -> list[Cue]:
    calm = turn.beat is not None and turn.beat.label == "neutral"
    change = planned_change(prosody(turn), neutral_prosody(turn.speaker))
    if note is not None and note["change"] is not None:
        change = Change(**note["change"])
    quotes = [EVEN_VOICE] if calm else change.descriptors()[:MOST_CUES]
    start_s, end_s = (None, None) if note is None else (0.0, float(note["duration_s"]))
    return [Cue(modality="audio", quote=quote, start_s=start_s, end_s=end_s) for quote in quotes]


def _face(turn: Turn, made: Performance | None, seed: int) -> list[Cue]:
    shown = face(turn, seed=seed)
    if shown is None:
        return []
    quotes = shown.descriptors()[:MOST_CUES] or (RELAXED_FACE,)
    start_s, end_s = (None, None) if made is None else shown.span()
    return [Cue(modality="video", quote=quote, start_s=start_s, end_s=end_s) for quote in quotes]
