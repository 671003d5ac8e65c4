"""Reads a rationale into atoms: which cue of which aspect it states, or denies, and what it quotes.

Markup is taken away first, quotations are set apart (what somebody said is no cue of a face), and a text is read up to
`MOST_CHARACTERS`. A cue is denied where a negation stands before it in its clause, within it, or right after it; "not
only" and "cannot hide" deny nothing, and in "no smile and a low voice" only the smile is denied. Stated twice it counts
once, stated and denied it counts as both.

What names an aspect and no cue of it that anybody could check (an action unit with a number that does not exist, "in
the background something moves") is an unread atom: counted, and never held against evidence.

Source.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.citations import QUOTATION
from affidavit.lexicons.hedges import HEDGES
from affidavit.measured_cues import ASPECTS
from faithfulness.grounding.face_words import CODED
from faithfulness.grounding.phrases import compiled
from faithfulness.grounding.scene_words import BACKGROUND
from faithfulness.grounding.transcripts import Words, words_of
from faithfulness.grounding.vocabulary import Vocabulary

MOST_CHARACTERS: Final = 20_000
"""Of a rationale; what follows is not read."""
MOST_QUOTES: Final = 50
_REACH: Final = 60
"""Characters of its clause before a cue in which a negation or a hedge reaches it."""
_NEAR: Final = 3
"""Characters between a plain word and the action unit that stands behind it in brackets as its gloss."""
_MARKUP: Final = re.compile(r"<[^<>]{0,200}>|[*_`#|~]+")
_QUOTED: Final = re.compile(re.sub(r"\\x\{([0-9A-F]{4})\}", r"\\u\1", QUOTATION), re.IGNORECASE)
_SAYING: Final = re.compile(
    r"\b(?:says?|said|saying|words?|wording|phrases?|sentences?|utter(?:s|ed|ing|ances?)?|transcri(?:pt|ption|bed)|text"
    r"|asks?|asked|repl(?:y|ies|ied)|answers?|answered|tells?|told|shout\w*|yell\w*|whisper\w*|mutter\w*|exclaim\w*|mention\w*"
    r"|repeat\w*|calls?|called|quot\w+|states?|stated|statement|speak\w*|spoken|spoke|line|remarks?|remarked|adds?|added)\b"
    r"|说|讲|道|问|答|喊|叫|台词|话|词|字幕|文本|提到",
    re.IGNORECASE,
)
"""Speaks of saying: a short quotation is what somebody said where such a word stands near it, else a writer's mark."""
_FEW_WORDS: Final = 2
_AFTER: Final = 25
"""Characters after a short quotation in which a word of saying may stand."""
_MARKS: Final = "\"'\u2018\u2019\u201c\u201d\u201e\u300c\u300d\u300e\u300f\u00ab\u00bb "
_ELLIPSIS: Final = re.compile(r"\.{2,}|\u2026|\[\s*\]")
_NUMBER: Final = re.compile(r"\d+")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_CLAUSE_END: Final = re.compile(
    r"[.;:!?,\n\u3002\uFF1B\uFF1A\uFF0C\uFF01\uFF1F]|\b(?:but|however|yet|although|though|whereas|while)\b|但是?|然而|却|而是"
    # "no smile and a low voice" denies the smile alone, "no AU1 and AU4" both
    r"|\band\b(?=\s+(?:an?|the|his|her|their|its|he|she|they|it|with|there|instead|this|that|is|are|was|were|has|had"
    r"|(?:speak|talk|look|keep|show|sound|stay|remain|seem|appear|begin|start|frown|smile|shout|whisper)(?:s|ed))\b)",
    re.IGNORECASE,
)
_NEGATION: Final = re.compile(
    r"(?:\b(?:no|not|never|without|neither|nor|cannot|lack(?:s|ed|ing)?|absence of|none of|fail(?:s|ed)? to|hardly"
    r"|barely|free of|rather than|instead of)\b|n't\b|n\u2019t\b)"
    r"(?!\s+(?:only|just|merely|doubt|question|mistaking|denying)\b)"
    r"(?!\s+(?:\w+\s+){0,2}(?:hid(?:e|ing)|conceal(?:ing)?|suppress(?:ing)?|contain(?:ing)?|mask(?:ing)?|help)\b)"
    r"|没有|没|并未|未见|未|毫无|并非|不是|不再|缺乏|不(?!仅|只|但|安|满|停|断|同|禁|由|住)",
    re.IGNORECASE,
)
_DENIED_AFTER: Final = re.compile(
    r"^\s*(?:\([^()]{0,60}\))?[\s()\[\]:=]*(?:(?:is|was|are|were|remains?)\s+)?(?:absent\b|missing\b|lacking\b"
    r"|inactive\b|zero\b|0(?:\.0+)?(?![.\d])|(?:not|never)\s+(?:\w+\s+)?(?:present|seen|visible|shown|active|observed"
    r"|detected|there|raised|activated)\b|nowhere\b)|^[\s)\]]*(?:不存在|缺失|未出现|没有出现|不明显)",
    re.IGNORECASE,
)
"""`AU15 is absent`, `AU15 (lip corner depressor) is not visible`, `AU15: 0`."""
_HEDGED: Final = re.compile(rf"(?:{HEDGES.pattern})|可能|也许|似乎|好像|大概|或许", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Words that a rationale gives as said, or denies to have been said."""

    words: Words
    denied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Atoms:
    """What one rationale states."""

    stated: frozenset[int]
    """Places in the vocabulary."""
    denied: frozenset[int]
    quotes: tuple[Quote, ...]
    unread: tuple[int, ...]
    """Unread atoms by aspect, as `ASPECTS`."""
    hedged: int
    """Stated or denied cues that are hedged."""
    cut: bool
    """Whether the text was too long to be read to its end."""


@dataclass(frozen=True, slots=True)
class _Found:
    place: int
    start: int
    end: int


def atoms_of(rationale: str, vocabulary: Vocabulary, *, labels: frozenset[str] = frozenset()) -> Atoms:
    """Return what a rationale states; a single quoted word of `labels` names an answer and is no quotation.

    >>> from faithfulness.grounding.vocabulary import vocabulary
    >>> known = vocabulary()
    >>> told = atoms_of('AU1+AU15, no smile; he says "I am fine" in a low voice.', known)
    >>> sorted(known.entries[i].cue for i in told.stated), [known.entries[i].cue for i in told.denied]
    (['AU1', 'AU15', 'lowered voice'], ['AU12'])
    >>> [" ".join(quote.words) for quote in told.quotes]
    ['i am fine']
    """
    text = _MARKUP.sub(" ", html.unescape(rationale[:MOST_CHARACTERS]))
    quotes, text = _quotes(text, labels)
    unread = [0] * len(ASPECTS)
    found = list(_coded(text, vocabulary, unread))
    found = [*found, *_in_words(text, vocabulary, found)]
    scene = ASPECTS.index("scene")
    if BACKGROUND.search(text) and not any(vocabulary.aspect[each.place] == scene for each in found):
        unread[scene] += 1
    stated: set[int] = set()
    denied: set[int] = set()
    hedged: set[int] = set()
    for each in found:
        clause = text[_clause_start(text, each.start) : each.end]
        (denied if _is_denied(clause, text[each.end : each.end + _REACH]) else stated).add(each.place)
        if _HEDGED.search(clause):
            hedged.add(each.place)
    return Atoms(
        stated=frozenset(stated),
        denied=frozenset(denied),
        quotes=quotes,
        unread=tuple(unread),
        hedged=len(hedged),
        cut=len(rationale) > MOST_CHARACTERS,
    )


def _coded(text: str, vocabulary: Vocabulary, unread: list[int]) -> Iterator[_Found]:
    """Yield action units by number."""
    for match in CODED.finditer(text):
        start = match.start()
        for number in _NUMBER.finditer(text, match.start(1), match.end(1)):
            place = vocabulary.place.get(f"AU{int(number.group())}")
            if place is None:
                unread[ASPECTS.index("face")] += 1
            else:
                yield _Found(place, start, number.end())
            start = number.end()


def _in_words(text: str, vocabulary: Vocabulary, coded: list[_Found]) -> Iterator[_Found]:
    """Yield cues in words, but for those that a more exact cue in the same place makes vague."""
    matches = list(_matches(text, vocabulary))
    exact: dict[int, list[_Found]] = {}
    for each in (*coded, *matches):
        exact.setdefault(each.place, []).append(each)
    for each in matches:
        covered = np.flatnonzero(vocabulary.covers[each.place])
        if not any(_touch(each, other) for place in covered for other in exact.get(int(place), ())):
            yield each


def _matches(text: str, vocabulary: Vocabulary) -> Iterator[_Found]:
    has_han = _HAN.search(text) is not None
    open_gates: dict[str, bool] = {"": True}
    for place, entry in enumerate(vocabulary.entries):
        for pattern in entry.patterns:
            if pattern.han and not has_han:
                continue
            if pattern.gate not in open_gates:
                open_gates[pattern.gate] = compiled(pattern.gate).search(text) is not None
            if open_gates[pattern.gate]:
                yield from (_Found(place, match.start(), match.end()) for match in pattern.matches(text))


def _touch(one: _Found, other: _Found) -> bool:
    return one.start < other.end + _NEAR and other.start < one.end + _NEAR


def _clause_start(text: str, start: int) -> int:
    begin = max(0, start - _REACH)
    seen = _CLAUSE_END.finditer(text, begin, start + _AFTER)  # `and` ends a clause by what follows it
    ends = [match.end() for match in seen if match.end() <= start]
    return ends[-1] if ends else begin


def _is_denied(clause: str, after: str) -> bool:
    return _NEGATION.search(clause) is not None or _DENIED_AFTER.match(after) is not None


def _quotes(text: str, labels: frozenset[str]) -> tuple[tuple[Quote, ...], str]:
    """Return quotations, those with an ellipsis in pieces, and the text as long without them.

    A word or two between marks, with no word of saying near (`a "flat" voice`), is the writer's own and stays.
    """
    found: list[Quote] = []
    rest = list(text)
    for n, match in enumerate(_QUOTED.finditer(text)):
        start, end = match.span()
        before = text[_clause_start(text, start) : start]
        said = words_of(match.group())
        if len(said) <= _FEW_WORDS * (2 if _HAN.search(match.group()) else 1) and not _is_said(before, text[end:]):
            rest[start] = rest[end - 1] = " "
            continue
        rest[start:end] = " " * (end - start)
        pieces = [words_of(piece) for piece in _ELLIPSIS.split(match.group().strip(_MARKS))] if n < MOST_QUOTES else []
        named = [words for words in pieces if words and not (len(words) == 1 and words[0] in labels)]
        found += [Quote(words=words, denied=_NEGATION.search(before) is not None) for words in named]
    return tuple(found), "".join(rest)


def _is_said(before: str, after: str) -> bool:
    return _SAYING.search(before) is not None or _SAYING.search(after[:_AFTER]) is not None
