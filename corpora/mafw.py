"""MAFW: 10,045 clips of films, shows and news, in eleven single and thirty-two compound emotions, with descriptions.

Liu et al. 2022 (ACM Multimedia). The layout is that of the release: `data/clips/00001.mp4`, and in `labels` the sheets
`single-set`, `multi-set` and a descriptive text, as XLSX or CSV. A sheet's first rows are headings; a row of it is the
clip, the eleven entries of its expression distribution, and its label as a code (`4`) or codes (`1,6`).

* Some copies have just the clip and the label, as a word or a code.
* A compound label is the names of its parts joined by `+`, in the order of their codes.
* The descriptions are sentences of annotators on the person's affective behaviour: the reference rationale `explain`.
* Nobody knows who is on the screen: each clip is a unit of its own. Age, sex and origin are not annotated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from corpora.grids import Row, read_grid
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import Media, MediaFile, corpus_digest, list_media, require_folder, require_media

LICENCE: Final = "MAFW release agreement: non-commercial research only, no redistribution"
EMOTIONS: Final = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "neutral",
    "sadness",
    "surprise",
    "contempt",
    "anxiety",
    "helplessness",
    "disappointment",
)
"""In the order of their codes, from 1."""
DESCRIPTIONS: Final = ("descriptive_text", "descriptive-text", "descriptive")
_CODES: Final = {str(code): emotion for code, emotion in enumerate(EMOTIONS, start=1)}
_CLIP: Final = re.compile(r"(\d{1,6})(?:\.mp4)?")
_PARTS: Final = re.compile(r"\s*[,;+、，]\s*")


class MafwOptions(Record):
    """What a plan may say of MAFW."""

    path: str
    """The folder with `data` and `labels`, relative to the plan."""
    set: Literal["single", "multi"] = "single"
    language: Literal["english", "chinese"] = "english"
    """Of the descriptions."""
    media: Media = "check"
    """Whether every clip must have its `.mp4`."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label or code (`4`) to another name; two may get the same. For compounds, of their parts."""
    unknown_labels: UnknownLabels = "refuse"


