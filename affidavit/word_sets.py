"""Cells that hold several words: as a list, or as one text with marks between the words; kept as `happy, excited`.

| cell | canonical |
|---|---|
| `happy; excited`, `happy|excited`, `高兴、激动` | `happy, excited`, `高兴, 激动` |
| `["happy", "excited"]` as a list, as JSON or as Python prints it | `happy, excited` |
| nothing, an empty list, marks alone | empty: no word was given, which is an answer |

The order and case of words are kept; a word may have spaces.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.texts import as_text

SEPARATORS: Final = r"[,;|、，；\n\r\t]+"
BETWEEN: Final = ", "
_AROUND: Final = " \u00a0\u3000\t\"'`“”‘’「」『』[](){}"


def word_sets(column: pa.Array, name: str) -> pa.Array:
    """Return each cell's words in one text; `name` is what the column is called in an error.

    Raises:
        ColumnError: the column holds neither text nor lists of texts.

    >>> word_sets(pa.array(["Happy;  very sad", None, "高兴、激动", "[]"]), "y_pred").to_pylist()
    ['Happy, very sad', '', '高兴, 激动', '']
    >>> word_sets(pa.array([["happy", None, "sad"], []]), "y_pred").to_pylist()
    ['happy, sad', '']
    """
    texts = as_text(_joined(column), name)
    if pc.all(pc.string_is_ascii(texts)).as_py() is False:
        texts = pc.utf8_normalize(texts, "NFC")
    pieces = pc.split_pattern_regex(pc.fill_null(texts, ""), SEPARATORS)
    words = pc.utf8_trim(pieces.flatten(), _AROUND)
    kept = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    row = pc.list_parent_indices(pieces).to_numpy()[kept]
    return _rejoined(row, words.filter(pa.array(kept)), len(texts))


def holds_lists(column: pa.Array) -> bool:
    """Say whether a column's cells are lists, which no label is."""
    return bool(pa.types.is_list(column.type) or pa.types.is_large_list(column.type))


def _joined(column: pa.Array) -> pa.Array:
    """Return lists of texts as texts; any other column as it is."""
    if not holds_lists(column):
        return column
    row = pc.list_parent_indices(column).to_numpy()
    items = column.flatten()
    if pa.types.is_null(items.type):
        items = items.cast(pa.string())
    known = pc.is_valid(items).to_numpy(zero_copy_only=False)
    return _rejoined(row[known], as_text(items.filter(pa.array(known)), "items of a list"), len(column))


def _rejoined(row: np.ndarray, words: pa.Array, n_rows: int) -> pa.Array:
    """Return the words [M] of rows (ascending) as one text a row."""
    ends = np.cumsum(np.bincount(row, minlength=n_rows))
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(offsets, words.cast(pa.string())), BETWEEN)
