"""MER2023: Chinese film and television clips of one speaker each, with six emotions and a valence.

Lian et al. 2023 (ACM Multimedia). The layout is that of the challenge: `train-label.csv` (`name,discrete,valence`), and
`test1`, `test2`, `test3` likewise, each beside a folder of that name with `<name>.mp4` or `.avi`. Subtitles are a table
`name,chinese,english` such as `transcription-engchi-polish.csv` of MERBench; sound on its own is `audio/<name>.wav`.

* Names repeat between parts in no release; two parts that share one are refused.
* `test3` has emotions without valences.
* Speakers are not named: each clip is a unit of its own, though one actor may play in many. Age and sex are not given.
* Subtitles were recognised by machine, and polished by hand or by machine; those of test clips mostly by machine.
* The semi-supervised part has no labels and is not read.
"""

from __future__ import annotations

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
from affidavit.utterances import MediaSpan, Utterance
from corpora.cells import require_ids
from corpora.headers import column_of, open_cells, required_column
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import (
    PICTURES,
    SOUND,
    Listing,
    Media,
    MediaFile,
    corpus_digest,
    list_media,
    require_folder,
    require_media,
)

LICENCE: Final = "MER2023 end-user licence agreement: research by the signatory, no redistribution"
EMOTIONS: Final = ("angry", "happy", "neutral", "sad", "surprise", "worried")
Part = Literal["train", "test1", "test2", "test3"]
PARTS: Final[tuple[Part, ...]] = ("train", "test1", "test2", "test3")
SUBTITLES: Final = (
    "transcription-engchi-polish.csv",
    "subtitle_chieng.csv",
    "subtitle-chieng.csv",
    "transcription.csv",
)
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"chinese": ("chinese", "sentence", "subtitle", "text"), "english": ("english",)}
)
"""Language to the names of its column."""


class Mer2023Options(Record):
    """What a plan may say of MER2023."""

    path: str
    """The folder with `train-label.csv`, relative to the plan."""
    parts: tuple[Part, ...] = ("train",)
    language: Literal["chinese", "english"] = "chinese"
    """Of the subtitles."""
    subtitles: str | None = None
    """The table of subtitles, relative to the plan; one of the known names in `path` where absent."""
    intensity: Literal["none", "valence"] = "none"
    """Whether the valence, which has a sign and is no strength, is carried as the intensity."""
    media: Media = "check"
    """Whether every clip must have its video or sound."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"


class Mer2023Loader:
    """Loads MER2023."""

    name = "mer2023"
    options = Mer2023Options

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the clips of the parts, in the order of their rows.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the files are.
        """
        chosen = read_options(Mer2023Options, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        require_folder(root)
        tables = {part: root / f"{part}-label.csv" for part in PARTS if part in chosen.parts}
        labels = labelling(EMOTIONS, of=f"corpus {self.name}", renamed=chosen.labels, unknown=chosen.unknown_labels)
        rows = [row for part, path in tables.items() for row in _rows(path, part, labels)]
        require_ids([row.name for row in rows], where=", ".join(p.name for p in tables.values()), what="name")
        clips = [row for row in rows if row.label is not None]
        listing = list_media(root, (*SOUND, *PICTURES), below=[*chosen.parts, "video", "audio"])
        said = require_media(
            {row.name: listing.find(row.name, (*PICTURES, *SOUND)) for row in clips},
            where=", ".join(path.name for path in tables.values()),
            root=root,
            media=chosen.media,
        )
        subtitles = find_subtitles(root, folder, chosen.subtitles)
        texts = {} if subtitles is None else read_subtitles(subtitles, chosen.language)
        progress("reading labels", len(clips), len(clips))
        return Corpus(
            name=self.name,
            utterances=tuple(_utterance(row, listing, texts, chosen) for row in clips),
            digest=corpus_digest(root, [*tables.values(), *([] if subtitles is None else [subtitles])], [listing]),
            licence=LICENCE,
            label_space=labels.label_space,
            assumptions=(
                f"parts read: {', '.join(tables)}",
                *_told(clips, texts, chosen),
                *labels.remarks(len(rows) - len(clips), len(rows)),
                *said,
                *listing.remarks(),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    label: str | None
    valence: float | None


def _rows(path: Path, part: str, labels: Labelling) -> list[_Row]:
    raw, cells = open_cells(path)
    names = require_ids(cells.texts(required_column(raw, ("name", "names"))), where=path.name, what="name")
    given = cells.texts(required_column(raw, ("discrete", "emotion", "emotions")))
    column = column_of(raw, ("valence",))
    valences = [None] * len(names) if column is None or part == "test3" else cells.numbers(column)
    for row, valence in enumerate(valences):
        if valence is not None and not -5 <= valence <= 5:
            raise RowError(
                "the valence is out of its range",
                slug="row-value",
                where=cells.at(row),
                found=f"{valence:g}",
                allowed="-5 to 5",
                remedy="keep the table as the challenge ships it",
            )
    return [
        _Row(name=name, label=labels.read(given[row], where=cells.at(row)), valence=valences[row])
        for row, name in enumerate(names)
    ]


def find_subtitles(root: Path, folder: Path, named: str | None) -> Path | None:
    """Return the table of subtitles: the one that is named, else one of the known names in the corpus's folder.

    Raises:
        TableError: the one that is named is not there.
    """
    if named is None:
        return next((path for name in SUBTITLES if (path := root / name).is_file()), None)
    if not (folder / named).is_file():
        raise TableError(
            "there is no such table of subtitles",
            slug="file-not-found",
            where=str(folder / named),
            remedy="check the path, or leave subtitles out",
        )
    return folder / named


def read_subtitles(path: Path, language: str) -> dict[str, str]:
    """Return name to subtitle; empty cells are left out.

    Raises:
        TableError, ColumnError, RowError: it is no table of subtitles, or a name stands twice.
    """
    raw, cells = open_cells(path)
    names = require_ids(cells.texts(required_column(raw, ("name", "names"))), where=path.name, what="name")
    texts = cells.texts(required_column(raw, COLUMNS[language]))
    return {name: text for name, text in zip(names, texts, strict=True) if text is not None}


def _utterance(row: _Row, listing: Listing, texts: Mapping[str, str], options: Mer2023Options) -> Utterance:
    pictures = listing.find(row.name, PICTURES)
    return Utterance(
        utterance_id=row.name,
        text=texts.get(row.name),
        audio=_span(listing.find(row.name, SOUND) or pictures),
        video=_span(pictures),
        label=row.label,
        intensity=row.valence if options.intensity == "valence" else None,
    )


def _span(file: MediaFile | None) -> MediaSpan | None:
    return None if file is None else MediaSpan(path=file.path)


def _told(clips: Sequence[_Row], texts: Mapping[str, str], options: Mer2023Options) -> list[str]:
    said = ["speakers are not named: each clip is a unit of its own, and intervals may be too narrow"]
    if options.intensity == "valence":
        said.append("intensity is the valence, from -5 to 5, which has a sign and is no strength")
    elif any(clip.valence is not None for clip in clips):
        said.append("the valences are not read (intensity: valence reads them)")
    if not texts:
        said.append("there is no table of subtitles: no text")
    else:
        lacking = sum(clip.name not in texts for clip in clips)
        said.append(f"the text is the {options.language.capitalize()} subtitle, mostly of a recogniser")
        said += [f"{lacking} of {len(clips)} clips have no subtitle"] if lacking else []
    return [*said, "the corpus digest covers names and sizes of media, not their content"]


LOADER: Final[CorpusLoader] = Mer2023Loader()