class MafwLoader:
    """Loads MAFW."""

    name = "mafw"
    options = MafwOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the clips of one sheet.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the files are.
        """
        chosen = read_options(MafwOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        require_folder(root)
        sheet = _sheet(root, [f"{chosen.set}-set"])
        if sheet is None:
            raise TableError(
                "there is no such sheet of labels",
                slug="file-not-found",
                where=str(root),
                allowed=f"labels/{chosen.set}-set.xlsx, labels/{chosen.set}-set.csv",
                remedy="put the release's labels there, or choose the other set",
            )
        labels = labelling(
            EMOTIONS, of=f"corpus {self.name}", spellings=_CODES, renamed=chosen.labels, unknown=chosen.unknown_labels
        )
        rows = _clips(sheet, labels)
        clips = [row for row in rows if row.label is not None]
        listing = list_media(root, (".mp4",), below=["data/clips", "clips"])
        found = {clip.name: listing.find(clip.name, (".mp4",)) for clip in clips}
        said = require_media(found, where=sheet.name, root=root / "data" / "clips", media=chosen.media)
        texts = _sheet(root, DESCRIPTIONS)
        described = {} if texts is None else _described(texts, chosen.language)
        progress(f"reading {sheet.name}", len(clips), len(clips))
        space = tuple(sorted({clip.label or "" for clip in clips})) if chosen.set == "multi" else labels.label_space
        return Corpus(
            name=self.name,
            utterances=tuple(_utterance(clip, found[clip.name], described) for clip in clips),
            digest=corpus_digest(root, [sheet, *([] if texts is None else [texts])], [listing]),
            licence=LICENCE,
            label_space=space,
            assumptions=(
                *_SAID,
                *labels.remarks(len(rows) - len(clips), len(rows)),
                *said,
                *listing.remarks(),
                *_told(clips, described, chosen),
            ),
        )


_SAID: Final = (
    "nobody knows who is shown: each clip is a unit of its own, and intervals may be too narrow",
    "there is no transcript; the sound is the clip's track",
    "the corpus digest covers names and sizes of clips, not their content",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clip:
    name: str
    label: str | None
    shares: Mapping[str, float]


def _sheet(root: Path, stems: Sequence[str]) -> Path | None:
    folders = [path for name in ("labels", "Labels") if (path := root / name).is_dir()]
    paths = (folder / f"{stem}{suffix}" for folder in folders for stem in stems for suffix in (".xlsx", ".csv"))
    return next((path for path in paths if path.is_file()), None)


def _rows(path: Path) -> tuple[list[str], list[tuple[int, str, Row]]]:
    """Return the last row of headings (in lower case), and row number, clip and cells of each row that names a clip."""
    grid = read_grid(path)
    named = [(number, _CLIP.fullmatch(row[0] or ""), row) for number, row in enumerate(grid, start=1) if any(row)]
    first = next((number for number, match, _ in named if match), None)
    if first is None:
        raise TableError(
            "no row names a clip",
            slug="file-empty",
            where=path.name,
            allowed="rows that begin with 00001.mp4",
            remedy="keep the sheet as the corpus ships it",
        )
    rows = []
    for number, match, row in named:
        if number >= first and match is None:
            raise RowError(
                "the row names no clip",
                slug="row-id-missing",
                where=f"{path.name}, row {number}",
                found=repr(row[0]),
                allowed="a first cell such as 00001.mp4",
                remedy="keep the sheet as the corpus ships it",
            )
        if match is not None:
            rows.append((number, f"{int(match[1]):05d}", row))
    head = [(cell or "").lower() for cell in grid[first - 2]] if first > 1 else []
    require_ids([name for _, name, _ in rows], where=path.name, what="clip")
    return head, rows


def _clips(path: Path, labels: Labelling) -> list[_Clip]:
    head, rows = _rows(path)
    at = _label_column(head, rows, path.name)
    columns: dict[str, int] = {emotion: head.index(emotion) for emotion in EMOTIONS if emotion in head}
    if len(columns) < len(EMOTIONS) and at == len(EMOTIONS) + 1:
        columns = {emotion: position for position, emotion in enumerate(EMOTIONS, start=1)}
    elif len(columns) < len(EMOTIONS):
        columns = {}
    return [
        _Clip(
            name=name,
            label=_label(row[at] if at < len(row) else None, labels, f"{path.name}, row {number}"),
            shares=_shares(row, columns, labels, f"{path.name}, row {number}"),
        )
        for number, name, row in rows
    ]


def _label_column(head: Sequence[str], rows: Sequence[tuple[int, str, Row]], where: str) -> int:
    for name in ("label", "single_label", "single-label", "multi_label", "multi-label", "emotion"):
        if name in head:
            return head.index(name)
    width = max(len(row) for _, _, row in rows)
    if width in (2, len(EMOTIONS) + 2):
        return width - 1
    raise ColumnError(
        "no column was recognised as the label",
        slug="column-missing",
        where=where,
        found=", ".join(head) or f"{width} columns without headings",
        allowed=f"a heading label, or two or {len(EMOTIONS) + 2} columns of which the label is the last",
        remedy="name the column of labels 'label'",
    )


def _label(cell: str | None, labels: Labelling, where: str) -> str | None:
    parts = [labels.read(part, where=where) for part in _PARTS.split(cell or "")]
    if None in parts:
        return None
    order = {label: position for position, label in enumerate(labels.label_space)}
    return "+".join(sorted({part for part in parts if part is not None}, key=lambda part: order[part]))


def _shares(row: Row, columns: Mapping[str, int], labels: Labelling, where: str) -> dict[str, float]:
    """Return the distribution that stands in a row, summing to one; nothing where it is empty."""
    merged: dict[str, float] = {}
    for emotion, position in columns.items():
        cell = row[position] if position < len(row) else None
        if cell is not None and not re.fullmatch(r"\d*\.?\d+(?:[eE]-?\d+)?", cell):
            raise RowError(
                f"the entry for {emotion} is not a number from 0",
                slug="row-value",
                where=where,
                found=repr(cell),
                remedy="keep the sheet as the corpus ships it",
            )
        name = labels.renamed.get(emotion, emotion)
        merged[name] = merged.get(name, 0.0) + float(cell or 0)
    total = sum(merged.values())
    return {name: value / total for name, value in merged.items()} if total else {}


def _described(path: Path, language: str) -> dict[str, str]:
    """Return clip to description; without headings the second column is Chinese and the third English."""
    head, rows = _rows(path)
    at = next((i for i, name in enumerate(head) if language in name or language[:2] == name), None)
    at = at if at is not None else (2 if language == "english" else 1)
    return {name: text for _, name, row in rows if at < len(row) and (text := row[at]) is not None}


def _utterance(clip: _Clip, file: MediaFile | None, described: Mapping[str, str]) -> Utterance:
    span = None if file is None else MediaSpan(path=file.path)
    return Utterance(
        utterance_id=clip.name,
        label=clip.label,
        soft_label=clip.shares,
        audio=span,
        video=span,
        rationales={"explain": described[clip.name]} if clip.name in described else {},
    )


def _told(clips: Sequence[_Clip], described: Mapping[str, str], options: MafwOptions) -> list[str]:
    said = ["compound labels join their parts with +, and are classes of their own"] if options.set == "multi" else []
    if any(clip.shares for clip in clips):
        said.append("soft labels are the eleven entries of the release's distribution, divided by their sum")
    if not described:
        return [*said, "there is no descriptive text: no reference rationales"]
    lacking = sum(clip.name not in described for clip in clips)
    said += [f"{lacking} of {len(clips)} clips have no description"] if lacking else []
    return [*said, f"rationales (explain) are the release's descriptions in {options.language.capitalize()}"]


LOADER: Final[CorpusLoader] = MafwLoader()
