"""A word list, and how often the texts of a column hold its words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class WordList:
    """English words and phrases; a star at the end of a word stands for any ending."""

    name: str
    version: str
    entries: tuple[str, ...]
    idea: str
    """Whose idea the list follows; its words are this project's own."""

    @cached_property
    def pattern(self) -> str:
        """The list as one pattern, for RE2 and for Python's `re`, to be matched whatever the case."""
        return pattern_of(self.entries)

    def counts(self, texts: pa.Array) -> pa.Array:
        """Return how many words of the list each text holds; null where a text is null."""
        import pyarrow.compute as pc

        return pc.count_substring_regex(texts, self.pattern, ignore_case=True)


def pattern_of(entries: Iterable[str]) -> str:
    r"""Return one pattern for words and phrases, longest first.

    >>> import re
    >>> re.findall(pattern_of(["angr*", "fed up"]), "Angrily fed  up, but not strangry", re.IGNORECASE)
    ['Angrily', 'fed  up']
    """
    longest = sorted(set(entries), key=lambda entry: (-len(entry), entry))
    return rf"\b(?:{'|'.join(_one(entry) for entry in longest)})\b"


def _one(entry: str) -> str:
    words = [re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "") for word in entry.split()]
    return r"[\s-]+".join(words)
