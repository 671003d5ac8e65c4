"""What people write of the turns before: which emotion was or was not there, English and Chinese.

A claim of the past can only be held against turns that were shown. Where none was, it is unsupported either way: "no
prior anger" says that somebody looked. Written for this project (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VERSION: Final = "1"
NO_TURNS: Final = re.compile(
    r"(?:no|without|none) (?:earlier|previous|prior|preceding) (?:turns?|utterances?|dialogue|conversation)|first turn"
    r"|没有(?:之前|先前)的?(?:话|对话|轮次)|首轮|第一轮",
    re.IGNORECASE,
)
"""A cell of evidence that says that no turn before was shown."""
EMOTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "anger": r"anger|angry|rage|fury|愤怒|生气|怒气|恼怒",
        "sadness": r"sad|sadness|sorrow|grief|悲伤|难过|伤心|悲痛",
        "joy": r"joy|happy|happiness|delight|高兴|快乐|喜悦|开心",
        "fear": r"fear|afraid|anxiety|anxious|害怕|恐惧|焦虑",
        "disgust": r"disgust|disgusted|厌恶|反感|恶心",
        "neutral": r"calm|neutral|neutrality|平静|中性",
        "surprise": r"surprise|surprised|惊讶|吃惊",
    }
)
"""Labels as most tables name them, and the words for them."""
_BEFORE: Final = r"prior|previous|earlier|preceding|past|former"
_TURNS: Final = (
    r"(?:in|from|of|over|throughout) (?:the|an|all)?\s*(?:turns?|utterances?|dialogue|conversation)?\s*"
    r"(?:before|earlier|previous(?: turns?)?|preceding turns?|prior turns?|earlier turns?)"
)


def earlier(label: str) -> str:
    """Return the cue of an emotion in the turns before.

    >>> earlier("anger")
    'earlier anger'
    """
    return f"earlier {label}"


def _pattern(words: str) -> str:
    named = rf"(?<![A-Za-z])(?:{words})(?![A-Za-z])"
    return (
        rf"\b(?:{_BEFORE})[\s-]+(?:signs? of |hint of |expressions? of )?{named}"
        rf"|{named}\s+(?:{_TURNS}|earlier|previously|beforehand)"
        rf"|(?:之前|此前|先前|前面|前一轮|上一轮)[^，。；]{{0,6}}?(?:{words})"
    )


HISTORY: Final[Mapping[str, str]] = MappingProxyType(
    {earlier(label): _pattern(words) for label, words in EMOTIONS.items()}
)
LABELS_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{label: label for label in EMOTIONS},
        **{
            "angry": "anger",
            "sad": "sadness",
            "happy": "joy",
            "happiness": "joy",
            "fearful": "fear",
            "calm": "neutral",
        },
        **{"surprised": "surprise", "disgusted": "disgust"},
    }
)
"""A corpus's label to the emotion of the list."""
