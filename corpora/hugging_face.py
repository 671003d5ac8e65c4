"""A Hugging Face data set on disk: saved, in parquet or Arrow shards, or a folder of media with its metadata.

Read by pyarrow: the library that wrote it is not needed, and no code of a data set is run. Columns are recognised as
those of a manifest are, and named by the plan where they are not.

* Class numbers become the names that the data set's features give them.
* Sound that the rows hold as bytes is written once into a folder of media, under its digest; the digest of the corpus
  covers the shards, and so those bytes.
* Rows without an id are numbered within their split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pydantic import Field

from affidavit.cache import kept_folder
from affidavit.corpus import Corpus
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.raw_tables import empty
from affidavit.records import Record
from affidavit.schema import ROW_NUMBER
from affidavit.utterances import MediaSpan, Utterance
from corpora.cells import Cells, require_ids
from corpora.hugging_face_media import MediaColumn, holds_media
from corpora.hugging_face_shards import Shard, class_names, features_of, find_shards
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import PICTURES, Listing, Media, MediaFile, corpus_digest, require_folder
from corpora.manifest_columns import ALIASES, ManifestColumns, manifest_columns
from corpora.media import MediaFolder

_FILE: Final = "file_name"
"""The column of a metadata table that names the media."""


class HuggingFaceOptions(Record):
    """What a plan may say of a data set."""

    path: str
    """The folder that was saved or downloaded, relative to the plan."""
    splits: tuple[str, ...] = ()
    """The splits to load, one after the other; all where empty."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """Part to column name, where names are not recognised, as for a manifest."""
    features: tuple[str, ...] = ()
    """Sensitive features that stand in columns of their own name; `group_<feature>` columns are always read."""
    media: Media = "check"
    """`skip`: media are not looked for, and bytes not written."""
    media_folder: str | None = None
    """Where bytes are written, relative to the plan; a folder of the user's cache where absent."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"
    """What becomes of a row whose label is missing, or is no class of the data set."""
    licence: str = "not stated"
    name: str | None = None
    """The folder's name where absent."""


class HuggingFaceLoader:
    """Loads a data set."""

    name = "hugging-face"
    options = HuggingFaceOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the rows of the splits, in their order.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the data set is.
        """
        chosen = read_options(HuggingFaceOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        require_folder(root)
        shards = find_shards(root, chosen.splits)
        store = kept_folder("media") if chosen.media_folder is None else folder / chosen.media_folder
        rows = _read(shards, root=root, store=store, options=chosen, progress=progress)
        names = class_names(features_of(root, shards).get(rows.mapped.parts.get("label", "")))
        labels = _labelling(rows, names, chosen, of=f"corpus {self.name}")
        utterances, dropped = rows.utterances(labels, names)
        return Corpus(
            name=chosen.name or root.resolve().name,
            utterances=utterances,
            digest=corpus_digest(root, [shard.path for shard in shards], [_beside(root, utterances)]),
            licence=chosen.licence,
            label_space=() if labels is None else labels.label_space,
            assumptions=(
                f"splits read: {', '.join(dict.fromkeys(shard.split for shard in shards))}",
                *rows.mapped.assumptions,
                *rows.remarks(utterances),
                *([] if labels is None else labels.remarks(dropped, dropped + len(utterances))),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The rows of all shards, their media found or written."""

    cells: Cells
    mapped: ManifestColumns
    splits: Sequence[str]
    paths: Mapping[str, Sequence[Path | None]]
    """Part (`audio`, `video`) to paths."""
    options: HuggingFaceOptions

    def texts(self, part: str) -> list[str | None]:
        column = self.mapped.parts.get(part)
        return [None] * self.cells.n_rows if column is None else self.cells.texts(column)

    def numbers(self, part: str) -> list[float | None]:
        column = self.mapped.parts.get(part)
        return [None] * self.cells.n_rows if column is None else self.cells.numbers(column)

    def ids(self) -> list[str]:
        if self.mapped.parts["utterance_id"] != ROW_NUMBER:
            return require_ids(self.texts("utterance_id"), where=self.cells.where, what="utterance_id")
        seen: dict[str, int] = {}
        numbered = []
        for split in self.splits:
            seen[split] = seen.get(split, 0) + 1
            numbered.append(f"{split}-{seen[split]}")
        return numbered

    def labels(self, names: Sequence[str] | None) -> list[str | None]:
        """Return labels as text, class numbers by name; a number that is no class stays a number, and is unknown."""
        given = self.texts("label")
        if names is None:
            return given
        known = {str(number): name for number, name in enumerate(names)}
        return [None if text in (None, "-1") else known.get(text or "", text) for text in given]

    def utterances(self, labels: Labelling | None, names: Sequence[str] | None) -> tuple[tuple[Utterance, ...], int]:
        """Return the utterances, and how many rows were left out."""
        given = self.labels(names)
        read = [None if labels is None else labels.read(g, where=self.cells.at(i)) for i, g in enumerate(given)]
        ids, features = self.ids(), {f: self.cells.levels(c) for f, c in self.mapped.features.items()}
        texts = {part: self.texts(part) for part in ("speaker_id", "unit_id", "dialogue_id", "site", "text")}
        starts, ends, strengths, turns = (self.numbers(p) for p in ("start_s", "end_s", "intensity", "turn"))
        answers = {modality: self.cells.answers(column) for modality, column in self.mapped.consent.items()}
        made = [
            Utterance(
                utterance_id=ids[row],
                speaker_id=texts["speaker_id"][row],
                unit_id=texts["unit_id"][row],
                dialogue_id=texts["dialogue_id"][row],
                site=texts["site"][row],
                turn=None if (turn := turns[row]) is None else int(turn),
                text=texts["text"][row],
                audio=_span(self.paths["audio"][row], starts[row], ends[row]),
                video=_span(self.paths["video"][row], starts[row], ends[row]),
                label=read[row],
                intensity=strengths[row],
                sensitive={feature: levels[row] for feature, levels in features.items()},
                consent={name: said for name, given in answers.items() if (said := given[row]) is not None},
            )
            for row in range(self.cells.n_rows)
            if labels is None or read[row] is not None
        ]
        return tuple(made), self.cells.n_rows - len(made)

    def remarks(self, utterances: Sequence[Utterance]) -> list[str]:
        """Say what was assumed of ids, units and media."""
        mapped, said = self.mapped.parts, []
        if mapped["utterance_id"] == ROW_NUMBER:
            said.append("no ids: rows are numbered within their split")
        if not {"speaker_id", "unit_id"} & set(mapped):
            said.append("no unit_id and no speaker_id: each row is a unit of its own, and intervals may be too narrow")
        if self.options.media == "skip":
            return [*said, "media were not looked for"]
        bare = sum(utterance.audio is None and utterance.video is None for utterance in utterances)
        return said + ([f"{bare} of {len(utterances)} rows have neither sound nor video"] if bare else [])


