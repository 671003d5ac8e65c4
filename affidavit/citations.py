"""Which modalities a rationale speaks of: word lists, English and Chinese, for whoever writes or audits rationales.

It finds nouns and verbs of the words, the voice and the face. It reads no grammar, so it is a floor and no proof: a
paraphrase ("her hands shook") escapes it, and "the voice tells nothing" cites the voice as much as "the voice breaks".
What stands between quotation marks is what somebody said and cites nothing; a quotation that is never closed reaches to
the end, as in a rationale that was cut. A few idioms ("in other words", "face to face", "body language") are read for
what they mean.

The patterns are RE2's, which Arrow matches column by column; Python's `re` reads the same ones for a single text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from affidavit.conditions import MODALITIES
from affidavit.lexicons.dismissals import DISMISSALS, without_dismissals
from affidavit.lexicons.english import read_as_english
from affidavit.utterances import Cue

if TYPE_CHECKING:
    import pyarrow as pa

VERSION: Final = "4"
CITATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "T": r"\b(words?|word(?:ed|ing)|says?|said|saying|phras(?:es?|ed|ing)|sentences?|transcri(?:pts?|ptions?|bed)"
        r"|texts?|textual(?:ly)?|language|lexical|verbal(?:ly)?|vocabulary|statements?|remarks?)\b"
        r"|台词|字幕|文本|文字|话语|言语|措辞|用词|语句|词语|说话内容|说的(?:话|内容)|讲话内容|对白|对话内容|语言内容",
        "A": r"\b(voices?|vocal(?:ly|s)?|vocali[sz]ations?|tones?|tonal|pitch(?:ed)?|prosod(?:y|ic)|intonations?"
        r"|inflections?|cadence|timbre|speech|loud(?:ness|er|ly)?|volume|sigh(?:s|ed|ing)?|whisper(?:s|ed|ing)?"
        r"|shout(?:s|ed|ing)?|sob(?:s|bed|bing)?|monotone|hoarse(?:ness)?|breathy|(?:speaking|speech|articulation) rate"
        r"|fundamental frequency|acoustic(?:s|ally)?|audi(?:o|bly|ble))\b"
        r"|声音|嗓音|语气|语调|音调|声调|音量|音高|音色|语速|口吻|口气|哽咽|叹气|叹息|抽泣|哭腔|颤音|音频|听起来|听上去",
        "V": r"\b(faces?|facial(?:ly)?|expressions?|(?:eye)?brows?|eyes?|eyelids?|gaz(?:es?|ed|ing)|glanc(?:es?|ed|ing)"
        r"|smil(?:es?|ed|ing)|frown(?:s|ed|ing)?|scowl(?:s|ed|ing)?|grin(?:s|ned|ning)?|grimac(?:es?|ed|ing)|lips?"
        r"|mouth|jaw|cheeks?|chin|forehead|nose|posture|gestures?|visual(?:ly)?|video|footage|action units?)\b"
        r"|表情|面部|脸|面容|神情|神色|眉|眼(?:睛|神|眶|泪|皮|角)|目光|视线|嘴(?:角|唇|巴)|微笑|皱眉|手势|姿势|姿态"
        r"|肢体|动作|画面|视频|镜头",
    }
)
"""What cites the words (`T`), the voice (`A`) and the face (`V`); to be matched whatever the case."""
QUOTATION: Final = (
    r'"[^"]*(?:"|$)'
    r"|\x{201C}[^\x{201D}]*(?:\x{201D}|$)|\x{201E}[^\x{201C}\x{201D}]*(?:[\x{201C}\x{201D}]|$)"
    r"|\x{300C}[^\x{300D}]*(?:\x{300D}|$)|\x{300E}[^\x{300F}]*(?:\x{300F}|$)"
    r"|\x{00AB}[^\x{00BB}]*(?:\x{00BB}|$)|\x{2018}(?:\w\x{2019}\w|[^\x{2018}\x{2019}])+\x{2019}"
    r"|\B'(?:\w'\w|[^'])+'\B"
)
"""Straight and curly quotation marks and guillemets; an apostrophe within a word opens and closes nothing.

