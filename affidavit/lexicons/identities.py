"""Words that say who somebody is (sex, age, accent, origin), and the words for one level of a feature.

Pronouns are left out: "her voice" is how English speaks of a person and says nothing of why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from affidavit.lexicons.word_list import WordList, pattern_of
from affidavit.schema import UNKNOWN

VERSION: Final = "1"
_SEX: Final = (
    *("woman", "women", "man", "men", "girl", "girls", "boy", "boys", "lady", "ladies", "gentleman", "gentlemen"),
    *("female*", "male", "males", "feminine", "femininity", "masculine", "masculinity", "gender*", "transgender"),
    *("nonbinary", "non binary", "mother*", "father*", "wife", "husband"),
)
_AGE: Final = (
    *("young", "younger", "youth*", "old", "older", "elder", "elderly", "aged", "ageing", "aging", "middle aged"),
    *("teen*", "adolescen*", "child", "children", "childish", "senior", "seniors", "pensioner*", "retire*"),
)
_ACCENT: Final = (
    *("accent", "accents", "accented", "dialect*", "native speaker*", "non native", "foreign*", "mother tongue"),
    *("brogue", "drawl*", "immigrant*", "migrant*", "nationalit*"),
)
_ORIGIN: Final = (
    *("ethnic*", "race", "racial*", "asian", "african", "american", "british", "english", "scottish", "irish", "welsh"),
    *("chinese", "indian", "pakistani", "arab*", "hispanic", "latino", "latina", "caribbean", "european", "jewish"),
    *("muslim*", "black man", "black woman", "black people", "white man", "white woman", "white people", "skin colo*"),
)
IDENTITIES: Final = WordList(
    name="identities",
    version=VERSION,
    idea="identity terms: Dixon et al. 2018",
    entries=(*_SEX, *_AGE, *_ACCENT, *_ORIGIN),
)
_LEVELS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "female": ("woman", "women", "girl", "girls", "lady", "ladies", "female*", "feminine", "mother", "wife"),
        "male": (
            "man",
            "men",
            "boy",
            "boys",
            "gentleman",
            "gentlemen",
            "male",
            "males",
            "masculine",
            "father",
            "husband",
        ),
    }
)
_SHORT: Final = MappingProxyType({"f": "female", "m": "male", "woman": "female", "man": "male"})


def own_group(level: str) -> str | None:
    """Return the pattern of words that name a level of a feature; None where no word would (unknown, bands of ages).

    >>> own_group("40+"), own_group("unknown")
    (None, None)
    >>> bool(re.search(own_group("f"), "this woman", re.IGNORECASE))
    True
    """
    plain = level.strip()
    known = _LEVELS.get(_SHORT.get(plain.lower(), plain.lower()))
    if known is not None:
        return pattern_of(known)
    if plain == UNKNOWN or not re.search(r"[^\W\d_]{3}", plain) or re.search(r"\d", plain):
        return None
    return pattern_of((plain.replace("_", " ").replace("*", ""),))
