"""DFEW: 16,372 clips of films with seven emotions, each voted on by ten annotators; 12,059 have a single label.

Jiang et al. 2020 (ACM Multimedia). The layout is that of the release: `EmoLabel_DataSplit/train(single-labeled)` and
`test(single-labeled)` with `set_1.csv` to `set_5.csv` (`video_name,label`), `Annotation/annotation.xlsx` with votes,
and `Clip/original/<part>/00001.mp4`.

* The label is the one that more than six of ten annotators gave; clips without one are in no split.
* Nobody knows who is on the screen, or from which film a clip is: each clip is a unit of its own, and the folds may
  have the same faces on both sides. Intervals may be too narrow.
* Age, sex and origin are not annotated.
* Frames cut to faces (`Clip/clip_224x224*`) are not read: they are pictures without sound.
* Votes per clip (`1happy` to `7fear`) are the soft label where the annotation is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, RowError, TableError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.records import Record
from affidavit.utterances import MediaSpan, Utterance
from corpora.cells import require_ids
from corpora.headers import open_cells, required_column
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import Listing, Media, MediaFile, corpus_digest, list_media, require_folder, require_media

LICENCE: Final = "DFEW release agreement: non-commercial research and education only, no redistribution"
EMOTIONS: Final = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")
"""In the order of their codes, from 1."""
_SPELLINGS: Final = {str(code): emotion for code, emotion in enumerate(EMOTIONS, start=1)}
_CLIP: Final = ("video_name", "clip_name", "order", "video", "clip")
_BOTH_SPELLINGS: Final = ("single-labeled", "single_labeled")


class DfewOptions(Record):
    """What a plan may say of DFEW."""

    path: str
    """The folder with `EmoLabel_DataSplit`, relative to the plan."""
    fold: int = Field(default=1, ge=1, le=5)
    part: Literal["train", "test", "both"] = "both"
    """Which side of the fold; both together are every clip with a single label."""
    media: Media = "check"
    """Whether every clip must have its `.mp4`."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label or code (`4`) to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"


class DfewLoader:
    """Loads DFEW."""

    name = "dfew"
    options = DfewOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the clips of a fold.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the files are.
        """
        chosen = read_options(DfewOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        tables = _tables(root, chosen)
        labels = labelling(
            EMOTIONS,
            of=f"corpus {self.name}",
            spellings=_SPELLINGS,
            renamed=chosen.labels,
            unknown=chosen.unknown_labels,
        )
        rows = [row for table in tables for row in _rows(table, labels)]
        require_ids(
            [clip for clip, _ in rows], where=" and ".join(str(t.relative_to(root)) for t in tables), what="clip"
        )
        clips = {clip: label for clip, label in rows if label is not None}
        listing = list_media(root, (".mp4",), below=["Clip/original", "clip/original", "Clip"])
        found = {clip: _file(listing, clip) for clip in clips}
        said = require_media(found, where=tables[0].name, root=root / "Clip", media=chosen.media)
        annotation = root / "Annotation" / "annotation.xlsx"
        votes = _votes(annotation, labels) if annotation.is_file() else {}
        progress("reading the split", len(clips), len(clips))
        return Corpus(
            name=self.name,
            utterances=tuple(_utterance(clip, label, found[clip], votes) for clip, label in clips.items()),
            digest=corpus_digest(root, [*tables, *([annotation] if votes else [])], [listing]),
            licence=LICENCE,
            label_space=labels.label_space,
            assumptions=(
                f"fold {chosen.fold}, {'train and test' if chosen.part == 'both' else chosen.part}",
                *_SAID,
                *labels.remarks(len(rows) - len(clips), len(rows)),
                *said,
                *listing.remarks(),
                *_voted(clips, votes),
            ),
        )


_SAID: Final = (
    "clips without a single label are in no split, and not among these",
    "nobody knows who is shown: each clip is a unit of its own, and intervals may be too narrow",
    "there is no text; the sound is the clip's track",
    "the corpus digest covers names and sizes of clips, not their content",
)


def _tables(root: Path, options: DfewOptions) -> list[Path]:
    require_folder(root)
    parts = ("train", "test") if options.part == "both" else (options.part,)
    return [_table(root, part, options.fold) for part in parts]


def _table(root: Path, part: str, fold: int) -> Path:
    paths = [root / "EmoLabel_DataSplit" / f"{part}({kind})" / f"set_{fold}.csv" for kind in _BOTH_SPELLINGS]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise TableError(
            "there is no such split",
            slug="file-not-found",
            where=str(root),
            allowed=str(paths[0].relative_to(root)),
            remedy="unpack EmoLabel_DataSplit of the release there, or choose another fold or part",
        )
    return found


def _rows(path: Path, labels: Labelling) -> list[tuple[str, str | None]]:
    raw, cells = open_cells(path)
    clips = cells.texts(required_column(raw, _CLIP))
    given = cells.texts(required_column(raw, ("label", "annotation")))
    where = f"{path.parent.name}/{path.name}"
    names = [_number(clip, f"{where}, row {row + 1}") for row, clip in enumerate(clips)]
    return [(names[row], labels.read(label, where=f"{where}, row {row + 1}")) for row, label in enumerate(given)]


def _number(clip: str | None, where: str) -> str:
    """Return a clip's number with five digits, whether the cell said 1, 00001 or 00001.mp4."""
    match = None if clip is None else re.fullmatch(r"0*(\d{1,5})(?:\.mp4)?", clip)
    if match is None:
        raise RowError(
            "the clip is no number",
            slug="row-value",
            where=where,
            found="nothing" if clip is None else repr(clip),
            allowed="a number of at most five digits",
            remedy="keep the table as the corpus ships it",
        )
    return f"{int(match[1]):05d}"


