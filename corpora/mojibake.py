"""Repairs text that was read in the wrong encoding: UTF-8 taken for Windows-1252, and Windows-1252 taken for Latin-1.

Only what can be undone without a doubt is: bytes that are UTF-8 for a Western letter or a mark, and control characters,
which no transcript holds. A word in capitals before an apostrophe (`É` and `’`) stays as it is.
"""

from __future__ import annotations

import re
from typing import Final

_TAKEN_FOR_1252: Final = re.compile(r"[\u00c2\u00c3][^\x00-\x7f]|\u00e2[^\x00-\x7f]{2}")
"""The lead byte of a Western letter (two bytes) or of a mark (three), and its followers."""
_CONTROLS: Final = re.compile(r"[\u0080-\u009f]")


def repaired(text: str) -> str:
    r"""Return text with mojibake undone where that is certain; other text is returned as it is.

    >>> ascii(repaired("It\u00e2\u20ac\u2122s a caf\u00c3\u00a9")), ascii(repaired("It\x92s"))
    ("'It\\u2019s a caf\\xe9'", "'It\\u2019s'")
    >>> all(repaired(text) == text for text in ("d\u00e9j\u00e0 vu \u2013 \u201cso\u201d", "CAF\u00c9\u2019S"))
    True
    """
    return _CONTROLS.sub(_as_1252, _TAKEN_FOR_1252.sub(_as_utf8, text))


def _as_utf8(found: re.Match[str]) -> str:
    try:
        return b"".join(_byte(letter) for letter in found[0]).decode("utf-8")
    except UnicodeError:
        return found[0]


def _byte(letter: str) -> bytes:
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:  # the five bytes that Windows-1252 leaves undefined
        return letter.encode("latin-1")


def _as_1252(found: re.Match[str]) -> str:
    try:
        return found[0].encode("latin-1").decode("cp1252")
    except UnicodeDecodeError:
        return found[0]
