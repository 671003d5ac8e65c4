"""What people write of a voice, English and Chinese: its pitch, range, rate, level, pauses, tremor and creak.

Written for this project (Apache-2.0). It is a floor: a paraphrase that no line below has is no cue.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from faithfulness.grounding.phrases import Phrase

_VOICE: Final = r"voices?|tones?|tone of voice|speech|delivery|vocals?"
_PITCH: Final = r"pitch(?:es)?|f0|fundamental frequency"
_RATE: Final = r"(?:speech|speaking|articulation|talking) rate|rate of speech|rate|tempo|pace|speed"
_SPEECH: Final = r"voices?|speech|delivery|speak(?:s|ing)?|spoken|spoke|talk(?:s|ed|ing)?"
_SPOKEN: Final = rf"{_VOICE}|speak(?:s|ing)?|spoke|talk(?:s|ed|ing)?|sounds?"
_TUNE: Final = r"pitch|intonation|prosody|inflections?|voices?|tones?|delivery|speech|cadence"
_LEVEL: Final = r"volume|loudness|energy|vocal intensity|sound level"
_RISES: Final = (
    r"high|higher|heighten(?:s|ed)?|rais(?:es?|ed|ing)|ris(?:es?|en|ing)|rose|elevated|increas(?:es?|ed|ing)|up"
)
_FALLS: Final = (
    r"low|lower|lower(?:s|ed|ing)|drop(?:s|ped|ping)?|falls?|fell|falling|sinks?|sinking|sank|decreas(?:es?|ed|ing)"
    r"|reduced|down"
)
VERSION: Final = "1"
TONE: Final = (
    Phrase(
        cue="raised pitch",
        of=_PITCH,
        said=_RISES,
        alone=r"high(?:er)?[\s-]pitch(?:ed)?|shrill|squeaky",
        han_of="音调|音高|声调|语调|基频",
        han_said="高|升高|上扬|提高|抬高",
        han_alone="尖锐的声音|声音尖|尖声",
        contrary=("lowered pitch",),
    ),
    Phrase(
        cue="lowered pitch",
        of=_PITCH,
        said=rf"{_FALLS}|deep(?:er|ens?|ened)?",
        alone=r"low(?:er)?[\s-]pitch(?:ed)?|deep(?:er)? voice",
        han_of="音调|音高|声调|语调|基频|声音",
        han_said="低沉|降低|下降|偏低|很低|较低|变低|低",
        contrary=("raised pitch",),
    ),
    Phrase(
        cue="lively pitch",
        of=_TUNE,
        adjectives=True,
        said=r"lively|varied|variable|animated|melodi(?:c|ous)|sing-?song|lilting|wide(?:r|ly)?|dynamic",
        han_of="语调|音调|声调",
        han_said="起伏|生动|丰富|多变|活泼",
        contrary=("flat pitch",),
    ),
    Phrase(
        cue="flat pitch",
        of=_TUNE,
        adjectives=True,
        said=r"flat|flatten(?:s|ed)?|monoton(?:e|ous|ously)|toneless|narrow(?:ed)?|expressionless|dull",
        alone=r"monotone|monotonously",
        han_of="语调|音调|声调|声音|语气",
        han_said="平淡|单调|平板|没有起伏|毫无起伏",
        contrary=("lively pitch",),
    ),
    Phrase(
        cue="fast speech",
        of=_SPEECH,
        adjectives=True,
        said=r"fast(?:er)?|rapid(?:ly)?|quick(?:ly|er)?|hurried(?:ly)?|rushed|hasty|hastily|accelerat(?:es?|ed|ing)",
        alone=rf"(?:{_RISES}|fast(?:er)?|rapid|quick(?:er)?) (?:{_RATE})|(?:{_RATE}) (?:is|was|has) "
        rf"(?:{_RISES}|fast(?:er)?|rapid|quick(?:er)?)|rapid-fire",
        han_of="语速|说话|讲话",
        han_said="快|加快|急促|很快|较快|偏快",
        contrary=("slow speech",),
    ),
    Phrase(
        cue="slow speech",
        of=_SPEECH,
        adjectives=True,
        said=r"slow(?:ly|er|ed|ing)?|sluggish(?:ly)?|drawn[\s-]out|drawling|unhurried|decelerat(?:es?|ed|ing)",
        alone=rf"(?:{_FALLS}|slow(?:er|ed)?) (?:{_RATE})|(?:{_RATE}) (?:is|was|has) (?:{_FALLS}|slow(?:er|ed)?)",
        han_of="语速|说话|讲话",
        han_said="慢|缓慢|放慢|很慢|较慢|偏慢|迟缓",
        contrary=("fast speech",),
    ),
    Phrase(
        cue="loud voice",
        of=rf"{_LEVEL}",
        said=_RISES,
        alone=r"loudly|shout(?:s|ed|ing)?|yell(?:s|ed|ing)?"
        r"|scream(?:s|ed|ing)?|booming",
        han_of="音量|声音|嗓门",
        han_said="大|高|响亮|洪亮|提高|变大",
        han_alone="大声|吼|喊叫|咆哮|尖叫",
        contrary=("quiet voice",),
    ),
    Phrase(
        cue="quiet voice",
        of=rf"{_LEVEL}",
        said=rf"{_FALLS}|soft|quiet",
        alone=r"quiet(?:ly|er)?(?: voice| tone| speech)?|soft(?:ly|er)? (?:voice|tone|speech|spoken)|soft-spoken|softly"
        r"|whisper(?:s|ed|ing)?|hushed|murmur(?:s|ed|ing)?|mumbl(?:es?|ed|ing)|barely audible"
        r"|(?:voice|tone|speech) (?:is|was|sounds|stays) (?:soft|quiet|faint|hushed)(?:er)?",
        han_of="音量|声音",
        han_said="小|轻|微弱|很小|较小|变小",
        han_alone="小声|低声|轻声|耳语|喃喃",
        contrary=("loud voice",),
    ),
    Phrase(cue="loud voice", of=_SPOKEN, adjectives=True, said=r"loud(?:er|ly)?|strong|forceful|booming"),
    Phrase(cue="quiet voice", of=_SPOKEN, adjectives=True, said=r"soft(?:er|ly)?|quiet(?:er|ly)?|faint|hushed|weak"),
    Phrase(
        cue="raised voice",
        of=_VOICE,
        adjectives=True,
        said=r"rais(?:es?|ed|ing)|ris(?:es?|ing|en)|rose|high|higher",
        covers=("raised pitch", "loud voice"),
        contrary=("lowered pitch", "quiet voice"),
    ),
    Phrase(
        cue="lowered voice",
        of=_VOICE,
        adjectives=True,
        said=_FALLS,
        covers=("lowered pitch", "quiet voice"),
        contrary=("raised pitch", "loud voice"),
    ),
    Phrase(
        cue="pauses",
        alone=r"(?:(?:long|many|frequent|several|lengthy) )?(?:pauses?|pausing)|hesitat(?:es?|ed|ing|ions?|ingly)"
        r"|halting(?:ly)?|falter(?:s|ed|ing)?",
        han_alone="停顿|犹豫|迟疑|吞吞吐吐|断断续续",
        contrary=("few pauses",),
    ),
    Phrase(
        cue="few pauses",
        alone=r"(?:few|fewer|hardly any) pauses|fluent(?:ly)?(?: speech)?|without (?:a )?paus(?:e|es|ing)",
        han_alone="流畅|一气呵成|停顿很少|很少停顿",
        contrary=("pauses",),
    ),
    Phrase(
        cue="trembling voice",
        of=_VOICE,
        adjectives=True,
        said=r"trembl(?:es?|ed|ing)|shak(?:es?|y|ing|ily)|shook|quiver(?:s|ed|ing)?|quaver(?:s|ed|ing)?|tremulous"
        r"|unsteady|waver(?:s|ed|ing)?|tremors?|breaks|breaking|cracks?|cracked|cracking",
        alone=r"vocal tremor|tremulous(?:ly)?",
        han_of="声音|嗓音|语气",
        han_said="颤抖|发抖|发颤|哽咽|颤",
        han_alone="颤音|哭腔",
    ),
    Phrase(
        cue="creaky voice",
        of=_VOICE,
        adjectives=True,
        said=r"creak(?:s|y|ing)?|croak(?:s|y|ing)?|hoarse|rasp(?:s|y|ing)?|gravelly|rough|husky",
        alone=r"vocal fry|creaky|hoarse(?:ly|ness)?|raspy|gravelly",
        han_of="声音|嗓音",
        han_said="沙哑|嘶哑|沙沙",
    ),
    Phrase(
        cue="even voice",
        of=_TUNE,
        adjectives=True,
        said=r"even|neutral|calm|steady|level|normal|unchanged|unremarkable|relaxed|composed",
        han_of="声音|语气|语调|嗓音",
        han_said="平稳|平静|中性|正常|平和",
        restful=True,
        contrary=(
            *("raised pitch", "lowered pitch", "lively pitch", "flat pitch", "fast speech", "slow speech"),
            *("loud voice", "quiet voice", "trembling voice", "creaky voice"),
        ),
    ),
)
DIRECTIONS: Final[Mapping[str, tuple[str, str | None]]] = MappingProxyType(
    {
        "pitch": ("raised pitch", "lowered pitch"),
        "range": ("lively pitch", "flat pitch"),
        "rate": ("fast speech", "slow speech"),
        "level": ("loud voice", "quiet voice"),
        "pauses": ("pauses", "few pauses"),
        "tremor": ("trembling voice", None),
        "creak": ("creaky voice", None),
    }
)
"""What a dimension is above and below the speaker's usual."""
EVEN: Final = "even voice"
EVEN_IN: Final = frozenset({"pitch", "rate", "level"})
"""Dimensions that have to be known before a voice is called even."""
