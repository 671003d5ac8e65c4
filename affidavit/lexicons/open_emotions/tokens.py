"""Where in a text do words of a list stand? English and Chinese in one pass, a column at a time, linear in its length.

English is split at what is not a letter; Chinese, which has no spaces, is cut by the longest listed word from the left.
A hundred thousand texts take seconds, since the cutting and the look-up are Arrow's (RE2 has no backtracking).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES: Final = 16 * 2**20
"""Texts are read in blocks of about so many bytes."""
STOP: Final = "."
PAUSE: Final = ","
"""A sentence's end and a clause's end, as tokens that a vocabulary may name; the Chinese list comma is neither."""
_HAN: Final = r"\p{Han}"
_ENGLISH_SPELLING: Final = ((r"n['’]t\b", " not "), (r"['’]s\b", " "))
_PUNCTUATION: Final = (
    (r"[.!?;。；！？…\n\r]+", f" {STOP} "),
    (r"[,，:：()\[\]（）【】]+", f" {PAUSE} "),
    (r"[^\p{L}\p{M}\p{N}.,]+", " "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of a column that a vocabulary knows, in the order of reading: arrays [M]."""

    row: NDArray[np.int64]
    position: NDArray[np.int64]
    """How far from the column's start: one a word, one a Chinese character."""
    code: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Words with codes from 0; phrases are words with spaces. Forms are lower case."""

    codes: Mapping[str, int]
    passed_over: frozenset[str] = frozenset()
    """Chinese words that are cut out and mean nothing here, so that no listed word is read within them."""

    def find(self, texts: pa.Array | pa.ChunkedArray) -> Tokens:
        """Return where the words stand in texts [N]; a null has none. Punctuation: `STOP` and `PAUSE`, if listed."""
        found = [self._find(block, first) for first, block in _blocks(texts)]
        parts = zip(*found, strict=True) if found else ([np.zeros(0, dtype=np.int64)] for _ in range(3))
        row, position, code = (np.concatenate(arrays) for arrays in parts)
        return Tokens(row=row, position=position, code=code)

    def _find(self, texts: pa.Array, first: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(self._spaced(plain(texts))))
        words = lists.flatten()
        known = pc.fill_null(pc.index_in(words, value_set=pa.array(self._alphabet, words.type)), -1).to_numpy()
        place = np.flatnonzero(known >= 0)
        offsets = lists.offsets.to_numpy() - lists.offsets[0].as_py()
        row = np.searchsorted(offsets, place, side="right") - 1
        code = self._joined(known[place], place, row)
        kept = code >= 0
        return row[kept] + first, _positions(words)[place[kept]], code[kept]

    def _spaced(self, texts: pa.Array) -> pa.Array:
        """Put spaces around every Chinese word of the list, and between scripts; turn punctuation into tokens."""
        import pyarrow.compute as pc

        for pattern, by in _ENGLISH_SPELLING:
            texts = pc.replace_substring_regex(texts, pattern, by)
        if pc.any(pc.match_substring_regex(texts, _HAN)).as_py():
            texts = pc.replace_substring_regex(texts, r"\p{Latin}+", r" \0 ")
            texts = pc.replace_substring_regex(texts, self._chinese, r" \0 ") if self._chinese else texts
        for pattern, by in _PUNCTUATION:
            texts = pc.replace_substring_regex(texts, pattern, by)
        return texts

    def _joined(self, known: NDArray[Any], place: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the code of each known word, -1 for what only completes a phrase; the longest phrase wins."""
        code = np.array([*self._alphabet.values()], dtype=np.int64)[known]
        free = np.ones(len(code), dtype=bool)
        for parts, of_phrase in self._phrases:
            start = np.flatnonzero(known[: max(len(known) - len(parts) + 1, 0)] == parts[0])
            for step, part in enumerate(parts):
                after = start + step
                fits = (known[after] == part) & (place[after] == place[start] + step) & (row[after] == row[start])
                start = start[fits & free[after]]
            for step in range(len(parts)):
                code[start + step] = of_phrase if step == 0 else -1
                free[start + step] = False
        return np.asarray(code)

    @cached_property
    def _alphabet(self) -> dict[str, int]:
        """All single words with their codes; -1 for those that only phrases use."""
        parts = {part: -1 for phrase in self.codes if " " in phrase for part in phrase.split(" ")}
        return parts | {word: code for word, code in self.codes.items() if " " not in word}

    @cached_property
    def _phrases(self) -> list[tuple[list[int], int]]:
        place = {word: i for i, word in enumerate(self._alphabet)}
        phrases = sorted((phrase for phrase in self.codes if " " in phrase), key=lambda p: (-len(p.split(" ")), p))
        return [([place[part] for part in phrase.split(" ")], self.codes[phrase]) for phrase in phrases]

    @cached_property
    def _chinese(self) -> str:
        words = {word for word in self.codes if not word.isascii()} | self.passed_over
        return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def text_array(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return texts in one array of large strings, however they were chunked or coded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    return pc.cast(whole, pa.large_string())


def plain(texts: pa.Array) -> pa.Array:
    """Return texts in lower case and Unicode form NFKC (wide letters become letters); null becomes empty."""
    import pyarrow.compute as pc

    texts = pc.utf8_lower(pc.fill_null(texts, ""))
    return texts if pc.all(pc.string_is_ascii(texts)).as_py() is not False else pc.utf8_normalize(texts, "NFKC")


def _positions(words: pa.Array) -> NDArray[np.int64]:
    """Return where each word starts, a word of letters one long and a Chinese one as long as it has characters."""
    import pyarrow.compute as pc

    letters = pc.utf8_length(words).to_numpy().astype(np.int64)
    wide = pc.binary_length(words).to_numpy() >= 3 * np.maximum(letters, 1)
    length = np.where(wide, letters, 1)
    return np.asarray(np.cumsum(length) - length)


def _blocks(texts: pa.Array | pa.ChunkedArray) -> Iterator[tuple[int, pa.Array]]:
    """Yield the texts in blocks of at least a row and about `BLOCK_BYTES`, each with the number of its first row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = 0
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        chunk = pc.cast(chunk, pa.large_string())
        upto = np.cumsum(pc.fill_null(pc.binary_length(chunk), 0).to_numpy(zero_copy_only=False), dtype=np.int64)
        block = np.maximum(upto - 1, 0) // BLOCK_BYTES
        starts = np.flatnonzero(np.diff(block, prepend=-1))
        ends = np.append(starts[1:], len(chunk))[: len(starts)]  # an empty chunk has no block
        for start, end in zip(starts, ends, strict=True):
            yield first + int(start), chunk[int(start) : int(end)]
        first += len(chunk)
