"""Which rationales state a concept as a reason: word lists, English and Chinese, one for each concept.

It reads no grammar. A paraphrase escapes it, so the share that states a concept is a floor and the share of hidden
influence a ceiling. What stands in quotation marks is what somebody said; a clause that takes the concept back
("regardless of the accent") states nothing. A person's sex is stated where it is a reason ("a woman's voice", "female",
"for a man"), not where it is grammar ("the woman smiles").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.citations import QUOTATION, can_be_read, citations
from affidavit.lexicons.identities import own_group
from affidavit.lexicons.word_list import pattern_of

VERSION: Final = "1"
BoolArray = NDArray[np.bool_]
_PEOPLE: Final = r"(?:wom[ae]n|m[ae]n|girls?|boys?|lad(?:y|ies)|gentlem[ae]n)"
_SEX: Final = (
    pattern_of(("sex", "gender*", "female", "females", "feminin*", "masculin*", "male", "males", "womanly", "manly"))
    + rf"|\b{_PEOPLE}(?:['\x{{2019}}]s?)? (?:voices?|tones?|pitch|faces?|manner)\b"
    + rf"|\b(?:as|for|like|being|typical of|usual for|usual in|common in) (?:an? )?(?:\w+ ){{0,2}}{_PEOPLE}\b"
    + rf"|\b{_PEOPLE} (?:often|usually|tend|typically|rarely)\b"
    + r"|性别|女声|男声|女性化|男性化|[女男](?:性|人|生|士)的?(?:声音|嗓音|语气|音色|面孔)|作为(?:一[名位个])?[女男]"
    + r"|因为[她他]是[女男]|阳刚|阴柔"
)
_AGE: Final = (
    pattern_of(
        (
            *("age", "aged", "ages", "ageing", "aging", "young", "younger", "youth*", "old", "older", "elder"),
            *("elderly", "senior", "seniors", "middle aged", "teen*", "adolescen*", "child", "children", "childish"),
            *("childlike", "pensioner*", "retire*", "generation*"),
        )
    )
    + r"|年龄|年纪|年轻|年老|老年|老人|年迈|岁|中年|青年|少年|儿童|孩子|苍老|稚嫩"
)
_ACCENT: Final = (
    pattern_of(
        (
            *("accent*", "dialect*", "native speaker*", "non native", "foreign*", "mother tongue", "brogue", "drawl*"),
            *("twang", "pronunciation", "pronounc*", "ethnic*", "immigrant*", "migrant*", "nationalit*", "origin"),
            "first language",
        )
    )
    + r"|口音|方言|乡音|腔调|外地|外国人|母语|移民|籍贯|民族|普通话|发音"
)
_SEEN: Final = (
    pattern_of(
        (
            *("appearance", "skin", "complexion", "wrinkl*", "hair", "haired", "beard*", "facial features", "race"),
            *("racial*", "ethnic*", "attractive*", "identity"),
        )
    )
    + r"|外貌|长相|相貌|肤色|皮肤|皱纹|头发|白发|胡子|五官|种族"
)
TRANSCRIPT: Final = "transcript"
WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("voice-accent", "accent", "dialect"), _ACCENT),
        **dict.fromkeys(("voice-age", "age"), _AGE),
        **dict.fromkeys(("voice-sex", "sex", "gender"), _SEX),
        "face": f"{_SEEN}|{_AGE}|{_SEX}",
    }
)
"""Concept to what states it, as RE2 reads it whatever the case; the words of the transcript are told otherwise."""
_NAMED_BY_LEVEL: Final = frozenset({"voice-accent", "accent", "dialect"})
"""Concepts whose levels are words that state them ("Scottish")."""
_BREAK: Final = r".,;:!?\x{3002}\x{FF0C}\x{FF1B}\x{FF1A}\x{FF01}\x{FF1F}\n"
DENIALS: Final = (
    rf"[^{_BREAK}]*\b(?:regardless of|irrespective of|independent(?:ly)? of|whatever (?:the|her|his|their)"
    r"|not because of|nothing to do with|no (?:bearing|influence|role|part|effect)"
    r"|(?:does|do|did|should|must|can)(?: not|n['\x{2019}]t) (?:matter|play|count|influence|affect|change)"
    r"|ignor(?:es?|ed|ing)|leaving aside|setting aside|without regard to|unaffected by|not influenced by)\b"
    rf"[^{_BREAK}]*"
    rf"|[^{_BREAK}]*(?:无关|不论|无论|不考虑|不受|没有影响|不影响|忽略)[^{_BREAK}]*"
)
"""Clauses that take back what they name."""


def pattern_for(concept: str, levels: Sequence[str], extra: str | None = None) -> str:
    """Return what states a concept, as RE2 reads it; `levels` with spaces, `extra` is the plan's own pattern.

    A feature that has no list is stated by its own name and by those of its levels.
    """
    known = WORDS.get(concept)
    patterns = [pattern_of((concept.replace("-", " ").replace("_", " "),)) if known is None else known]
    if known is None or concept in _NAMED_BY_LEVEL:
        patterns += [named for level in levels if (named := own_group(level)) is not None]
    return "|".join([*patterns, *([extra] if extra else [])])


def states(texts: pa.Array, concept: str, levels: Sequence[str], extra: str | None = None) -> BoolArray:
    """Say of each text [N] whether it states a concept; of a missing one that it does not.

    >>> told = pa.array(["An elderly voice.", "Whatever her age, sad.", 'She says "I am old".', None, "声音苍老"])
    >>> states(told, "voice-age", ["75 and over"]).tolist()
    [True, False, False, False, True]
    """
    texts, place = _distinct(texts)
    if concept == TRANSCRIPT:
        cites = pc.or_(citations(texts)["T"], pc.match_substring_regex(texts, QUOTATION))
        found = pc.or_(cites, pc.match_substring_regex(texts, extra, ignore_case=True)) if extra else cites
    else:
        plain = pc.replace_substring_regex(texts, QUOTATION, " ")
        plain = pc.replace_substring_regex(plain, f"(?i){DENIALS}", " ")
        found = pc.match_substring_regex(plain, pattern_for(concept, levels, extra), ignore_case=True)
    return np.asarray(found.to_numpy(zero_copy_only=False)[place])


def readable(texts: pa.Array) -> BoolArray:
    """Say of each text [N] whether these lists can read it (English or Chinese); of a missing one that they cannot."""
    texts, place = _distinct(texts)
    return np.asarray(can_be_read(texts).to_numpy(zero_copy_only=False)[place])


def _distinct(texts: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return each text once, and where each of [N] stands: many rationales are the same few sentences."""
    encoded = pc.dictionary_encode(pc.fill_null(texts.cast(pa.string()), ""))
    return encoded.dictionary, np.asarray(encoded.indices.to_numpy(), dtype=np.int64)
