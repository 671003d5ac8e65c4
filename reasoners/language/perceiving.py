"""One turn as it may be seen under a condition: words, sound and pictures read, degraded, exchanged or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from affidavit.conditions import Condition
from affidavit.degradations import Degradation, degradation
from affidavit.degradations.operators import OPERATORS
from affidavit.errors import MediaError
from affidavit.judgements import Unjudged, why_not_available
from affidavit.media.frames import Frames, read_frames
from affidavit.media.sound import Sound, read_sound
from affidavit.seeds import seed_of
from affidavit.utterances import Utterance
from reasoners.language.prompts import Given


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What of a turn is read, and how finely."""

    modalities: frozenset[str]
    """Letters of what the model takes in."""
    sample_rate: int = 16_000
    max_s: float = 30.0
    """Seconds of sound that are heard, from the beginning."""
    n_frames: int = 8
    size: int = 224
    history: int = 0
    """Turns before the judged one whose words are told."""


def given(
    turn: Utterance,
    before: Sequence[Utterance],
    condition: Condition,
    senses: Senses,
    *,
    vocabulary: Sequence[str] = (),
) -> Given | Unjudged:
    """Return a turn as it is shown, or why it cannot be; what the condition does not name is never opened."""
    because = why_not_available(turn, condition)
    if because is not None:
        return Unjudged(utterance_id=turn.utterance_id, condition=str(condition), because=because)
    shown = condition.modalities
    change = degradation(condition) if condition.operator in OPERATORS else None
    try:
        seen = Given(
            text=_words(turn, change, condition, vocabulary) if "T" in shown else None,
            sound=_sound(turn, change, condition, senses) if "A" in shown else None,
            frames=_frames(turn, change, condition, senses) if "V" in shown else None,
        )
    except MediaError as error:
        found = f" ({error.found})" if error.found else ""
        where = f"{error.where}: " if error.where else ""
        return Unjudged(
            utterance_id=turn.utterance_id,
            condition=str(condition),
            because=f"{'audio' if 'A' in shown and 'V' not in shown else 'media'} that cannot be used",
            detail=f"{where}{error.what}{found}",
        )
    if seen.text is not None and not seen.text.strip():
        nothing = "nothing was left of the text"
        return Unjudged(utterance_id=turn.utterance_id, condition=str(condition), because=nothing)
    if "T" not in shown or not senses.history:
        return seen
    earlier = [t for t in before[-senses.history :] if t.text and t.text.strip() and t.consent.get("text") is not False]
    told = tuple((_same_speaker(t, turn), _words(t, change, condition, vocabulary)) for t in earlier)
    return replace(seen, before=told)


def turns_before(utterances: Sequence[Utterance]) -> Mapping[str, tuple[Utterance, ...]]:
    """Return for each utterance the turns of its dialogue before it; none where it stands in no dialogue."""
    from affidavit.splits import dialogues

    return {
        turn.utterance_id: turns[:place] if turn.dialogue_id is not None else ()
        for turns in dialogues(utterances).values()
        for place, turn in enumerate(turns)
    }


def _same_speaker(one: Utterance, other: Utterance) -> bool:
    return one.speaker_id is not None and one.speaker_id == other.speaker_id


def _words(turn: Utterance, change: Degradation | None, condition: Condition, vocabulary: Sequence[str]) -> str:
    text = turn.text or ""
    return text if change is None else change.apply_to_text(text, _rng(turn, condition), vocabulary)


def _sound(turn: Utterance, change: Degradation | None, condition: Condition, senses: Senses) -> Sound | None:
    if turn.audio is None:
        return None
    sound = read_sound(turn.audio, sample_rate=senses.sample_rate)
    if change is not None:
        sound = change.apply_to_sound(sound, _rng(turn, condition)) if "A" in condition.modalities else sound
    return replace(sound, samples=sound.samples[: int(senses.max_s * senses.sample_rate)])


def _frames(turn: Utterance, change: Degradation | None, condition: Condition, senses: Senses) -> Frames | None:
    if turn.video is None:
        return None
    frames = read_frames(turn.video, n_frames=senses.n_frames, size=senses.size, colour="rgb")
    return frames if change is None else change.apply_to_frames(frames, _rng(turn, condition))


def _rng(turn: Utterance, condition: Condition) -> np.random.Generator:
    return np.random.default_rng(seed_of(turn.utterance_id, str(condition)))
