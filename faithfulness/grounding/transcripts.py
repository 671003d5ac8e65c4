"""Is a quotation in what was said? Words are compared without case, accents of width and punctuation.

A quotation is found where a stretch of the transcript that is as long as the quotation shares at least `SHARE` of its
words, in any order: room for a slip of a transcriber, none for another sentence. Chinese is compared by characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from math import ceil
from typing import Final

Words = tuple[str, ...]
SHARE: Final = 0.8
"""The tolerance: of the words of a quotation, how many have to be there."""
MOST_WORDS: Final = 60
"""Of a quotation; what follows is not compared."""
_WORD: Final = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")


def words_of(text: str) -> Words:
    """Return the words of a text as they are compared.

    >>> words_of("I'm FINE, 真的")
    ('im', 'fine', '真', '的')
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("\u2019", "")
    return tuple(_WORD.findall(plain))


def said_in(quote: Words, transcript: Words) -> bool:
    """Return whether a quotation is in a transcript.

    >>> said_in(("i", "am", "fine"), words_of("Well, I am fine, doctor."))
    True
    >>> said_in(("i", "am", "furious"), words_of("Well, I am fine, doctor."))
    False
    """
    wanted, length = quote[:MOST_WORDS], min(len(quote), MOST_WORDS)
    if not wanted or not transcript:
        return False
    left, shared = Counter(wanted), 0
    enough = ceil(SHARE * length)
    for i, word in enumerate(transcript):
        if i >= length:
            gone = transcript[i - length]
            if gone in left:
                left[gone] += 1
                shared -= left[gone] > 0
        if word in left:
            shared += left[word] > 0
            left[word] -= 1
        if shared >= enough:
            return True
    return False
