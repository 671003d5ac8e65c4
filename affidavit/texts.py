"""Cells as text: one label, level or id is one text, however its column was typed, padded or composed.

`1.0` reads as `1` and `True` as `true`, since the same label is often a float or a truth value in one column and text
in the next; spaces at the ends are dropped, empty text is missing, and Unicode is brought to form NFC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from affidavit.errors import ColumnError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_WHOLE: Final = r"^([+-]?\d+)\.0+$"
_TRUTH: Final = r"^(?:true|false)$"
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+[.,]\d*|[.,]\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?")


def plain_label(text: str) -> str:
    """Return a label as cells of that label read.

    >>> [plain_label(text) for text in (" joy", "1.0", "True")]
    ['joy', '1', 'true']
    """
    text = unicodedata.normalize("NFC", text.strip())
    if re.match(_TRUTH, text, re.IGNORECASE):
        return text.lower()
    return re.sub(_WHOLE, r"\1", text)


def is_fraction(label: str) -> bool:
    """Say whether a label is a number that is not whole: a score, not a class.

    >>> [is_fraction(label) for label in ("0.73", "12", "1e3", "joy")]
    [True, False, False, False]
    """
    return _DECIMAL.fullmatch(label) is not None and not float(label.replace(",", ".")).is_integer()


def as_text(column: pa.Array, what: str) -> pa.Array:
    """Return text; whole numbers print without a decimal point, so that 0.0 and 0 are one label."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_floating(column.type):
        column = _whole_where_all_are(pc.cast(column, pa.float64()))
    try:
        if pa.types.is_nested(column.type):
            raise pa.ArrowInvalid("nested")
        return pc.cast(column, pa.string())
    except pa.ArrowException:
        raise ColumnError(
            f"the column of {what} does not read as text",
            slug="column-type",
            found=str(column.type),
            allowed="text, numbers, dates or truth values",
            remedy="check which column plays this part, or write it as text",
        ) from None


def _whole_where_all_are(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    known = pc.drop_null(column)
    whole = pc.all(pc.equal(known, pc.floor(known))).as_py() is not False
    exact = pc.all(pc.less(pc.abs(known), 2.0**53)).as_py() is not False
    return pc.cast(column, pa.int64()) if whole and exact else column


def tidied(text: pa.Array) -> tuple[pa.Array, bool, bool]:
    """Return text without spaces at the ends, in form NFC, empty as missing; and which of the two changed anything."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(text)
    composed = trimmed
    if pc.all(pc.string_is_ascii(trimmed)).as_py() is False:
        composed = pc.utf8_normalize(trimmed, "NFC")
    blank = pc.equal(composed, "")
    plain = pc.if_else(blank, pa.scalar(None, pa.string()), composed) if pc.any(blank).as_py() else composed
    return plain, not trimmed.equals(text), composed is not trimmed and not composed.equals(trimmed)


def encoded(text: pa.Array) -> pa.Array:
    """Return text as a dictionary array whose dictionary has no missing value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(pc.dictionary_encode(text), pa.dictionary(pa.int32(), pa.string()))


def renamed(array: pa.Array, texts: pa.Array) -> pa.Array:
    """Return a dictionary array under other texts, those that have become equal as one."""
    import pyarrow.compute as pc

    return array if texts.equals(array.dictionary) else encoded(pc.take(texts, array.indices))


def whole_numbers(array: pa.Array) -> pa.Array:
    """Let `1.0` read as `1` in a dictionary array."""
    import pyarrow.compute as pc

    return renamed(array, pc.replace_substring_regex(array.dictionary, _WHOLE, r"\1"))


def labels_of(array: pa.Array) -> pa.Array:
    """Let `1.0` read as `1` and `True` as `true` in a dictionary array."""
    import pyarrow.compute as pc

    texts = array.dictionary
    truth = pc.match_substring_regex(texts, _TRUTH, ignore_case=True)
    return whole_numbers(renamed(array, pc.if_else(truth, pc.utf8_lower(texts), texts)))


def constant(text: str, n: int) -> pa.Array:
    """Return one text `n` times."""
    import numpy as np
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(np.zeros(n, dtype=np.int32), pa.array([text]))


def codes_of(column: pa.Array, lookup: Mapping[str, int]) -> NDArray[np.int32]:
    """Return a dictionary array as codes into a vocabulary; what is missing is -1."""
    import numpy as np
    import pyarrow.compute as pc

    codes = np.array([*(lookup.get(text, -1) for text in column.dictionary.to_pylist()), -1], dtype=np.int32)
    return np.asarray(codes[pc.fill_null(column.indices, len(codes) - 1).to_numpy()])