def _file(listing: Listing, clip: str) -> MediaFile | None:
    return listing.find(clip, (".mp4",)) or listing.find(str(int(clip)), (".mp4",))


def _votes(path: Path, labels: Labelling) -> dict[str, dict[str, float]]:
    """Return clip to shares of votes."""
    raw, cells = open_cells(path)
    columns = {emotion: _vote_column(raw.columns, emotion, raw.name) for emotion in EMOTIONS}
    counts = {emotion: cells.numbers(column) for emotion, column in columns.items()}
    clips = cells.texts(required_column(raw, ("clip_name", "order", "video_name", "clip")))
    shares: dict[str, dict[str, float]] = {}
    for row, clip in enumerate(clips):
        votes = {emotion: values[row] or 0.0 for emotion, values in counts.items()}
        total = sum(votes.values())
        if total <= 0 or min(votes.values()) < 0:
            raise RowError(
                "the votes are no counts",
                slug="row-value",
                where=cells.at(row),
                found=", ".join(f"{emotion} {count:g}" for emotion, count in votes.items()),
                allowed="numbers from 0, not all 0",
                remedy="keep the table as the corpus ships it",
            )
        merged = shares.setdefault(_number(clip, cells.at(row)), {})
        for emotion, count in votes.items():
            name = labels.renamed.get(emotion, emotion)
            merged[name] = merged.get(name, 0.0) + count / total
    return shares


def _vote_column(columns: Sequence[str], emotion: str, where: str) -> str:
    found = [column for column in columns if re.fullmatch(rf"(?:\d\s*|vote_)?{emotion}", column.strip().lower())]
    if len(found) != 1:
        raise ColumnError(
            f"there is no one column with the votes for {emotion}",
            slug="column-missing" if not found else "column-ambiguous",
            where=where,
            found=", ".join(columns),
            allowed=f"{EMOTIONS.index(emotion) + 1}{emotion}",
            remedy="keep the annotation as the corpus ships it, or take it out of the folder",
        )
    return found[0]


def _utterance(clip: str, label: str, file: MediaFile | None, votes: Mapping[str, Mapping[str, float]]) -> Utterance:
    span = None if file is None else MediaSpan(path=file.path)
    return Utterance(utterance_id=clip, label=label, soft_label=votes.get(clip, {}), audio=span, video=span)


def _voted(clips: Mapping[str, str], votes: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not votes:
        return ["there is no Annotation/annotation.xlsx: no soft labels"]
    lacking = sum(clip not in votes for clip in clips)
    said = [f"{lacking} of {len(clips)} clips have no votes in the annotation"] if lacking else []
    return ["soft labels are shares of the annotators' votes", *said]


LOADER: Final[CorpusLoader] = DfewLoader()
