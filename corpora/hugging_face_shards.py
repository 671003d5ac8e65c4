"""Finds the tables of a Hugging Face data set on disk, and reads them batch by batch.

Four layouts: saved by `save_to_disk` (`state.json` beside `data-*.arrow`, a folder a split under `dataset_dict.json`);
parquet shards (`data/train-00000-of-00002.parquet`); the library's own Arrow shards; and a folder of media with
`metadata.csv` or `metadata.jsonl` at its root or in each split's folder. A shard's split is its folder, or what its
name begins with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from affidavit.errors import PlanError, TableError
from affidavit.raw_tables import DAMAGE, unreadable
from affidavit.tables import open_table
from affidavit.yaml_files import did_you_mean

METADATA: Final = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
WHOLE: Final = "all"
"""The split of what has none."""
_NUMBER: Final = re.compile(r"-\d+-of-\d+(?:-[0-9a-f]+)?$")
_SPLITS: Final = ("train", "validation", "valid", "val", "dev", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One file of rows."""

    path: Path
    split: str

    @property
    def described(self) -> bool:
        """Whether the rows describe media that lie beside them."""
        return self.path.name in METADATA

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows.

        Raises:
            TableError: the file is not what its suffix says.
        """
        if self.path.suffix == ".arrow":
            yield from _arrow(self.path)
        elif self.path.suffix == ".parquet" and not self.described:
            yield from _parquet(self.path)
        else:
            yield from open_table(self.path).batches(None)


def find_shards(root: Path, splits: Sequence[str]) -> list[Shard]:
    """Return the shards of the splits that are asked for, of all where none is; sorted by split and name.

    Raises:
        TableError: there are none. PlanError: a split is not there.
    """
    found = sorted(_shards(root), key=lambda shard: (_order(shard.split), shard.path))
    if not found:
        raise TableError(
            "there is no data set here",
            slug="file-not-found",
            where=str(root),
            allowed="state.json or dataset_dict.json with Arrow files, *.parquet, *.arrow, or metadata.csv or .jsonl",
            remedy="name the folder that was saved or downloaded",
        )
    there = list(dict.fromkeys(shard.split for shard in found))
    for split in splits:
        if split not in there:
            raise PlanError(
                f"there is no split {split!r}{did_you_mean(split, there)}",
                slug="plan-impossible",
                where=str(root),
                allowed=", ".join(there),
                remedy="correct splits",
            )
    return [shard for shard in found if not splits or shard.split in splits]


def features_of(root: Path, shards: Sequence[Shard]) -> dict[str, Any]:
    """Return what the data set says of its columns: column to its feature, as the library writes them."""
    for shard in shards:
        beside = shard.path.parent / "dataset_info.json"
        if beside.is_file():
            return _features(_json(beside))
        if shard.path.suffix in (".arrow", ".parquet"):
            batch = next(shard.batches(), None)
            kept = (batch.schema.metadata or {}).get(b"huggingface") if batch is not None else None
            if kept is not None:
                return _features(dict(json.loads(kept)).get("info", {}))
    info = root / "dataset_info.json"
    return _features(_json(info)) if info.is_file() else {}


def class_names(feature: Any) -> list[str] | None:  # noqa: ANN401 - whatever the file holds
    """Return the names of a column of class numbers, or None for another kind of column."""
    if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
        return [str(name) for name in feature["names"]]
    return None


def _shards(root: Path) -> Iterator[Shard]:
    if (root / "dataset_dict.json").is_file():
        for split in _json(root / "dataset_dict.json").get("splits", []):
            yield from _saved(root / Path(str(split)).name, str(split))
    elif (root / "state.json").is_file():
        yield from _saved(root, WHOLE)
    elif metadata := [path for name in METADATA for path in [*root.glob(name), *sorted(root.glob(f"*/{name}"))]]:
        yield from (Shard(path=path, split=WHOLE if path.parent == root else path.parent.name) for path in metadata)
    else:
        for path in sorted([*root.rglob("*.parquet"), *root.rglob("*.arrow")]):
            if not path.name.startswith(".") and path.is_file():
                yield Shard(path=path, split=_split(path))


def _saved(folder: Path, split: str) -> Iterator[Shard]:
    """Yield the files that a saved data set's state names; only names, never paths that lead elsewhere."""
    state = folder / "state.json"
    if not state.is_file():
        raise TableError(
            "a split of the saved data set is not there",
            slug="file-not-found",
            where=str(state),
            remedy="copy the whole folder",
        )
    for entry in _json(state).get("_data_files", []):
        path = folder / Path(str(dict(entry).get("filename", ""))).name
        if not path.is_file():
            raise TableError(
                "a file of the saved data set is not there",
                slug="file-not-found",
                where=str(path),
                remedy="copy the whole folder",
            )
        yield Shard(path=path, split=split)


def _split(path: Path) -> str:
    """Return the split that a shard's name or folder tells."""
    last = _NUMBER.sub("", path.stem).rsplit("-", 1)[-1]
    named = [last] if last.replace("_", "").isalpha() else []
    return next((name for name in (*named, path.parent.name) if name in _SPLITS), named[0] if named else WHOLE)


def _order(split: str) -> tuple[int, str]:
    return (_SPLITS.index(split) if split in _SPLITS else len(_SPLITS), split)


def _features(info: Mapping[str, Any]) -> dict[str, Any]:
    features = info.get("features")
    return dict(features) if isinstance(features, dict) else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise unreadable(path, error) from None
    if not isinstance(read, dict):
        raise unreadable(path, "not an object")
    return read


def _arrow(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a stream, which the library writes, or of an Arrow file."""
    try:
        with pa.memory_map(str(path)) as source:
            file = source.read(6) == b"ARROW1"
            source.seek(0)
            if file:
                reader = pa.ipc.open_file(source)
                yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
            else:
                yield from pa.ipc.open_stream(source)
    except DAMAGE as error:
        raise unreadable(path, error) from None


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=1024)  # rows may hold whole recordings
    except DAMAGE as error:
        raise unreadable(path, error) from None
