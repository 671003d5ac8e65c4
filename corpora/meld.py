"""MELD: dialogues of the series Friends, every utterance with an emotion, a sentiment and the name of its speaker.

Poria et al. 2019 (ACL). `train_sent_emo.csv`, `dev_sent_emo.csv` and `test_sent_emo.csv` number dialogues from 0 each,
so a dialogue's name here begins with its split. Clips, where there are any, are `dia<D>_utt<U>.mp4`, a folder a split.

* Speakers recur across dialogues and across splits: the published splits share their main characters. The unit is the
  speaker unless the plan says otherwise, and a dialogue then lies in several units; `episode` keeps dialogues whole.
* Names such as `Man` or `Waiter` may be several people.
* Transcripts hold stray mojibake in some copies. What can be undone without a doubt is (`corpora.mojibake`).
* Start and end times are those of the broadcast, not of the clips, and are used for nothing but a count of odd ones.
* An `NA`, `null` or `nan` that stands for itself in a cell reads as missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import RowError, TableError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.tables import RawTable
from affidavit.utterances import MediaSpan, Utterance
from corpora.cells import Cells, require_columns, require_ids
from corpora.headers import open_cells
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import Listing, Media, MediaFile, corpus_digest, list_media, require_media
from corpora.mojibake import repaired

LICENCE: Final = "GPL-3.0 (annotations); the series itself is under its owner's copyright"
Split = Literal["train", "dev", "test"]
EMOTIONS: Final = ("neutral", "joy", "surprise", "anger", "sadness", "disgust", "fear")
SENTIMENTS: Final = ("negative", "neutral", "positive")
CLIP_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "train": ("train/train_splits", "train_splits", "train"),
        "dev": ("dev/dev_splits_complete", "dev_splits_complete", "dev"),
        "test": ("test/output_repeated_splits_test", "output_repeated_splits_test", "test"),
    }
)
"""Split to the folders in which its clips may lie, as the archives unpack; the first there is."""
_COLUMNS: Final = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")
_TIME: Final = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})")


class MeldOptions(Record):
    """What a plan may say of MELD."""

    path: str
    """The folder with the tables `<split>_sent_emo.csv`, relative to the plan."""
    splits: tuple[Split, ...] = Field(default=(), max_length=3)
    """The splits to load; all whose table is there where empty."""
    video: str | None = None
    """The folder that holds the folders of clips, relative to the plan; no clips are looked for where absent."""
    media: Media = "check"
    """Whether every utterance must have its clip, where `video` is named."""
    label: Literal["emotion", "sentiment"] = "emotion"
    unit: Literal["speaker", "dialogue", "episode"] = "speaker"
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"


class MeldLoader:
    """Loads MELD."""

    name = "meld"
    options = MeldOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the splits, in the order of their rows.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the files are.
        """
        chosen = read_options(MeldOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        tables = _tables(root, chosen.splits)
        labels = labelling(
            EMOTIONS if chosen.label == "emotion" else SENTIMENTS,
            of=f"corpus {self.name}",
            renamed=chosen.labels,
            unknown=chosen.unknown_labels,
        )
        utterances: list[Utterance] = []
        said: list[str] = []
        listings: list[Listing] = []
        for split, path in tables.items():
            raw, cells = open_cells(path)
            require_columns(raw, _COLUMNS)
            clips = None if chosen.video is None else _clips(folder / chosen.video, split)
            part = _Part(split=split, raw=raw, cells=cells, clips=clips, labels=labels, options=chosen)
            read, remarks = part.read()
            utterances += read
            said += [f"{split}: {remark}" for remark in remarks]
            listings += [] if clips is None else [clips]
            progress(f"reading {path.name}", len(utterances), None)
        return Corpus(
            name=self.name,
            utterances=tuple(utterances),
            digest=corpus_digest(root, tables.values(), listings),
            licence=LICENCE,
            label_space=labels.label_space,
            assumptions=(*_told(chosen, list(tables)), *said, *_recurring(utterances)),
        )


def _tables(root: Path, splits: Sequence[str]) -> dict[str, Path]:
    """Return split to table; those that are named must be there, and one at least."""
    paths = {split: root / f"{split}_sent_emo.csv" for split in CLIP_FOLDERS}
    chosen = {split: path for split, path in paths.items() if split in splits or (not splits and path.is_file())}
    if not chosen:
        raise TableError(
            "there is no table of MELD",
            slug="file-not-found",
            where=str(root),
            allowed=", ".join(path.name for path in paths.values()),
            remedy="name the folder that holds the tables",
        )
    return chosen


def _clips(video: Path, split: str) -> Listing:
    found = next((video / name for name in CLIP_FOLDERS[split] if (video / name).is_dir()), None)
    if found is None:
        raise TableError(
            f"there is no folder with the clips of {split}",
            slug="file-not-found",
            where=str(video),
            allowed=", ".join(CLIP_FOLDERS[split]),
            remedy="unpack the clips there, choose other splits, or load without video",
        )
    return list_media(found, (".mp4",))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One split."""

    split: str
    raw: RawTable
    cells: Cells
    clips: Listing | None
    labels: Labelling
    options: MeldOptions

    def read(self) -> tuple[list[Utterance], list[str]]:
        """Return the utterances, and what there is to say of them."""
        texts = self.cells.texts("Utterance")
        dialogues, turns = self._whole("Dialogue_ID"), self._whole("Utterance_ID")
        ids = [f"{self.split}-dia{d}-utt{u}" for d, u in zip(dialogues, turns, strict=True)]
        require_ids(ids, where=self.cells.where, what="Dialogue_ID and Utterance_ID")
        given = self.cells.texts("Emotion" if self.options.label == "emotion" else "Sentiment")
        labels = [self.labels.read(label, where=self.cells.at(row)) for row, label in enumerate(given)]
        found = {ids[row]: self._clip(dialogues[row], turns[row]) for row in range(len(ids)) if labels[row] is not None}
        said = self._times()
        if self.clips is not None:
            said += require_media(found, where=self.raw.name, root=self.clips.root, media=self.options.media)
        speakers, units = self._speakers(), self._units(dialogues)
        kept = [
            Utterance(
                utterance_id=name,
                speaker_id=speakers[row],
                unit_id=units[row],
                dialogue_id=f"{self.split}-dia{dialogues[row]}",
                turn=turns[row],
                text=None if (text := texts[row]) is None else repaired(text),
                audio=_span(found[name]),
                video=_span(found[name]),
                label=labels[row],
            )
            for row, name in enumerate(ids)
            if labels[row] is not None
        ]
        mended = sum(text is not None and repaired(text) != text for text in texts)
        said += [f"mojibake was repaired in {mended} of {len(texts)} transcripts"] if mended else []
        return kept, [*said, *self.labels.remarks(len(ids) - len(kept), len(ids))]

    def _clip(self, dialogue: int, turn: int) -> MediaFile | None:
        return None if self.clips is None else self.clips.find(f"dia{dialogue}_utt{turn}", (".mp4",))

    def _speakers(self) -> list[str | None]:
        return [None if name is None else repaired(name) for name in self.cells.texts("Speaker")]

    def _units(self, dialogues: Sequence[int]) -> list[str | None]:
        if self.options.unit == "speaker":
            return [None] * len(dialogues)
        if self.options.unit == "dialogue":
            return [f"{self.split}-dia{dialogue}" for dialogue in dialogues]
        require_columns(self.raw, ["Season", "Episode"])
        return [f"s{s:02d}e{e:02d}" for s, e in zip(self._whole("Season"), self._whole("Episode"), strict=True)]

    def _whole(self, column: str) -> list[int]:
        numbers = self.cells.numbers(column)
        for row, number in enumerate(numbers):
            if number is None or number < 0 or not number.is_integer():
                raise RowError(
                    f"{column} is not a whole number",
                    slug="row-value",
                    where=self.cells.at(row),
                    found="nothing" if number is None else f"{number:g}",
                    allowed="a whole number from 0",
                    remedy="keep the column as the corpus ships it",
                )
        return [int(number) for number in numbers if number is not None]

    def _times(self) -> list[str]:
        """Count the rows whose broadcast times do not read, or do not run forwards; they are used for nothing else."""
        if not {"StartTime", "EndTime"} <= set(self.raw.columns):
            return []
        pairs = zip(self.cells.texts("StartTime"), self.cells.texts("EndTime"), strict=True)
        seconds = [(_seconds(start), _seconds(end)) for start, end in pairs]
        odd = sum(start is None or end is None or end <= start for start, end in seconds)
        return [f"{odd} of {len(seconds)} rows have broadcast times that do not read or run backwards"] if odd else []


def _seconds(text: str | None) -> float | None:
    match = None if text is None else _TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def _span(file: MediaFile | None) -> MediaSpan | None:
    return None if file is None else MediaSpan(path=file.path)


def _told(options: MeldOptions, splits: Sequence[str]) -> list[str]:
    said = [f"splits read: {', '.join(splits)}; a dialogue's name begins with its split"]
    if options.unit == "speaker":
        said.append("the unit is the speaker; speakers share dialogues, so units are not independent (unit: episode)")
    said.append("names such as Man or Waiter may be several people")
    if options.video is None:
        said.append("no clips were looked for: there is text alone")
    else:
        said.append(
            "the sound is the clip's track; the corpus digest covers names and sizes of clips, not their content"
        )
    return said


def _recurring(utterances: Sequence[Utterance]) -> list[str]:
    """Say how many speakers speak in more than one split."""
    splits: dict[str, set[str]] = {}
    for utterance in utterances:
        if utterance.speaker_id is not None:
            splits.setdefault(utterance.speaker_id, set()).add(utterance.utterance_id.split("-")[0])
    shared = sum(len(found) > 1 for found in splits.values())
    return [f"{shared} of {len(splits)} speakers speak in more than one split"] if shared else []


LOADER: Final[CorpusLoader] = MeldLoader()
