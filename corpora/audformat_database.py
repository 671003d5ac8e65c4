"""A database in audformat: a folder with `db.yaml`, tables of labels, and media beside them.

The format is audEERING's; its library reads it. The database says itself what its columns mean: a scheme
lists the labels there may be, a scheme of speakers may tell their age and gender, and the header names the licence.

* A table is by file, or by segment of a file; a segment without an end lasts to the end of the file.
* A speaker or a feature that is not in the table of labels is taken from the one other table by file that has it.
* The library would load a pickled copy of a table, and pickles can run code: a folder with any is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import ColumnError, MissingPartError, TableError
from affidavit.options import read_options
from affidavit.protocols import CorpusLoader, Progress
from affidavit.raw_tables import empty, unreadable
from affidavit.records import Record
from affidavit.schema import UNKNOWN
from affidavit.utterances import MediaSpan, Utterance
from corpora.audformat_columns import Columns, text_of
from corpora.labelling import Labelling, UnknownLabels, labelling
from corpora.listing import PICTURES, Listing, Media, MediaFile, corpus_digest
from corpora.media import MediaFolder

HEADER: Final = "db.yaml"
TABLE_SUFFIXES: Final = (".csv", ".parquet")


class AudformatOptions(Record):
    """What a plan may say of an audformat database."""

    path: str
    """The folder with `db.yaml`, relative to the plan."""
    tables: tuple[str, ...] = ()
    """The tables of labels, one after the other; every one that has the column of labels where empty, which is an
    error where two hold the same file."""
    label: str = "emotion"
    """The column of labels."""
    speaker: str = "speaker"
    text: str | None = None
    """The column of transcripts; `transcription` or `text` where there is one and none is named."""
    intensity: str | None = None
    features: tuple[str, ...] = ("age", "gender", "sex", "language", "nationality", "accent")
    """Sensitive features: columns, or what the scheme of speakers tells; those that are nowhere are passed over."""
    media: Media = "check"
    """Whether every file must be there."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Label to another name; two may get the same."""
    unknown_labels: UnknownLabels = "refuse"


