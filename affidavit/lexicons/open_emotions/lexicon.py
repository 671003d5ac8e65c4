"""Emotion words, their forms and their places, read from a file; and a map from any form to its cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from affidavit.digests import digest_of
from affidavit.errors import TableError
from affidavit.lexicons.open_emotions.layout import PLACE, LexiconLayout, plain_form
from affidavit.yaml_files import describe_validation_error, read_yaml


class Level(StrEnum):
    """How finely words are told apart."""

    WORD = "word"
    """Base words: happily is happy, glad is another."""
    GROUP = "level2"
    CLUSTER = "level1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One emotion word and where it stands."""

    base: str
    language: str
    """`en` or `zh`."""
    cluster: str
    group: str
    valence: int
    """-1 unpleasant, 0 neither, 1 pleasant."""
    forms: tuple[str, ...]
    """All forms, the base first."""
    alternatives: tuple[str, ...]
    """Other places (`cluster/group`) where readers may put it; none where its place is clear."""

    def at(self, level: Level) -> str:
        """Return what the word is called at a level; groups carry their cluster's name."""
        if level is Level.WORD:
            return self.base
        return self.cluster if level is Level.CLUSTER else f"{self.cluster}{PLACE}{self.group}"


@dataclass(frozen=True, kw_only=True)
class EmotionLexicon:
    """A list of emotion words; made by `open_emotions` or `load_lexicon`."""

    version: str
    licence: str
    digest: str
    """Of the content: two files that say the same have the same."""
    words: tuple[Word, ...]
    index: Mapping[str, int]
    """From a form to the place of its word in `words`."""
    nearest: Mapping[str, str]
    """From a cluster to the one that stands in for it."""
    heads: Mapping[str, str]
    """From a cluster to its first group, which the cluster's name means."""
    labels: Mapping[str, str]
    """From an abbreviated label to the form that is meant."""

    def word(self, form: str) -> Word | None:
        """Return the word of a form, whatever its case; None where the list does not have it.

        >>> open_emotions().word("Happiness").cluster, open_emotions().word("zzz")
        ('joy', None)
        """
        place = self.index.get(plain_form(form))
        return None if place is None else self.words[place]

    def mapping(self, level: Level) -> dict[str, str]:
        """Return from every form to its name at a level.

        >>> open_emotions().mapping(Level.CLUSTER)["furiously"]
        'anger'
        """
        return {form: self.words[place].at(level) for form, place in self.index.items()}

    def ambiguous_forms(self) -> frozenset[str]:
        """Return the forms whose word has another place that readers may choose."""
        return frozenset(form for form, place in self.index.items() if self.words[place].alternatives)


@cache
def open_emotions() -> EmotionLexicon:
    """Return this project's own list.

    >>> sorted({word.language for word in open_emotions().words})
    ['en', 'zh']
    """
    return load_lexicon(Path(str(files("affidavit.lexicons.open_emotions"))) / "emotions.yaml")


def load_lexicon(path: Path) -> EmotionLexicon:
    """Return the list in a YAML file of the layout that `emotions.yaml` beside this module has and explains.

    Raises:
        TableError: there is no such file, it is not YAML, or it breaks the layout; the message names every key.
    """
    document: Any = read_yaml(path)
    try:
        layout = LexiconLayout.model_validate(document)
    except ValidationError as error:
        raise TableError(
            "the file is not a list of emotion words",
            slug="lexicon-invalid",
            where=str(path),
            found=describe_validation_error(error),
            allowed="clusters of groups of words, each form in one place; `alternatives` for second choices",
            remedy="follow affidavit/lexicons/open_emotions/emotions.yaml",
        ) from None
    return _from_layout(layout)


def _from_layout(layout: LexiconLayout) -> EmotionLexicon:
    others = {plain_form(base): places for base, places in layout.alternatives.items()}
    valence = {f"{cluster}{PLACE}{group}": words.valence for cluster, group, words in layout.places()}
    words = tuple(
        Word(
            base=base,
            language=language,
            cluster=place.split(PLACE)[0],
            group=place.split(PLACE)[1],
            valence=valence[place],
            forms=forms,
            alternatives=others.get(base, ()),
        )
        for place, language, base, forms in layout.words()
    )
    return EmotionLexicon(
        version=layout.version,
        licence=layout.licence,
        digest=digest_of(layout.model_dump(mode="json")),
        words=words,
        index=MappingProxyType({form: i for i, word in enumerate(words) for form in word.forms}),
        nearest=MappingProxyType({name: c.nearest for name, c in layout.clusters.items() if c.nearest is not None}),
        heads=MappingProxyType({name: next(iter(cluster.groups)) for name, cluster in layout.clusters.items()}),
        labels=MappingProxyType({plain_form(label): plain_form(form) for label, form in layout.labels.items()}),
    )
