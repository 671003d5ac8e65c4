"""The clinic's own turns in another voice, with another face, or in plainer words: everything else is made as before.

| concept | what is made anew |
|---|---|
| `voice-accent`, `voice-age`, `voice-sex` | the patient's sound: the same words, emotion, traits, noise and seed |
| `face` | the patient's pictures, as of somebody of that sex or age or with that skin; what the face does stays |
| `transcript` | words that carry emotion become a plain answer on the same topic; sound and pictures stay |

Clinicians stay as they are. A patient who has the level already looks and sounds the same, byte for byte. The sound
still says the words that the transcript does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.protocols import Progress
from affidavit.utterances import MediaSpan, Utterance
from corpora.clinic.jobs import FilmJob, SpeechJob
from corpora.clinic.looks import SKINS, look
from corpora.clinic.options import ACCENTS, AGES, ClinicOptions
from corpora.clinic.people import Person
from corpora.clinic.performance import performance
from corpora.clinic.script import Turn, neutral_text
from corpora.clinic.studio import make, media_folder

SEXES: Final = ("female", "male")
SKIN_LEVELS: Final[Mapping[str, int]] = {"light skin": 0, "dark skin": len(SKINS) - 1}
"""Level to the tone that every patient is drawn with."""
VOICES: Final[Mapping[str, tuple[str, ...]]] = {"voice-accent": ACCENTS, "voice-age": AGES, "voice-sex": SEXES}
LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    **VOICES,
    "face": (*SEXES, *AGES, *SKIN_LEVELS),
    "transcript": ("neutral",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicRendering:
    """Renders one clinic; satisfies `affidavit.rendering.Rendering`."""

    corpus: Corpus = field(repr=False)
    """As it was made."""
    turns: Sequence[Turn] = field(repr=False)
    """One for each utterance, in their order."""
    options: ClinicOptions

    @property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """Concept to levels; without media there are only words."""
        if self.options.media != "none":
            return LEVELS
        return {"transcript": LEVELS["transcript"]}

    def render(self, concept: str, level: str, *, progress: Progress) -> Corpus:
        """Return the clinic at a level of a concept; media are made, or taken from the cache.

        Raises:
            ValueError: there is no such concept or level.
            MediaError: a clip cannot be made.
        """
        if level not in self.levels.get(concept, ()):
            raise ValueError(f"the clinic cannot be rendered at {concept}={level}")
        return replace(
            self.corpus,
            utterances=tuple(
                replace(utterance, cues=(), rationales={}) for utterance in self._utterances(concept, level, progress)
            ),
            digest=digest_of({**self.options.content(), "rendered": [concept, level]}),
            recorded=None,
            measurements=None,
            rendering=None,
            assumptions=(*self.corpus.assumptions, f"patients are rendered at {concept}: {level}"),
        )

    def _utterances(self, concept: str, level: str, progress: Progress) -> list[Utterance]:
        both = list(zip(self.corpus.utterances, self.turns, strict=True))
        if concept == "transcript":
            return [replace(utterance, text=neutral_text(turn, seed=self.options.seed)) for utterance, turn in both]
        if concept == "face":
            films = [film for turn in self.turns if (film := _film(turn, level, self.options)) is not None]
            seen = _made(films, self.options, progress)
            return [replace(own, video=seen.get(own.utterance_id, own.video)) for own, _ in both]
        speeches = [job for turn in self.turns if (job := _speech(turn, concept, level, self.options)) is not None]
        heard = _made(speeches, self.options, progress)
        return [replace(own, audio=heard.get(own.utterance_id, own.audio)) for own, _ in both]


def _made(jobs: Sequence[SpeechJob | FilmJob], options: ClinicOptions, progress: Progress) -> dict[str, MediaSpan]:
    """Make clips, or find them; return their handles by utterance."""
    folder: Path = media_folder(jobs)
    make(jobs, folder, workers=options.workers, progress=progress)
    return {job.utterance_id: MediaSpan(path=job.file(folder)) for job in jobs}


def _speech(turn: Turn, concept: str, level: str, options: ClinicOptions) -> SpeechJob | None:
    """Return the sound of a patient's turn by another voice; None where there is none."""
    own = performance(turn, options).speech
    if turn.beat is None or own is None:
        return None
    other = performance(replace(turn, speaker=_with_voice(turn.speaker, concept, level)), options).speech
    if other is None:
        return None
    # The noise is the room's, and a neutral twin is for cues, which a rendering has not.
    return replace(other, snr_db=own.snr_db, calm=None)


def _with_voice(person: Person, concept: str, level: str) -> Person:
    if concept == "voice-accent":
        return replace(person, accent=level)
    return replace(person, age=level) if concept == "voice-age" else replace(person, sex=level)


def _film(turn: Turn, level: str, options: ClinicOptions) -> FilmJob | None:
    """Return the pictures of a patient's turn with another face; None where there are none."""
    own = performance(turn, options).film
    if own is None:
        return None
    if level in SKIN_LEVELS:
        return replace(own, look=replace(own.look, skin=SKINS[SKIN_LEVELS[level]]))
    person = replace(turn.speaker, sex=level) if level in SEXES else replace(turn.speaker, age=level)
    return replace(own, look=look(person))
