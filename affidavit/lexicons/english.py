"""Is a text English? Told by its letters and its small words: what cannot be read is never taken for silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from affidavit.lexicons.word_list import pattern_of

if TYPE_CHECKING:
    import pyarrow as pa

VERSION: Final = "1"
FEWEST_WORDS: Final = 6
"""From so many words on, an English sentence has one of the markers; a shorter note need not."""
ENGLISH: Final = (
    *("the", "and", "with", "that", "this", "these", "those", "their", "his", "her", "from", "because", "which", "it"),
    *(
        "its",
        "they",
        "she",
        "there",
        "for",
        "are",
        "were",
        "has",
        "have",
        "been",
        "would",
        "should",
        "does",
        "of",
        "to",
    ),
    *(
        "voice",
        "tone",
        "pitch",
        "speech",
        "words",
        "wording",
        "face",
        "eyes",
        "brows",
        "mouth",
        "gaze",
        "smile",
        "sounds",
    ),
)
"""Small words of English, and the nouns that a telegraphic rationale is made of."""
FOREIGN: Final = (
    *("und", "der", "die", "das", "ist", "nicht", "mit", "ein", "eine", "sich", "le", "la", "les", "des", "est", "une"),
    *("du", "dans", "que", "el", "los", "las", "con", "por", "una", "il", "che", "di", "gli", "het", "een", "de", "en"),
    *("van", "och", "og", "det", "att", "som", "um", "uma", "os", "ve", "bir", "jest", "nie", "sie", "na", "je"),
)
"""Small words of languages written in the same letters."""
_NO_LETTERS: Final = r"\PL+"
_NOT_LATIN: Final = r"[^A-Za-z]+"


def read_as_english(texts: pa.Array) -> pa.Array:
    """Say of each text whether it can be read with English word lists; null where a text is null.

    | text | answer |
    |---|---|
    | fewer than nine in ten letters are of the plain Latin alphabet | no |
    | no letter at all | no |
    | six words or more, fewer than one in fifteen an English marker | no |
    | six words or more, as many small words of other languages as English markers | no |
    | else | yes |

    A short note in another language written in Latin letters is taken for English; it holds no word of a list.
    """
    import pyarrow.compute as pc

    letters = pc.utf8_length(pc.replace_substring_regex(texts, _NO_LETTERS, ""))
    latin = pc.utf8_length(pc.replace_substring_regex(texts, _NOT_LATIN, ""))
    words = pc.count_substring_regex(texts, r"\S+")
    english = pc.count_substring_regex(texts, pattern_of(ENGLISH), ignore_case=True)
    foreign = pc.count_substring_regex(texts, pattern_of(FOREIGN), ignore_case=True)
    in_script = pc.and_(pc.greater(letters, 0), pc.greater_equal(pc.multiply(latin, 10), pc.multiply(letters, 9)))
    spoken = pc.and_(pc.greater_equal(pc.multiply(english, 15), words), pc.greater(english, foreign))
    return pc.and_(in_script, pc.or_(pc.less(words, FEWEST_WORDS), spoken))
