"""Which label of a closed set does each emotion word speak for?

| a word speaks for | where |
|---|---|
| the label that is one of its own forms | there is one |
| the only label of its group | there is exactly one |
| the only label of its cluster | there is exactly one |
| the label of its cluster's first group | the cluster has several labels, and exactly one of them stands there |
| no label | else |

A word of a cluster without any label may speak for the nearest cluster (anxious for fear, where the set lacks anxiety).
That is a proxy and is kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.lexicons.open_emotions.layout import plain_form
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, Word

NO_LABEL: Final = -1
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReading:
    """A closed set of labels, read with a lexicon of W words."""

    labels: tuple[str, ...]
    meant: tuple[Word | None, ...]
    """The word that each label is; None where the lexicon does not have it."""
    direct: NDArray[np.int64]
    """[W] the label that each word speaks for, -1 for none."""
    proxy: NDArray[np.int64]
    """[W] the label of the nearest cluster, -1 where `direct` has one or there is none."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Labels that are no word of the lexicon: only their own text can speak for them."""
        return tuple(label for label, word in zip(self.labels, self.meant, strict=True) if word is None)

    def of_cluster(self, cluster: str) -> frozenset[int]:
        """Return the labels whose word stands in a cluster."""
        return frozenset(i for i, word in enumerate(self.meant) if word is not None and word.cluster == cluster)


def read_labels(lexicon: EmotionLexicon, labels: Sequence[str], *, meanings: Mapping[str, str] = _NONE) -> LabelReading:
    """Read a closed set of labels; `meanings` says for a label which word is meant, where its text does not.

    >>> from affidavit.lexicons.open_emotions.lexicon import open_emotions
    >>> reading = read_labels(open_emotions(), ["hap", "ang", "surprise", "other"])
    >>> [word and word.base for word in reading.meant], reading.unknown
    (['happy', 'angry', 'surprised', None], ('other',))
    """
    meant = tuple(_word_of(lexicon, meanings.get(label, label)) for label in labels)
    direct = np.array([_own(lexicon, word, meant) for word in lexicon.words], dtype=np.int64)
    proxies = [_nearest(lexicon, word, meant) for word in lexicon.words]
    proxy = np.where(direct == NO_LABEL, np.array(proxies, dtype=np.int64), NO_LABEL)
    return LabelReading(labels=tuple(labels), meant=meant, direct=direct, proxy=proxy)


def label_forms(lexicon: EmotionLexicon, reading: LabelReading) -> frozenset[str]:
    """Return the forms that give a label away: of its word, of its cluster's name, and of its group's first words.

    Labels that the lexicon does not know give themselves away.

    >>> from affidavit.lexicons.open_emotions.lexicon import open_emotions
    >>> forms = label_forms(open_emotions(), read_labels(open_emotions(), ["anger"]))
    >>> [form in forms for form in ("anger", "angrily", "愤怒", "furious")]
    [True, True, True, False]
    """
    first: dict[tuple[str, str, str], Word] = {}
    for word in lexicon.words:
        first.setdefault((word.cluster, word.group, word.language), word)
    known = [word for word in reading.meant if word is not None]
    named = [lexicon.word(word.cluster) for word in known]
    heads = [first.get((word.cluster, word.group, language)) for word in known for language in ("en", "zh")]
    giving = {form for word in (*known, *named, *heads) if word is not None for form in word.forms}
    return frozenset(giving | {_as_word(label) for label in reading.unknown} - {""})


def _as_word(label: str) -> str:
    return plain_form(label.replace("_", " "))


def _word_of(lexicon: EmotionLexicon, label: str) -> Word | None:
    text = _as_word(label)
    found = lexicon.word(text)
    return found if found is not None else lexicon.word(lexicon.labels.get(text, ""))


def _own(lexicon: EmotionLexicon, word: Word, meant: Sequence[Word | None]) -> int:
    same = [i for i, label in enumerate(meant) if label is not None and label.base == word.base]
    return same[0] if len(same) == 1 else _of_place(lexicon, word.cluster, word.group, meant)


def _nearest(lexicon: EmotionLexicon, word: Word, meant: Sequence[Word | None]) -> int:
    nearest = lexicon.nearest.get(word.cluster)
    if nearest is None or any(label is not None and label.cluster == word.cluster for label in meant):
        return NO_LABEL
    return _of_place(lexicon, nearest, lexicon.heads[nearest], meant)


def _of_place(lexicon: EmotionLexicon, cluster: str, group: str, meant: Sequence[Word | None]) -> int:
    near = {i: label for i, label in enumerate(meant) if label is not None and label.cluster == cluster}
    here = [i for i, label in near.items() if label.group == group]
    if here or len(near) <= 1:
        return _only(here or near)
    return _only(i for i, label in near.items() if label.group == lexicon.heads[cluster])


def _only(labels: Iterable[int]) -> int:
    found = list(labels)
    return found[0] if len(found) == 1 else NO_LABEL
