"""CREMA-D's clips: 91 actors say twelve sentences, each in six emotions, in sound, on video, or both.

Cao et al. 2014, IEEE Transactions on Affective Computing 5(4). Everything but the person is in the name of a file,
`1001_DFA_ANG_XX`: actor, sentence, emotion, level. The label is the emotion that the actor was asked to act.

* The sound of a clip is its own sound file where there is one (WAV, then MP3), else the track of its video.
* Only one sentence was acted at three levels (LO, MD, HI), and neutral at none (XX, or X in a few names).
* `VideoDemographics.csv` and `tabulatedVotes.csv` are taken from the folder where they stand there.
* `speaker.csv` and `transcript.csv`, which some copies bring (`name` and one more column), are taken over the name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import RowError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.utterances import MediaSpan, Utterance
from corpora.cells import require_ids
from corpora.crema_d_actors import Actor, read_actors, unlisted
from corpora.crema_d_votes import EMOTIONS, Rating, read_ratings
from corpora.headers import open_cells, required_column
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import PICTURES, SOUND, Listing, corpus_digest, list_media

LICENCE: Final = "ODbL 1.0 (database), DbCL 1.0 (contents)"
DEMOGRAPHICS: Final = "VideoDemographics.csv"
VOTES: Final = "tabulatedVotes.csv"
SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "IEO": "It's eleven o'clock",
        "TIE": "That is exactly what happened",
        "IOM": "I'm on my way to the meeting",
        "IWW": "I wonder what this is about",
        "TAI": "The airplane is almost full",
        "MTI": "Maybe tomorrow it will be cold",
        "IWL": "I would like a new alarm clock",
        "ITH": "I think I have a doctor's appointment",
        "DFA": "Don't forget a jacket",
        "ITS": "I think I've seen this before",
        "TSI": "The surface is slick",
        "WSI": "We'll stop in a couple of minutes",
    }
)
"""Code to sentence."""
LEVELS: Final[Mapping[str, float | None]] = MappingProxyType({"LO": 1.0, "MD": 2.0, "HI": 3.0, "XX": None, "X": None})
_CODES: Final = {"ang": "anger", "dis": "disgust", "fea": "fear", "hap": "happy", "neu": "neutral", "sad": "sad"}
_NAME: Final = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z]{1,2})")


class CremaDClipsOptions(Record):
    """What a plan may say of CREMA-D's clips."""

    path: str
    """The folder of the clips, relative to the plan; looked through with the folders below it."""
    demographics: str | None = None
    """`VideoDemographics.csv`, relative to the plan; the one in `path` where absent."""
    votes: str | None = None
    """`tabulatedVotes.csv`, for soft labels; relative to the plan; the one in `path` where absent."""
    age_bands: tuple[float, ...] = Field(default=(30, 45), min_length=1)
    """Cut points of `age_band`, in years."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label or code (`ANG`) to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"
    """What becomes of a clip whose name has no known emotion: an error, or left out and counted."""


class CremaDClipsLoader:
    """Loads the clips."""

    name = "crema-d"
    options = CremaDClipsOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load one utterance for each clip, whatever it is stored as.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the files are.
        """
        chosen = read_options(CremaDClipsOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        listing = list_media(root, (*SOUND, *PICTURES))
        tables = _tables(root, folder, chosen)
        labels = labelling(
            tuple(EMOTIONS.values()),
            of=f"corpus {self.name}",
            spellings=_CODES,
            renamed=chosen.labels,
            unknown=chosen.unknown_labels,
        )
        reader = _Reader(listing=listing, labels=labels, tables=tables, bands=chosen.age_bands)
        utterances, said = reader.utterances()
        progress("listing clips", len(utterances), len(utterances))
        return Corpus(
            name=self.name,
            utterances=utterances,
            digest=corpus_digest(root, tables.values(), [listing]),
            licence=LICENCE,
            label_space=labels.label_space,
            assumptions=(*_SAID, *said, *listing.remarks()),
        )


_SAID: Final = (
    "the label is the emotion that the actor was asked to act, which is an intention and not a truth",
    "intensity is the level that the actor was asked for (LO 1, MD 2, HI 3), and missing where none was (XX)",
    "the corpus digest covers names and sizes of media, not their content",
)


def _tables(root: Path, folder: Path, options: CremaDClipsOptions) -> dict[str, Path]:
    """Return the tables there are, by the part they play; one that the plan names must be there."""
    named = {"demographics": options.demographics, "votes": options.votes}
    found = {part: folder / path for part, path in named.items() if path is not None}
    beside = {"demographics": DEMOGRAPHICS, "votes": VOTES, "speaker": "speaker.csv", "transcript": "transcript.csv"}
    return {part: root / file for part, file in beside.items() if (root / file).is_file()} | found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    listing: Listing
    labels: Labelling
    tables: Mapping[str, Path]
    bands: tuple[float, ...]

    def utterances(self) -> tuple[tuple[Utterance, ...], list[str]]:
        """Return the clips in the order of their names, and what there is to say of them."""
        stems = self.listing.stems
        actors = read_actors(self.tables["demographics"], cuts=self.bands) if "demographics" in self.tables else {}
        ratings, remarks = read_ratings(self.tables["votes"]) if "votes" in self.tables else ([], ())
        both = {rating.clip: rating for rating in ratings if rating.condition == "AV"}
        speakers, texts = (self._column(part) for part in ("speaker", "transcript"))
        made = [self._utterance(stem, speakers, texts, both.get(stem)) for stem in stems]
        kept = tuple(self._of(actors, utterance) for utterance in made if utterance is not None)
        if not kept:
            raise RowError(
                "there are no clips",
                slug="file-empty",
                where=str(self.listing.root),
                found=f"{len(self.listing.files)} media files",
                allowed="files named as 1001_DFA_ANG_XX.wav",
                remedy="name the folder that holds the clips, or one above it",
            )
        people = list(dict.fromkeys(utterance.speaker_id or "" for utterance in kept))
        said = [*self.labels.remarks(len(stems) - len(kept), len(stems)), *remarks, *unlisted(people, actors)]
        return kept, [*said, *_told(self, kept, both)]

    def _utterance(
        self, stem: str, speakers: Mapping[str, str], texts: Mapping[str, str], rating: Rating | None
    ) -> Utterance | None:
        where = f"{self.listing.root.name}/{stem}"
        actor, sentence, emotion, level = _parts(stem, where)
        label = self.labels.read(emotion, where=where)
        if label is None:
            return None
        sound, pictures = self.listing.find(stem, SOUND), self.listing.find(stem, PICTURES)
        heard = sound or pictures
        return Utterance(
            utterance_id=stem,
            speaker_id=speakers.get(stem, actor),
            text=texts.get(stem, SENTENCES[sentence]),
            audio=None if heard is None else MediaSpan(path=heard.path),
            video=None if pictures is None else MediaSpan(path=pictures.path),
            label=label,
            soft_label={} if rating is None else _renamed(rating.shares, self.labels),
            intensity=LEVELS[level],
        )

    def _of(self, actors: Mapping[str, Actor], utterance: Utterance) -> Utterance:
        return replace(utterance, sensitive=Actor.of(actors, utterance.speaker_id or "").sensitive())

    def _column(self, part: str) -> dict[str, str]:
        """Return clip to the value of the column `part` of the table of that name; nothing where there is no table."""
        if part not in self.tables:
            return {}
        raw, cells = open_cells(self.tables[part])
        names = require_ids(cells.texts(required_column(raw, ["name"])), where=raw.name, what="name")
        values = cells.texts(required_column(raw, [part]))
        return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _parts(stem: str, where: str) -> tuple[str, str, str, str]:
    match = _NAME.fullmatch(stem)
    if match is None or match[2] not in SENTENCES or match[4] not in LEVELS:
        raise RowError(
            "the clip's name does not read",
            slug="row-value",
            where=where,
            found=repr(stem),
            allowed=f"actor_sentence_emotion_level; sentence one of {', '.join(SENTENCES)}; level one of "
            f"{', '.join(LEVELS)}",
            remedy="keep the names of the corpus, and take other media out of the folder",
        )
    return match[1], match[2], match[3], match[4]


def _renamed(shares: Mapping[str, float], labels: Labelling) -> dict[str, float]:
    merged: dict[str, float] = {}
    for label, share in shares.items():
        name = labels.renamed.get(label, label)
        merged[name] = merged.get(name, 0.0) + share
    return merged


def _told(reader: _Reader, kept: tuple[Utterance, ...], both: Mapping[str, Rating]) -> list[str]:
    said = []
    if both:
        unrated = sum(not utterance.soft_label for utterance in kept)
        said.append("soft labels are the crowd's shares of votes for the audio-visual presentation")
        said += [f"{unrated} of {len(kept)} clips have no audio-visual votes"] if unrated else []
    other = sum(u.speaker_id != u.utterance_id[:4] for u in kept)
    said += [f"speaker.csv names another speaker than the clip in {other} clips; it was taken"] if other else []
    worded = sum(u.text != SENTENCES[u.utterance_id[5:8]] for u in kept)
    said += [f"transcript.csv words {worded} clips otherwise than the sentence of their code; it was taken"] * bool(
        worded
    )
    if "transcript" not in reader.tables:
        said.append("the text is the sentence that the code in the name stands for; nobody transcribed the clips")
    silent = sum(reader.listing.find(u.utterance_id, SOUND) is None for u in kept)
    said += [f"{silent} clips have no sound file; their sound is the video's track"] if silent else []
    unseen = sum(u.video is None for u in kept)
    return said + ([f"{unseen} of {len(kept)} clips have no video"] if unseen else [])


LOADER: Final[CorpusLoader] = CremaDClipsLoader()