class AudformatLoader:
    """Loads an audformat database."""

    name = "audformat"
    options = AudformatOptions

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load the rows of the tables of labels.

        Raises:
            PlanError: the options are at fault. TableError, ColumnError, RowError: the database is.
            MissingPartError: the library is not installed.
        """
        chosen = read_options(AudformatOptions, options, of=f"corpus {self.name}")
        root = folder / chosen.path
        database = _database(root)
        names = _tables(database, chosen)
        reader = _Reader(database=database, options=chosen, columns=Columns(database=database), root=root)
        labels = labelling(
            reader.columns.levels(names, chosen.label),
            of=f"corpus {self.name}",
            renamed=chosen.labels,
            unknown=chosen.unknown_labels,
        )
        utterances, dropped, said = reader.utterances(names, labels)
        progress(f"reading {HEADER}", len(utterances), len(utterances))
        return Corpus(
            name=str(database.name),
            utterances=utterances,
            digest=corpus_digest(root, _files(root, list(database)), [_listing(root, utterances)]),
            licence=_licence(database),
            label_space=labels.label_space,
            assumptions=(
                f"tables of labels: {', '.join(names)}",
                *(f"{name}: split {split}" for name in names if (split := database[name].split_id)),
                *labels.remarks(dropped, dropped + len(utterances)),
                *said,
                "the corpus digest covers names and sizes of media, not their content",
            ),
        )


def _database(root: Path) -> Any:  # noqa: ANN401 - the library has no types
    try:
        import audformat
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"an audformat database needs the package {error.name!r}",
            slug="part-missing",
            remedy="install the extra: pip install 'affidavit[audformat]'",
        ) from error
    if not (root / HEADER).is_file():
        raise TableError(
            "there is no audformat database",
            slug="file-not-found",
            where=str(root),
            allowed=f"a folder with {HEADER}",
            remedy="check the path",
        )
    if pickles := sorted(path.name for path in root.glob("*.pkl")):
        raise TableError(
            "the folder holds pickled tables, which can run code when they are read",
            slug="file-unreadable",
            where=str(root),
            found=", ".join(pickles),
            allowed=", ".join(TABLE_SUFFIXES),
            remedy="delete them: they are copies that the library makes for speed",
        )
    try:
        return audformat.Database.load(str(root), load_data=False)
    except Exception as error:  # the library raises whatever the YAML leads it to
        raise unreadable(root / HEADER, error) from None


def _tables(database: Any, options: AudformatOptions) -> list[str]:  # noqa: ANN401
    """Return the tables of labels."""
    has = [name for name in database.tables if options.label in database.tables[name].columns]
    wanted = list(options.tables) or has
    if not wanted or (strange := [name for name in wanted if name not in has]):
        raise ColumnError(
            f"there is no table with a column {options.label!r}"
            if not wanted
            else f"the table {strange[0]!r} has no column {options.label!r}, or is not there",
            slug="column-missing",
            where=HEADER,
            found="; ".join(f"{name}: {', '.join(table.columns)}" for name, table in database.tables.items()),
            allowed=", ".join(has) or None,
            remedy="name the column of labels (label), or its tables (tables)",
        )
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    database: Any
    options: AudformatOptions
    columns: Columns
    root: Path

    def utterances(self, names: Sequence[str], labels: Labelling) -> tuple[tuple[Utterance, ...], int, list[str]]:
        """Return the rows of all tables, how many were left out, and what there is to say of them."""
        made = [row for name in names for row in self._rows(name, labels)]
        kept = [row for row in made if row is not None]
        if not made:
            raise empty(self.root / HEADER, f"the tables of labels ({', '.join(names)}) have no rows")
        self.columns.require_distinct([row.utterance_id for row in kept])
        bare = sum(row.audio is None for row in kept)
        said = list(self.columns.remarks())
        said += [f"{bare} of {len(kept)} rows have no media file"] if bare else []
        said += [] if any(row.speaker_id for row in kept) else ["no speakers: each row is a unit of its own"]
        return tuple(kept), len(made) - len(kept), said

    def _rows(self, name: str, labels: Labelling) -> list[Utterance | None]:
        keys = self.columns.keys(name)
        given = self.columns.values(name, self.options.label)
        speakers = self.columns.values(name, self.options.speaker)
        texts = self.columns.first(name, [self.options.text] if self.options.text else ["transcription", "text"])
        numbers = self.columns.numbers(name, self.options.intensity)
        features = {feature: self._feature(name, feature) for feature in self.options.features}
        folder = MediaFolder(root=self.root, where=f"db.{name}")
        paths = folder.resolved([key.file for key in keys], "file")
        if self.options.media == "check":
            folder.require_files(paths, "file")
        rows: list[Utterance | None] = []
        for row, key in enumerate(keys):
            label = labels.read(text_of(given[row]), where=f"db.{name}, row {row + 1}")
            span = _span(paths[row], key.start_s, key.end_s)
            rows.append(
                None
                if label is None
                else Utterance(
                    utterance_id=key.name,
                    speaker_id=text_of(speakers[row]),
                    text=text_of(texts[row]),
                    audio=span,
                    video=span if span is not None and span.path.suffix.lower() in PICTURES else None,
                    label=label,
                    intensity=numbers[row],
                    sensitive={
                        feature: text_of(values[row]) or UNKNOWN
                        for feature, values in features.items()
                        if values is not None
                    },
                )
            )
        return rows

    def _feature(self, name: str, feature: str) -> list[Any] | None:
        values = self.columns.values(name, feature)
        if all(value is None for value in values):
            values = self.columns.told(name, self.options.speaker, feature)
        return None if all(value is None for value in values) else values


def _span(path: Path | None, start_s: float, end_s: float | None) -> MediaSpan | None:
    return None if path is None or not path.is_file() else MediaSpan(path=path, start_s=start_s, end_s=end_s)


def _files(root: Path, tables: Sequence[str]) -> list[Path]:
    paths = [root / f"db.{name}{suffix}" for name in tables for suffix in TABLE_SUFFIXES]
    return [root / HEADER, *(path for path in paths if path.is_file())]


def _listing(root: Path, utterances: Sequence[Utterance]) -> Listing:
    """Return the media that the tables name, once each."""
    paths = sorted({each.audio.path for each in utterances if each.audio is not None})
    files = [MediaFile(path=path, name=path.name, size=path.stat().st_size) for path in paths]
    return Listing(root=root, files=tuple(files))


def _licence(database: Any) -> str:  # noqa: ANN401
    named = str(database.license) if database.license else "not stated"
    return f"{named} (usage: {database.usage})" if database.usage else named


LOADER: Final[CorpusLoader] = AudformatLoader()
