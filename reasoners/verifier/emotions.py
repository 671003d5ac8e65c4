"""The 28 emotions of GoEmotions, in its order, and which of them each word of a user's own stands for.

Corpora of emotion recognition have other words than GoEmotions. ERV's target map says which index each of theirs is;
two of them (`contempt`, `helplessness`) are proxies: nobody annotated that emotion, and the nearest one stands for it.
Forms such as `angry` or `HAP` mean what tables mean by them.

Source: Demszky et al. 2020 (names and order); Rha et al. 2026 (the target map).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from affidavit.errors import RowError
from affidavit.yaml_files import did_you_mean

EMOTIONS: Final = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise"),
    "neutral",
)
NEUTRAL: Final = EMOTIONS.index("neutral")
TARGETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "happiness": "joy",
        "anxiety": "nervousness",
        "helplessness": "grief",
        "contempt": "disapproval",
    }
)
"""ERV's words that GoEmotions calls otherwise; `anger`, `disgust`, `fear`, `sadness`, `surprise`, `neutral` and
`disappointment` are its own."""
PROXIES: Final = frozenset({"contempt", "helplessness"})
"""Of those, the words whose index was annotated for another emotion."""
FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        form: name
        for name, forms in {
            "anger": ("ang", "angry"),
            "disgust": ("dis", "disgusted"),
            "fear": ("fea", "fearful"),
            "joy": ("hap", "happy", "joyful"),
            "neutral": ("neu", "calm"),
            "sadness": ("sad",),
            "surprise": ("sur", "surprised", "ps"),
            "disappointment": ("disappointed",),
            "nervousness": ("anxious", "nervous"),
            "grief": ("helpless",),
            "disapproval": ("contemptuous",),
        }.items()
        for form in forms
    }
)


def index_of(word: str) -> int | None:
    """Return the index of an emotion word, 0 to 27; None where the map does not have it.

    >>> [index_of(word) for word in ("happiness", "joy", "HAP", "anxiety", "contempt", "boredom")]
    [17, 17, 17, 19, 10, None]
    """
    plain = _plain(word)
    name = TARGETS.get(plain, FORMS.get(plain, plain))
    return EMOTIONS.index(name) if name in EMOTIONS else None


def targets_of(labels: Sequence[str], *, where: str) -> dict[str, int]:
    """Return the index of every label.

    Raises:
        RowError: naming the labels that the map does not have.
    """
    found = {label: index_of(label) for label in labels}
    strange = sorted(label for label, index in found.items() if index is None)
    if strange:
        raise RowError(
            "emotion words that the verifier has no index for",
            slug="row-label",
            where=where,
            found=", ".join(strange) + did_you_mean(strange[0], [*EMOTIONS, *TARGETS, *FORMS]),
            allowed=", ".join((*EMOTIONS, *TARGETS)),
            remedy="name one of these instead, in the table or in the corpus's options",
        )
    return {label: index for label, index in found.items() if index is not None}


def told_targets(labels: Sequence[str]) -> tuple[str, ...]:
    """Return in sentences which labels are read by the index of another emotion, and which share one.

    >>> told_targets(["joy", "happiness", "contempt"])
    ('read by the index of another emotion: contempt (disapproval)', 'not told apart: joy and happiness')
    """
    proxies = [f"{label} ({TARGETS[_plain(label)]})" for label in labels if _plain(label) in PROXIES]
    by_index: dict[int | None, list[str]] = {}
    for label in labels:
        by_index.setdefault(index_of(label), []).append(label)
    shared = [" and ".join(some) for index, some in by_index.items() if index is not None and len(some) > 1]
    return (
        *([f"read by the index of another emotion: {', '.join(proxies)}"] if proxies else []),
        *([f"not told apart: {'; '.join(shared)}"] if shared else []),
    )


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("_", " ").split())
