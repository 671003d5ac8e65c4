"""How a turn is to be spoken and shown: modalities with evidence are moved by the emotion, all others are neutral."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affidavit.seeds import seed_of
from corpora.clinic.faces import Expression, expression
from corpora.clinic.jobs import FilmJob, SpeechJob
from corpora.clinic.looks import look
from corpora.clinic.options import ClinicOptions
from corpora.clinic.script import Turn
from corpora.clinic.voices import Prosody, moved_prosody, neutral_prosody, voice


def prosody(turn: Turn) -> Prosody:
    """Return how a turn is spoken."""
    if turn.beat is None:
        return neutral_prosody(turn.speaker)
    return moved_prosody(turn.speaker, *turn.beat.shown("audio"))


def face(turn: Turn, *, seed: int) -> Expression | None:
    """Return what a patient's face does in a turn; None for a clinician, who is not seen."""
    if turn.beat is None:
        return None
    rng = np.random.default_rng(seed_of("clinic", seed, "face", turn.utterance_id))
    return expression(*turn.beat.shown("video"), rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What is to be made of one turn; a modality without consent is not made."""

    speech: SpeechJob | None
    film: FilmJob | None


def performance(turn: Turn, options: ClinicOptions) -> Performance:
    """Return the jobs of a turn."""
    shown = face(turn, seed=options.seed)
    return Performance(
        speech=_speech(turn, options) if turn.speaker.consent["audio"] else None,
        film=None
        if shown is None or not turn.speaker.consent["video"]
        else FilmJob(utterance_id=turn.utterance_id, look=look(turn.speaker), expression=shown),
    )


def _speech(turn: Turn, options: ClinicOptions) -> SpeechJob:
    moved = turn.beat is not None and turn.beat.label != "neutral" and "audio" in turn.beat.order
    return SpeechJob(
        utterance_id=turn.utterance_id,
        text=turn.line.text,
        voice=voice(turn.speaker),
        prosody=prosody(turn),
        calm=neutral_prosody(turn.speaker) if moved else None,
        snr_db=None if turn.beat is None else options.faults.accent_noise.get(turn.speaker.accent),
        seed=seed_of("clinic", options.seed, "sound", turn.utterance_id),
    )