A single mark reaches no further than the next one that opens, so that a text of opening marks alone is read once."""
IDIOMS: Final = (
    r"\b(?:in other words|in a word|word of mouth|say nothing of|(?:that|needless) (?:is )?to say|non-?verbal(?:ly)?"
    r"|in (?:the )?face of|face to face|face-to-face|on the face of (?:it|things)|(?:at|take(?:s|n)?) face value"
    r"|(?:can ?not|can't|to|must|will|have to|has to) face|eye to eye|lip service)\b"
)
"""Phrases that use such a word for something else; they cite nothing."""
_MEANT: Final = (
    (r"\bbody language\b", "posture"),
    (r"\bspeech content\b|\bcontent of (?:the |her |his |their )?speech\b", "wording"),
    (r"\b(?:vocal|tonal) expressions?\b|\bexpressions? (?:in|of) (?:the |her |his |their )?voice\b", "voice"),
    (r"\btones? of (?:the |her |his |their )?(?:words?|text|message)\b", "wording"),
    (r"\bAU ?(\d+)\b", "face"),
)
"""Phrases that cite something else than their words do, and a word for what they cite."""
_CLAUSE: Final = re.compile(r"[^.;:\u3002\uFF1B\uFF1A]+")
_CHINESE: Final = r"\p{Han}"
_NO_LETTERS: Final = r"\PL+"


def _python(pattern: str) -> re.Pattern[str]:
    """Return an RE2 pattern as Python reads it."""
    return re.compile(re.sub(r"\\x\{([0-9A-F]{4})\}", r"\\u\1", pattern), re.ASCII | re.IGNORECASE)


_QUOTED = _python(QUOTATION)
_DISMISSED = re.compile(DISMISSALS, re.IGNORECASE)
_WORDS: Final = MappingProxyType({letter: _python(pattern) for letter, pattern in CITATIONS.items()})
_READ_AS: Final = tuple((_python(pattern), meant) for pattern, meant in ((IDIOMS, " "), *_MEANT))


def cited_letters(text: str) -> frozenset[str]:
    """Return the letters (`T`, `A`, `V`) of the modalities that a text cites.

    >>> sorted(cited_letters('Her tone drops when she says "I read it in his face".'))
    ['A', 'T']
    """
    return _letters(_QUOTED.sub(" ", text))


def cues_of(rationale: str) -> tuple[Cue, ...]:
    """Return the clauses that rest something on a modality, each as a cue of it, without a time.

    >>> [(cue.modality, cue.quote) for cue in cues_of('Fear. The voice is high; the words ("his face") stay neutral.')]
    [('audio', 'The voice is high'), ('text', 'the words ("his face") stay neutral')]
    """
    blank = rationale
    for hidden in (_QUOTED, _DISMISSED):  # as many blanks, so that clauses stay in place
        blank = hidden.sub(lambda found: " " * len(found.group()), blank)
    return tuple(
        Cue(modality=name, quote=rationale[clause.start() : clause.end()].strip())
        for clause in _CLAUSE.finditer(blank)
        for letter, name in MODALITIES.items()
        if letter in _letters(clause.group())
    )


def citations(texts: pa.Array) -> dict[str, pa.Array]:
    """Return for each letter which of the texts cite that modality, as booleans; null where a text is null."""
    import pyarrow.compute as pc

    for pattern, meant in ((QUOTATION, " "), (IDIOMS, " "), *_MEANT):
        texts = pc.replace_substring_regex(texts, f"(?i){pattern}", meant)
    return {letter: pc.match_substring_regex(texts, pattern, ignore_case=True) for letter, pattern in CITATIONS.items()}


def evidence_citations(texts: pa.Array) -> dict[str, pa.Array]:
    """Return for each letter which of the texts rest something on that modality, as `citations` does.

    "The words are the evidence. The voice and face stay neutral." speaks of three modalities and rests on one.
    """
    return citations(without_dismissals(texts))


def can_be_read(texts: pa.Array) -> pa.Array:
    """Say of each text whether these lists can read it: English, or Chinese; null of null.

    Of a text in another language nobody knows what it cites, which is not to cite nothing.
    """
    import pyarrow.compute as pc

    return pc.or_(read_as_english(texts), read_as_chinese(texts))


def read_as_chinese(texts: pa.Array) -> pa.Array:
    """Say of each text whether three in ten of its letters or more are Chinese; null of null."""
    import pyarrow.compute as pc

    chinese = pc.count_substring_regex(texts, _CHINESE)
    some = pc.greater(chinese, 0)
    if not pc.any(some).as_py():  # most tables: their letters need not be counted
        return some
    letters = pc.utf8_length(pc.replace_substring_regex(texts, _NO_LETTERS, ""))
    return pc.and_(some, pc.greater_equal(pc.multiply(chinese, 10), pc.multiply(letters, 3)))


def _letters(unquoted: str) -> frozenset[str]:
    for pattern, meant in _READ_AS:
        unquoted = pattern.sub(meant, unquoted)
    return frozenset(letter for letter, pattern in _WORDS.items() if pattern.search(unquoted))
