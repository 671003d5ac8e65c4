"""Words of emotions, by the label they speak for, and under which names tables know those labels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from affidavit.lexicons.word_list import WordList, pattern_of

VERSION: Final = "1"
IDEA: Final = "basic emotions: Ekman 1992"
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "anger": (
            "anger",
            "angr*",
            "mad",
            "furious*",
            "fury",
            "rage",
            "raging",
            "annoy*",
            "irritat*",
            "outrag*",
            "resent*",
        ),
        "disgust": (
            "disgust*",
            "revuls*",
            "revolt*",
            "repuls*",
            "repel*",
            "loath*",
            "nausea*",
            "distaste*",
            "contempt*",
        ),
        "fear": (
            "fear*",
            "afraid",
            "scare*",
            "scary",
            "fright*",
            "anxi*",
            "terror",
            "terrif*",
            "panic*",
            "dread*",
            "worr*",
        ),
        "joy": (
            "joy*",
            "happ*",
            "glad*",
            "cheer*",
            "delight*",
            "pleased",
            "pleasure",
            "elat*",
            "amus*",
            "excite*",
            "excitement",
        ),
        "neutral": ("neutral*", "calm*", "composed", "unemotional*", "matter of fact", "indifferen*", "even tempered"),
        "sadness": (
            "sad*",
            "sorrow*",
            "grie*",
            "unhapp*",
            "gloom*",
            "melanchol*",
            "despair*",
            "depress*",
            "miser*",
            "mourn*",
        ),
        "surprise": ("surpris*", "astonish*", "amaze*", "amazement", "startl*", "shock*", "stunned", "taken aback"),
    }
)
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "anger": ("ang", "angry", "anger", "a"),
        "disgust": ("dis", "disgusted", "disgust", "d"),
        "fear": ("fea", "fearful", "fear", "f"),
        "joy": ("hap", "happy", "happiness", "joy", "joyful", "h"),
        "neutral": ("neu", "neutral", "calm", "n"),
        "sadness": ("sad", "sadness", "s"),
        "surprise": ("sur", "surprised", "surprise", "ps"),
    }
)
EMOTIONS: Final = WordList(
    name="emotions", version=VERSION, idea=IDEA, entries=tuple(w for words in _WORDS.values() for w in words)
)
"""Every emotion word at once."""


def words_for(label: str) -> str:
    """Return the pattern of words that name a label: those of its emotion, else the label itself.

    >>> import re
    >>> bool(re.search(words_for("HAP"), "she sounds cheerful", re.IGNORECASE))
    True
    >>> bool(re.search(words_for("boredom"), "a sigh of boredom", re.IGNORECASE))
    True
    """
    plain = label.strip().lower()
    emotion = next((name for name, known in _ALIASES.items() if plain in known), None)
    return pattern_of(
        (*_WORDS.get(emotion or "", ()), *((plain.replace("_", " "),) if len(plain) > 2 else ())) or (plain,)
    )
