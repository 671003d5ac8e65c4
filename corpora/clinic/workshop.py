"""The process that speaks and draws: `python -m corpora.clinic.workshop FOLDER`, jobs on stdin, one a line.

It answers each finished clip with what was done. eSpeak NG speaks each clip in a fork of its own, for only the first
clip of a process is the same each time; effects, measures and files are made here. A file appears under its name when
it is whole. Whoever started this process and dies takes it along: the next answer finds nobody.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from affidavit.errors import MediaError
from affidavit.files import replacing
from corpora.clinic.espeak import Espeak, Spoken, espeak
from corpora.clinic.films import frames, write_film
from corpora.clinic.forks import from_a_small_process
from corpora.clinic.jobs import FilmJob, SpeechJob, doing, from_json
from corpora.clinic.measures import Measured, change, measured
from corpora.clinic.sound import SAMPLE_RATE, clip, with_noise, write_flac
from corpora.clinic.voices import Prosody

Say = Callable[[SpeechJob, str], tuple[Spoken, Spoken | None]]
"""Speaks a job's words as they are to be said, and neutrally where the clip is measured beside that."""


def work(folder: Path, lines: list[str]) -> None:
    """Do every job in turn.

    Raises:
        MediaError: a clip cannot be made.
    """
    jobs = [from_json(line) for line in lines]
    with ExitStack() as stack:
        say: Say | None = None
        if any(isinstance(job, SpeechJob) for job in jobs):
            say = stack.enter_context(from_a_small_process(partial(said, espeak())))
        for job in jobs:
            if isinstance(job, FilmJob):
                film(job, folder)
            elif say is not None:
                speech(say, job, folder)
            print(doing(job), flush=True)


def film(job: FilmJob, folder: Path) -> None:
    """Draw and write one film."""
    with replacing(job.file(folder)) as temporary:
        write_film(temporary, frames(job.look, job.expression))


def speech(say: Say, job: SpeechJob, folder: Path) -> None:
    """Speak and write one clip; first its note, so that a clip without one was never finished."""
    spoken, calm = say(job, job.utterance_id)
    rng = np.random.default_rng(job.seed)
    samples = clip(spoken.samples, job.prosody, rng)
    duration_s = len(samples) / SAMPLE_RATE
    moved = None
    if calm is not None and job.calm is not None:
        moved = change(_bare(spoken, job.prosody), _bare(calm, job.calm), job.prosody, job.calm)
    note = {
        "duration_s": duration_s,
        "words": [[word.start, word.end, min(word.start_s, duration_s)] for word in spoken.words],
        "change": None if moved is None else asdict(moved),
    }
    with replacing(job.note(folder)) as temporary:
        temporary.write_text(json.dumps(note), encoding="utf-8")
    with replacing(job.file(folder)) as temporary:
        write_flac(temporary, samples if job.snr_db is None else with_noise(samples, job.snr_db, rng))


def said(engine: Espeak, job: SpeechJob) -> tuple[Spoken, Spoken | None]:
    """Return the clip, and the same words said neutrally where the clip is to be measured beside them."""
    engine.draw_from(job.seed)
    engine.set_voice(job.voice)
    spoken = _spoken(engine, job.text, job.prosody)
    return spoken, None if job.calm is None else _spoken(engine, job.text, job.calm)


def _spoken(engine: Espeak, text: str, prosody: Prosody) -> Spoken:
    return engine.speak(text, rate=prosody.rate, pitch=prosody.pitch, pitch_range=prosody.pitch_range)


def _bare(spoken: Spoken, prosody: Prosody) -> Measured:
    """Measure a clip without creak and tremor, whose pulses would be taken for the voice's own pitch."""
    still = replace(prosody, creak=0.0, tremble=0.0)
    return measured(clip(spoken.samples, still, np.random.default_rng(0)))


if __name__ == "__main__":
    try:
        work(Path(sys.argv[1]), sys.stdin.read().splitlines())
    except MediaError as error:
        sys.exit(str(error))
    except BrokenPipeError:
        os._exit(1)  # whoever started this process is gone
