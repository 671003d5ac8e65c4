"""A rationale as plain text: without markup, how many words, and whether word lists can read it.

What a word list cannot read is unknown, and neither silence nor zero: a rationale in another language than the list's
(all lists are English, those of citations Chinese as well), and one of which nothing is left outside of quotation marks
(a quotation alone, or an answer still wrapped in JSON).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.citations import QUOTATION, read_as_chinese
from affidavit.lexicons.english import read_as_english

BoolArray = NDArray[np.bool_]
UNREAD: Final = "not English, or nothing but a quotation"
UNCITED: Final = "neither English nor Chinese, or nothing but a quotation"
_MARKUP: Final = (
    (r"<!--[^>]*-->|</?[A-Za-z][^<>]*>", " "),
    (r"&(?:quot|ldquo|rdquo|#34);", '"'),
    (r"&(?:apos|lsquo|rsquo|#39);", "'"),
    (r"&(?:[A-Za-z]{2,8}|#[0-9]{1,6}|#x[0-9A-Fa-f]{1,6});", " "),
    (r"[*_#|~`]+", " "),
    (r"[\x{00A0}\x{2000}-\x{200B}\x{202F}\x{205F}\x{3000}]+", " "),
)
"""Tags, entities, marks of Markdown (an underscore would count as a letter), and spaces that do not count as one."""
_WORD: Final = r"\S*[\pL\pN]\S*"


def plain(texts: pa.Array) -> pa.Array:
    """Return texts without markup and without spaces at the ends; empty where there is none."""
    texts = pc.fill_null(texts, "")
    for pattern, meant in _MARKUP:
        texts = pc.replace_substring_regex(texts, pattern, meant)
    return pc.utf8_trim_whitespace(texts)


def present(texts: pa.Array) -> BoolArray:
    """Say of each plain text whether there is anything, [N]."""
    return array(pc.not_equal(texts, ""))


def unquoted(texts: pa.Array) -> pa.Array:
    """Return plain texts without what stands between quotation marks."""
    return pc.replace_substring_regex(texts, QUOTATION, " ")


def readable(texts: pa.Array) -> BoolArray:
    """Say of each plain text whether the English word lists can read it, [N]."""
    return np.asarray(_own(texts) & array(read_as_english(texts)))


def readings(texts: pa.Array) -> tuple[BoolArray, BoolArray]:
    """Say of each plain text whether the English word lists can read it, and whether the lists of citations can, [N].

    Citations are read in English and Chinese.
    """
    own, english = _own(texts), array(read_as_english(texts))
    return np.asarray(own & english), np.asarray(own & (english | array(read_as_chinese(texts))))


def _own(texts: pa.Array) -> BoolArray:
    """Say of each plain text whether it has a letter outside of quotation marks, [N]."""
    return array(pc.match_substring_regex(unquoted(texts), r"\pL"))


def words(texts: pa.Array) -> NDArray[np.int64]:
    """Return how many words each plain text has, [N]: runs without spaces that hold a letter or a digit.

    >>> words(pa.array(["- the voice, 2 octaves up -"])).tolist()
    [5]
    """
    return array(pc.count_substring_regex(texts, _WORD))


def array(values: pa.Array) -> NDArray[Any]:
    """Return an Arrow array as NumPy's."""
    return np.asarray(values.to_numpy(zero_copy_only=False))
