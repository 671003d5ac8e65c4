"""How a file of emotion words is laid out: clusters, groups within them, a word and its forms a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from pydantic import Field, model_validator

from affidavit.records import Record

LANGUAGES: Final = ("en", "zh")
PLACE: Final = "/"
"""Between a cluster and a group, where the file names a place."""


class GroupLayout(Record):
    """A group of words within a cluster (level 2)."""

    valence: Literal[-1, 0, 1]
    en: tuple[str, ...] = ()
    """A word a line: its base, then its other forms, separated by commas."""
    zh: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _some_words(self) -> GroupLayout:
        if not (self.en or self.zh):
            raise ValueError("a group needs at least one word, in `en` or in `zh`")
        return self


class ClusterLayout(Record):
    """A cluster of groups (level 1)."""

    nearest: str | None = None
    """The cluster that stands in for this one where a label space does not have it."""
    groups: Mapping[str, GroupLayout] = Field(min_length=1)


class LexiconLayout(Record):
    """The whole file."""

    version: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    clusters: Mapping[str, ClusterLayout] = Field(min_length=1)
    alternatives: Mapping[str, tuple[str, ...]] = {}
    """From a base word to the other places (`cluster/group`) where readers may put it."""
    labels: Mapping[str, str] = {}
    """From an abbreviated label to the form that is meant."""

    @model_validator(mode="after")
    def _holds_together(self) -> LexiconLayout:
        faults = [*_strange_forms(self), *_twice(self), *_strange_names(self)]
        if faults:
            more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
            raise ValueError("; ".join(faults[:5]) + more)
        return self

    def places(self) -> Iterator[tuple[str, str, GroupLayout]]:
        """Yield cluster, group and the group's words, in the order of the file."""
        for cluster, layout in self.clusters.items():
            for group, words in layout.groups.items():
                yield cluster, group, words

    def words(self) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
        """Yield place, language, base and all forms (the base first) of every word."""
        for cluster, group, words in self.places():
            for language, lines in (("en", words.en), ("zh", words.zh)):
                for line in lines:
                    forms = tuple(plain_form(form) for form in line.split(","))
                    yield f"{cluster}{PLACE}{group}", language, forms[0], forms


def plain_form(word: str) -> str:
    """Return a word as the list holds it: lower case, single spaces.

    >>> plain_form("  Fed  UP ")
    'fed up'
    """
    return " ".join(word.lower().split())


def _strange_forms(layout: LexiconLayout) -> Iterator[str]:
    for place, _, base, forms in layout.words():
        if any(not form or not all(word.isalpha() for word in form.split(" ")) for form in forms):
            yield f"{place}: {base!r} has a form that is not letters alone"


def _twice(layout: LexiconLayout) -> Iterator[str]:
    first: dict[str, str] = {}
    for place, _, _, forms in layout.words():
        for form in forms:
            if form in first:
                yield f"{form!r} stands in {first[form]} and in {place}; keep one and name the other under alternatives"
            first.setdefault(form, place)


def _strange_names(layout: LexiconLayout) -> Iterator[str]:
    of_base = {base: place for place, _, base, _ in layout.words()}
    forms = {form for *_, known in layout.words() for form in known}
    places = {f"{cluster}{PLACE}{group}" for cluster, group, _ in layout.places()}
    for cluster, content in layout.clusters.items():
        if content.nearest is not None and content.nearest not in set(layout.clusters) - {cluster}:
            yield f"{cluster}: its nearest cluster {content.nearest!r} is not another cluster of the file"
    for base, others in layout.alternatives.items():
        if plain_form(base) not in of_base:
            yield f"alternatives: {base!r} is not the base of a word"
        yield from _strange_places(base, others, places - {of_base.get(plain_form(base), "")})
    for label, form in layout.labels.items():
        if plain_form(form) not in forms:
            yield f"labels: {label!r} stands for {form!r}, which is not a form of any word"


def _strange_places(base: str, others: Iterable[str], places: set[str]) -> Iterator[str]:
    for place in others:
        if place not in places:
            yield f"alternatives: {base!r} names {place!r}, which is not another place of the file"
