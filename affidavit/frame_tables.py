"""Reads a pandas frame column by column, when a column is asked for: what is not read cannot be at fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from affidavit.errors import ColumnError, TableError
from affidavit.raw_tables import RawTable, from_arrow, unique_names

if TYPE_CHECKING:
    import pandas as pd

_AS_TEXT: Final = "mMc"
"""Kinds of numpy that are read as pandas prints them: durations, dates and complex numbers."""


def from_frame(frame: pd.DataFrame, *, name: str = "frame") -> RawTable:
    """Wrap a pandas frame; its index is not read.

    Raises:
        TableError: no rows. ColumnError: two columns share a name, or names have several levels.
    """
    if frame.columns.nlevels > 1:
        raise ColumnError(
            f"the frame's column names have {frame.columns.nlevels} levels",
            slug="column-type",
            where=name,
            found=", ".join(str(column) for column in frame.columns[:3]),
            allowed="one name a column",
            remedy="flatten them: frame.columns = ['_'.join(map(str, c)) for c in frame.columns]",
        )
    columns = unique_names([str(column) for column in frame.columns], where=name)
    if len(frame) == 0:
        raise TableError("the table has no rows", slug="file-empty", where=name, remedy="check the frame")
    converted: dict[str, pa.Array] = {}

    def column_of(column: str) -> pa.Array:
        if column not in converted:
            converted[column] = _converted(frame.iloc[:, columns.index(column)])
        return converted[column]

    def batches(wanted: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        chosen = columns if wanted is None else tuple(wanted)
        table = pa.table({column: column_of(column) for column in chosen})
        yield from from_arrow(table, name=name, format_name="frame").batches(None)

    return RawTable(name=name, format="frame", columns=columns, n_rows=len(frame), batches=batches)


def _converted(series: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    """Return an Arrow column; what Arrow has no type for, and a column of mixed types, becomes text."""
    categories = getattr(series.dtype, "categories", None)
    if categories is not None:
        codes = series.cat.codes.to_numpy()
        names = [_text(category) for category in categories]
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), pa.array(names, pa.string()))
    if getattr(series.dtype, "kind", "O") in _AS_TEXT:
        return _texts(series.astype(str).where(series.notna(), None))
    try:
        column = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return _texts(series)
    return _texts(series) if isinstance(column.type, pa.BaseExtensionType) else column


def _texts(values: pd.Series[Any]) -> pa.Array:
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever a frame holds
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).encode("utf-8", errors="backslashreplace").decode("utf-8")  # half a surrogate pair is no text
