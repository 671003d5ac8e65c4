"""Which conditions of a table render a concept otherwise, by the base that they have beside them.

`TAV/voice-accent=scottish` renders the concept `voice-accent` at the level `scottish`; `TAV/accent=scottish` names a
sensitive feature of the table itself. Identity is every concept but the words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from affidavit.conditions import Condition
from affidavit.rendering import CONCEPTS, level_text
from faithfulness.concepts.lexicon import TRANSCRIPT, WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Interventions:
    """The renderings beside one base condition."""

    base: str
    concepts: Mapping[str, Mapping[str, str]]
    """Concept to condition to level, as the condition writes it."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(condition for named in self.concepts.values() for condition in named)

    @property
    def identity(self) -> tuple[str, ...]:
        """The concepts that say who speaks."""
        return tuple(concept for concept in self.concepts if concept != TRANSCRIPT)


def interventions(conditions: Sequence[str], features: Collection[str]) -> tuple[Interventions, ...]:
    """Return the renderings of a table whose base it has too; `features` are its sensitive ones.

    >>> found = interventions(["TAV", "TAV/voice-sex=female", "TAV/site=north", "A/face=male"], ["site"])
    >>> [(i.base, {c: dict(named) for c, named in i.concepts.items()}) for i in found]
    [('TAV', {'voice-sex': {'TAV/voice-sex=female': 'female'}, 'site': {'TAV/site=north': 'north'}})]
    """
    known = {*CONCEPTS, *WORDS, *features}
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name in conditions:
        condition = Condition.parse(name)
        base = str(Condition(modalities=condition.modalities))
        if condition.operator in known and condition.operator and condition.level and base in conditions:
            found.setdefault(base, {}).setdefault(condition.operator, {})[name] = condition.level
    return tuple(Interventions(base=base, concepts=concepts) for base, concepts in sorted(found.items()))


def features_of(concept: str, features: Sequence[str]) -> tuple[str, ...]:
    """Return the features whose levels a concept's levels are: `age` of `voice-age`, any of a `face`.

    >>> features_of("voice-age", ["accent", "age"]), features_of("face", ["accent", "age"])
    (('age',), ('accent', 'age'))
    """
    if concept == "face":
        return tuple(features)
    return tuple(feature for feature in features if concept in {feature, f"voice-{feature}"})


_SHORT: Final[Mapping[str, str]] = MappingProxyType(
    {"f": "female", "m": "male", "woman": "female", "man": "male", "women": "female", "men": "male"}
)
"""How tables write the sexes."""


def is_level(level: str, group: str) -> bool:
    """Say whether a condition's level is a group's: spaces are hyphens there, case tells nothing, `F` is female.

    >>> is_level("75-and-over", "75 and over"), is_level("female", "F"), is_level("female", "male")
    (True, True, False)
    """
    return _plain(level) == _plain(group)


def _plain(level: str) -> str:
    folded = level_text(level).casefold()
    return _SHORT.get(folded, folded)


def spoken(level: str) -> str:
    """Return a condition's level as words."""
    return level.replace("-", " ").replace("_", " ")
