"""RAVDESS: 24 actors speak (and sing) two statements in eight emotions, recorded in sound and on video.

Livingstone and Russo 2018, PLoS ONE 13(5). A file's name holds seven two-digit codes, `03-01-06-01-02-01-12`: modality
(01 sound and video, 02 video, 03 sound), channel (01 speech, 02 song), emotion, intensity, statement, repetition and
actor. Odd actors are men and even ones women.

* One performance is one utterance, under the six codes after the modality: its recordings are the same event.
* The sound is that of the sound file (03), else the track of the recording with both (01); the video is 01, else 02.
* There is no strong neutral, and song lacks disgust and surprise. No sung clips of actor 18 exist.
* Some copies of the archive hold every file a second time below another folder; files alike in name and size are one.
* The actor is the unit. Twelve men and twelve women: a bound over actors is wide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import RowError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.utterances import MediaSpan, Utterance
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import PICTURES, SOUND, Listing, MediaFile, corpus_digest, list_media

LICENCE: Final = "CC BY-NC-SA 4.0"
EMOTIONS: Final = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""In the order of their codes, from 01."""
STATEMENTS: Final = MappingProxyType({"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"})
CHANNELS: Final = MappingProxyType({"01": "speech", "02": "song"})
_NAME: Final = re.compile(r"(0[123])-(0[12]-\d\d-0[12]-0[12]-0[12]-\d\d)")
_BOTH, _VIDEO, _SOUND = "01", "02", "03"


class RavdessOptions(Record):
    """What a plan may say of RAVDESS."""

    path: str
    """The folder that holds the recordings or their folders `Actor_01`, relative to the plan."""
    channel: Literal["speech", "song", "both"] = "speech"
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label or code (`05`) to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"
    """What becomes of a recording with an emotion code beyond 08: an error, or left out and counted."""


class RavdessLoader:
    """Loads RAVDESS."""

    name = "ravdess"
    options = RavdessOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load one utterance for each performance.

        Raises:
            PlanError: the options are at fault. TableError, RowError: the files are.
        """
        chosen = read_options(RavdessOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        listing = list_media(root, (*SOUND, *PICTURES))
        labels = labelling(
            EMOTIONS,
            of=f"corpus {self.name}",
            spellings={f"{code:02d}": emotion for code, emotion in enumerate(EMOTIONS, start=1)},
            renamed=chosen.labels,
            unknown=chosen.unknown_labels,
        )
        performances = _performances(listing, chosen.channel)
        made = [_utterance(key, recordings, labels) for key, recordings in performances.items()]
        utterances = tuple(utterance for utterance in made if utterance is not None)
        progress("listing recordings", len(utterances), len(utterances))
        said = [*labels.remarks(len(made) - len(utterances), len(made)), *listing.remarks()]
        return Corpus(
            name=self.name,
            utterances=utterances,
            digest=corpus_digest(root, (), [listing]),
            licence=LICENCE,
            label_space=labels.label_space,
            assumptions=(*_SAID, *_counted(listing, utterances, performances, chosen.channel), *said),
        )


_SAID: Final = (
    "the label is the emotion that the actor was asked to act, which is an intention and not a truth",
    "an utterance is a performance: recordings that differ in nothing but the modality code are one",
    "intensity is the code of the name: 1 normal, 2 strong",
    "sex is told by the actor's number: odd men, even women",
    "the text is the statement that the code in the name stands for; nobody transcribed the recordings",
    "the corpus digest covers names and sizes of media, not their content",
)


def _performances(listing: Listing, channel: str) -> dict[str, dict[str, MediaFile]]:
    """Return performance to its recordings by modality code, in the order of actors and codes."""
    found: dict[str, dict[str, MediaFile]] = {}
    for stem in listing.stems:
        match = _NAME.fullmatch(stem)
        file = listing.find(stem, (*SOUND, *PICTURES))
        if match is None:
            raise _unread(listing, stem)
        if channel in ("both", CHANNELS[match[2][:2]]) and file is not None:
            found.setdefault(match[2], {})[match[1]] = file
    if not found:
        raise RowError(
            f"there are no recordings{'' if channel == 'both' else f' of {channel}'}",
            slug="file-empty",
            where=str(listing.root),
            found=f"{len(listing.files)} media files",
            allowed="files named as 03-01-06-01-02-01-12.wav",
            remedy="name the folder that holds the actors' folders, or another channel",
        )
    return dict(sorted(found.items(), key=lambda item: (item[0][-2:], item[0])))


def _utterance(key: str, recordings: Mapping[str, MediaFile], labels: Labelling) -> Utterance | None:
    _, emotion, intensity, statement, _, actor = key.split("-")
    label = labels.read(emotion, where=next(iter(recordings.values())).name)
    if label is None:
        return None
    sound = recordings.get(_SOUND) or recordings.get(_BOTH)
    pictures = recordings.get(_BOTH) or recordings.get(_VIDEO)
    return Utterance(
        utterance_id=key,
        speaker_id=actor,
        text=STATEMENTS[statement],
        audio=None if sound is None else MediaSpan(path=sound.path),
        video=None if pictures is None or not _moves(pictures) else MediaSpan(path=pictures.path),
        label=label,
        intensity=float(int(intensity)),
        sensitive={"sex": "male" if int(actor) % 2 else "female"},
    )


def _moves(file: MediaFile) -> bool:
    return file.path.suffix.lower() in PICTURES


def _unread(listing: Listing, stem: str) -> RowError:
    return RowError(
        "the recording's name does not read",
        slug="row-value",
        where=str(listing.root),
        found=repr(stem),
        allowed="seven two-digit codes: modality 01-03, channel 01-02, emotion, intensity 01-02, statement 01-02, "
        "repetition 01-02, actor",
        remedy="keep the names of the corpus, and take other media out of the folder",
    )


def _counted(
    listing: Listing, utterances: tuple[Utterance, ...], performances: Mapping[str, object], channel: str
) -> list[str]:
    keys = {match[2] for stem in listing.stems if (match := _NAME.fullmatch(stem))}
    others = len(keys) - len(performances)
    said = [f"{others} performances of another channel than {channel} are left out"] if others else []
    for modality, missing in (("sound", "audio"), ("video", "video")):
        lacking = sum(getattr(utterance, missing) is None for utterance in utterances)
        said += [f"{lacking} of {len(utterances)} performances have no {modality}"] if lacking else []
    return said


LOADER: Final[CorpusLoader] = RavdessLoader()
