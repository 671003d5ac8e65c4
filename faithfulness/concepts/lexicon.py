"""Which rationales state a concept as a reason: word lists, English and Chinese, one for each concept.

It reads no grammar: a paraphrase escapes it, and a word said in passing counts. Words that mostly speak of something
else in such rationales are left out ("a pronounced frown", "the appearance of calm", "her old job", "her children").
What stands in quotation marks is what somebody said. What is taken back is not stated: "regardless of", "not based on"
take back what follows, with the rest of a list ("accent, age or sex"), "plays no role" what precedes. A person's sex is
stated where it is a reason ("a woman's voice", "female", "for a man", "because she is a woman"), not where it is
grammar ("the woman smiles").
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
_S: Final = r"['\x{2019}]"
_WHOSE: Final = rf"(?:her|his|their|physical|outward|the (?:speaker|person|patient){_S}s)"
_PEOPLE: Final = r"(?:wom[ae]n|m[ae]n|girls?|boys?|lad(?:y|ies)|gentlem[ae]n)"
_OF_AN_AGE: Final = r"(?:young|younger|old|older|elderly|middle[\s-]aged|adult)"
_SEX: Final = (
    pattern_of(("sex", "gender*", "female", "females", "feminin*", "masculin*", "male", "males", "womanly", "manly"))
    + rf"|\b{_PEOPLE}(?:{_S}s?)? (?:voices?|tones?|pitch|faces?|manner)\b"
    + rf"|\b(?:as|for|like|being|typical of|usual for|usual in|common in) (?:an? )?(?:\w+ ){{0,2}}{_PEOPLE}\b"
    + rf"|(?:\b(?:is|was|sounds like|looks like|speaker,)|\w{_S}s) an? (?:{_OF_AN_AGE} )?{_PEOPLE}\b"
    + rf"|\b{_PEOPLE} (?:often|usually|tend|typically|rarely)\b"
    + r"|性别|女声|男声|女性化|男性化|[女男](?:性|人|生|士)的?(?:声音|嗓音|语气|音色|面孔)|作为(?:一[名位个])?[女男]"
    + r"|因为[她他]是[女男]|阳刚|阴柔"
)
_AGE: Final = (
    pattern_of(
        (
            *("age", "aged", "ageing", "aging", "young", "younger", "youth*", "older", "elder", "elderly", "childish"),
            *("childlike", "senior citizen*", "seniors", "middle aged", "teen*", "adolescen*", "pensioner*"),
            *("advanced years", "old age"),
        )
    )
    + rf"|\bold (?:voice|face|person|people|speaker|patient|{_PEOPLE})s?\b|\byears?[\s-]olds?\b"
    + r"|\b(?:is|was|sounds?|looks?|seems?|being|how) (?:(?:very|quite|rather|too|so) )?old\b"
    + rf"|\b(?:child|children)(?:{_S}s?)? (?:voices?|faces?)\b|\b(?:like|being|is|was|as) an? child\b"
    + r"|\bin (?:her|his|their) (?:\w+ )?(?:twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties)\b"
    + r"|年龄|年纪|年轻|年老|老年|老人|年迈|岁数|[\d一二三四五六七八九十几多]\s?岁|中年|青年|少年|儿童|孩子[气般]|苍老"
    + r"|稚嫩"
)
_ACCENT: Final = (
    pattern_of(
        (
            *("accent", "accents", "accented", "dialect*", "native speaker*", "non native", "foreigner*"),
            *("mother tongue", "first language", "brogue", "drawl*", "twang", "pronunciation", "mispronounc*"),
            *("ethnic*", "immigrant*", "migrant*", "nationalit*"),
        )
    )
    + r"|\bforeign[\s-](?:speakers?|tongues?|languages?|born|sounding|background)\b"
    + rf"|\b(?:{_WHOSE}|national|regional|foreign|country of|place of) origins?\b"
    + r"|口音|方言|乡音|腔调|外地|外国人|母语|移民|籍贯|民族|普通话|发音"
)
_SEEN: Final = (
    pattern_of(
        (
            *("skin", "complexion", "hair", "haired", "beard*", "racial*", "ethnic*", "attractive*"),
            *("wrinkled skin", "wrinkled face"),
        )
    )
    + rf"|\b(?:{_WHOSE}|by|on|and|or) appearances?\b|\b(?:{_WHOSE}|by|of|on|and|or) race\b"
    + rf"|\b(?:{_WHOSE}|deep|fine|with|of|and) wrinkles\b"
    + r"|外貌|长相|相貌|肤色|皮肤|皱纹|头发|白发|胡子|种族"
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
_CONNECTIVES: Final = r"\b(?:but|while|whereas|although|though|yet|however)\b"
"""They begin another clause."""
_NOT: Final = rf"(?: not|not|n{_S}t)"
_NAMED: Final = (
    r"(?:(?:the|her|his|their|any|on|by|of|(?:speaker|patient|person)['\x{2019}]s)\s+)*"
    r"(?:accents?|dialects?|age|sex|gender|race|ethnicity|nationality|origins?|appearance|looks|face|skin(?: colou?r)?"
    r"|identity|background|voice)"
)
_ITEM: Final = rf"{_NAMED}(?:\s+(?:and|or|nor)\s+{_NAMED})*"
_AND: Final = r"\s*,\s*(?:(?:and|or|nor)\s+)?"
_BEFORE: Final = (
    r"\b(?:regardless of|irrespective of|independent(?:ly)? of|whatever (?:the|her|his|their)|nothing to do with"
    r"|not (?:(?:at all|in any way|being|been|directly) )?"
    r"(?:because of|based on|due to|on account of|influenced by|affected by|driven by)"
    r"|rather than|ignor(?:es|ed|ing)|(?:i|we|should|must) ignore|(?:leav|sett|putt)ing aside"
    r"|un(?:affected|influenced) by"
    r"|without (?:regard to|considering|reference to|relying on|using)"
    r"|no (?:influence|effect|role|part|bearing) (?:of|for)"
    rf"|(?:does|do|did|could|should|must|can|will|would){_NOT} "
    r"(?:(?:consider|use|weigh|(?:rely|rest|depend|hang|draw) on|take into account)|matter (?:how|whether|that|if)))\b"
)
_AFTER: Final = (
    r"\b(?:no (?:bearing|influence|role|part|effect|factor)"
    rf"|(?:does|do|did|should|must|can){_NOT} (?:matter|play|count|influence|affect|change|decide)"
    rf"|(?:is|are|was|were){_NOT} (?:relevant|important|a factor|considered|used|taken into account)"
    r"|(?:is|are|was|were) (?:irrelevant|immaterial|unimportant|ignored|disregarded|(?:left|set|put) aside))\b"
)
DENIALS: Final = (
    rf"\bnot (?:on|by|from|for)?\s*{_ITEM}",
    rf"{_BEFORE}[^{_BREAK}]*(?:(?:{_AND}{_ITEM})+\s*(?:[{_BREAK}]|$))?",
    rf"(?:(?:^|[{_BREAK}])\s*{_NAMED}(?:{_AND}{_NAMED})*{_AND})?[^{_BREAK}]*{_AFTER}",
    rf"[^{_BREAK}]*(?:无关|不论|无论|不考虑|不受|没有影响|不影响|忽略|(?:没有|并非|不是|不)(?:根据|考虑|依据|基于|因为))[^{_BREAK}]*",
)
"""What takes back the thing it names, what follows, what precedes, a whole Chinese clause; in this order."""


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
        for pattern, instead in ((_CONNECTIVES, ";"), *((denial, " ") for denial in DENIALS)):
            plain = pc.replace_substring_regex(plain, f"(?i){pattern}", instead)
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
