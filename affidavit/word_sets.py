"""Cells that hold several words: as a list, or as one text with marks between the words; kept as `happy, excited`.

| cell | canonical |
|---|---|
| `happy; excited`, `happy|excited`, `高兴、激动` | `happy, excited`, `高兴, 激动` |
| `["happy", "excited"]` as a list, as JSON, escaped or not, or as Python prints it | `happy, excited` |
| nothing, an empty list, marks alone | empty: no word was given, which is an answer |

The order and case of words are kept; a word may have spaces.
"""

from __future__ import annotations

import json
import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.texts import as_text

SEPARATORS: Final = r"[,;|、，；\n\r\t]+"
BETWEEN: Final = ", "
_ESCAPED: Final = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
"""How JSON writes what is not ASCII, where nobody tells it otherwise."""
_UNSEEN: Final = r"[\p{Cc}\p{Cf}]+"
"""Marks of direction and control characters: a word is not another one for them."""
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
    pieces = pc.split_pattern_regex(_unescaped(pc.fill_null(texts, "")), SEPARATORS)
    words = pc.utf8_trim(pc.replace_substring_regex(pieces.flatten(), _UNSEEN, ""), _AROUND)
    kept = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    row = pc.list_parent_indices(pieces).to_numpy()[kept]
    return _rejoined(row, words.filter(pa.array(kept)), len(texts))


def holds_lists(column: pa.Array) -> bool:
    """Say whether a column's cells are lists, which no label is."""
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(kind(column.type) for kind in kinds)


def _joined(column: pa.Array) -> pa.Array:
    """Return lists of texts as texts; any other column as it is."""
    if not holds_lists(column):
        return column
    column = pc.if_else(
        pc.is_valid(column), column.cast(pa.large_list(column.type.value_type)), None
    )  # nulls hold none
    row = pc.list_parent_indices(column).to_numpy()
    items = column.flatten()
    if pa.types.is_null(items.type):
        items = items.cast(pa.string())
    known = pc.is_valid(items).to_numpy(zero_copy_only=False)
    return _rejoined(row[known], as_text(items.filter(pa.array(known)), "items of a list"), len(column))


def _unescaped(texts: pa.Array) -> pa.Array:
    """Return texts with the characters that JSON escaped; half of a pair of them stays as it is."""
    escaped = pc.match_substring(texts, "\\u")
    if not pc.any(escaped).as_py():
        return texts
    read = [_ESCAPED.sub(_character, text) for text in texts.filter(escaped).to_pylist()]
    return pc.replace_with_mask(texts, escaped, pa.array(read, texts.type))


def _character(escaped: re.Match[str]) -> str:
    text: str = json.loads(f'"{escaped[0]}"')
    return text if text.isprintable() else escaped[0]


def _rejoined(row: np.ndarray, words: pa.Array, n_rows: int) -> pa.Array:
    """Return the words [M] of rows (ascending) as one text a row."""
    ends = np.cumsum(np.bincount(row, minlength=n_rows))
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(offsets, words.cast(pa.string())), BETWEEN)
