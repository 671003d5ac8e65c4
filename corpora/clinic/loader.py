"""Makes the clinic: plots, words, sound, faces, cues and rationales become utterances.

The same options give the same utterances and the same bytes of every file. Sound and pictures are kept in the cache
(`corpora.clinic.studio`) and are made once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from affidavit.corpus import Corpus
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.utterances import MediaSpan, Utterance
from corpora.clinic.accounts import account
from corpora.clinic.cues import cues
from corpora.clinic.faults import Planted, planted_in, scripts, with_canaries
from corpora.clinic.measurements import measurements
from corpora.clinic.options import LABELS, ClinicOptions
from corpora.clinic.performance import Performance, performance
from corpora.clinic.rationales import rationales
from corpora.clinic.remarks import remarks
from corpora.clinic.rerendering import ClinicRendering
from corpora.clinic.script import Turn
from corpora.clinic.studio import Notes, make, media_folder

LICENCE: Final = "synthetic; made by this program, Apache-2.0"


class ClinicLoader:
    """Loads the built-in clinic."""

    name = "clinic"
    options = ClinicOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Make the corpus, or take its sound and pictures from the cache; `folder` is not used.

        Raises:
            PlanError: the options are at fault.
            MissingPartError: a package of the extra `media` is not installed.
            MediaError: a clip cannot be made.
        """
        chosen = read_options(ClinicOptions, options, of=f"corpus {self.name}")
        turns = scripts(chosen)
        faults = planted_in(turns, chosen)
        turns = with_canaries(turns, faults.canaries)
        media = Media() if chosen.media == "none" else _media(turns, chosen, progress)
        corpus = Corpus(
            name=self.name,
            utterances=_utterances(turns, faults, media, chosen),
            digest=chosen.digest(),
            licence=LICENCE,
            label_space=LABELS,
            assumptions=remarks(chosen, faults),
            measurements=measurements(turns, media.notes, seed=chosen.seed),
        )
        return replace(corpus, rendering=ClinicRendering(corpus=corpus, turns=turns, options=chosen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What was made of the turns, and where; nothing without media."""

    folder: Path = Path()
    performances: Mapping[str, Performance] = field(default_factory=dict)
    notes: Notes = field(default_factory=dict)

    def spans(self, utterance_id: str) -> tuple[MediaSpan | None, MediaSpan | None]:
        """Return the handles on the sound and the pictures of an utterance."""
        made = self.performances.get(utterance_id)
        if made is None:
            return None, None
        jobs = (made.speech, made.film)
        audio, video = (None if job is None else MediaSpan(path=job.file(self.folder)) for job in jobs)
        return audio, video


def _media(turns: Sequence[Turn], options: ClinicOptions, progress: Progress) -> Media:
    recorded = turns if options.media == "full" else [turn for turn in turns if turn.beat is not None]
    performances = {turn.utterance_id: performance(turn, options) for turn in recorded}
    wanted = [job for made in performances.values() for job in (made.speech, made.film) if job is not None]
    folder = media_folder(wanted)
    notes = make(wanted, folder, workers=options.workers, progress=progress)
    return Media(folder=folder, performances=performances, notes=notes)


def _utterances(turns: Sequence[Turn], faults: Planted, media: Media, options: ClinicOptions) -> tuple[Utterance, ...]:
    made: list[Utterance] = []
    earlier: list[Turn] = []
    for turn in turns:
        if turn.number == 0:
            earlier = []
        made.append(_utterance(turn, earlier, faults, media, options))
        if turn.beat is not None:
            earlier.append(turn)
    return tuple(made)


def _utterance(turn: Turn, earlier: Sequence[Turn], faults: Planted, media: Media, options: ClinicOptions) -> Utterance:
    name, beat = turn.utterance_id, turn.beat
    audio, video = media.spans(name)
    shown = cues(turn, media.performances.get(name), media.notes.get(name), seed=options.seed)
    told = account(turn, earlier, shown, faults)
    return Utterance(
        utterance_id=name,
        speaker_id=turn.speaker.speaker_id,
        dialogue_id=turn.plot.dialogue_id,
        site=turn.speaker.hospital,
        unit_id=turn.plot.patient.speaker_id,
        speaker_role="clinician" if beat is None else "patient",
        turn=turn.number,
        text=turn.line.text,
        audio=audio,
        video=video,
        label=None if told is None else told.label,
        intensity=None if beat is None else beat.intensity,
        sensitive=turn.speaker.sensitive(),
        consent=turn.speaker.consent,
        rationales={} if told is None else rationales(told),
        cues=shown,
        evidence=None if beat is None else beat.evidence,
    )


LOADER: Final[CorpusLoader] = ClinicLoader()
