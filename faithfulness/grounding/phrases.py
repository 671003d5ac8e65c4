"""How a list of cues is written: what is spoken of (a brow, the pitch), and what is said of it (raised, low).

English puts it either way round: "raised brows", "his brows are slightly raised". Between the two may stand articles,
pronouns, adverbs and forms of to be, a second adjective ("low and slow voice") and nothing else, so that in "flat pitch
and low volume" the pitch is not low. Chinese may have a few characters between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

_BETWEEN: Final = (
    r"(?:(?:the|an?|his|her|their|its|my|your|this|that|of|in|is|are|was|were|be|been|being|has|have|had|does"
    r"|do|did|not|never|hardly|barely|no|longer|isn't|aren't|wasn't|weren't|doesn't|didn't|become|becomes|became|gets"
    r"|got|grows|grew|sounds?|sounded|seems?|seemed|appears?|appeared|stays?|stayed|remains?|remained|looks?|looked"
    r"|turns?|turned|goes|went|very|quite|rather|too|so|more|much|a bit|bit|little|slightly|somewhat|noticeably|clearly"
    r"|visibly|slight|strongly|unusually|relatively|fairly|almost|pulled|drawn|held|to|with|into|he|she|they|patient|patient's"
    r"|speaker|speaker's|person|person's|man|man's|woman|woman's|upwards?|words|voice|face)[\s,'\u2019-]*)"
)
_ADJECTIVE: Final = r"(?:[a-z]+(?:ly|ed|ing|y|er)?[\s-]*(?:,|and)[\s-]*)"
_GAP: Final = rf"[\s-]+{_BETWEEN}{{0,5}}"
_LISTED: Final = r"(?:,?\s+and(?:\s+the)?\s+(?:words|voice|face))?"
_COPULA: Final = (
    r"[\s]+(?:is|are|was|were|sounds?|sounded|seems?|seemed|stays?|stayed|remains?|remained|appears?|appeared)[\s]+"
)
_HAN_GAP: Final = "[^，。；！？,.;!?]{0,4}?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One search for a cue."""

    whole: str
    gate: str = ""
    """A plain pattern without which a text cannot match; empty where there is none. Many cues share one."""
    han: bool = False
    """Whether it is written in Chinese characters."""

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """Yield where a text matches; nothing is compiled before a text needs it."""
        yield from compiled(self.whole).finditer(text)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern that is read whatever the case."""
    return re.compile(pattern, re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One cue and how people write it; patterns are of Python's `re`, whatever the case."""

    cue: str
    of: str = ""
    """English: what is spoken of."""
    said: str = ""
    """English: what is said of it."""
    alone: str = ""
    """English: words that need no other."""
    han_of: str = ""
    han_said: str = ""
    han_alone: str = ""
    covers: tuple[str, ...] = ()
    """Cues of which any one makes this one true: raised brows are AU1 or AU2."""
    contrary: tuple[str, ...] = ()
    """Cues that contradict this one."""
    restful: bool = False
    """Whether it says that nothing moves."""
    adjectives: bool = False
    """Whether one more adjective may stand before the noun: `low trembling voice`."""

    def patterns(self) -> tuple[Pattern, ...]:
        """Return what is searched for, English and Chinese apart."""
        return tuple(each for each in (self._english(), self._chinese()) if each is not None)

    def _english(self) -> Pattern | None:
        parts = [_word(self.alone)] if self.alone else []
        if self.of:
            of, said = _word(self.of), _word(self.said)
            parts += [f"{said}{_GAP}{of}", f"{of}{_LISTED}{_GAP}{said}"]
            parts.append(f"{of}{_COPULA}{_BETWEEN}{{0,2}}{_ADJECTIVE}{_BETWEEN}{{0,2}}{said}")
            parts += [rf"{said}[\s,-]+(?:and[\s]+)?[a-z]+[\s-]+{of}"] if self.adjectives else []
        if not parts:
            return None
        gate = "" if self.alone else _word(self.of)
        return Pattern(whole="|".join(parts), gate=gate)

    def _chinese(self) -> Pattern | None:
        parts = [f"(?:{self.han_alone})"] if self.han_alone else []
        if self.han_of:
            parts.append(f"(?:{self.han_of}){_HAN_GAP}(?:{self.han_said})")
            parts.append(f"(?:{self.han_said})的?(?:{self.han_of})")
        return Pattern(whole="|".join(parts), han=True) if parts else None


def _word(pattern: str) -> str:
    return rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])"
