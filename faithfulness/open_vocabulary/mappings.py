"""From any form of a word to the cluster that it counts as: by our lexicon, by a grouping, or by an emotion wheel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.lexicons.open_emotions.layout import plain_form
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, Level

_HYPHENS: Final = re.compile("[-_\u2010-\u2015]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMapping:
    """How words are told apart; words are lower case with single spaces."""

    name: str
    clusters: Mapping[str, str]
    """From a form to its cluster; any other word is out of vocabulary."""
    ambiguous: frozenset[str] = frozenset()
    """Forms that could as well be of another cluster."""
    neutral: str | None = None
    """The cluster of neutral; None where the mapping knows none, so that neutral words are out of vocabulary."""


def by_lexicon(lexicon: EmotionLexicon, level: Level) -> SetMapping:
    """Map every form of the lexicon to its word, group or cluster; neutral is a cluster like any other.

    >>> from affidavit.lexicons.open_emotions.lexicon import open_emotions
    >>> by_lexicon(open_emotions(), Level.CLUSTER).clusters["furious"]
    'anger'
    """
    neutral = lexicon.word("neutral")
    return SetMapping(
        name=f"open emotions {lexicon.version}, {level.value}",
        clusters=lexicon.mapping(level),
        ambiguous=lexicon.ambiguous_forms(),
        neutral=None if neutral is None else neutral.at(level),
    )


def by_grouping(groups: Sequence[Sequence[str]], *, name: str) -> SetMapping:
    """Map each word to the first word of its group of synonyms, as MER2024 does; of two groups the later one decides.

    >>> by_grouping([["happy", "glad"], ["sad"]], name="hand-made").clusters["glad"]
    'happy'
    """
    clusters = {_form(word): _form(group[0]) for group in groups for word in group}
    return SetMapping(name=name, clusters=clusters, neutral=clusters.get("neutral"))


def by_wheel(
    forms: Mapping[str, Sequence[str]], synonyms: Mapping[str, Sequence[str]], wheel: Mapping[str, str], *, name: str
) -> SetMapping:
    """Map by an emotion wheel that the user brings, as MER2025 does (its mapping M3).

    A form's base words are looked up in `forms` (F), their wheel words in `synonyms` (G); of all of them in the order
    of the alphabet, the first that is on the wheel decides (E). A form with words of several clusters is ambiguous.

    >>> mapping = by_wheel({"glad": ["glad"]}, {"glad": ["joyful", "content"]}, {"joyful": "happy"}, name="toy")
    >>> mapping.clusters
    {'glad': 'happy'}
    """
    on_wheel = {plain_form(word): cluster for word, cluster in wheel.items()}
    found: dict[str, list[str]] = {}
    for form, bases in forms.items():
        words = sorted({plain_form(word) for base in bases for word in synonyms.get(base, ())})
        found[_form(form)] = [on_wheel[word] for word in words if word in on_wheel]
    return SetMapping(
        name=name,
        clusters={form: clusters[0] for form, clusters in found.items() if clusters},
        ambiguous=frozenset(form for form, clusters in found.items() if len(set(clusters)) > 1),
    )


def _form(word: str) -> str:
    """Return a word as `extraction.words_of_lists` gives it."""
    return plain_form(_HYPHENS.sub(" ", word))


def with_neutral(mapping: SetMapping, lexicon: EmotionLexicon) -> SetMapping:
    """Add a cluster `neutral` with the lexicon's neutral words, for mappings that have none, as the wheels.

    Words that the mapping knows stay where they are.
    """
    if mapping.neutral is not None:
        return mapping
    words = {form: "neutral" for word in lexicon.words if word.cluster == "neutral" for form in word.forms}
    return replace(
        mapping, name=f"{mapping.name}, with neutral", clusters={**words, **mapping.clusters}, neutral="neutral"
    )
