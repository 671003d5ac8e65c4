"""What is to be spoken and drawn, as plain data that crosses to another process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpora.clinic.faces import Expression
from corpora.clinic.looks import Look
from corpora.clinic.voices import Prosody


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechJob:
    """One clip of sound."""

    utterance_id: str
    text: str
    voice: str
    prosody: Prosody
    calm: Prosody | None
    """How the same person speaks neutrally, where the clip is to be measured beside that."""
    snr_db: float | None
    seed: int

    def file(self, folder: Path) -> Path:
        """Return where the clip is."""
        return folder / "audio" / f"{self.utterance_id}.flac"

    def note(self, folder: Path) -> Path:
        """Return where its note is until all clips are finished."""
        return folder / "audio" / f"{self.utterance_id}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmJob:
    """One clip of pictures."""

    utterance_id: str
    look: Look
    expression: Expression

    def file(self, folder: Path) -> Path:
        """Return where the clip is."""
        return folder / "video" / f"{self.utterance_id}.mkv"


Job = SpeechJob | FilmJob


def doing(job: Job) -> str:
    """Return what is being done, for whoever watches."""
    return "speaking" if isinstance(job, SpeechJob) else "drawing"


def to_json(job: Job) -> str:
    """Return a job as one line."""
    return json.dumps({"kind": "speech" if isinstance(job, SpeechJob) else "film", **asdict(job)})


def from_json(line: str) -> Job:
    """Return the job that a line describes."""
    held: dict[str, Any] = json.loads(line)
    if held.pop("kind") == "speech":
        calm = held.pop("calm")
        prosody = Prosody(**held.pop("prosody"))
        return SpeechJob(**held, prosody=prosody, calm=None if calm is None else Prosody(**calm))
    face = held["expression"]
    expression = Expression(
        units=face["units"],
        course=tuple(face["course"]),
        blinks=tuple(face["blinks"]),
        sway=tuple(tuple(place) for place in face["sway"]),
    )
    look: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in held["look"].items()}
    return FilmJob(utterance_id=held["utterance_id"], look=Look(**look), expression=expression)
