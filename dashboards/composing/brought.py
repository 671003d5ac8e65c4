"""A table that somebody brings: kept in the workspace under its digest, read by the loader that every command uses.

Laws: its name is a name and no path; it is never larger than the desk allows; what is told of it is what
`affidavit check` tells, by the same functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from affidavit.cli.checks import Prospect, access_of, conditions_of, prospects_of
from affidavit.columns import ColumnMap, map_columns
from affidavit.errors import TableError
from affidavit.files import replacing
from affidavit.plan import Task
from affidavit.requests import FILES, write_request
from affidavit.tables import RawTable, open_table
from affidavit.tasks import settle_task

SUFFIXES: Final = ("csv", "tsv", "xlsx", "parquet", "json", "jsonl")
_SHOWN: Final = 5
_LONGEST: Final = 40
_UPLOADS: Final = "uploads"


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtTable:
    """A table in the workspace, as far as its columns tell."""

    path: Path
    raw: RawTable
    mapped: ColumnMap
    task: Task
    conditions: tuple[str, ...]

    @property
    def prospects(self) -> list[Prospect]:
        """Which examinations are possible with it, and what the others lack."""
        return prospects_of(self.task, access_of(self.mapped, self.conditions, self.task, labelled=True))


def kept(content: bytes, *, name: str, workspace: Path, most_mb: int) -> Path:
    """Keep an uploaded file in the workspace and return where; the same file brought twice lies there once.

    Raises:
        TableError: it is larger than the desk allows, or of no kind that is read.
    """
    plain = PurePath(name.replace("\\", "/")).name
    suffix = PurePath(plain).suffix.lstrip(".").lower()
    if suffix not in SUFFIXES or len(content) > most_mb * 2**20:
        raise TableError(
            "the file cannot be brought",
            slug="file-unreadable",
            where=plain,
            found=f"{len(content) / 2**20:.0f} MiB, {suffix or 'no'} suffix",
            allowed=f"at most {most_mb} MiB; {', '.join(SUFFIXES)}",
            remedy="save it as parquet, or audit it with `affidavit audit`",
        )
    folder = workspace / _UPLOADS / hashlib.sha256(content).hexdigest()[:16]
    place = folder / plain
    if not place.is_file():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with replacing(place) as temporary:
            temporary.write_bytes(content)
    return place


def looked_at(path: Path, *, columns: Mapping[str, str], by: Sequence[str]) -> BroughtTable:
    """Return what a table's columns tell; `columns` are parts that somebody named.

    Raises:
        AffidavitError: it does not open, or its columns do not say enough.
    """
    raw = open_table(path)
    mapped = map_columns(raw.columns, where=raw.name, named=dict(columns), by=tuple(by))
    task, mapped = settle_task(mapped, raw, task=None)
    return BroughtTable(path=path, raw=raw, mapped=mapped, task=task, conditions=conditions_of(raw, mapped))


def examples(raw: RawTable) -> Mapping[str, str]:
    """Return the first different values of each column, in words."""
    batch = next(iter(raw.batches(None)), None)
    if batch is None:
        return dict.fromkeys(raw.columns, "")
    shown = {name: batch.column(name).slice(0, 200).unique().to_pylist()[:_SHOWN] for name in batch.schema.names}
    return {name: ", ".join(map(_short, values)) for name, values in shown.items()}


def _short(value: object) -> str:
    return "" if value is None else str(value)[:_LONGEST]


def request_files(table: BroughtTable, folder: Path) -> dict[str, bytes]:
    """Write the request to the supplier into a folder, and return its files."""
    prospects = [(prospect.examination, prospect.missing) for prospect in table.prospects]
    write_request(folder, mapped=table.mapped, prospects=prospects, source=table.raw.name)
    return {name: (folder / name).read_bytes() for name in FILES}