def _read(
    shards: Sequence[Shard], *, root: Path, store: Path, options: HuggingFaceOptions, progress: Progress
) -> _Rows:
    """Read the shards batch by batch, and turn their media into paths as they come."""
    first = next((batch for shard in shards for batch in shard.batches()), None)
    if first is None or first.num_columns == 0:
        raise empty(root, "the data set has no rows")
    mapped = _mapped(first.schema.names, root.name, options)
    columns = {part: column for part in ("audio", "video") if (column := mapped.parts.get(part)) is not None}
    tables: list[pa.Table] = []
    paths: dict[str, list[Path | None]] = {"audio": [], "video": []}
    splits: list[str] = []
    for shard in shards:
        base = root if not shard.described else shard.path.parent
        media = MediaColumn(
            folder=MediaFolder(root=base, where=shard.path.name), store=store, check=options.media == "check"
        )
        start = len(splits)
        for batch in shard.batches():
            for part, found in paths.items():
                found += _paths(batch, columns.get(part), media, len(splits) - start, options)
            kept = [f.name for f in batch.schema if not holds_media(f.type)]
            tables.append(pa.Table.from_batches([batch]).select(kept).replace_schema_metadata(None))
            splits += [shard.split] * batch.num_rows
            progress(f"reading {shard.path.name}", len(splits), None)
    table = pa.concat_tables(tables, promote_options="permissive")
    if table.num_rows == 0:
        raise empty(root, "the data set has no rows")
    cells = Cells(table=table, where=root.name)
    return _moving(_Rows(cells=cells, mapped=mapped, splits=splits, paths=paths, options=options))


def _mapped(columns: Sequence[str], where: str, options: HuggingFaceOptions) -> ManifestColumns:
    """Return which column plays which part; rows are numbered where no column is an id, nor named as one."""
    named = dict(options.columns)
    if _FILE in columns and "audio" not in named and "video" not in named:
        named["audio"] = _FILE
    known = {"utterance_id", *ALIASES["utterance_id"]}
    taken = {*named.values(), *options.features}
    if "utterance_id" not in named and not any(name.lower() in known for name in columns if name not in taken):
        named["utterance_id"] = ROW_NUMBER
    return manifest_columns(columns, where=where, named=named, features=options.features)


def _paths(
    batch: pa.RecordBatch, column: str | None, media: MediaColumn, first_row: int, options: HuggingFaceOptions
) -> list[Path | None]:
    if column is None or column not in batch.schema.names or options.media == "skip":
        return [None] * batch.num_rows
    return media.paths(batch.column(column), column, first_row=first_row)


def _moving(rows: _Rows) -> _Rows:
    """Take the files of a metadata table that are videos for both sound and pictures."""
    if rows.mapped.parts.get("audio") != _FILE:
        return rows
    files = rows.paths["audio"]
    video = [path if path is not None and path.suffix.lower() in PICTURES else None for path in files]
    return replace(rows, paths={"audio": files, "video": video})


def _labelling(rows: _Rows, names: Sequence[str] | None, options: HuggingFaceOptions, *, of: str) -> Labelling | None:
    """Return how labels are read: from the classes of the data set, else from those that occur; None without any."""
    if "label" not in rows.mapped.parts:
        return None
    known = list(names) if names is not None else sorted({text for text in rows.texts("label") if text is not None})
    return labelling(known, of=of, renamed=options.labels, unknown=options.unknown_labels)


def _span(path: Path | None, start: float | None, end: float | None) -> MediaSpan | None:
    return None if path is None else MediaSpan(path=path, start_s=start or 0.0, end_s=end)


def _beside(root: Path, utterances: Sequence[Utterance]) -> Listing:
    """Return the media that lie below the data set's folder; what was written from bytes is in the shards."""
    base = root.resolve()
    spans = [span for each in utterances for span in (each.audio, each.video) if span is not None]
    paths = sorted({span.path for span in spans if span.path.is_relative_to(base)})
    files = (MediaFile(path=path, name=path.relative_to(base).as_posix(), size=path.stat().st_size) for path in paths)
    return Listing(root=root, files=tuple(files))


LOADER: Final[CorpusLoader] = HuggingFaceLoader()
