"""What is kept here that holds a unit's data, or may: found first, removed only when asked.

Judged tables are read and told apart. What has opaque names (parts of interrupted judgements, copies and links of
media, states of interrupted trainings) cannot be told apart, and is made again by whoever needs it: all of it goes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from affidavit.admitted_rows import NAMES
from affidavit.cache import cache_folder
from affidavit.texts import plain_label

OPAQUE: Final = {
    "shards": "parts of interrupted judgements, which do not say whose they are",
    "single-streams": "copies and links of media, which do not say whose they are",
    "counts": "what audits counted of tables, which does not say whose it is",
    "media": "media written out of a data set, which do not say whose they are",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Files or folders that go together."""

    what: str
    """In words, without a name."""
    paths: tuple[Path, ...]

    def remove(self) -> list[Path]:
        """Remove them; return what could not be removed."""
        return [path for path in self.paths if not _removed(path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The judged tables in the cache."""

    holdings: tuple[Holding, ...]
    utterances: frozenset[str]
    """Ids of the unit's utterances, as far as these tables know them."""
    rationales: frozenset[str]
    """What was said of them."""


def judged_tables(name: str) -> Judged:
    """Return the entries of the cache of judged tables that hold a unit; one that cannot be read may."""
    holdings: list[Holding] = []
    utterances: set[str] = set()
    rationales: set[str] = set()
    for files in _entries(cache_folder("predictions")):
        unfinished = tuple(file for file in files if file.name.startswith("."))
        if unfinished:
            holdings.append(Holding(what="an unfinished entry in the cache", paths=unfinished))
        try:
            rows = [row for file in files if file.suffix == ".parquet" for row in _own_rows(file, name)]
        except (pa.ArrowException, OSError, ValueError):
            holdings.append(Holding(what="a damaged entry in the cache", paths=files))
            continue
        if rows:
            holdings.append(Holding(what="a judged table in the cache", paths=files))
            utterances |= {plain_label(str(row["utterance_id"])) for row in rows}
            rationales |= {row["rationale"] for row in rows if row.get("rationale")}
    return Judged(holdings=tuple(holdings), utterances=frozenset(utterances), rationales=frozenset(rationales))


def opaque_folders() -> tuple[Path, ...]:
    """Return where the parts of the cache lie whose content cannot be told apart, there or not."""
    return tuple(folder for part in OPAQUE if (folder := cache_folder(part)) is not None)


def opaque_parts(looked: Iterable[Path]) -> tuple[Holding, ...]:
    """Return those of these folders that are parts of the cache and hold something."""
    chosen = set(looked)
    there = [(folder, what) for part, what in OPAQUE.items() if (folder := cache_folder(part)) in chosen]
    return tuple(
        Holding(what=what, paths=(folder,))
        for folder, what in there
        if folder is not None and folder.is_dir() and any(folder.iterdir())
    )


def _entries(folder: Path | None) -> Iterator[tuple[Path, ...]]:
    """Yield the files of each entry."""
    if folder is None or not folder.is_dir():
        return
    entries: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        entries.setdefault(file.name.lstrip(".").split(".")[0], []).append(file)
    yield from map(tuple, entries.values())


def _own_rows(file: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a unit or speaker in a table; of an utterance that stands for itself, its own."""
    there = parquet.read_schema(file).names
    if "utterance_id" not in there:
        return []
    people = [column for column in NAMES if column in there]
    said = [column for column in ("rationale",) if column in there]
    table = parquet.read_table(file, columns=[*people, *said, "utterance_id"])
    own: list[dict[str, Any]] = table.filter(_is(table, people or ["utterance_id"], plain_label(name))).to_pylist()
    return own


def _is(table: pa.Table, columns: Iterable[str], name: str) -> pa.Array:
    """Say of each row whether one of the columns names somebody."""
    found = pa.array([False] * table.num_rows, pa.bool_())
    for column in columns:
        values = pa.concat_arrays(table[column].chunks) if table.num_rows else pa.array([], pa.string())
        texts = (values.dictionary_decode() if pa.types.is_dictionary(values.type) else values).cast(pa.string())
        own = [text for text in pc.unique(texts).to_pylist() if text is not None and plain_label(text) == name]
        found = pc.or_(found, pc.is_in(texts, value_set=pa.array(own, pa.string())))
    return found


def _removed(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
