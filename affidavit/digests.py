"""Content digests: one canonical form for JSON (RFC 8785) and one for tables, both under SHA-256.

A digest names content, not a file: the same predictions give the same digest from CSV, JSONL, XLSX or parquet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affidavit.canonical_json import canonical_json as canonical_json  # digests are made of it

if TYPE_CHECKING:
    import pyarrow as pa


def digest_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return `sha256:<hex>` of the canonical JSON of `value`."""
    return f"sha256:{hashlib.sha256(canonical_json(value)).hexdigest()}"


def file_digest(path: Path) -> str:
    """Return `sha256:<hex>` of a file's bytes, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def folder_digest(path: Path) -> str:
    """Return the digest of a folder's file names and bytes, or of a single file."""
    if path.is_file():
        return file_digest(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return digest_of([[file.relative_to(path).as_posix(), file_digest(file)] for file in files])


class TableDigest:
    """The running digest of a table read in batches, independent of how the rows were cut into batches.

    Each column is hashed on its own (validity, then fixed-width values or lengths and bytes), and the digests are
    combined under the column names, so the order of columns does not matter and the order of rows does.
    """

    def __init__(self) -> None:
        self._columns: dict[str, _ColumnDigest] = {}
        self.n_rows = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Add the rows of one batch; every batch must have the same columns."""
        self.n_rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            self._columns.setdefault(name, _ColumnDigest()).update(column)

    def hexdigest(self) -> str:
        """Return `sha256:<hex>` over rows, column names and column contents."""
        columns = {name: column.hexdigest() for name, column in self._columns.items()}
        return digest_of({"columns": columns, "rows": self.n_rows})


class _ColumnDigest:
    def __init__(self) -> None:
        self._parts = (hashlib.sha256(), hashlib.sha256(), hashlib.sha256())  # validity, lengths, bytes

    def update(self, column: pa.Array) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        validity, lengths, content = self._parts
        validity.update(pc.is_valid(column).to_numpy(zero_copy_only=False).tobytes())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            text = pc.fill_null(column, "").cast(pa.large_string())
            lengths.update(pc.binary_length(text).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
            content.update(_text_bytes(text))
            return
        zero = pa.scalar(0, column.type) if not pa.types.is_boolean(column.type) else pa.scalar(False)
        values = pc.fill_null(column, zero).to_numpy(zero_copy_only=False)
        content.update(values.astype(values.dtype.newbyteorder("<")).tobytes())

    def hexdigest(self) -> list[str]:
        return [part.hexdigest() for part in self._parts]


def _text_bytes(text: pa.Array) -> memoryview | bytes:
    """Return the concatenated UTF-8 bytes of a large_string array without nulls."""
    import numpy as np

    _, offsets, data = text.buffers()
    if data is None or len(text) == 0:
        return b""
    ends = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
    return memoryview(data)[int(ends[0]) : int(ends[-1])]


def table_digest(batches: Iterable[pa.RecordBatch]) -> str:
    """Return the content digest of a table given as batches."""
    digest = TableDigest()
    for batch in batches:
        digest.update(batch)
    return digest.hexdigest()
